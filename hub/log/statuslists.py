"""The whole status array, compressed, as anybody may ask for it at any time: made once a size, one at a time.

A list is as long as a quarter of the log's entries; to compress it for every request would keep processor and readers
from the members' receipts.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable
from typing import Final

__all__ = ["StatusLists"]

_LEVEL: Final = 9


class StatusLists:
    """Compressed status arrays of the newest sizes asked for, at most `kept`, in one event loop.

    read: gives the array of a size, ceil(n / 4) bytes.
    """

    def __init__(self, read: Callable[[int], Awaitable[bytes]], *, kept: int) -> None:
        self._read = read
        self._kept = kept
        self._made: dict[int, asyncio.Task[bytes]] = {}
        self._turn = asyncio.Lock()

    async def compressed(self, size: int) -> bytes:
        """Give the zlib stream of the array of `size`. Raises as `read`; a failure is not kept."""
        made = self._made.get(size)
        if made is None:
            made = self._made[size] = asyncio.create_task(self._make(size))
            made.add_done_callback(lambda _: self._forget(size))
        return await asyncio.shield(made)  # a caller who goes away takes it from nobody else

    async def _make(self, size: int) -> bytes:
        async with self._turn:
            statuses = await self._read(size)
            return await asyncio.to_thread(zlib.compress, statuses, _LEVEL)

    def _forget(self, size: int) -> None:
        """Drop the one of `size` if it failed, and the oldest beyond the bound."""
        made = self._made[size]
        if made.cancelled() or made.exception() is not None:
            del self._made[size]
        while sum(each.done() for each in self._made.values()) > self._kept:
            del self._made[min(size for size, each in self._made.items() if each.done())]
