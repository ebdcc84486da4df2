"""The contract of the schema's `Graph` port: one value a read, the same in the form for many, errors told by kind.

Held to it: the driver's graph and the Bolt lane's on both engines, the fake of the lanes' tests, and lanes over each.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import pytest

from hub.graph.batches import ASKERS, NUMBER
from hub.graph.bolt.codec import find_codec
from hub.graph.bolt.lane import BoltLane
from hub.graph.driver import BoltDriver, BoltGraph, Deadlines
from hub.graph.engine import Engine
from hub.graph.failures import may_be_of_one_key
from hub.graph.lanes import Lanes
from ledger.errors import Unavailable
from schema.context import Graph, Statement
from tests.graphs import FOREVER, PATIENT, PlacedEngine
from tests.lane_graphs import DividingGraph, division


@dataclass(frozen=True, slots=True)
class Place:
    """A graph to hold to the contract. engine: None for the fake. pipelined: by the Bolt lane, not by the driver."""

    engine: Engine | None
    pipelined: bool


ENGINES: Final = [
    "arcadedb-driver",
    "arcadedb-lane",
    pytest.param("neo4j-driver", marks=pytest.mark.neo4j),
    pytest.param("neo4j-lane", marks=pytest.mark.neo4j),
]


def _place(request: pytest.FixtureRequest) -> Place:
    name, _, way = request.param.partition("-")
    fixtures = {"arcadedb": "arcade", "neo4j": "neo4j_engine"}
    return Place(None if name == "fake" else request.getfixturevalue(fixtures[name]), pipelined=way == "lane")


@pytest.fixture(params=["fake", *ENGINES])
def place(request: pytest.FixtureRequest) -> Place:
    """Give the fake, and each engine by each way."""
    return _place(request)


@pytest.fixture(params=ENGINES)
def engine_place(request: pytest.FixtureRequest) -> Place:
    """Give each engine by each way."""
    return _place(request)


@asynccontextmanager
async def opened(place: Place, deadlines: Deadlines) -> AsyncIterator[Graph]:
    """Open the graph of a place."""
    if place.engine is None:
        yield DividingGraph()
        return
    async with BoltDriver(place.engine, deadlines=deadlines) as driver:
        lane = BoltLane(driver, find_codec())
        try:
            yield BoltGraph(lane if place.pipelined else driver)
        finally:
            await lane.close()


@pytest.fixture
async def graph(place: Place) -> AsyncIterator[Graph]:
    """Give each graph at the port."""
    async with opened(place, PATIENT) as graph:
        yield graph


@pytest.fixture
async def engine_graph(engine_place: Place) -> AsyncIterator[Graph]:
    """Give those that run Cypher."""
    async with opened(engine_place, PATIENT) as graph:
        yield graph


@pytest.fixture(params=["bare", "lanes"])
async def port(graph: Graph, request: pytest.FixtureRequest) -> Graph:
    """Give each graph as it is, and behind lanes."""
    return graph if request.param == "bare" else Lanes(graph)


async def test_a_read_gives_its_value(port: Graph) -> None:
    assert await asyncio.gather(*(port.read(division(value)) for value in (1, 2, 5, 3))) == [[10], [5], [2], [3]]


async def test_the_form_for_many_gives_what_each_read_gives_alone(port: Graph) -> None:
    one = division(1)
    assert one.batch is not None
    askers = [{NUMBER: number, "v": value} for number, value in enumerate((4, 10, 4))]
    many = Statement(text=one.batch.text, parameters={ASKERS: askers})
    assert sorted(await port.read(many)) == [[0, [2]], [1, [1]], [2, [2]]]


async def test_what_an_engine_cannot_compute_may_be_of_one_key(port: Graph) -> None:
    with pytest.raises(Unavailable, match=r"^graph_unavailable: ") as failed:
        await port.read(division(0))
    assert may_be_of_one_key(failed.value)


async def test_a_poisoned_key_does_not_fail_its_neighbours(graph: Graph) -> None:
    lanes = Lanes(graph)
    reads = [lanes.read(division(value)) for value in (2, 0, 5)]
    five, poisoned, two = await asyncio.gather(*reads, return_exceptions=True)
    assert (five, two) == ([5], [2])
    assert isinstance(poisoned, Unavailable)


VALUES: Final[list[Any]] = [
    None, True, False, 0, -1, 127, 128, -17, -129, 40_000, -40_000, 2**31, -(2**63), 2**63 - 1, 0.5, -1e300, "", "a", "省市",
    "x" * 15, "x" * 16, "x" * 255, "x" * 256, "x" * 70_000, [], [[]], [1] * 15, [1] * 300, ["x" * 300] * 300,
]  # fmt: skip


async def test_every_json_value_comes_back_as_it_went(engine_graph: Graph) -> None:
    """With its type, at each width that the wire has for it, and in messages of many chunks."""
    for value in VALUES:
        back = await engine_graph.read(Statement(text="RETURN [$v] AS r", parameters={"v": value}))
        assert repr(back) == repr([value])
    assert await engine_graph.read(Statement(text="RETURN $v AS r", parameters={"v": {"k": (1, "a")}})) == {
        "k": [1, "a"]
    }


async def test_two_records_or_two_values_are_no_answer(engine_graph: Graph) -> None:
    for text in ("UNWIND [1, 2] AS r RETURN r", "RETURN 1 AS r, 2 AS s", "UNWIND [] AS r RETURN r"):
        with pytest.raises(
            Unavailable, match=r"^graph_unavailable: a read must give one record with one value$"
        ) as bad:
            await engine_graph.read(Statement(text=text, parameters={}))
        assert not may_be_of_one_key(bad.value)


async def test_failures_among_many_reads_fail_only_themselves(engine_graph: Graph) -> None:
    """Every fifth statement is none: the server ignores what was sent behind it, and that is asked again."""
    texts = ["RETURN (" if number % 5 == 0 else "RETURN $n AS r" for number in range(100)]
    reads = [engine_graph.read(Statement(text=text, parameters={"n": number})) for number, text in enumerate(texts)]
    for number, answer in enumerate(await asyncio.gather(*reads, return_exceptions=True)):
        if number % 5:
            assert answer == number
        else:
            assert isinstance(answer, Unavailable)
            assert (answer.code, may_be_of_one_key(answer)) == ("graph_unavailable", True)


async def test_a_read_ends_at_its_deadline_and_others_do_not_wait_for_it(engine_place: Place) -> None:
    async with opened(engine_place, Deadlines(read_s=0.3)) as graph:
        with pytest.raises(Unavailable, match=r"^deadline: ") as late:
            await graph.read(Statement(text=FOREVER, parameters={}))
        assert may_be_of_one_key(late.value)
    async with opened(engine_place, PATIENT) as graph:
        slow = asyncio.create_task(graph.read(Statement(text=FOREVER, parameters={})))
        try:
            assert await asyncio.gather(*(graph.read(division(5)) for _ in range(20))) == [[2]] * 20
        finally:
            slow.cancel()


@pytest.mark.parametrize("pipelined", [False, True])
async def test_an_engine_that_has_ended_may_not_be_of_one_key(*, pipelined: bool) -> None:
    """Nobody answers any, and nobody waits for that."""
    away = PlacedEngine(alive=False)
    async with opened(Place(away, pipelined), PATIENT) as graph:
        with pytest.raises(Unavailable, match=r"^graph_unavailable: the graph does not answer: \w+$") as failed:
            await graph.read(division(1))
    assert not may_be_of_one_key(failed.value)
