"""The right edge of a tiled tree: what an append needs in memory, and the tiles that it leaves to be stored.

A tree of any size is appended to with its frontier and one partial tile a level: at most 255 hashes a level, nothing
else is read. An append gives the new edge and every tile that changed; the caller stores them with the leaves in one
transaction. An edge is immutable, so one whose tiles could not be stored is simply dropped.

    level   tile element i of tile n                          width of the partial tile at size s
    0       leaf hash n * 256 + i                             s mod 256
    1       root of full tile n * 256 + i of level 0          (s // 256) mod 256

Source: c2sp.org/tlog-tiles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from ledger.errors import NotVerified
from ledger.transparency.merkle import HASH_BYTES, Frontier, root_of
from ledger.transparency.tiles import TILE_HEIGHT, TILE_WIDTH, TileFetcher, tile_hashes

__all__ = ["EMPTY_EDGE", "LeafReader", "TileEdge", "TreeGrowth"]

_FULL_BYTES: Final = TILE_WIDTH * HASH_BYTES

LeafReader: TypeAlias = Callable[[int, int], Sequence[bytes]]
"""(start, stop) -> leaf hashes start..stop-1, made from the stored entries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeGrowth:
    """What an append made: the new edge, and (level, number) -> content of every new or wider tile."""

    edge: TileEdge
    tiles: Mapping[tuple[int, int], bytes]


@dataclass(frozen=True, slots=True)
class TileEdge:
    """Frontier of a tree, and its partial tiles by level: `partials[l]` holds 0..255 hashes of 32 bytes."""

    frontier: Frontier
    partials: tuple[bytes, ...] = ()

    @property
    def size(self) -> int:
        """Leaves so far."""
        return self.frontier.size

    def root(self) -> bytes:
        """Root over all leaves."""
        return self.frontier.root()

    def append(self, leaves: Sequence[bytes]) -> TreeGrowth:
        """Append leaf hashes, 32 bytes each, in order."""
        growth = self.frontier.append(leaves)
        tiles: dict[tuple[int, int], bytes] = {}
        partials = list(self.partials)
        for level, (first, hashes) in enumerate(growth.levels[::TILE_HEIGHT]):
            if level == len(partials):
                partials.append(b"")
            row = partials[level] + b"".join(hashes)
            number = first // TILE_WIDTH
            for start in range(0, len(row), _FULL_BYTES):
                tiles[level, number] = row[start : start + _FULL_BYTES]
                number += 1
            full = len(row) // _FULL_BYTES * _FULL_BYTES
            partials[level] = row[full:]
        return TreeGrowth(edge=TileEdge(growth.frontier, tuple(partials)), tiles=tiles)

    @classmethod
    def load(cls, size: int, read: TileFetcher, leaves: LeafReader) -> TileEdge:
        """Load the edge of a stored tree of `size` leaves and hash it again.

        Every hash of every partial tile is compared with what lies below it: at level 0 with the entries, above with
        the full tile. Raises NotVerified corrupt_store with the first leaf index of the part at fault.
        """
        partials: list[bytes] = []
        while size >> (TILE_HEIGHT * len(partials)):
            partials.append(_partial(size, len(partials), read, leaves))
        frontier = Frontier.at(size, lambda level, index: _node(partials, level, index))
        return cls(frontier, tuple(partials))


EMPTY_EDGE: Final = TileEdge(Frontier())


def _partial(size: int, level: int, read: TileFetcher, leaves: LeafReader) -> bytes:
    stop = size >> (TILE_HEIGHT * level)
    start = stop // TILE_WIDTH * TILE_WIDTH
    if start == stop:
        return b""
    stored = read(level, start // TILE_WIDTH)
    below = leaves(start, stop) if level == 0 else [_tile_root(read, level - 1, n) for n in range(start, stop)]
    if stored != b"".join(below):
        at_fault = start << (TILE_HEIGHT * level)
        raise NotVerified("corrupt_store", f"right edge at level {level} has another hash", index=at_fault)
    return stored


def _tile_root(read: TileFetcher, level: int, number: int) -> bytes:
    tile = read(level, number)
    if len(tile) != _FULL_BYTES:
        at_fault = number * TILE_WIDTH << (TILE_HEIGHT * level)
        raise NotVerified("corrupt_store", f"tile {number} of level {level} is not full", index=at_fault)
    return root_of(tile_hashes(tile))


def _node(partials: Sequence[bytes], level: int, index: int) -> bytes:
    """Hash a peak from the partial tile that holds all of it."""
    tile_level, height = divmod(level, TILE_HEIGHT)
    first = (index << height) % TILE_WIDTH
    hashes = partials[tile_level][first * HASH_BYTES : (first + (1 << height)) * HASH_BYTES]
    return root_of(tile_hashes(hashes))
