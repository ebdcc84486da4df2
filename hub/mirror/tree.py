"""The tree of a mirror: leaf hashes fetched, all tiles made of them, entries checked against them.

Only level 0 is fetched: what lies above follows. The tiles of a new checkpoint are made in memory, 32 bytes an entry,
and written when they lead from the mirrored root to the new one; entry bundles are checked and written one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from hub.logclient import HttpLog
from hub.mirror.folder import MirrorFolder
from hub.progress import Progress
from hub.workers import in_threads
from ledger.errors import Malformed, NotVerified, TongbanError
from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.edge import EMPTY_EDGE, TileEdge
from ledger.transparency.merkle import HASH_BYTES, TreeView, leaf_hash
from ledger.transparency.tiles import (
    ENTRIES,
    TILE_WIDTH,
    TileNodes,
    TilePath,
    decode_bundle,
    tile_hashes,
    tile_numbers,
    tile_paths,
)

__all__ = ["MirrorTree", "Tiles"]

Tiles = Mapping[tuple[int, int], bytes]
"""(level, number) -> hashes of every new or wider tile."""


class MirrorTree:
    """The tiles and bundles of a folder, and of the log that it mirrors."""

    def __init__(self, folder: MirrorFolder, source: HttpLog, progress: Progress) -> None:
        self._folder: Final = folder
        self._source: Final = source
        self._progress: Final = progress

    def nodes(self, size: int) -> TileNodes:
        """Read nodes of the mirrored tree of a size."""
        return TileNodes(lambda level, number: self._folder.tile(level, number, size))

    def grow(self, held: Checkpoint | None, new: Checkpoint) -> Tiles:
        """Fetch the leaf hashes beyond the mirrored tree, and make every tile that they change.

        Raises NotVerified bad_inclusion: they do not lead from the mirrored root to the new one.
        """
        edge = self._edge(held)
        tiles: dict[tuple[int, int], bytes] = {}
        goals = [new] if held is None or edge.size == held.size else [held, new]
        self._progress("tiles", edge.size, new.size)
        for goal in goals:
            for leaves in self._leaves(edge.size, goal.size, new.size):
                growth = edge.append(leaves)
                edge = growth.edge
                tiles.update(growth.tiles)
                self._progress("tiles", len(leaves), new.size)
            if edge.root() != goal.root:
                raise NotVerified("bad_inclusion", f"the log's tiles do not give the root of {goal.size} entries")
        return tiles

    def _edge(self, held: Checkpoint | None) -> TileEdge:
        """Load the right edge of the mirrored tree; the empty one if its tiles do not hold, to be made anew."""
        if held is None:
            return EMPTY_EDGE

        def read(level: int, number: int) -> bytes:
            return self._folder.tile(level, number, held.size)

        def leaves(start: int, _stop: int) -> list[bytes]:
            return tile_hashes(read(0, start // TILE_WIDTH))

        try:
            edge = TileEdge.load(held.size, read, leaves)
        except TongbanError:
            return EMPTY_EDGE
        return edge if edge.root() == held.root else EMPTY_EDGE

    def _leaves(self, start: int, stop: int, size: int) -> Iterator[list[bytes]]:
        """Fetch the leaf hashes start..stop-1 of a tree of `size`, a tile at a time."""
        fetch = self._source.tiles(size)
        for number, tile in in_threads(lambda number: (number, fetch(0, number)), tile_numbers(start, stop)):
            first = number * TILE_WIDTH
            if len(tile) != min(TILE_WIDTH, size - first) * HASH_BYTES:
                raise NotVerified("bad_inclusion", f"tile {number} of the log is cut short", index=first)
            yield tile_hashes(tile)[max(0, start - first) : stop - first]

    def write(self, tiles: Tiles, size: int) -> None:
        """Write tiles of a tree of `size`, each durable when this returns."""
        paths = [path for path in tile_paths(size) if (path.level, path.number) in tiles]
        for _ in in_threads(lambda path: self._folder.write(path.format(), tiles[path.level, path.number]), paths):
            pass

    def take_entries(self, size: int, before: int) -> None:
        """Fetch the bundles that are missing, and check those that no mirrored checkpoint has covered yet.

        before: size of the mirrored checkpoint. Raises NotVerified bad_inclusion: entries of another tree.
        """

        def take(number: int) -> int:
            path = TilePath.of(ENTRIES, number, size)
            name = path.format()
            if number * TILE_WIDTH + path.width > before or not self._folder.has(name):
                self._take_bundle(path, size)
            return path.width

        self._progress("entries", 0, size)
        for width in in_threads(take, tile_numbers(0, size)):
            self._progress("entries", width, size)

    def _take_bundle(self, path: TilePath, size: int) -> None:
        name = path.format()
        if self._is_right(self._folder.read(name) or b"", path.number, size):
            return  # left by a run that crashed
        bundle = _cut(self._source.tile(path, member=True) or b"", path.width)
        if not self._is_right(bundle, path.number, size):
            why = f"{name} does not hash to the leaves of the tree"
            raise NotVerified("bad_inclusion", why, index=path.number * TILE_WIDTH)
        self._folder.write(name, bundle)

    def _is_right(self, bundle: bytes, number: int, size: int) -> bool:
        try:
            entries = decode_bundle(bundle)
        except Malformed:
            return False
        return [leaf_hash(entry) for entry in entries] == tile_hashes(self._folder.tile(0, number, size))

    def root_at(self, size: int) -> Callable[[int], bytes]:
        """Give a function: root of the mirrored tree of `size` when it had so many leaves. It raises NotVerified."""
        nodes = self.nodes(size)

        def root(at: int) -> bytes:
            if not 0 < at <= size:
                raise NotVerified("bad_consistency", f"there is no tree of {at} entries yet")
            return TreeView(at, nodes).root

        return root


def _cut(bundle: bytes, width: int) -> bytes:
    """Cut a wider bundle to its first entries."""
    start = 0
    for _ in range(width):
        start += 2 + int.from_bytes(bundle[start : start + 2], "big")
    return bundle[:start]
