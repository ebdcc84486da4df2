"""The projection of a made hub's folder into an empty embedded engine, by the hub's own parts, with progress.

async with projected(data, bars) as driver: ...
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from hub.database import open_reader
from hub.graph.catalogue import load_catalogue
from hub.graph.constraints import apply_constraints
from hub.graph.driver import BoltDriver, Deadlines
from hub.graph.embedded import ArcadeEngine
from hub.graph.projection import Position, Projector
from hub.ingest.data import CATALOGUE, catalogue_digest, read_table
from hub.journal.store import JournalReader
from ledger.transparency.snapshot import LogReads
from ledger.transparency.sqlite import SqliteReader, read_state
from ledger.workdays import read_calendar

if TYPE_CHECKING:
    from pathlib import Path

    from hub.commands.progress import Bars

__all__ = ["Took", "projected"]

T = TypeVar("T")

_POLL_S: Final = 0.5
_PATIENT: Final = Deadlines(read_s=60.0, write_s=120.0, acquire_s=30.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """How much was projected, and in how many seconds: ledger entries, journal records."""

    position: Position
    seconds: float


class _Entries:
    """A stored ledger as the projection reads it; all of it is published."""

    def __init__(self, reads: LogReads, size: int) -> None:
        self._reads: Final = reads
        self._size: Final = size

    async def size(self) -> int:
        return self._size

    async def read(self, start: int, limit: int) -> Sequence[bytes]:
        return self._reads.entries(start, min(start + limit, self._size))

    async def sequenced(self, index: int) -> bytes | None:
        return self._reads.entries(index, index + 1)[0] if index < self._size else None

    async def seals(self, leaves: Sequence[bytes]) -> Mapping[bytes, tuple[int, bytes]]:
        found = self._reads.find(leaves)
        return {leaf: (at, self._reads.entries(at, at + 1)[0]) for leaf, at in found.items()}


class _Records:
    """A stored journal as the projection reads it."""

    def __init__(self, reader: JournalReader) -> None:
        self._reader: Final = reader
        self._size: Final = reader.head().n

    async def size(self) -> int:
        return self._size

    async def read(self, start: int, limit: int) -> Sequence[bytes]:
        return self._reader.records(start, limit)


@asynccontextmanager
async def projected(
    data: Path, bars: Bars, *, memory_mb: int = 2048, done: Callable[[Took], None] = lambda _: None
) -> AsyncIterator[BoltDriver]:
    """Project a folder's ledger and journal into `<data>/graph`, and give a driver to it.

    done: told what the projection took. The engine ends with the block.
    """
    engine = ArcadeEngine(data / "graph", memory_mb=memory_mb)
    with (
        closing(open_reader(data / "ledger.sqlite")) as entries,
        closing(open_reader(data / "journal.sqlite")) as stated,
    ):
        await engine.start()
        try:
            async with BoltDriver(engine, deadlines=_PATIENT) as driver:
                await apply_constraints(driver)
                await load_catalogue(driver, {name: read_table(name) for name in CATALOGUE}, catalogue_digest())
                reader = SqliteReader(entries)
                ledger, journal = (
                    _Entries(LogReads(lambda: reader), read_state(entries).size),
                    _Records(JournalReader(stated)),
                )
                projector = Projector(driver, ledger, journal, calendar=read_calendar(read_table("calendar")))
                start = time.perf_counter()
                position = await _watched(projector, await ledger.size(), await journal.size(), bars)
                done(Took(position=position, seconds=time.perf_counter() - start))
                yield driver
        finally:
            await engine.stop()


async def _watched(projector: Projector, entries: int, records: int, bars: Bars) -> Position:
    task = asyncio.create_task(projector.catch_up())
    while not task.done():
        await asyncio.wait([task], timeout=_POLL_S)
        bars.reach("entries projected", projector.position.ledger, entries)
        bars.reach("records projected", projector.position.journal, records)
    return await task
