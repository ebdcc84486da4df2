"""Reading from a cluster: tables as servers give them, readers in turn, and what happens when they change or go."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from neo4j.exceptions import ServiceUnavailable

from hub.graph.bolt.lane import BoltLane, LaneBounds
from hub.graph.bolt.routing import Table, parse_table
from hub.graph.driver import Deadlines
from hub.graph.external import Neo4jEngine
from ledger.errors import Unavailable
from tests.bolt_lanes import busy, lane_to, until, value
from tests.bolt_server import BoltServer, Run, Talk
from tests.graphs import PlacedEngine
from tests.lane_graphs import division

_ROUTE = 0x66


def told(readers: list[Any], routers: list[str], *, ttl: Any = 300) -> dict[str, Any]:
    """Make a table as a server gives it."""
    servers = [{"role": "READ", "addresses": readers}, {"role": "ROUTE", "addresses": routers}]
    return {"ttl": ttl, "db": "hub", "servers": [*servers, {"role": "WRITE", "addresses": ["w:1"]}]}


def test_a_table_is_read_as_it_is_given() -> None:
    table = parse_table({"rt": told(["a:1", "[::1]:2", "a:1"], ["r:3"])})
    assert table == Table(ttl_s=300, readers=(("a", 1), ("::1", 2)), routers=(("r", 3),))
    assert [parse_table({"rt": told(["a:1"], [], ttl=ttl)}).ttl_s for ttl in (-5, 10**9)] == [1, 86_400]


@pytest.mark.parametrize(
    "table",
    [None, {}, {"rt": None}, {"rt": {"ttl": 1}}, {"rt": told([], ["r:1"])}, {"rt": told(["a"], [])},
     {"rt": told(["a:x"], [])}, {"rt": told(["a:70000"], [])}, {"rt": told([7], [])}, {"rt": told(["a:1"], [], ttl="1")}],
)  # fmt: skip
def test_what_is_no_table_is_told(table: Any) -> None:
    with pytest.raises(ServiceUnavailable):
        parse_table(table)


_keys = st.sampled_from(["rt", "ttl", "servers", "role", "addresses"])
_tables = st.recursive(
    st.none() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_keys, inner),
    max_leaves=12,
)


@given(_tables)
def test_any_value_is_a_table_or_told(table: Any) -> None:
    with suppress(ServiceUnavailable):
        assert parse_table(table).readers


async def named(talk: Talk, _run: Run) -> None:
    """Give the server's own port."""
    await talk.value([talk.server.port])


class Cluster(AsyncExitStack):
    """A router and readers on loopback."""

    async def start(self, readers: int, *, ttl: int = 300) -> tuple[BoltServer, list[BoltServer]]:
        """Start them; the router's table names the readers."""
        started = [await self.enter_async_context(BoltServer(answer=named)) for _ in range(readers + 1)]
        router, servers = started[0], started[1:]
        router.table = told([server.address for server in servers], [router.address], ttl=ttl)
        return router, servers


async def test_reads_go_to_the_readers_in_turn_and_none_to_the_router() -> None:
    async with Cluster() as cluster:
        router, readers = await cluster.start(2)
        async with lane_to(router.engine("neo4j")) as (lane, _):
            await busy(lane, lambda: [len(server.talks) for server in readers] == [2, 2])
            assert (router.kinds(_ROUTE), router.kinds(0x10)) == (1, 0)
            route = next(fields for kind, fields in router.heard if kind == _ROUTE)
            assert route == [{"address": router.address}, [], {"db": "hub"}]


async def test_a_table_whose_time_is_over_is_asked_for_anew_and_the_old_readers_are_left() -> None:
    async with Cluster() as cluster:
        router, (old, new) = await cluster.start(2, ttl=1)
        router.table = told([old.address], [router.address], ttl=1)
        async with lane_to(router.engine("neo4j"), bounds=LaneBounds(connections=1)) as (lane, _):
            assert await lane.read(value(1)) == [old.port]
            router.table = told([new.address], [router.address])
            await busy(lane, lambda: bool(new.talks))
            await until(old.talks[0].writer.is_closing)
            assert await lane.read(value(1)) == [new.port]
            assert router.kinds(_ROUTE) == 2


async def test_a_reader_that_is_lost_is_left_out() -> None:
    async with Cluster() as cluster:
        router, (one, other) = await cluster.start(2)
        async with lane_to(router.engine("neo4j"), bounds=LaneBounds(connections=1)) as (lane, _):
            first, second = (one, other) if await lane.read(value(1)) == [one.port] else (other, one)
            first.talks[0].cut()
            await until(lambda: not lane._pool or not lane._pool.addresses)
            assert await lane.read(value(1)) == [second.port]


async def test_when_no_router_answers_it_is_unavailable() -> None:
    engine = PlacedEngine("neo4j://127.0.0.1:1")
    async with lane_to(engine, deadlines=Deadlines(read_s=0.1)) as (lane, _):
        with pytest.raises(Unavailable):
            await lane.read(value(1))


async def test_a_real_server_routes_to_itself(neo4j_engine: Neo4jEngine) -> None:
    engine = PlacedEngine(
        neo4j_engine.uri.replace("bolt://", "neo4j://"), auth=neo4j_engine.auth, database=neo4j_engine.database
    )
    async with lane_to(engine) as (lane, beside):
        assert isinstance(lane, BoltLane)
        assert await asyncio.gather(*(lane.read(division(5)) for _ in range(30))) == [[2]] * 30
        assert beside.taken == []
