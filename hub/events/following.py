"""Who follows the feed: any number of clients of a county over one tail of its newest events.

A client pulls: nothing is queued for it, so a slow one costs no memory. One that is behind the tail reads pages of the
store until it has caught up, and waits then for the next event of its county.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from hub.events.facts import Place, parse_cursor, write_cursor
from hub.events.store import EventReader
from ledger.errors import Unavailable
from schema.feed import FeedEvent

__all__ = ["FollowLimits", "Followers", "StoredFeed"]

T = TypeVar("T")

TAIL: Final = 256
PAGE: Final = 128


class StoredFeed(Protocol):
    """The feed's store as followers read it."""

    async def ask(self, question: Callable[[EventReader], T]) -> T:
        """Run a read beside the event loop."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowLimits:
    """How many may follow at once: in all, and of one county."""

    total: int
    county: int


class Followers:
    """The port `schema.feed.Events`. All methods belong to one event loop."""

    def __init__(self, feed: StoredFeed, limits: FollowLimits, *, tail: int = TAIL) -> None:
        self._feed: Final = feed
        self._limits: Final = limits
        self._most: Final = tail
        self._tails: Final[dict[str, deque[FeedEvent]]] = {}
        self._floors: Final[dict[str, int]] = {}  # a county's events behind this number are all in its tail
        self._news: Final[dict[str, asyncio.Event]] = {}
        self._live: Final[Counter[str]] = Counter()
        self._newest: int | None = None  # number of the newest event that was published here

    @property
    def live(self) -> int:
        """How many follow now."""
        return self._live.total()

    def publish(self, events: Sequence[FeedEvent]) -> None:
        """Hand new events to those who follow, in order."""
        if self._newest is None and events:
            self._newest = events[0].number - 1
        for event in events:
            for county in event.counties:
                self._add(county, event)
            self._newest = event.number
        for county in {county for event in events for county in event.counties}:
            if news := self._news.pop(county, None):
                news.set()

    def _add(self, county: str, event: FeedEvent) -> None:
        if county not in self._tails:
            self._tails[county] = deque()
            self._floors[county] = self._newest or 0
        tail = self._tails[county]
        tail.append(event)
        if len(tail) > self._most:
            self._floors[county] = tail.popleft().number

    async def newest(self) -> str:
        """Give the cursor of the newest event."""

        def read(reader: EventReader) -> str:
            return write_cursor(reader.newest())

        return await self._feed.ask(read)

    async def follow(self, county: str, *, after: str | None) -> AsyncGenerator[FeedEvent, None]:
        """Give the events of a county's cases: see `schema.feed.Events`."""
        with self._counted(county):
            async with aclosing(self.events(county, after=after)) as events:
                async for event in events:
                    yield event

    async def events(self, county: str, *, after: str | None) -> AsyncGenerator[FeedEvent, None]:
        """Give what `follow` gives, to the hub itself: it takes no place of a client."""
        cursor = None if after is None else parse_cursor(after)
        place = await self._start(cursor)
        while True:
            news = self._news.setdefault(county, asyncio.Event())  # before the read: what comes meanwhile sets it
            events = self._behind(county, place)
            if events is None:
                events = await self._page(county, place)
            if not events:
                await news.wait()
            for event in events:
                place = event.number
                yield event

    async def _start(self, cursor: Place | None) -> int:
        if cursor is None:
            return await self._feed.ask(lambda reader: reader.newest().number)
        return await self._feed.ask(lambda reader: reader.find(cursor))

    async def _page(self, county: str, place: int) -> list[FeedEvent]:
        return await self._feed.ask(lambda reader: reader.page(county, place, PAGE))

    def _behind(self, county: str, place: int) -> list[FeedEvent] | None:
        """Give the events of a county behind a place from its tail; None: the tail does not reach back so far."""
        tail = self._tails.get(county)
        if tail is None or place < self._floors[county]:
            return None
        return [event for event in tail if event.number > place]

    @contextmanager
    def _counted(self, county: str) -> Iterator[None]:
        if self.live >= self._limits.total or self._live[county] >= self._limits.county:
            raise Unavailable("pushback", "too many follow the events already: close one, or try again later")
        self._live[county] += 1
        try:
            yield
        finally:
            self._live[county] -= 1
