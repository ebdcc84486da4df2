"""The tree of a log as a sync reads it out of hash tiles: those it knows to need eight at a time, each one once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from hub.progress import Progress, silent
from hub.workers import in_threads
from ledger.errors import Malformed, NotVerified
from ledger.transparency.merkle import HASH_BYTES, TreeView
from ledger.transparency.tiles import TILE_HEIGHT, TileFetcher, TileNodes

__all__ = ["LogTree"]


class LogTree:
    """The tree that tiles of one size give; nothing of it is believed. A tile is 8 KiB, and kept."""

    def __init__(self, fetch: TileFetcher, progress: Progress = silent) -> None:
        self._fetch: Final = fetch
        self._progress: Final = progress
        self._tiles: Final[dict[tuple[int, int], bytes]] = {}
        self._nodes: Final = TileNodes(self._tile)

    def _tile(self, level: int, number: int) -> bytes:
        if (level, number) not in self._tiles:
            self._tiles[level, number] = self._fetch(level, number)
        return self._tiles[level, number]

    def prepare(self, growths: Iterable[tuple[int, int]]) -> None:
        """Fetch the tiles that the paths of these growths, (old size, new size), are read from. Raises as the fetcher.

        Which ones they are follows from the sizes alone: each path is made once of nodes that are not there yet.
        """
        needed: dict[tuple[int, int], None] = {}

        def note(level: int, index: int) -> bytes:
            needed[level // TILE_HEIGHT, index >> TILE_HEIGHT - level % TILE_HEIGHT] = None
            return bytes(HASH_BYTES)

        for old, new in growths:
            TreeView(new, note).consistency_path(old)
        missing = sorted(needed.keys() - self._tiles.keys())
        self._progress("tiles", 0, len(missing))
        for place, tile in in_threads(lambda place: (place, self._fetch(*place)), missing):
            self._tiles[place] = tile
            self._progress("tiles", 1, len(missing))

    def growth(self, old: int, new: int) -> Sequence[bytes]:
        """Make a consistency path; empty, which proves nothing, if the tiles are not as wide as they must be."""
        try:
            return TreeView(new, self._nodes).consistency_path(old)
        except (NotVerified, Malformed):
            return ()

    def evidence(self, old: int, new: int) -> tuple[bytes, ...]:
        """Make that path as fork evidence carries it; empty as in `growth`."""
        try:
            return tuple(TreeView(new, self._nodes).past_path(old))
        except (NotVerified, Malformed):
            return ()
