"""How many requests are worked on at once, and who is next: what is too much is turned away before any work.

    place free                        the request is worked on at once
    all places taken                  it waits in its partner's line; each place that gets free goes to the next line
    it waited `patience_s`            503 pushback, with Retry-After
    there was always somebody waiting for as long as that: a fifth of the patience, so that a line never stands
    all waiting places taken          the partner with the longest line loses its newest one; that may be who comes

A process that takes everything in answers nobody in time. One that works on a few requests at once answers these as
quickly as ever, and tells all others within the patience to come again. Who waits for somebody else meanwhile (a
county, a quorum, a client that sends slowly) gives its place away with `aside`: it takes no place from anybody.
Source: RFC 9110, 15.6.4 and 10.2.3; the two patiences are those of CoDel (RFC 8289), for a queue of requests.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass
from typing import Final

from ledger.errors import Unavailable

__all__ = ["Place", "TurnLimits", "Turns", "aside"]

_HURRIED: Final = 0.2  # of the patience, while the line stands
_PAUSE_S: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnLimits:
    """Bounds of one process. at_once: requests worked on; waiting: in all lines; patience_s: longest wait, seconds."""

    at_once: int = 64
    waiting: int = 512
    patience_s: float = 0.5


@dataclass(slots=True, eq=False)
class Place:
    """A place that a request has while an `async with` block runs. away: its waits for others that are under way.

    Entering it raises Unavailable pushback with retry_after.
    """

    turns: Turns
    name: str
    away: int = 0
    over: bool = False
    _token: Token[Place | None] | None = None

    async def __aenter__(self) -> None:
        if not self.turns.took():
            await self.turns.turn(self.name)
        self._token = _PLACE.set(self)

    async def __aexit__(self, *_: object) -> None:
        if self._token is not None:
            _PLACE.reset(self._token)
        self.over = True
        if not self.away:
            self.turns.release()

    def leave(self) -> None:
        """Give the place away for a while."""
        self.away += 1
        if self.away == 1 and not self.over:
            self.turns.release()

    def come_back(self) -> None:
        """Have a place again, at once."""
        self.away -= 1
        if not self.away and not self.over:
            self.turns.retake()


_PLACE: Final[ContextVar[Place | None]] = ContextVar("place", default=None)


@dataclass(slots=True, eq=False)
class _Waiter:
    name: str
    turn: asyncio.Future[None]
    timer: asyncio.TimerHandle | None = None


class Turns:
    """The places of one process. Used from one event loop alone.

    on_shed: told of each request that is turned away. clock: seconds, growing.
    """

    def __init__(
        self, limits: TurnLimits | None = None, *, on_shed: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._limits: Final = limits or TurnLimits()
        self._on_shed: Final = on_shed
        self._clock: Final = clock
        self._lines: Final[dict[str, deque[_Waiter]]] = {}
        self._working = 0
        self._waiting = 0
        self._stands_since: float | None = None

    @property
    def working(self) -> int:
        """Requests that have a place now."""
        return self._working

    @property
    def waiting(self) -> int:
        """Requests in all lines now."""
        return self._waiting

    def place(self, name: str) -> Place:
        """Give a place to have while an `async with` block runs. name: of the partner in whose line it waits."""
        return Place(self, name)

    def took(self) -> bool:
        """Take a place if one is free."""
        if self._working >= self._limits.at_once:
            return False
        self._working += 1
        return True

    async def turn(self, name: str) -> None:
        """Wait for a place, and take it. Raises Unavailable pushback with retry_after."""
        if self._waiting >= self._limits.waiting:
            self._make_room(name)
        loop = asyncio.get_running_loop()
        waiter = _Waiter(name, loop.create_future())
        waiter.timer = loop.call_later(self._patience(), self._shed, waiter)
        self._lines.setdefault(name, deque()).append(waiter)
        self._waiting += 1
        try:
            await waiter.turn
        except asyncio.CancelledError:
            if waiter.turn.cancelled():
                self._leave(waiter)
            elif waiter.turn.exception() is None:  # its turn had come in the same moment
                self.release()
            raise
        finally:
            waiter.timer.cancel()

    def _patience(self) -> float:
        now, patience = self._clock(), self._limits.patience_s
        if not self._waiting:
            self._stands_since = now
        stands = now - (now if self._stands_since is None else self._stands_since)
        return patience * _HURRIED if stands > patience else patience

    def _make_room(self, name: str) -> None:
        """Turn the newest one of the longest line away; of the line that would be the longest, who comes."""
        longest = max(self._lines.values(), key=len, default=None)
        if longest is None or len(longest) <= len(self._lines.get(name, ())) + 1:
            self._on_shed()
            raise _pushback()
        self._shed(longest[-1])

    def _shed(self, waiter: _Waiter) -> None:
        if not waiter.turn.done():
            self._leave(waiter)
            self._on_shed()
            waiter.turn.set_exception(_pushback())

    def _leave(self, waiter: _Waiter) -> None:
        line = self._lines.get(waiter.name)
        if line is None or waiter not in line:
            return
        line.remove(waiter)
        self._waiting -= 1
        if not line:
            del self._lines[waiter.name]

    def retake(self) -> None:
        """Take a place beyond all lines, and beyond the bound."""
        self._working += 1

    def release(self) -> None:
        """Give a place to the first of the next line; a line that was served goes behind all others."""
        while self._lines and self._working <= self._limits.at_once:
            name, line = next(iter(self._lines.items()))
            waiter = line[0]
            self._leave(waiter)
            if not waiter.turn.done():  # else it was cancelled a moment ago, and does not know yet
                if name in self._lines:
                    self._lines[name] = self._lines.pop(name)
                waiter.turn.set_result(None)
                return
        self._working -= 1


@contextmanager
def aside() -> Iterator[None]:
    """Give the running request's place away while the block waits for somebody else; take one again behind it, at once.

    What is half done is not made to wait, so there may be more places for a moment. Without a place nothing happens.
    """
    held = _PLACE.get()
    if held is None:
        yield
        return
    held.leave()
    try:
        yield
    finally:
        held.come_back()


def _pushback() -> Unavailable:
    return Unavailable("pushback", "the hub has too much to do: come back later", retry_after=_PAUSE_S)
