"""A feed over a real journal, a ledger in memory and a clock that is moved by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hub.events.feed import EventFeed
from hub.events.following import Followers, FollowLimits
from hub.ingest.data import read_table
from hub.journal.records import parse_statement
from hub.journal.store import row_of
from hub.journal.writer import JournalWriter, create_journal
from ledger.workdays import read_calendar
from schema.feed import FeedEvent
from tests.casefile import CHENGYANG, offered
from tests.ports import FakeClock
from tests.statements import NOW, County, MemoryLog

__all__ = ["EventWorld", "told", "until"]

_CALENDAR = read_calendar(read_table("calendar"))


@dataclass
class EventWorld:
    """One folder: journal.sqlite and events.sqlite. events: all that the feed told since it was opened."""

    folder: Path
    journal: JournalWriter
    ledger: MemoryLog
    clock: FakeClock
    feed: EventFeed
    followers: Followers
    events: list[FeedEvent] = field(default_factory=list)

    @classmethod
    @asynccontextmanager
    async def opened(
        cls, folder: Path, *, ledger: MemoryLog | None = None, now: int = NOW, batch: int = 512,
        limits: FollowLimits | None = None, tail: int = 256,
    ) -> AsyncIterator[EventWorld]:  # fmt: skip
        """Open journal and feed of a folder; made where they are missing."""
        path = folder / "journal.sqlite"
        if not path.exists():
            create_journal(path)
        journal, log, clock = JournalWriter(path), ledger or MemoryLog(), FakeClock(now)
        world: EventWorld

        def happened(events: Sequence[FeedEvent]) -> None:
            world.events.extend(events)
            world.followers.publish(events)

        feed = EventFeed(
            folder / "events.sqlite", journal, log, clock=clock, calendar=_CALENDAR, on_events=happened, batch=batch
        )
        followers = Followers(feed, limits or FollowLimits(total=10, county=5), tail=tail)
        world = cls(folder=folder, journal=journal, ledger=log, clock=clock, feed=feed, followers=followers)
        await journal.start()
        try:
            await world.state(offered())
            await feed.open()
            yield world
        finally:
            await feed.stop()
            await journal.stop()

    def county(self, records: MemoryLog) -> County:
        """Give Chengyang, who seals in the ledger and states into `records`."""
        return County(CHENGYANG, self.ledger, records)

    async def state(self, *raws: bytes) -> None:
        """Put statements into the journal."""
        results = await self.journal.append([row_of(parse_statement(raw)) for raw in raws])
        assert all(isinstance(each, int) for each in results), results

    async def license(self, serial: int = 1) -> tuple[int, str]:
        """Let Chengyang seal and state a license; gives the seal's index and its identifier."""
        records = MemoryLog()
        county = self.county(records)
        index = county.seal(serial)
        county.state(index, serial)
        await self.state(*records.entries)
        return index, county.identifier(serial)

    async def stored(self, county: str, after: int = 0) -> list[FeedEvent]:
        """Read a county's events from the store."""
        return await self.feed.ask(lambda reader: reader.page(county, after, 1000))


async def until(condition: Callable[[], object]) -> None:
    """Wait until a condition holds, twenty seconds at most."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  # what is waited for is on the other side of a socket
            await asyncio.sleep(0.001)


def told(events: Sequence[FeedEvent]) -> list[tuple[Any, ...]]:
    """Give events in short: kind, time, and what is told."""
    return [(event.kind, event.time, *event.told.values()) for event in events]
