"""The compiled path against the slow reference (plain resolvers, one query a field), on both engines.

Random valid documents come from the SDL: with values that exist, values that do not, aliases and fragments. The
answers must be equal, the order of the members included, and every stored root field must cost exactly one statement.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import hypothesis_graphql
import pytest
from graphql import StringValueNode, parse, print_ast, visit
from graphql.language import ast, visitor
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.graph.driver import BoltDriver, BoltGraph
from hub.graph.engine import Engine
from hub.graphql.execution import Execution, GraphQLRequest
from hub.graphql.limits import Limits
from hub.graphql.masking import field_error
from schema.access import Principal
from schema.assembly import build_schema
from schema.connections import bound_label, encode_cursor
from schema.inspection import core_schema
from tests.case_world import FOREIGN_CASE, OUR_CASE
from tests.desk_world import FOREIGN_OBJECTION, OUR_OBJECTION, RATED_CASE
from tests.graph_world import CONSENTS as WORLD_CONSENTS
from tests.graph_world import HOLDERS, LICENSES
from tests.graphs import PATIENT
from tests.ports import CLERK, CONSENTS, request_context
from tests.random_documents import random_document
from tests.reference import Reference

FEW: Final = Limits(
    tokens=100_000,
    depth=50,
    fields=100_000,
    aliases=10_000,
    directives=1000,
    root_fields=100,
    cost=10**12,
    seconds=PATIENT.read_s,
)
OWN: Final = Principal(
    county="370214",
    client="370214#3",
    token_id="t",
    scopes=frozenset({"license.read.own", "license.face", "case.read", "objection.read"}),
)
ALL: Final = replace(CLERK, scopes=CLERK.scopes | {"case.read", "objection.read"})
CODES: Final = (
    "370000", "370200", "370214", "220103", "11370214MB2857113F", "000101002000", "000707003000",
    "11100000000013127D001", "999999", "01", "x",
)  # fmt: skip
CURSORS: Final = (
    encode_cursor("Jurisdiction", "220103"),
    encode_cursor("Matter", "000101002000"),
    encode_cursor("LicenseType", "11100000000013127D001"),
    encode_cursor(bound_label("License", "370214", "holder-one"), LICENSES[0]["certificateIdentifier"]),
)
IDENTIFIERS: Final = (*(one["certificateIdentifier"] for one in LICENSES), "1.2.156.0")


def _values(*texts: str) -> st.SearchStrategy[StringValueNode]:
    return st.sampled_from([StringValueNode(value=text) for text in texts])


SCALARS: Final = {
    "CaseNumber": _values(OUR_CASE, FOREIGN_CASE, RATED_CASE, "0" * 43),
    "CatalogueCode": _values(*CODES),
    "Cursor": _values(*CURSORS),
    "Date": _values("2025-06-01", "2026-06-01", "2027-06-01"),
    "DateTime": _values("2026-01-01T00:00:00.000Z"),
    "Digest": _values("A" * 43),
    "FaceFieldName": _values("KZ_ADDRESS"),
    "HolderCode": _values(*HOLDERS, "nobody"),
    "HolderTypeCode": _values("001"),
    "JSON": _values("x"),
    "LicenseIdentifier": _values(*IDENTIFIERS),
    "LogNumber": st.just(ast.IntValueNode(value="3")),
    "ReceiptText": _values("{}"),
    "StatementId": _values(OUR_OBJECTION, FOREIGN_OBJECTION, *(one["id"] for one in WORLD_CONSENTS)),
    "UseCause": _values("a counter in Qingdao"),
}
ROOTS: Final = (
    "jurisdiction", "jurisdictions", "authority", "matter", "matters", "offering", "offerings", "comparison", "licenseType", "licenseTypes",
    "license", "licenses", "case", "objection", "objections", "consent", "consents",
)  # fmt: skip


class _Sizes(visitor.Visitor):
    """Brings `first` into 0..4, so that pages end inside the small world, and one in five is refused.

    A basis becomes one of the consents that the fakes know: exactly one member, which no generator of documents heeds.
    """

    @staticmethod
    def enter_argument(node: Any, *_: Any) -> Any:
        if node.name.value == "first" and isinstance(node.value, ast.IntValueNode):
            return ast.ArgumentNode(name=node.name, value=ast.IntValueNode(value=str(abs(int(node.value.value)) % 5)))
        if node.name.value == "basis":
            names = sorted(CONSENTS.values())
            name = ast.StringValueNode(value=names[len(print_ast(node)) % len(names)])
            member = ast.ObjectFieldNode(name=ast.NameNode(value="consent"), value=name)
            return ast.ArgumentNode(name=node.name, value=ast.ObjectValueNode(fields=(member,)))
        return None


def documents(fields: tuple[str, ...] = ROOTS) -> st.SearchStrategy[str]:
    """Random valid queries from the SDL."""
    sdl = build_schema().as_str()
    made = hypothesis_graphql.queries(sdl, fields=fields, custom_scalars=SCALARS, allow_null=False)
    return made.map(lambda text: print_ast(visit(parse(text), _Sizes())))


def _holder_key(_type: str, code: str) -> str:
    return HOLDERS.get(code, "no-such-holder")


def _formatted(data: Any, errors: Any) -> tuple[Any, list[Any]]:
    found = [field_error(one, "request-1") for one in errors or ()]
    return _ordered(data), sorted((str(one.get("path")), one["extensions"]["code"]) for one in found)


def _ordered(value: Any) -> Any:
    """Make the order of the members part of equality."""
    if isinstance(value, dict):
        return [(name, _ordered(inner)) for name, inner in value.items()]
    return [_ordered(inner) for inner in value] if isinstance(value, list) else value


@dataclass(frozen=True, slots=True)
class Pair:
    """The compiled path and the reference over one engine, for one caller."""

    execution: Execution
    graph: BoltGraph
    reference: Reference
    principal: Principal

    async def compare(self, document: str, variables: dict[str, Any]) -> int:
        """Assert that both answers are equal, and give how many statements the compiled one took."""
        one, other = (request_context(principal=self.principal, holder_key=_holder_key) for _ in range(2))
        before = self.graph.statements
        answer = await self.execution.run(GraphQLRequest(query=document, variables=variables), one)
        slow = await self.reference.answer(document, other, variables)
        data, found = _formatted(slow.data, slow.errors)
        withheld = [(str([response]), "not_consented") for response in other.withheld]
        assert _formatted(answer.data, answer.errors) == (data, sorted([*found, *withheld]))
        return self.graph.statements - before


@asynccontextmanager
async def _pair(engine: Engine, principal: Principal) -> AsyncIterator[Pair]:
    async with BoltDriver(engine, deadlines=PATIENT) as driver:
        graph = BoltGraph(driver)
        own = None if "license.read" in principal.scopes else principal.county
        reference = Reference(build_schema(), driver, own_county=own, caller_county=principal.county)
        yield Pair(Execution(build_schema(), graph, limits=FEW), graph, reference, principal)


@pytest.fixture
async def all_counties(world: Engine) -> AsyncIterator[Pair]:
    """A caller who sees the licenses of all counties."""
    async with _pair(world, ALL) as pair:
        yield pair


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(document=documents())
async def test_generated_documents_give_what_the_reference_gives(all_counties: Pair, document: str) -> None:
    """Documents that hypothesis-graphql makes from the SDL."""
    await all_counties.compare(document, {})


@pytest.mark.parametrize("principal", [ALL, OWN], ids=["all_counties", "own_county"])
async def test_crooked_documents_give_what_the_reference_gives(world: Engine, principal: Principal) -> None:
    """Documents with aliases, fragments, directives and variables, for callers with and without a row rule."""
    schema = core_schema(build_schema())
    async with _pair(world, principal) as pair:
        for seed in range(50):
            made = random_document(schema, seed)
            sent = await pair.compare(made.text, made.variables)
            assert sent <= made.roots
