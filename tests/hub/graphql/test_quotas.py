"""Quotas: what one client may take of the hub, and that no other client notices."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.graphql.admission import Admission
from hub.graphql.execution import Execution, GraphQLRequest
from hub.graphql.limits import LIMITS
from hub.graphql.quotas import Quotas
from hub.graphql.streams import Streams
from hub.turns import TurnLimits, Turns
from ledger.errors import Refused
from schema.access import ANONYMOUS
from schema.context import Statement
from tests.graph_fakes import CannedGraph
from tests.graphql_http import MATTER, NEW, SCHEMA, client, code_of, codes_of
from tests.ports import CLERK, FakeClock, request_context

OTHER = replace(CLERK, county="320583", client="320583#1")


def quotas(clock: FakeClock, **bounds: int) -> Quotas:
    return Quotas(**{"per_second": 5, "new_per_minute": 6, "at_once": 100, **bounds}, clock=clock)  # type: ignore[arg-type]


def taken(some: Quotas, principal: Any = CLERK, documents: int = 1) -> int:
    """Take tokens; 0, or the seconds to wait."""
    try:
        with some.answering(principal, documents):
            return 0
    except Refused as refused:
        return refused.retry_after or -1


def test_two_seconds_worth_at_once_and_then_the_rate() -> None:
    clock = FakeClock()
    some = quotas(clock)
    assert [taken(some) for _ in range(12)] == [0] * 10 + [1, 1]
    clock.advance(1)
    assert [taken(some) for _ in range(6)] == [0] * 5 + [1]
    clock.advance(3600)
    assert [taken(some) for _ in range(11)] == [0] * 10 + [1]


def test_a_batch_is_taken_whole_or_not_at_all() -> None:
    some = quotas(FakeClock())
    assert [taken(some, documents=8), taken(some, documents=7), taken(some, documents=2)] == [0, 1, 0]
    assert taken(some, documents=10) == 2


def test_no_client_takes_what_is_another_s() -> None:
    """A county's systems, the holders whom it signed in, and those without a token: each have their own."""
    some = quotas(FakeClock())
    callers = (CLERK, OTHER, ANONYMOUS, replace(CLERK, holder="h1"), replace(CLERK, holder="h2"))
    for caller in callers:
        assert [taken(some, caller) for _ in range(11)] == [0] * 10 + [1]
    assert taken(some, replace(CLERK, token_id="another")) == 1


def test_documents_that_are_new() -> None:
    clock = FakeClock()
    some = quotas(clock)
    for _ in range(6):
        some.admit_new(CLERK, 511)
    with pytest.raises(Refused) as caught:
        some.admit_new(CLERK, 1)
    assert (caught.value.code, caught.value.http_status, caught.value.retry_after) == ("too_many_requests", 429, 10)
    some.admit_new(OTHER, 1)
    clock.advance(10)
    some.admit_new(CLERK, 1)


@pytest.mark.parametrize(("characters", "admitted"), [(511, 20), (512, 10), (3583, 2), (3584, 2), (1_000_000, 2)])
def test_a_long_document_that_is_new_counts_for_several(characters: int, admitted: int) -> None:
    """What it costs grows with the square of its length, and ends at the limit of tokens."""
    some = quotas(FakeClock(), new_per_minute=20)
    for _ in range(admitted):
        some.admit_new(CLERK, characters)
    with pytest.raises(Refused):
        some.admit_new(CLERK, characters)


def test_no_document_counts_for_more_than_all() -> None:
    quotas(FakeClock(), new_per_minute=1).admit_new(CLERK, 1_000_000)


def test_a_place_is_given_back_also_by_what_fails() -> None:
    some = quotas(FakeClock(), at_once=2)
    with some.answering(CLERK, 2):
        assert taken(some) == 1
        assert taken(some, OTHER) == 0
    with pytest.raises(KeyError), some.answering(CLERK, 2):
        raise KeyError
    assert taken(some, documents=2) == 0


def test_a_clock_that_is_set_back_gives_and_takes_nothing() -> None:
    clock = FakeClock()
    some = quotas(clock)
    assert taken(some, documents=10) == 0
    clock.advance(-100)
    assert taken(some) == 1
    clock.advance(1)
    assert [taken(some, documents=5), taken(some)] == [0, 1]


def test_the_number_of_clients_is_bounded() -> None:
    some = quotas(FakeClock())
    assert taken(some, documents=10) == 0
    for number in range(4_096):
        assert taken(some, replace(CLERK, client=f"370214#{number + 10}")) == 0
    assert taken(some, documents=10) == 0  # the one that asked least recently gave way


@given(steps=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4)), max_size=60))
def test_never_more_than_the_rate_allows(steps: list[tuple[int, int]]) -> None:
    """In any span of time: at most the bucket and the rate times the span."""
    clock, granted = FakeClock(), list[tuple[int, int]]()
    some = quotas(clock)
    for wait, documents in steps:
        clock.advance(wait)
        if taken(some, documents=documents) == 0:
            granted.append((clock.now, documents))
    for place, (begin, _) in enumerate(granted):
        for end, _ in granted[place:]:
            span = sum(documents for at, documents in granted if begin <= at <= end)
            assert span <= 10 + 5 * (end - begin)


