"""Access records: who read a license, when and why, for the county that issued it and for its holder.

The journal keeps them; its Merkle root stands in every status head of the ledger, so that nobody rewrites them unseen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, TypeAlias

import strawberry
from strawberry.types import Info

from ledger.errors import Malformed, Refused, TongbanError
from schema.connections import DEFAULT_PAGE, After, First, bound_label, decode_cursor, encode_cursor, page_size
from schema.context import AccessEntry, Context
from schema.mapping import attribute, computed
from schema.problems import Problem, problem_of
from schema.scalars import CaseNumber, CatalogueCode, Cursor, DateTime, LicenseIdentifier, LogNumber, UseCause, instant

__all__ = ["AccessRecord", "AccessRecords", "AccessRecordsResult", "HolderReads", "access_records"]

_ACCESS: Final = "license.access_records"
_LABEL: Final = "AccessRecord"


@strawberry.type(description="One read of licenses or cases: who, when, why, and which fields.")
class AccessRecord:
    """As the hub recorded it, before the answer left."""

    position: LogNumber = attribute(access=_ACCESS, description="Position in the journal, from 0.")
    time: DateTime = attribute(access=_ACCESS, description="When it was read.")
    county: CatalogueCode = attribute(access=_ACCESS, description="Member id of the county that read it.")
    client: str = attribute(access=_ACCESS, description="The system that read it, by the kid of its key.")
    use_cause: UseCause = attribute(access=_ACCESS, description="Why it was read, in the caller's words.")
    basis: str | None = attribute(
        access=_ACCESS, description="By what right: consent/<id> or case/<number>; null: none was named."
    )
    matter: CatalogueCode | None = attribute(
        access=_ACCESS, description="Code of the matter that it was read for; null: it was for none, or named none."
    )
    root_field: str = attribute(access=_ACCESS, description="The root field of the query.")
    fields: list[str] = attribute(access=_ACCESS, description="Names of the fields that were selected.")
    licenses: list[LicenseIdentifier] = attribute(
        access=_ACCESS, description="Which licenses it gave, of those that are asked after here."
    )
    cases: list[CaseNumber] = attribute(
        access=_ACCESS, description="Which cases it gave, of those that the holder applied for; for the holder alone."
    )


@strawberry.type(description="Reads of one license, oldest first.")
class AccessRecords:
    """A page of them."""

    records: list[AccessRecord] = attribute(access=_ACCESS, description="The records, oldest first.")
    has_next_page: bool = attribute(access=_ACCESS, description="Whether more follow.")
    end_cursor: Cursor | None = attribute(access=_ACCESS, description="For `after`; null on an empty page.")


AccessRecordsResult: TypeAlias = Annotated[
    AccessRecords | Problem,
    strawberry.union("AccessRecordsResult", description="Reads of a license, or why they are not shown."),
]


@strawberry.type(description="Who looked at a holder's licenses and cases, whichever county they are of.")
class HolderReads:
    """A node `Holder`, of which nothing is shown."""

    @computed(access=_ACCESS, cost=10)
    async def records(
        self, info: Info[Context, Any], first: First = DEFAULT_PAGE, after: After = None
    ) -> AccessRecordsResult | None:
        """The reads, oldest first: the holder sees all, of cases too, and those without a find; a county its seals'."""
        return await _holder_records(info, first=first, after=after)


def _record(entry: AccessEntry) -> AccessRecord:
    access = entry.access
    return AccessRecord(
        position=LogNumber(entry.position),
        time=instant(access.time),
        county=CatalogueCode(access.county),
        client=access.client,
        use_cause=UseCause(access.use_cause),
        basis=access.basis,
        matter=None if access.matter is None else CatalogueCode(access.matter),
        root_field=access.root_field,
        fields=list(access.fields),
        licenses=[LicenseIdentifier(each) for each in entry.licenses],
        cases=[CaseNumber(each) for each in entry.cases],
    )


def _page(entries: Sequence[AccessEntry], first: int, label: str) -> AccessRecords:
    shown = entries[:first]
    return AccessRecords(
        records=[_record(entry) for entry in shown],
        has_next_page=len(entries) > first,
        end_cursor=encode_cursor(label, str(shown[-1].position)) if shown else None,
    )


def _position(after: Cursor | None, label: str) -> int:
    if after is None:
        return -1
    text = decode_cursor(label, after)
    if not text.isascii() or not text.isdigit() or len(text) > 16:
        raise Malformed("bad_cursor", "expected a cursor that this list gave")
    return int(text)


async def access_records(
    context: Context, *, certificate_identifier: str, sealed_by: str, first: int, after: Cursor | None
) -> AccessRecords | Problem:
    """Give a page of one license's access records to the county that sealed it, or to a holder of it, and to no other.

    A license that a holder's token has come to is the holder's own: the row rule has seen to that.
    """
    label = bound_label(_LABEL, context.principal.county or "", certificate_identifier)
    try:
        if context.principal.holder is None and context.principal.county != sealed_by:
            raise Refused("not_issuer", "only the county that sealed a license, and its holder, see who read it")
        size, position = page_size(first), _position(after, label)
        entries = await context.journal.accesses(certificate_identifier, first=size + 1, after=position)
    except TongbanError as error:
        return problem_of(error)
    return _page(entries, size, label)


async def _holder_records(info: Info[Context, Any], *, first: int, after: Cursor | None) -> AccessRecords | Problem:
    """Give a page of the reads of all licenses of the holder whom the root field names."""
    context = info.context
    named = context.argument(info.path, "holder")
    holder = context.holder_key(named["certificateHolderTypeCode"], named["certificateHolderCode"])
    county = None if context.principal.holder == holder else context.principal.county
    label = bound_label(_LABEL, county or "", holder)
    try:
        size, position = page_size(first), _position(after, label)
        entries = await context.journal.accesses_of(holder, county=county, first=size + 1, after=position)
    except TongbanError as error:
        return problem_of(error)
    return _page(entries, size, label)
