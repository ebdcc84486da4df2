"""Read your write: a query waits until the projection has passed what a write left, and reads behind it.

    POST /ledger/entries -> Tongban-Read-After: 812.0        {"query": …, "extensions": {"readAfter": "812.0"}}
        -> the cursor `ledger` of the graph stands at 812 or above -> the read, with the bookmarks of the projection

One server, or the embedded engine, shows what is committed to whoever asks next. In a cluster (`neo4j://`) the
projection writes at the leader and reads go to any member, which may lag: a bookmark makes that member wait for the
transaction that moved the cursor. Source: Neo4j Operations Manual, "Causal consistency"; Bolt, RUN, `bookmarks`.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from ledger.errors import Malformed, Unavailable

if TYPE_CHECKING:
    from hub.graph.driver import BoltDriver
    from hub.graph.projection import Ledger, LogReader, Projector
    from schema.readafter import ReadAfter

__all__ = ["Reached"]

_PAUSE_S: Final = 1


class Reached:
    """The port `schema.context.Projection` over the hub's projector. within_s: longest wait, seconds."""

    def __init__(
        self, projector: Projector, driver: BoltDriver, ledger: Ledger, journal: LogReader, *, within_s: float
    ) -> None:
        self._projector: Final = projector
        self._driver: Final = driver
        self._ledger: Final = ledger
        self._journal: Final = journal
        self._within_s: Final = within_s

    async def reach(self, after: ReadAfter) -> tuple[str, ...]:
        """Wait until the graph holds what a write left; give the bookmarks of the projection's newest transaction.

        Raises Malformed bad_read_after (the logs are not so long: a token of another hub), Unavailable not_projected.
        """
        if not self._holds(after):
            await self._check(after)
            self._projector.wake()
            try:
                async with asyncio.timeout(self._within_s):
                    await self._projector.wait_for(after.ledger, after.journal)
            except TimeoutError as error:
                told = "the write is not in the graph yet: ask again"
                raise Unavailable("not_projected", told, retry_after=_PAUSE_S) from error
        return self._driver.bookmarks

    def _holds(self, after: ReadAfter) -> bool:
        position = self._projector.position
        return position.ledger >= after.ledger and position.journal >= after.journal

    async def _check(self, after: ReadAfter) -> None:
        known = not after.ledger or await self._ledger.sequenced(after.ledger - 1) is not None
        if not known or after.journal > await self._journal.size():
            raise Malformed("bad_read_after", "readAfter: this hub's logs are not so long")
