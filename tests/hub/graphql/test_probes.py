"""The guard against asking around: how many people a client may ask about, and how often it may find nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, Final

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.routing import Route

from hub.graphql.execution import Execution, GraphQLRequest
from hub.graphql.gateway import GraphQLEndpoint
from hub.graphql.masking import field_error
from hub.graphql.probes import CallerProbes
from ledger.errors import Refused
from schema.assembly import build_schema
from tests.graph_fakes import CannedGraph
from tests.ports import CLERK, CONSENT, CONSENTS, NOW, FakeBases, FakeClock, FakeJournal, FakeProbes, request_context

SCHEMA: Final = build_schema()
OTHER: Final = replace(CLERK, county="220103", client="220103#3")


def _guard(clock: FakeClock, *, asked: int = 3, misses: int = 2) -> CallerProbes:
    return CallerProbes(asked=asked, misses=misses, clock=clock)


def _done(counting: Coroutine[Any, Any, None]) -> None:
    """Run what waits for nothing: the guard counts in memory."""
    with pytest.raises(StopIteration):
        counting.send(None)


def _refusal(guard: CallerProbes, subject: str, caller: Any = CLERK) -> tuple[str, int | None] | None:
    try:
        _done(guard.admit(caller, subject))
    except Refused as error:
        return error.code, error.retry_after
    return None


def test_different_people_are_counted_once_each_over_an_hour() -> None:
    """The oldest one gives way after its hour, to the second; one that was asked about goes on."""
    clock = FakeClock()
    guard = _guard(clock)
    for subject in ("a", "b", "c"):
        assert _refusal(guard, subject) is None
        clock.advance(60)
    assert [_refusal(guard, subject) for subject in ("a", "d", "c")] == [None, ("too_many_asked", 3420), None]
    clock.advance(3419)
    assert _refusal(guard, "d") == ("too_many_asked", 1)
    clock.advance(1)
    assert [_refusal(guard, subject) for subject in ("d", "a")] == [None, ("too_many_asked", 60)]


def test_a_client_signs_in_ten_times_as_many_holders_as_it_may_ask_about_and_no_more() -> None:
    """Else it could ask about everybody, each as a holder of whom it says that it has authenticated them."""
    guard = _guard(FakeClock(), asked=2)
    told = [_refusal(guard, "own", replace(CLERK, holder=f"h{number}")) for number in range(21)]
    assert told == [*[None] * 20, ("too_many_asked", 3600)]
    assert _refusal(guard, "own", replace(OTHER, holder="h20")) is None


def test_each_client_has_its_own_hour_and_so_has_each_holders_token() -> None:
    guard = _guard(FakeClock(), asked=1)
    for caller in (CLERK, OTHER, replace(CLERK, holder="h1"), replace(CLERK, holder="h2")):
        assert _refusal(guard, "a", caller) is None
        assert _refusal(guard, "b", caller) == ("too_many_asked", 3600)


def test_misses_run_out_and_come_back_one_by_one() -> None:
    clock = FakeClock()
    guard = _guard(clock, asked=100)
    for _ in range(2):
        assert _refusal(guard, "a") is None
        _done(guard.missed(CLERK))
    assert _refusal(guard, "a") == ("too_many_misses", 1800)
    clock.advance(1799)
    assert _refusal(guard, "a") == ("too_many_misses", 1)
    clock.advance(1)
    assert _refusal(guard, "a") is None
    _done(guard.missed(CLERK))
    assert _refusal(guard, "a") == ("too_many_misses", 1800)
    assert _refusal(guard, "a", OTHER) is None


def test_reads_that_were_under_way_together_are_all_counted() -> None:
    """Else whoever sends a hundred guesses at once would pay for the one that was left."""
    clock = FakeClock()
    guard = _guard(clock)
    assert [_refusal(guard, "a") for _ in range(10)] == [None] * 10
    for _ in range(10):
        _done(guard.missed(CLERK))
    assert _refusal(guard, "a") == ("too_many_misses", 9 * 1800)
    clock.advance(9 * 1800)
    assert _refusal(guard, "a") is None


def test_a_clock_that_is_set_back_gives_nothing() -> None:
    clock = FakeClock()
    guard = _guard(clock)
    _done(guard.missed(CLERK))
    _done(guard.missed(CLERK))
    clock.advance(-86_400)
    assert _refusal(guard, "a") == ("too_many_misses", 1800)


def test_the_client_that_asked_least_recently_gives_way() -> None:
    """Memory is bounded; whoever goes on asking is not forgotten."""
    guard = _guard(FakeClock(), asked=1)
    assert _refusal(guard, "a") is None
    for number in range(5000):
        assert _refusal(guard, "a", replace(OTHER, client=f"220103#{number}")) is None
        assert _refusal(guard, "b") == ("too_many_asked", 3600)
    assert _refusal(guard, "b", replace(OTHER, client="220103#0")) is None


def test_holders_whom_a_client_signs_in_do_not_push_it_out_of_memory() -> None:
    """Else it would begin a new hour whenever it has signed in enough of them."""
    guard = _guard(FakeClock(), asked=1000)
    assert all(_refusal(guard, f"s{number}") is None for number in range(1000))
    for number in range(5000):
        assert _refusal(guard, "own", replace(CLERK, holder=f"h{number}")) is None
    assert _refusal(guard, "one more") == ("too_many_asked", 3600)


@given(st.lists(st.tuples(st.integers(0, 2000), st.sampled_from("abcde")), max_size=40))
def test_it_counts_as_a_list_of_all_questions_does(steps: list[tuple[int, str]]) -> None:
    clock, first = FakeClock(), deque[tuple[int, str]]()
    guard = _guard(clock)
    for seconds, subject in steps:
        clock.advance(seconds)
        while first and first[0][0] <= clock() - 3600:
            first.popleft()
        known = subject in {each for _, each in first}
        expected = None if known or len(first) < 3 else ("too_many_asked", first[0][0] + 3600 - clock())
        assert _refusal(guard, subject) == expected
        if not known and expected is None:
            first.append((clock(), subject))


LOOK_UP: Final = (
    '{ licenses(holder: {certificateHolderTypeCode: "001", certificateHolderCode: "X"}, useCause: "x")'
    " { edges { node { status } } } }"
)
READS: Final = (
    '{ accessRecords(holder: {certificateHolderTypeCode: "001", certificateHolderCode: "X"}, useCause: "x")'
    " { __typename } }"
)
OWN: Final = replace(CLERK, scopes=frozenset({"license.read.own"}))


@pytest.mark.parametrize(("rows", "misses"), [([], 1), ([["id-1", "VALID"]], 0)])
async def test_a_read_is_asked_for_first_and_counted_as_a_miss_if_it_finds_nothing(
    rows: list[Any], misses: int
) -> None:
    probes = FakeProbes()
    context = request_context(principal=OWN, probes=probes)
    await Execution(SCHEMA, CannedGraph(rows=rows)).run(GraphQLRequest(query=LOOK_UP), context)
    assert (probes.asked, probes.misses) == (["key of 001 X"], misses)


@pytest.mark.parametrize(("rows", "misses"), [([], 1), ([["holder"]], 0)])
async def test_a_holder_who_looks_at_who_read_has_missed_nothing(rows: list[Any], misses: int) -> None:
    """A root field that shows no license itself: what was asked after is the holder, and is there or not."""
    probes = FakeProbes()
    await Execution(SCHEMA, CannedGraph(rows=rows)).run(GraphQLRequest(query=READS), request_context(probes=probes))
    assert (probes.asked, probes.misses) == (["key of 001 X"], misses)


async def test_what_is_refused_is_not_read_and_looks_the_same_whatever_is_there() -> None:
    """The refusal comes before the statement, and leaves no access record, since nothing was seen."""
    full = Refused("too_many_misses", "too many reads found nothing: come back later", retry_after=7)
    bodies = []
    for rows in ([], [["id-1", "VALID"]]):
        graph, journal = CannedGraph(rows=rows), FakeJournal()
        context = request_context(principal=OWN, probes=FakeProbes(full=full), journal=journal)
        answer = await Execution(SCHEMA, graph).run(GraphQLRequest(query=LOOK_UP), context)
        bodies.append((answer.data, [field_error(one, "r") for one in answer.errors]))
        assert (graph.asked, journal.records) == ([], [])
    assert bodies[0] == bodies[1]
    assert bodies[0][1][0]["extensions"] == {"code": "too_many_misses", "retryAfter": 7}


async def test_what_is_public_is_never_counted() -> None:
    probes = FakeProbes()
    await Execution(SCHEMA, CannedGraph()).run(
        GraphQLRequest(query='{ matter(code: "1") { name } }'), request_context(probes=probes)
    )
    assert (probes.asked, probes.misses) == ([], 0)


async def test_the_answer_says_when_to_come_back() -> None:
    clock = FakeClock(NOW)
    guard = _guard(clock, asked=1)
    context = request_context(principal=OWN, probes=guard, clock=clock)
    endpoint = GraphQLEndpoint(SCHEMA, CannedGraph(rows=[["id-1", "VALID"]]), lambda _header, _request: context)
    transport = httpx2.ASGITransport(Starlette(routes=[Route("/graphql", endpoint)]))
    answers = []
    async with httpx2.AsyncClient(transport=transport, base_url="http://hub") as http:
        for code in ("X", "X", "Y"):
            query = LOOK_UP.replace('"X"', f'"{code}"')
            answers.append(await http.post("/graphql", json={"query": query}))
    assert [answer.headers.get("retry-after") for answer in answers] == [None, None, "3600"]
    assert answers[2].headers["tongban-error"] == "too_many_asked"
    assert answers[2].json()["errors"][0]["extensions"] == {"code": "too_many_asked", "retryAfter": 3600}
    assert "Y" not in answers[2].text.replace("VALID", "")


def _by(consent: str) -> GraphQLRequest:
    return GraphQLRequest(query=LOOK_UP.replace('useCause: "x"', f'useCause: "x", basis: {{consent: "{consent}"}}'))


@pytest.mark.parametrize("none", ["DDDDDDDDDDDDDDDDDDDDDQ", CONSENT])
async def test_bases_cannot_be_tried_one_after_the_other(none: str) -> None:
    """Unknown, or another holder's: once the misses are gone no basis is judged, a good one neither, and nothing is read."""
    clock, bases, good = FakeClock(NOW), FakeBases(), CONSENTS["key of 001 X"]
    guard, graph = _guard(clock), CannedGraph(rows=[["id-1", "VALID"]])
    execution = Execution(SCHEMA, graph)
    found = []
    for consent in (good, none, none, none, good):
        context = request_context(probes=guard, clock=clock, bases=bases)
        answer = await execution.run(_by(consent), context)
        found.append([field_error(one, "r")["extensions"] for one in answer.errors])
    full = [{"code": "too_many_misses", "retryAfter": 1800}]
    assert [[each["code"] for each in one] for one in found[:3]] == [[], ["no_basis"], ["no_basis"]]
    assert found[3:] == [full, full]
    assert ([consent for consent, *_ in bases.asked], len(graph.asked)) == ([good, good, none, none], 1)
    clock.advance(1800)
    again = await execution.run(_by(good), request_context(probes=guard, clock=clock, bases=bases))
    assert again.errors == []


async def test_a_good_basis_counts_neither_as_asked_nor_as_a_miss() -> None:
    probes = FakeProbes()
    await Execution(SCHEMA, CannedGraph()).run(_by(CONSENTS["key of 001 X"]), request_context(probes=probes))
    assert (probes.asked, probes.misses) == ([], 0)
