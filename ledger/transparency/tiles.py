"""Tiles and entry bundles: the paths under which a log is read, what lies there, and nodes read out of tiles.

    tile/<L>/<N>[.p/<W>]            <W> hashes of 32 bytes (256 without `.p`) of tree level 8 * <L>
    tile/entries/<N>[.p/<W>]        the entries under that tile of level 0, each `uint16 big-endian length || bytes`

    <L>  0..63, decimal                <W>  1..255, decimal, only where a tile is not full at the size asked for
    <N>  in groups of 3 digits, all but the last with an x: 0 `000`, 1000 `x001/000`, 1234067 `x001/x234/067`

Hash i of tile n of level l is MTH(D[(n * 256 + i) * 256^l : (n * 256 + i + 1) * 256^l]); a partial tile is never hashed
upward. A tree of 70,000 entries has 273 full tiles and one of 112 at level 0, one full and one of 17 at level 1, one of
1 at level 2. Tiles only ever grow, so a narrower one is the beginning of a wider one.

Source: c2sp.org/tlog-tiles.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

from ledger.encoding import MAX_INTEGER
from ledger.errors import Malformed, NotVerified
from ledger.transparency.merkle import HASH_BYTES, node_hash

__all__ = [
    "ENTRIES",
    "TILE_HEIGHT",
    "TILE_WIDTH",
    "TileFetcher",
    "TileNodes",
    "TilePath",
    "decode_bundle",
    "encode_bundle",
    "partial_width",
    "tile_hashes",
    "tile_paths",
]

TILE_HEIGHT: Final = 8  # levels of the tree in one tile
TILE_WIDTH: Final = 1 << TILE_HEIGHT
ENTRIES: Final = -1  # the level of an entry bundle
_UPPER: Final = 4  # height from which on nodes inside a tile are kept longer than the tile
_UPPER_TILES: Final = 32
_BLOCK_BYTES: Final = HASH_BYTES << _UPPER
_MAX_LEVEL: Final = 63
_MAX_ENTRY_BYTES: Final = 0xFFFF
_PATH: Final = re.compile(r"tile/(entries|[0-9]{1,2})/((?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/([0-9]{1,3}))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class TilePath:
    """Address of a tile, or of the entry bundle under a tile of level 0.

    level: 0..63, or ENTRIES. number: 0-based, below 2^53. width: hashes or entries, 1..256. Raises Malformed
    bad_tile_path.
    """

    level: int
    number: int
    width: int = TILE_WIDTH

    def __post_init__(self) -> None:
        if not (ENTRIES <= self.level <= _MAX_LEVEL and 0 <= self.number <= MAX_INTEGER):
            raise Malformed("bad_tile_path", "tile level is 0..63, its number below 2^53")
        if not 1 <= self.width <= TILE_WIDTH:
            raise Malformed("bad_tile_path", f"a tile has 1..{TILE_WIDTH} hashes")

    @classmethod
    def parse(cls, text: str) -> TilePath:
        """Read a path without leading slash, in its one form. Raises Malformed bad_tile_path."""
        match = _PATH.fullmatch(text)
        if match is None:
            raise Malformed("bad_tile_path", "expected tile/<level>/<number> or tile/<level>/<number>.p/<width>")
        level, number, width = match.groups()
        path = cls(
            level=ENTRIES if level == "entries" else int(level),
            number=int(number.replace("x", "").replace("/", "")),
            width=TILE_WIDTH if width is None else int(width),
        )
        if path.format() != text:
            raise Malformed("bad_tile_path", "tile path has superfluous zeros, or a width that is no partial one")
        return path

    @classmethod
    def of(cls, level: int, number: int, size: int) -> TilePath:
        """Address a tile or bundle as wide as a tree of `size` has it. Raises Malformed bad_tile_path: it has none."""
        rows = size >> (TILE_HEIGHT * max(level, 0))
        return cls(level=level, number=number, width=min(TILE_WIDTH, rows - number * TILE_WIDTH))

    def format(self) -> str:
        """Write the path, without leading slash."""
        level = "entries" if self.level == ENTRIES else str(self.level)
        suffix = "" if self.width == TILE_WIDTH else f".p/{self.width}"
        return f"tile/{level}/{_grouped(self.number)}{suffix}"

    def is_within(self, size: int) -> bool:
        """Say whether a tree of `size` entries has this tile, at least this wide."""
        rows = size >> (TILE_HEIGHT * max(self.level, 0))
        return self.number * TILE_WIDTH + self.width <= rows


def _grouped(number: int) -> str:
    digits = str(number)
    digits = digits.zfill((len(digits) + 2) // 3 * 3)
    groups = [digits[start : start + 3] for start in range(0, len(digits), 3)]
    return "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])


def partial_width(level: int, size: int) -> int:
    """Width of the partial tile of a level (0..63, ENTRIES as 0) in a tree of `size` entries: 0..255, 0 is none."""
    return (size >> (TILE_HEIGHT * max(level, 0))) % TILE_WIDTH


def tile_paths(size: int) -> Iterator[TilePath]:
    """Every tile of a tree of `size` entries, from level 0 up, the partial one last in its level; no bundles."""
    level = 0
    while rows := size >> (TILE_HEIGHT * level):
        for number in range(rows // TILE_WIDTH):
            yield TilePath(level=level, number=number)
        if width := rows % TILE_WIDTH:
            yield TilePath(level=level, number=rows // TILE_WIDTH, width=width)
        level += 1


def tile_hashes(tile: bytes) -> list[bytes]:
    """Split a tile into its hashes, 0..256 of 32 bytes. Raises Malformed bad_encoding."""
    _check_form(tile)
    return [tile[start : start + HASH_BYTES] for start in range(0, len(tile), HASH_BYTES)]


def _check_form(tile: bytes) -> None:
    if len(tile) % HASH_BYTES or len(tile) > TILE_WIDTH * HASH_BYTES:
        raise Malformed("bad_encoding", f"a tile has up to {TILE_WIDTH} hashes of {HASH_BYTES} bytes")


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Write entries with their lengths, in order. Raises Malformed too_large: an entry above 65,535 bytes."""
    if any(len(entry) > _MAX_ENTRY_BYTES for entry in entries):
        raise Malformed("too_large", f"an entry in a bundle has at most {_MAX_ENTRY_BYTES} bytes")
    return b"".join([len(entry).to_bytes(2, "big") + entry for entry in entries])


