"""A Bolt lane for tests: over any place, with a driver beside it that only keeps what it is given."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from hub.graph.bolt.codec import find_codec
from hub.graph.bolt.connection import Pace
from hub.graph.bolt.lane import BoltLane, LaneBounds
from hub.graph.driver import BoltDriver, Deadlines
from schema.context import Statement
from tests.graphs import PATIENT, PlacedEngine

__all__ = ["Beside", "busy", "lane_to", "until", "value"]


@dataclass(slots=True)
class Beside:
    """The driver beside a lane, as far as the lane sees it; keeps what it is given."""

    engine: PlacedEngine
    deadlines: Deadlines = PATIENT
    taken: list[Statement] = field(default_factory=list)

    async def read(self, statement: Statement) -> Any:
        """Take a read."""
        self.taken.append(statement)
        return "by the driver"


@asynccontextmanager
async def lane_to(
    engine: PlacedEngine, *, deadlines: Deadlines = PATIENT, bounds: LaneBounds | None = None, pace: Pace | None = None
) -> AsyncIterator[tuple[BoltLane, Beside]]:
    """Open a lane, with what is beside it."""
    beside = Beside(engine, deadlines)
    lane = BoltLane(cast("BoltDriver", beside), find_codec(), bounds=bounds, pace=pace)
    try:
        yield lane, beside
    finally:
        await lane.close()


def value(what: Any, **more: Any) -> Statement:
    """Make a read that a server echoes."""
    return Statement(text="RETURN [$v] AS r", parameters={"v": what, **more})


async def until(met: Callable[[], bool]) -> None:
    """Wait for what another task does."""
    async with asyncio.timeout(60):
        while not met():  # noqa: ASYNC110  # nothing sets an event
            await asyncio.sleep(0.001)


async def busy(lane: BoltLane, met: Callable[[], bool]) -> None:
    """Keep the lane's connections busy until something has happened."""
    async with asyncio.timeout(60):
        while not met():
            await asyncio.gather(*(lane.read(value(number)) for number in range(20)))
