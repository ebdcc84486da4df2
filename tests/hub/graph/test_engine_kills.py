"""Killing an engine in the middle of a projection: it comes back, nothing is lost, nothing is there twice.

Rounds are seeded: see `tests.kill.rounds`. Neo4j, which takes ten seconds to come back, has a quarter of them here
(TONGBAN_KILL_ROUNDS=80 gives it 20); of the embedded engine, which the alliance of `tests/kill` loses as often under a
whole hub, a tenth.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from hub.graph.constraints import apply_constraints
from hub.graph.driver import BoltDriver
from hub.graph.dump import dump_graph
from hub.graph.embedded import ArcadeEngine
from hub.graph.engine import Engine, keep
from hub.graph.external import Neo4jEngine
from hub.graph.projection import Projector
from ledger.errors import Unavailable
from tests.graphs import PATIENT, empty
from tests.kill.rounds import seeded
from tests.neo4j_server import Neo4jServer
from tests.statements import County, MemoryLog, genesis

pytestmark = [pytest.mark.kill, pytest.mark.engine, pytest.mark.timeout(1800)]

_SEALS_A_ROUND: Final = 200
_LIBRARY: Final = Path(__file__).parents[3] / ".neo4j" / "home" / "lib"


class Victim:
    """An engine under load: two growing logs, a projector that never stops, and a keeper."""

    def __init__(self, engine: Engine) -> None:
        self.ledger = MemoryLog([genesis("370214")])
        self.journal = MemoryLog()
        self.driver, self.checks = BoltDriver(engine), BoltDriver(engine, deadlines=PATIENT)
        self.projector = Projector(self.driver, self.ledger, self.journal, batch=10)
        self._county = County("370214", self.ledger, self.journal)
        self._serial = 0

    def grow(self) -> None:
        """Seal and state a round's licenses."""
        for _ in range(_SEALS_A_ROUND):
            self._serial += 1
            self._county.state(self._county.seal(self._serial), self._serial, holders=[str(self._serial % 20)])
        self.projector.wake()

    async def whole(self) -> None:
        """Wait until everything is in the graph, and check that it is there once."""
        async with asyncio.timeout(300):
            await self.projector.wait_for(len(self.ledger.entries), len(self.journal.entries))
        counted = "MATCH (l:License) RETURN count(l), count(DISTINCT l.leafHash), min(l.logIndex), max(l.logIndex)"
        assert await self.checks.rows(counted) == [[self._serial, self._serial, 1, self._serial]]
        held = "MATCH (l:License)-[r:HELD_BY]->(:Holder) RETURN count(r), count(DISTINCT l)"
        assert await self.checks.rows(held) == [[self._serial, self._serial]]

    async def equals_its_replay(self) -> None:
        """Compare the graph with a projection from empty."""
        grown = await dump_graph(self.checks)
        await empty(self.checks)
        await Projector(self.checks, self.ledger, self.journal).catch_up()
        assert await dump_graph(self.checks) == grown

    async def close(self) -> None:
        """Close its connections."""
        await self.driver.close()
        await self.checks.close()


async def _ready(driver: BoltDriver) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                await apply_constraints(driver)
            except Unavailable:
                await asyncio.sleep(0.1)
            else:
                return


async def test_an_embedded_engine_that_is_killed_in_mid_write_comes_back_whole(
    tmp_path: Path, seeds: list[int]
) -> None:
    engine = ArcadeEngine(tmp_path / "graph", memory_mb=256)
    await engine.start()
    victim = Victim(engine)
    await _ready(victim.driver)
    tasks = [asyncio.create_task(keep(engine)), asyncio.create_task(victim.projector.run())]
    for seed in seeds[: max(1, len(seeds) // 10)]:
        with seeded(seed) as chance:
            pid = engine.pid
            assert pid is not None
            victim.grow()
            await asyncio.sleep(chance.uniform(0.05, 0.6))
            os.kill(pid, signal.SIGKILL)
            await victim.whole()
            assert engine.pid not in {pid, None}
    await _end(tasks)
    await victim.equals_its_replay()
    await victim.close()
    await engine.stop()


@pytest.fixture
async def own_neo4j(neo4j_engine: Neo4jEngine, tmp_path: Path) -> AsyncIterator[Neo4jServer]:
    """Run a Neo4j of the test's own, which it may kill; `neo4j_engine` says whether Neo4j is there at all."""
    server = Neo4jServer(tmp_path / "neo4j", _LIBRARY, quick=True)
    await asyncio.to_thread(server.start)
    yield server
    await asyncio.to_thread(server.end, signal.SIGKILL)


async def test_a_neo4j_that_is_killed_in_mid_write_comes_back_whole(own_neo4j: Neo4jServer, seeds: list[int]) -> None:
    engine = own_neo4j.engine()
    port = int(engine.uri.rpartition(":")[2])
    victim = Victim(engine)
    await _ready(victim.driver)
    tasks = [asyncio.create_task(victim.projector.run())]
    for seed in seeds[: max(1, len(seeds) // 4)]:
        with seeded(seed) as chance:
            victim.grow()
            await asyncio.sleep(chance.uniform(0.05, 0.6))
            await asyncio.to_thread(own_neo4j.end, signal.SIGKILL)
            await asyncio.to_thread(lambda: own_neo4j.start(port=port))
            engine.fence("killed")  # what a write in flight may have done; lifted when the server answers
            await engine.start()
            await victim.whole()
    await _end(tasks)
    await victim.equals_its_replay()
    await victim.close()


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [result for result in results if not isinstance(result, asyncio.CancelledError)] == []
