"""The contract of the schema's `Graph` port: one value a read, the same in the form for many, errors told by kind.

Held to it: the driver's graph on both engines, the fake of the lanes' tests, and lanes over each of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from hub.graph.batches import ASKERS, NUMBER
from hub.graph.driver import BoltDriver, BoltGraph, may_be_of_one_key
from hub.graph.engine import Engine
from hub.graph.lanes import Lanes
from ledger.errors import Unavailable
from schema.context import Graph, Statement
from tests.graphs import PATIENT
from tests.lane_graphs import DividingGraph, division


@pytest.fixture(params=["fake", "arcadedb", "neo4j"])
def place(request: pytest.FixtureRequest) -> Engine | None:
    """Give each engine; None for the fake."""
    names = {"arcadedb": "arcade", "neo4j": "neo4j_engine"}
    return None if request.param == "fake" else request.getfixturevalue(names[request.param])  # type: ignore[no-any-return]


@pytest.fixture
async def graph(place: Engine | None) -> AsyncIterator[Graph]:
    """Give each graph at the port."""
    if place is None:
        yield DividingGraph()
        return
    async with BoltDriver(place, deadlines=PATIENT) as driver:
        yield BoltGraph(driver)


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
