"""Fault F7 for the graph: the disk under the embedded engine fills up, and is freed; then the engine is killed.

An ArcadeDB that runs into a full disk may lose what it acknowledged last, so the hub writes nothing with less than
`room_mb` free. What must hold: it refuses in time, reads go on, it writes again when there is room, and nothing that was
acknowledged is lost when the engine is killed afterwards.
"""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Final

import pytest

from hub.graph.driver import BoltDriver, Step, Unit
from hub.graph.embedded import ArcadeEngine
from ledger.errors import Unavailable
from tests.faults.account import FaultCount
from tests.faults.crashes import counted
from tests.faults.full_disk import fill, small_disk
from tests.faults.parts import Finding

__all__ = ["full_disk_of_the_engine"]

_DISK_MB: Final = 320
_ROOM_MB: Final = 96
_WRITES: Final = 50
_PAGES_A_MB: Final = 256


def full_disk_of_the_engine(rounds: int, seed: int) -> FaultCount:
    """Run F7 for the engine, one engine for all rounds. Raises Unavailable not_ready where nothing can be mounted."""
    count = FaultCount(row="F7", fault="disk full, engine", seed=seed)
    with (
        tempfile.TemporaryDirectory(prefix="faults-") as name,
        small_disk(Path(name) / "disk", megabytes=_DISK_MB) as disk,
        asyncio.Runner() as runner,
    ):
        engine = ArcadeEngine(disk / "graph", memory_mb=512, room_mb=_ROOM_MB)
        runner.run(engine.start())
        known: set[str] = set()
        try:
            return counted(
                count,
                [(f"seed {number}", _way(runner, engine, known, number)) for number in range(seed, seed + rounds)],
            )
        finally:
            runner.run(engine.stop())


def _way(runner: asyncio.Runner, engine: ArcadeEngine, known: set[str], seed: int) -> Callable[[], Finding]:
    return lambda: runner.run(_round(engine, known, seed))


async def _round(engine: ArcadeEngine, known: set[str], seed: int) -> Finding:
    """known: all that was acknowledged so far; this round's is added."""
    chance, before = Random(seed), len(known)
    filler = fill(engine.directory.parent, leave=chance.randrange(1, _ROOM_MB) * _PAGES_A_MB)
    async with BoltDriver(engine) as driver:
        with pytest.raises(Unavailable, match="graph_unavailable"):
            await driver.write(_unit(f"{seed}/refused"))
        assert not engine.fenced
        assert await _found(driver) == known
        filler.unlink()
        for number in range(_WRITES):
            await driver.write(_unit(f"{seed}/{number}"))
            known.add(f"{seed}/{number}")
    assert engine.pid is not None
    os.kill(engine.pid, signal.SIGKILL)
    await engine.stop()
    await engine.start()
    async with BoltDriver(engine) as driver:
        found = await _found(driver)
    assert found <= known, "a refused write is there"
    return Finding(acknowledged=len(known) - before, stored=len(found) - before, lost=len(known - found))


def _unit(key: str) -> Unit:
    return Unit(steps=[Step(text="MERGE (n:Holder {id: $id})", parameters={"id": key})])


async def _found(driver: BoltDriver) -> set[str]:
    rows = [row[0] for row in await driver.rows("MATCH (n:Holder) RETURN n.id")]
    assert len(rows) == len(set(rows)), "a node is there twice"
    return set(rows)
