"""What a read costs the asking process: by the pipelined Bolt lane, beside raw calls of the driver.

Both sides ask the compiled statements of the ten documents in `loadtests/operations/mix`, 32 at a time, in the same
order, over a made-up world of 2,000 licenses in an embedded engine; each answer must equal the first. What is counted
is the process's own CPU time, so the engine does not matter, and a busy machine little.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

import uvloop
from neo4j import AsyncGraphDatabase

from hub.commands.progress import progress_bars
from hub.graph.bolt.lane import lane_beside
from hub.graph.driver import BoltDriver
from hub.keyfiles import make_private_folder
from hub.workers import cores
from loadtests.bench.figures.lanes import mixed_questions
from loadtests.bench.measuring import Effort, Gate, Pair, Reading
from loadtests.bench.peers.raw import call
from loadtests.bench.statement import statements_of
from loadtests.nineteen.logs import make_logs
from loadtests.nineteen.plan import HOLDER_SECRET, START, World
from loadtests.nineteen.projecting import projected
from schema.context import Statement

__all__ = ["measure"]

_LICENSES: Final = 2_000
_READS: Final = 10_000
_DIFFERENT: Final = 200
_TASKS: Final = 32

_Read: TypeAlias = Callable[[Statement], Awaitable[Any]]


def measure(effort: Effort, folder: Path) -> list[Reading]:
    """Measure the figure `boltlane`."""
    make_private_folder(folder)
    world = World(licenses=_LICENSES)
    questions = [(each.document, each.variables) for each in mixed_questions(world, _DIFFERENT)]
    statements = statements_of(questions, HOLDER_SECRET, now=START + 30 * 86_400)
    return uvloop.run(_measured(effort, folder, world, statements))


async def _measured(effort: Effort, folder: Path, world: World, statements: Sequence[Statement]) -> list[Reading]:
    with progress_bars(shown=True) as bars:
        make_logs(folder / "hub", world, processes=cores(), bars=bars)
        async with projected(folder / "hub", bars, memory_mb=512) as driver:
            return [await _reading(effort, driver, statements)]


async def _reading(effort: Effort, driver: BoltDriver, statements: Sequence[Statement]) -> Reading:
    engine, lane = driver.engine, lane_beside(driver)
    if lane is None:
        raise RuntimeError("the lane is off: see the log")
    async with AsyncGraphDatabase.driver(engine.uri, auth=engine.auth, notifications_min_severity="OFF") as bare:

        async def raw(statement: Statement) -> Any:
            return await call(bare, engine.database, statement.text, dict(statement.parameters))

        known = [await raw(statement) for statement in statements]
        count = effort.amount(_READS, least=len(statements))
        pairs = []
        for number in range(effort.rounds + 1):
            ours, beside = [await _cpu_us(read, statements, known, count) for read in (lane.read, raw)]
            if number:  # the first round warms up
                pairs.append(Pair(ours, beside))
    await lane.close()
    return Reading(
        name="boltlane",
        title="CPU time of the asking process a read, ten documents mixed, by the Bolt lane",
        unit="us a read",
        beside="raw driver calls, session.run and single",
        pairs=tuple(pairs),
        gate=Gate(of="ratio", sign="<=", bound=0.5),
        note=f"{_TASKS} at a time, {count:,} reads a round, no other lanes",
    )


async def _cpu_us(read: _Read, statements: Sequence[Statement], known: Sequence[Any], count: int) -> float:
    """Read, and give the CPU time of this process a read, in microseconds. Raises ValueError for another answer."""
    places = iter(range(count))

    async def client() -> None:
        for place in places:
            number = place % len(statements)
            if await read(statements[number]) != known[number]:
                raise ValueError("an answer differs from the first one")

    begun = time.process_time()
    await asyncio.gather(*(client() for _ in range(_TASKS)))
    return (time.process_time() - begun) * 1e6 / count
