"""The few connections that a lane has to one engine: which of them takes a read, and how they come back.

A connection is opened when the others are busy, one at a time, beside the reads. After one that failed comes a pause,
which grows; until it is over who needs a connection is told at once why there is none. A connection whose server has
left the routing table, or that is an hour old, takes no more reads and is closed when it has answered.
"""

from __future__ import annotations

import asyncio
import math
import random
from contextvars import Context
from typing import TYPE_CHECKING, Final

from neo4j.exceptions import AuthError, DriverError, Neo4jError, ServiceUnavailable

from hub.graph.bolt.opening import NoVersion
from hub.graph.bolt.routing import Readers

if TYPE_CHECKING:
    from hub.graph.bolt.connection import BoltConnection
    from hub.graph.bolt.opening import Address, Opener

__all__ = ["Pool"]

_FIRST_PAUSE_S: Final = 0.02
_LAST_PAUSE_S: Final = 1.0
_PAUSE_FACTOR: Final = 2.0
_REFUSED_S: Final = 5.0  # Neo4j locks a user whose password is tried again and again; a version stays for long
_LIFE_S: Final = 3600.0


class Pool:
    """See above. size: connections. unspoken: whether the server speaks other versions only."""

    def __init__(self, opener: Opener, database: str, *, size: int) -> None:
        self.unspoken = False
        self._opener = opener
        self._size = size
        self._readers = Readers(opener, database)
        self._loop = asyncio.get_running_loop()
        self._live: dict[BoltConnection, tuple[Address, float]] = {}
        self._retired: set[BoltConnection] = set()
        self._renewal = math.inf
        self._opening: asyncio.Task[None] | None = None
        self._pause_s = 0.0
        self._not_before = 0.0
        self._fault: Exception | None = None
        self._closed = False

    @property
    def addresses(self) -> list[Address]:
        """Where the connections that take reads go."""
        return [address for address, _ in self._live.values()]

    @property
    def complete(self) -> bool:
        """Whether there are as many connections as there may be."""
        return len(self._live) >= self._size

    def idlest(self) -> BoltConnection | None:
        """Give the connection that takes the next read; None while there is none. Opens another when all are busy."""
        best: BoltConnection | None = None
        best_load = 0
        for connection in self._live:
            if connection.ready:
                load = connection.load if not connection.stalled else connection.load + (1 << 20)
                if best is None or load < best_load:
                    best, best_load = connection, load
                if not load:
                    break
        if self._due(busy=best is None or best_load > 0):
            self._open()
        return best

    async def opened(self) -> None:
        """Wait until there is a connection. Raises NoVersion, ServiceUnavailable, Neo4jError."""
        if self._opening is None:
            if self._fault is not None and self._loop.time() < self._not_before:
                raise self._fault.with_traceback(None)
            self._open()
        if self._opening is not None:
            await asyncio.wait([self._opening])  # whoever waits may go; the connection is for all
        if self._closed:
            raise ServiceUnavailable("the connections are closed")
        if self._fault is not None and not self._live:
            raise self._fault.with_traceback(None)

    async def close(self) -> None:
        """Close all; nothing is opened any more."""
        self._closed = True
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.gather(self._opening, return_exceptions=True)
        for connection in (*self._live, *self._retired):
            connection.close()

    def _due(self, *, busy: bool) -> bool:
        """Tell whether there is something to open or to refresh now."""
        if self._opening is not None or self._closed or self._loop.time() < self._not_before:
            return False
        overdue = self._readers.stale or self._loop.time() > self._renewal
        return overdue or (busy and not self.complete)

    def _open(self) -> None:
        # A context of its own: a connection outlives the reader for whom it is opened.
        self._opening = self._loop.create_task(self._opened(), context=Context())

    async def _opened(self) -> None:
        """Open one connection, or refresh the table; keep what went wrong."""
        address = None
        try:
            address = await self._readers.next()
            self._retire()
            if not self.complete:
                connection = await self._opener.open(address, on_stall=self._stalled, on_lost=self._lost)
                self._live[connection] = (address, self._loop.time() + _LIFE_S)
            self._renewal = min(until for _, until in self._live.values())
            self._pause_s, self._fault, self.unspoken = 0.0, None, False
        except Exception as error:  # noqa: BLE001  # whatever it is, it is told to who waits
            if address is not None:
                self._readers.forget(address)
            self._failed(error)
        finally:
            self._opening = None

    def _failed(self, error: Exception) -> None:
        self.unspoken = isinstance(error, NoVersion)
        known = isinstance(error, DriverError | Neo4jError | NoVersion)
        self._fault = error if known else ServiceUnavailable(f"no connection: {type(error).__name__}")
        self._pause_s = min(max(self._pause_s * _PAUSE_FACTOR, _FIRST_PAUSE_S), _LAST_PAUSE_S)
        refused = isinstance(error, AuthError | NoVersion)
        pause = _REFUSED_S if refused else self._pause_s * random.uniform(0.5, 1.5)  # noqa: S311  # no secret
        self._not_before = self._loop.time() + pause

    def _retire(self) -> None:
        """Take those out that are to take no more reads."""
        for connection, (address, until) in list(self._live.items()):
            if not self._readers.knows(address) or self._loop.time() > until:
                del self._live[connection]
                self._retired.add(connection)
                connection.drain()

    def _stalled(self, connection: BoltConnection) -> None:
        """Let others take over what waits behind a slow statement, if one can."""
        if any(other.ready and not other.stalled for other in self._live if other is not connection):
            connection.move()
        elif self._due(busy=True):
            self._open()

    def _lost(self, connection: BoltConnection) -> None:
        address, _ = self._live.pop(connection, (None, 0.0))
        self._retired.discard(connection)
        if address is not None and not self._closed:
            self._readers.forget(address)
            if self._fault is None and not self._live:
                self._fault = ServiceUnavailable("the connection is lost")
