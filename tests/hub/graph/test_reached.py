"""Reading behind a write, on both engines and over `neo4j://`: the wait, its bound, and the bookmarks of the read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest

from hub.graph.constraints import apply_constraints
from hub.graph.driver import BoltDriver
from hub.graph.external import Neo4jEngine
from hub.graph.projection import Projector
from hub.graph.readafter import Reached
from ledger.errors import Malformed, TongbanError, Unavailable
from schema.context import Statement
from schema.readafter import ReadAfter
from tests.graphs import PATIENT, empty
from tests.statements import County, MemoryLog, genesis

CHENGYANG: Final = "370214"
COUNT: Final = "MATCH (l:License) WHERE l.certificateIdentifier IS NOT NULL RETURN count(l) AS r"


class World:
    """Two logs, one county, and the projection behind them over one driver."""

    def __init__(self, driver: BoltDriver, *, within_s: float = 60.0) -> None:
        self.ledger, self.journal = MemoryLog(entries=[genesis(CHENGYANG)]), MemoryLog()
        self.county = County(CHENGYANG, self.ledger, self.journal)
        self.driver = driver
        self.projector = Projector(driver, self.ledger, self.journal)
        self.reached = Reached(self.projector, driver, self.ledger, self.journal, within_s=within_s)

    def write(self, serial: int) -> ReadAfter:
        """Seal and state one license; give what a query waits for."""
        self.county.state(self.county.seal(serial), serial)
        return ReadAfter(ledger=len(self.ledger.entries), journal=len(self.journal.entries))

    async def count(self, bookmarks: tuple[str, ...]) -> int:
        """Count the licenses behind bookmarks."""
        return int(await self.driver.read(Statement(text=COUNT, parameters={}, bookmarks=bookmarks)))

    @asynccontextmanager
    async def projecting(self) -> AsyncIterator[None]:
        """Project beside the block."""
        task = asyncio.create_task(self.projector.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _code(world: World, after: ReadAfter) -> tuple[type[TongbanError], str, int | None]:
    with pytest.raises(TongbanError) as refused:
        await world.reached.reach(after)
    return type(refused.value), refused.value.code, refused.value.retry_after


async def _reads_every_write(world: World, writes: int) -> None:
    async with world.projecting():
        for serial in range(1, writes + 1):
            bookmarks = await world.reached.reach(world.write(serial))
            assert await world.count(bookmarks) == serial


async def test_each_write_is_there_when_its_token_is_named(driver: BoltDriver) -> None:
    await _reads_every_write(World(driver), 3)
    assert driver.bookmarks == ()  # one server needs none


async def test_a_token_of_the_past_waits_for_nothing(driver: BoltDriver) -> None:
    world = World(driver)
    first = world.write(1)
    async with world.projecting():
        await world.reached.reach(first)
    assert await world.count(await world.reached.reach(first)) == 1  # nobody projects any more


async def test_a_wait_is_bounded_and_a_token_beyond_the_logs_is_refused_at_once(driver: BoltDriver) -> None:
    world = World(driver, within_s=0.01)
    after = world.write(1)
    assert await _code(world, after) == (Unavailable, "not_projected", 1)
    for beyond in (ReadAfter(ledger=after.ledger + 1), ReadAfter(journal=after.journal + 1)):
        assert await _code(world, beyond) == (Malformed, "bad_read_after", None)


async def test_an_entry_that_is_not_published_yet_is_waited_for(driver: BoltDriver) -> None:
    world = World(driver)
    after = world.write(1)
    world.ledger.open_to = 1
    async with world.projecting():
        waiting = asyncio.create_task(world.reached.reach(after))
        await world.projector.wait_for(1, 0)
        assert not waiting.done()
        world.ledger.open_to = None
        world.projector.wake()
        assert await world.count(await waiting) == 1


async def test_over_routing_reads_carry_what_the_newest_write_left(neo4j_engine: Neo4jEngine, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.touch(mode=0o600)
    password.write_text(neo4j_engine.auth[1], "utf-8")
    routed = Neo4jEngine(
        neo4j_engine.uri.replace("bolt://", "neo4j://"), user=neo4j_engine.auth[0], password_file=password,
        database=neo4j_engine.database,
    )  # fmt: skip
    async with BoltDriver(routed, deadlines=PATIENT) as driver:
        await empty(driver)
        await apply_constraints(driver)
        world = World(driver)
        await _reads_every_write(world, 2)
        newest = driver.bookmarks
        assert len(newest) == 1
        async with world.projecting():
            assert await world.reached.reach(world.write(3)) != newest


async def test_a_server_waits_for_a_bookmark_and_refuses_one_that_is_none(neo4j_engine: Neo4jEngine) -> None:
    async with BoltDriver(neo4j_engine, deadlines=PATIENT) as driver:
        world = World(driver)
        with pytest.raises(Unavailable) as refused:
            await world.count(("no bookmark",))
        assert refused.value.code == "graph_unavailable"
