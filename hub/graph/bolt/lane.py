"""BoltLane: compiled reads over a few connections, many under way on each, with the driver beside it.

    read 1 ─┐                     ┌─ connection 1   RUN PULL RUN PULL RUN PULL …
    read 2 ─┼─ the idlest of four ┼─ connection 2   RUN PULL
    read 3 ─┘                     └─ …

A call of the driver costs a session, a place in its pool and a round trip for itself; here it costs a message. Only
compiled reads come here: auto-commit, READ mode, one record, safe to repeat. They are tried again as the driver's are,
with the same deadline and the same errors. What does not fit goes by the driver: a message of more than 1 MiB, reads
beyond the bounds, reads while every connection is held up by a slow statement, and a server of another version.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from hub.graph.bolt.codec import Codec, NoCodec, find_codec
from hub.graph.bolt.connection import Pace, Unanswered
from hub.graph.bolt.messages import run
from hub.graph.bolt.opening import NoVersion, Opener, where_of
from hub.graph.bolt.pool import Pool
from hub.graph.failures import only_value, until_read

if TYPE_CHECKING:
    from hub.graph.driver import BoltDriver
    from hub.graph.failures import Row
    from schema.context import Statement

__all__ = ["BoltLane", "LaneBounds", "lane_beside"]

_REPLIES = 2  # of RUN and of PULL

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneBounds:
    """connections: to one engine. in_flight, size: most reads, and most bytes of them, under way on one connection.

    message: most bytes of one read.
    """

    connections: int = 4
    in_flight: int = 256
    size: int = 4 * 1024 * 1024
    message: int = 1024 * 1024


def lane_beside(driver: BoltDriver) -> BoltLane | None:
    """Give a lane to the driver's engine; None, with a line in the log, when the driver's codec is not as it was."""
    try:
        return BoltLane(driver, find_codec())
    except NoCodec as error:
        _log.warning("bolt_lane_off", reason=str(error))
        return None


class BoltLane:
    """See above. Follows the engine to another address or password, as the driver does. For one event loop."""

    def __init__(
        self, driver: BoltDriver, codec: Codec, *, bounds: LaneBounds | None = None, pace: Pace | None = None
    ) -> None:
        self._driver = driver
        self._codec = codec
        self._bounds = bounds or LaneBounds()
        deadlines = driver.deadlines
        self._pace = pace or Pace(silence_s=3 * deadlines.read_s)
        self._extra = {"mode": "r", "db": driver.engine.database, "tx_timeout": math.ceil(deadlines.read_s * 1000)}
        self._pool: Pool | None = None
        self._address: tuple[str, tuple[str, str]] | None = None

    async def close(self) -> None:
        """Close all connections; the next read opens new ones."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    async def read(self, statement: Statement) -> Any:
        """Run one compiled read and give the value of its single record. Raises as `BoltDriver.read`."""
        extra = {**self._extra, "bookmarks": list(statement.bookmarks)} if statement.bookmarks else self._extra
        message = run(self._codec, statement.text, statement.parameters, extra)
        if len(message) > self._bounds.message:
            return await self._driver.read(statement)

        async def asked() -> list[Row]:
            return await self._asked(message)

        try:
            rows = await until_read(asked, self._driver.engine, within_s=self._driver.deadlines.read_s)
        except _Elsewhere:
            return await self._driver.read(statement)
        return only_value(rows)

    async def _asked(self, message: bytes) -> list[Row]:
        """Ask once, and again at once where the server has not run it."""
        settled = False
        while True:
            pool = await self._current()
            connection = pool.idlest()
            if connection is None:
                await _opened(pool)
                continue
            bounds = self._bounds
            if connection.load >= bounds.in_flight or connection.size > bounds.size or connection.stalled:
                raise _Elsewhere
            try:
                rows: list[Row] = await connection.ask(message, _REPLIES, settled=settled)
            except Unanswered:
                settled = True
            else:
                return rows

    async def _current(self) -> Pool:
        engine = self._driver.engine
        address = (engine.uri, engine.auth)  # a folder that was deleted comes back with another password
        if self._pool is not None and self._address == address:
            return self._pool
        opener = Opener(
            where=where_of(engine.uri), auth=engine.auth, codec=self._codec, pace=self._pace,
            within_s=self._driver.deadlines.acquire_s,
        )  # fmt: skip
        stale, self._pool = self._pool, Pool(opener, engine.database, size=self._bounds.connections)
        pool, self._address = self._pool, address
        if stale is not None:
            await stale.close()
        return pool


class _Elsewhere(Exception):  # the driver takes the read; never leaves this module
    pass


async def _opened(pool: Pool) -> None:
    if pool.unspoken or pool.complete:  # in the latter case each is full, or being reset
        raise _Elsewhere
    try:
        await pool.opened()
    except NoVersion as error:
        _log.warning("bolt_lane_off", reason=str(error))
        raise _Elsewhere from error
