"""The tree of a log as a sync reads it: the tiles of all landmarks eight at a time, each once."""

from __future__ import annotations

from hashlib import sha256
from itertools import pairwise
from threading import Barrier, Lock
from typing import Final

import pytest

from hub.sync.tree import LogTree
from ledger.errors import Unavailable
from ledger.landmarks import prove_landmarks
from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.merkle import root_of
from ledger.transparency.store import Landmark
from ledger.transparency.tiles import TILE_HEIGHT, TILE_WIDTH

DAYS: Final = [256 * day + 7 for day in range(1, 17)]
LEAVES: Final = [sha256(b"%d" % number).digest() for number in range(DAYS[-1] + 100)]


class Tiles:
    """Tiles of LEAVES, level 0 given out when eight requests for them have come together."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []
        self.most = self._now = 0
        self._lock, self._eight = Lock(), Barrier(8, timeout=60)

    def __call__(self, level: int, number: int) -> bytes:
        with self._lock:
            self.asked.append((level, number))
            self._now += 1
            self.most = max(self.most, self._now)
        if level == 0 and number < TILE_WIDTH:
            self._eight.wait()
        with self._lock:
            self._now -= 1
        span = 1 << TILE_HEIGHT * level
        rows = range(number * TILE_WIDTH, min((number + 1) * TILE_WIDTH, len(LEAVES) >> TILE_HEIGHT * level))
        return b"".join(root_of(LEAVES[row * span : (row + 1) * span]) for row in rows)


def test_the_tiles_of_all_landmarks_are_fetched_eight_at_a_time_and_once() -> None:
    tiles, told = Tiles(), list[tuple[str, int, int]]()
    tree = LogTree(tiles, lambda *words: told.append(words))
    checkpoint = Checkpoint(origin="log", size=len(LEAVES), root=root_of(LEAVES))
    marks = [Landmark(day=f"2026-06-{day:02}", size=size, root=root_of(LEAVES[:size])) for day, size in enumerate(DAYS)]
    tree.prepare(pairwise([*DAYS, len(LEAVES)]))
    asked = sorted(tiles.asked)
    assert asked == [*((0, number) for number in range(1, 17)), (1, 0)]
    assert (tiles.most, told) == (8, [("tiles", 0, 17), *[("tiles", 1, 17)] * 17])
    kept, _ = prove_landmarks(marks, checkpoint, (), tree.growth)
    assert list(kept) == marks
    assert sorted(tiles.asked) == asked


def test_a_tile_that_is_not_to_be_had_ends_the_fetching() -> None:
    def gone(level: int, number: int) -> bytes:
        raise Unavailable("no_log", f"tile/{level}/{number}")

    with pytest.raises(Unavailable, match="no_log: tile/0/1"):
        LogTree(gone).prepare([(263, 300)])
