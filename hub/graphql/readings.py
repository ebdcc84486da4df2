"""Readings of a person's licenses: recorded before the answer leaves, and by a basis that holds until it does.

    basis judged -> rows read -> access recorded -> faces asked -> basis judged again -> the answer leaves

A basis that ends in between (a consent expires, or is taken back; a case closes) takes the whole root field with it:
null, and one error. The access record stays: it says what was about to be read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from graphql import GraphQLError

from ledger.errors import Refused, TongbanError
from ledger.matters import CATALOGUE_CODE
from schema.consents import basis_of, check_purpose
from schema.context import Access

if TYPE_CHECKING:
    from hub.graph.plan import BoundRoot, RootPlan
    from schema.context import Basis, Context, Statement

__all__ = ["behind", "grant", "record", "settled"]

_FACE: Final = "License.face"


async def grant(root: RootPlan, arguments: Mapping[str, Any], context: Context) -> Basis | None:
    """Judge the basis that a root field is read by, before anything is read: its rows are those of this basis.

    A case is a basis of its own for the faces of its applicant's licenses: where faces are asked for, nobody else's
    license is among its rows. One that is over cuts no row, and shows no face. Raises as `basis_of`.
    """
    if "basis" in root.entry.field.args:
        basis = await basis_of(arguments, context)
        if basis is not None:
            check_purpose(basis, root.entry.name)  # what a consent says never changes: asked once
            context.granted[root.response] = basis
        return basis
    if _FACE in root.fields:
        with suppress(Refused):
            own = await basis_of(arguments, context)
            if own is not None:
                context.granted[root.response] = own
            return own
    return None


def behind(context: Context, statement: Statement) -> Statement:
    """Give a read the bookmarks of its request; it goes alone then: others of its shape need not wait for them."""
    return replace(statement, batch=None, bookmarks=context.bookmarks) if context.bookmarks else statement


async def record(root: RootPlan, bound: BoundRoot, rows: Sequence[Any], context: Context) -> None:
    """Record who reads what, and why; durable when this returns. Raises Unavailable: then the answer must not leave."""
    principal, basis = context.principal, context.granted.get(root.response)
    access = Access(
        county=principal.county or "",
        client=principal.client or "",
        token_id=principal.token_id or "",
        use_cause=bound.arguments["useCause"],
        basis=None if basis is None else basis.name,
        matter=_matter(bound.arguments.get("matter"), basis),
        root_field=root.entry.name,
        holder=bound.holder,
        licenses=root.personal_keys(rows, bound.page),
        fields=root.fields,
        time=context.clock(),
    )
    await context.journal.record_access(access)


def _matter(named: str | None, basis: Basis | None) -> str | None:
    """Give the matter that a reading says it is for, or that its basis is for.

    An argument is the caller's text, and the journal keeps what it takes for ever: what is no code is left out.
    """
    if named is not None and CATALOGUE_CODE.fullmatch(named):
        return named
    return None if basis is None else basis.matter


async def settled(
    data: dict[str, Any] | None, errors: list[GraphQLError], context: Context
) -> tuple[dict[str, Any] | None, list[GraphQLError]]:
    """Give data and errors as they may leave: what lost its basis meanwhile is null, what was withheld is named."""
    for response in list(context.granted) if data is not None else ():
        if (lost := await _lost(response, context)) is not None:
            data = {**(data or {}), response: None}
            errors = [each for each in errors if not each.path or each.path[0] != response]
            errors.append(_error(response, lost))
            context.withheld.pop(response, None)
    for response, fields in context.withheld.items():
        message = f"the basis does not cover {', '.join(sorted(fields))}"
        errors.append(_error(response, Refused("not_consented", message)))
    return data, errors


async def _lost(response: str, context: Context) -> TongbanError | None:
    try:
        await basis_of(context.arguments[response], context)
    except TongbanError as error:
        return error
    return None


def _error(response: str, error: TongbanError) -> GraphQLError:
    return GraphQLError(error.message, path=[response], original_error=error)