class Waiting:
    """A graph that answers when it is let."""

    def __init__(self) -> None:
        self.free = asyncio.Event()
        self.asked = asyncio.Event()

    async def read(self, statement: Statement) -> Any:
        """Wait, then give nothing."""
        assert statement.text
        self.asked.set()
        await self.free.wait()
        return []


async def test_over_http_with_the_time_to_come_back() -> None:
    """One client's documents wait for the graph; its next one is refused, another client's is answered."""
    graph = Waiting()
    admission = Admission(quotas=quotas(FakeClock(), at_once=1))
    async with client(graph, admission=admission) as http:
        first = asyncio.create_task(http.post("/graphql", json={"query": MATTER}))
        await graph.asked.wait()
        refused = await http.post("/graphql", json={"query": MATTER}, headers={"Accept": NEW})
        graph.free.set()
        other = await http.post("/graphql", json={"query": MATTER}, headers={"Authorization": "Bearer good"})
        answers = [await first, other, await http.post("/graphql", json={"query": MATTER})]
    assert (refused.status_code, code_of(refused)) == (429, "too_many_requests")
    assert (refused.headers["retry-after"], refused.headers["cache-control"]) == ("1", "no-store")
    assert [one.json() for one in answers] == [{"data": {"matter": None}}] * 3


async def _last(stream: Any) -> Any:
    async with aclosing(stream):
        return [item async for item in stream][-1]


async def test_a_query_over_a_stream_has_its_place_until_it_is_answered() -> None:
    """Else ten operations of each of a county's sockets would be places that nobody counts."""
    graph = Waiting()
    admission = Admission(quotas=quotas(FakeClock(), at_once=1))
    streams = Streams(Execution(SCHEMA, graph, admission=admission))
    asked = GraphQLRequest(query=MATTER)
    first = asyncio.create_task(_last(streams.open(asked, request_context(), lambda: None)))
    await graph.asked.wait()
    with pytest.raises(Refused, match="too_many_requests"):
        streams.open(asked, request_context(), lambda: None)
    graph.free.set()
    answers = [await first, await _last(streams.open(asked, request_context(), lambda: None))]
    assert [one.answer.data for one in answers] == [{"matter": None}] * 2


async def test_a_query_over_a_stream_is_one_new_document() -> None:
    admission = Admission(quotas=quotas(FakeClock(), new_per_minute=1), mode="prefer")
    streams = Streams(Execution(SCHEMA, CannedGraph(), admission=admission))
    answered = await _last(streams.open(GraphQLRequest(query=MATTER), request_context(), lambda: None))
    assert answered.answer.data == {"matter": None}


async def test_new_documents_over_http() -> None:
    """What graphql-core must validate counts; the same document again, and what the one-pass reader takes, do not."""
    admission = Admission(quotas=quotas(FakeClock(), per_second=100, new_per_minute=2))
    async with client(admission=admission) as http:
        texts = ["{ a }", "{ b }", "{ a }", "{ c }", MATTER, '{ m: matter(code: "1") { name } }']
        answers = [await http.post("/graphql", json={"query": text}) for text in texts]
    assert [one.status_code for one in answers] == [200, 200, 200, 429, 200, 200]


async def test_what_cannot_be_come_to_is_refused_before_it_is_read() -> None:
    """One place, nobody may wait: a document that nobody has seen is not even parsed, and may be sent again."""
    graph, admission = Waiting(), Admission(turns=Turns(TurnLimits(at_once=1, waiting=0)))
    async with client(graph, admission=admission) as http:
        first = asyncio.create_task(http.post("/graphql", json={"query": MATTER}))
        await graph.asked.wait()
        refused = await http.post("/graphql", json={"query": "{ no document"})
        graph.free.set()
        answers = [(await first).json(), (await http.post("/graphql", json={"query": MATTER})).json()]
    assert (refused.status_code, code_of(refused), refused.headers["retry-after"]) == (503, "pushback", "1")
    assert answers == [{"data": {"matter": None}}] * 2


async def test_a_batch_takes_a_place_for_each_document() -> None:
    graph = Waiting()
    admission = Admission(turns=Turns(TurnLimits(at_once=2, waiting=0)))
    async with client(graph, admission=admission, limits=replace(LIMITS, batch_length=3)) as http:
        batch = asyncio.create_task(http.post("/graphql", json=[{"query": MATTER}] * 3))
        await graph.asked.wait()
        graph.free.set()
        answer = await batch
    assert [codes_of(one) for one in answer.json()] == [[], [], ["pushback"]]
    assert (answer.status_code, answer.headers["retry-after"]) == (200, "1")
