"""Compressed status arrays: made once a size, however many ask at once, and kept for the newest sizes only."""

from __future__ import annotations

import asyncio
import zlib

import pytest

from hub.log.statuslists import StatusLists
from ledger.errors import Unavailable


class Arrays:
    """Gives arrays of made-up bytes while its gate is open, and remembers for which sizes it was asked."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.fails = False

    async def read(self, size: int) -> bytes:
        self.asked.append(size)
        await self.gate.wait()
        if self.fails:
            raise Unavailable("store_stopped", "the ledger is not open")
        return bytes(size // 4)


async def test_many_who_ask_at_once_get_one_and_the_same() -> None:
    arrays = Arrays()
    arrays.gate.clear()
    lists = StatusLists(arrays.read, kept=2)
    callers = [asyncio.create_task(lists.compressed(400)) for _ in range(20)]
    await asyncio.sleep(0)
    callers.pop().cancel()  # who goes away takes it from nobody else
    arrays.gate.set()
    assert {zlib.decompress(answer) for answer in await asyncio.gather(*callers)} == {bytes(100)}
    assert await lists.compressed(400) == zlib.compress(bytes(100), 9)
    assert arrays.asked == [400]


async def test_only_the_newest_sizes_are_kept() -> None:
    arrays = Arrays()
    lists = StatusLists(arrays.read, kept=2)
    for size in (4, 8, 12, 8, 12, 4):
        await lists.compressed(size)
    assert arrays.asked == [4, 8, 12, 4]


async def test_arrays_are_made_one_at_a_time() -> None:
    arrays = Arrays()
    arrays.gate.clear()
    lists = StatusLists(arrays.read, kept=16)
    callers = [asyncio.create_task(lists.compressed(size)) for size in (4, 8)]
    for _ in range(5):
        await asyncio.sleep(0)
    assert arrays.asked == [4]
    arrays.gate.set()
    await asyncio.gather(*callers)
    assert arrays.asked == [4, 8]


async def test_a_failure_is_not_kept() -> None:
    arrays = Arrays()
    lists = StatusLists(arrays.read, kept=2)
    arrays.fails = True
    with pytest.raises(Unavailable, match=r"^store_stopped: "):
        await lists.compressed(4)
    arrays.fails = False
    assert zlib.decompress(await lists.compressed(4)) == bytes(1)