def decode_bundle(data: bytes, *, max_entries: int = TILE_WIDTH) -> list[bytes]:
    """Read the entries of a bundle, in order. Raises Malformed too_large (more entries), bad_encoding (cut short)."""
    entries: list[bytes] = []
    start = 0
    while start < len(data):
        if len(entries) == max_entries:
            raise Malformed("too_large", f"bundle has more than {max_entries} entries")
        end = start + 2 + int.from_bytes(data[start : start + 2], "big")
        if start + 2 > len(data) or end > len(data):
            raise Malformed("bad_encoding", "bundle ends within an entry")
        entries.append(data[start + 2 : end])
        start = end
    return entries


TileFetcher: TypeAlias = Callable[[int, int], bytes]
"""(level, number) -> the tile as wide as it is stored, empty if there is none."""


class TileNodes:
    """Reads nodes of the tree out of stored tiles: a `NodeReader` for proofs at any size up to the stored one.

    A tile is fetched once and kept, at most `max_tiles` of them (10 to 40 kB each), least recently used out first. Its
    nodes from height 4 up, which cost 240 hashes, are kept for 32 times as many (2 kB each): a proof out of a tile that
    is fetched again costs 15 hashes. A partial tile that has grown since is fetched again when a node beyond it is
    asked for. Threads may share one.
    """

    __slots__ = ("_fetch", "_tile_of", "_upper_of")

    def __init__(self, fetch: TileFetcher, *, max_tiles: int = 256) -> None:
        self._fetch: Final = fetch
        self._tile_of: Final = lru_cache(maxsize=max_tiles)(self._fetched)
        self._upper_of: Final = lru_cache(maxsize=_UPPER_TILES * max_tiles)(self._folded)

    def __call__(self, level: int, index: int) -> bytes:
        """Hash of the complete node (level, index). Raises NotVerified corrupt_store: no stored tile holds it."""
        tile_level, height = level >> 3, level & 7
        number, offset = index >> (TILE_HEIGHT - height), index & ((TILE_WIDTH >> height) - 1)
        if height < _UPPER:
            tile = self._tile_of(tile_level, number)
            node = tile.node(height, offset)
            return node or self._grown(tile, tile_level, number, (offset + 1) << height).node(height, offset)
        rows = self._upper_of(tile_level, number)
        if offset >= len(rows[height - _UPPER]):
            self._grown(self._tile_of(tile_level, number), tile_level, number, (offset + 1) << height)
            rows[:] = self._folded(tile_level, number)
        return rows[height - _UPPER][offset]

    def _grown(self, tile: _Tile, level: int, number: int, width: int) -> _Tile:
        """Make sure that a tile has `width` hashes: what is kept, or what is stored by now."""
        if len(tile.hashes) < width * HASH_BYTES:
            tile.renew(self._checked(level, number))
        if len(tile.hashes) < width * HASH_BYTES:
            path = TilePath(level=level, number=number).format()
            raise NotVerified("corrupt_store", f"{path} is stored with {len(tile.hashes) // HASH_BYTES} hashes only")
        return tile

    def _fetched(self, level: int, number: int) -> _Tile:
        return _Tile(self._checked(level, number))

    def _checked(self, level: int, number: int) -> bytes:
        tile = self._fetch(level, number)
        _check_form(tile)
        return tile

    def _folded(self, level: int, number: int) -> list[list[bytes]]:
        """Complete nodes inside a tile at the heights 4..7 above its hashes."""
        return _rows(tile_hashes(self._tile_of(level, number).hashes), TILE_HEIGHT)[_UPPER:]


class _Tile:
    """One tile: its hashes, joined, and the nodes below height 4, made for 16 hashes at a time when they are needed."""

    __slots__ = ("_blocks", "hashes")

    def __init__(self, hashes: bytes) -> None:
        self.renew(hashes)

    def renew(self, hashes: bytes) -> None:
        """Take the hashes of a tile that has grown."""
        self.hashes = hashes
        self._blocks: dict[int, list[list[bytes]]] = {}

    def node(self, height: int, offset: int) -> bytes:
        """Give a node at a height of 0..3 above the hashes; empty if the tile does not hold all of it."""
        block, within = offset >> (_UPPER - height), offset & ((1 << (_UPPER - height)) - 1)
        rows = self._blocks.get(block)
        if rows is None:
            hashes = self.hashes[block * _BLOCK_BYTES : (block + 1) * _BLOCK_BYTES]
            rows = self._blocks[block] = _rows(tile_hashes(hashes), _UPPER)
        return rows[height][within] if within < len(rows[height]) else b""


def _rows(hashes: list[bytes], heights: int) -> list[list[bytes]]:
    """Complete nodes above hashes, by height from 0, the hashes themselves, up."""
    rows = [hashes]
    while len(rows) < heights:
        pairs = iter(rows[-1])
        rows.append([node_hash(left, right) for left, right in zip(pairs, pairs, strict=False)])
    return rows
