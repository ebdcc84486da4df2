"""Concurrent requests over lanes: few statements, and for each caller his own answer and his own access record."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from hub.graph.driver import BoltDriver, BoltGraph
from hub.graph.engine import Engine
from hub.graph.lanes import Lanes
from hub.graphql.execution import Answer, Execution, GraphQLRequest
from schema.access import Principal
from schema.assembly import build_schema
from tests.compiled_documents import QUERIES, VARIABLES
from tests.graph_world import HOLDERS, LICENSES
from tests.graphs import PATIENT, UNHURRIED
from tests.ports import CLERK, CONSENTS, FakeJournal, request_context

FIRST, SECOND, THIRD = (one["certificateIdentifier"] for one in LICENSES[:3])


async def wallet(execution: Execution, journal: FakeJournal, basis: str, principal: Principal = CLERK) -> Answer:
    """Read the first holder's licenses, by somebody's consent."""
    context = request_context(principal=principal, journal=journal, holder_key=lambda _type, code: HOLDERS[code])
    values = VARIABLES["wallet"] | {"basis": {"consent": basis}}
    return await execution.run(GraphQLRequest(query=QUERIES["wallet"].text, variables=values), context)


def shown(answer: Answer) -> Any:
    """Give the identifiers, or the codes of what went wrong."""
    if answer.errors:
        return [getattr(error.original_error, "code", None) for error in answer.errors]
    assert answer.data is not None
    return [edge["node"]["certificateIdentifier"] for edge in answer.data["licenses"]["edges"]]


@pytest.fixture
def journal() -> FakeJournal:
    """Give a journal that keeps the access records."""
    return FakeJournal()


async def test_equal_look_ups_are_one_statement_and_leave_a_record_each(world: Engine, journal: FakeJournal) -> None:
    async with BoltDriver(world, deadlines=PATIENT) as driver:
        graph = BoltGraph(driver)
        execution = Execution(build_schema(), Lanes(graph), limits=UNHURRIED)
        callers = [replace(CLERK, token_id=f"token-{number}") for number in range(32)]
        answers = await asyncio.gather(*(wallet(execution, journal, CONSENTS["holder-one"], each) for each in callers))
    assert [shown(answer) for answer in answers] == [[FIRST, SECOND, THIRD]] * 32
    assert graph.statements <= 2
    assert sorted(one.token_id for one in journal.records) == sorted(each.token_id or "" for each in callers)
    assert {one.licenses for one in journal.records} == {(FIRST, SECOND, THIRD)}


async def test_callers_of_two_counties_and_two_scopes_keep_to_their_own_rows(
    world: Engine, journal: FakeJournal
) -> None:
    """Own-county readers of two counties share a lane, and no key; who reads by a consent has another lane."""
    own = frozenset({"license.read.own"})
    counties = [replace(CLERK, county=county, scopes=own) for county in ("370214", "220103")]
    async with BoltDriver(world, deadlines=PATIENT) as driver:
        graph = BoltGraph(driver)
        execution = Execution(build_schema(), Lanes(graph), limits=UNHURRIED)
        callers = [*counties, CLERK] * 5
        answers = await asyncio.gather(*(wallet(execution, journal, CONSENTS["holder-one"], each) for each in callers))
    assert [shown(answer) for answer in answers] == [[FIRST, SECOND], [THIRD], [FIRST, SECOND, THIRD]] * 5
    assert graph.statements == 2
