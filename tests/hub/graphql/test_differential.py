"""The compiled path against the slow reference (plain resolvers, one query a field), on both engines.

Random valid documents come from the SDL: with values that exist, values that do not, aliases and fragments. The
answers must be equal, the order of the members included, and every stored root field must cost exactly one statement.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, assume, given, settings

from hub.graph.driver import BoltDriver, BoltGraph
from hub.graph.engine import Engine
from hub.graphql.documents import DocumentRefused
from hub.graphql.execution import Execution, GraphQLRequest
from hub.graphql.masking import field_error
from schema.access import Principal
from schema.assembly import build_schema
from schema.inspection import core_schema
from tests.differential import WIDE
from tests.generated_documents import documents
from tests.graph_world import HOLDERS
from tests.graphs import PATIENT
from tests.ports import CLERK, request_context
from tests.random_documents import random_document
from tests.reference import Reference

OWN: Final = Principal(
    county="370214",
    client="370214#3",
    token_id="t",
    scopes=frozenset({"license.read.own", "license.face", "case.read", "objection.read"}),
)
ALL: Final = replace(CLERK, scopes=CLERK.scopes | {"case.read", "objection.read"})


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
        yield Pair(Execution(build_schema(), graph, limits=WIDE), graph, reference, principal)


@pytest.fixture
async def all_counties(world: Engine) -> AsyncIterator[Pair]:
    """A caller who sees the licenses of all counties."""
    async with _pair(world, ALL) as pair:
        yield pair


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(document=documents())
async def test_generated_documents_give_what_the_reference_gives(all_counties: Pair, document: str) -> None:
    """Documents that hypothesis-graphql makes from the SDL; of one that is over a limit there is nothing to compare."""
    try:
        await all_counties.compare(document, {})
    except DocumentRefused as refused:
        assume([fault.code for fault in refused.faults] != ["limit_exceeded"])
        raise


@pytest.mark.parametrize("principal", [ALL, OWN], ids=["all_counties", "own_county"])
async def test_crooked_documents_give_what_the_reference_gives(world: Engine, principal: Principal) -> None:
    """Documents with aliases, fragments, directives and variables, for callers with and without a row rule."""
    schema = core_schema(build_schema())
    async with _pair(world, principal) as pair:
        for seed in range(50):
            made = random_document(schema, seed)
            sent = await pair.compare(made.text, made.variables)
            assert sent <= made.roots
