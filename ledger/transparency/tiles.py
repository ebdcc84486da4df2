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
from typing import Final, Generic, TypeAlias, TypeVar

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
    "tile_numbers",
    "tile_paths",
]

T = TypeVar("T")
_Rows: TypeAlias = list[list[bytes]]  # complete nodes by height, lowest first

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


def tile_numbers(start: int, stop: int) -> range:
    """Numbers of the tiles of level 0, or of the bundles, that hold the leaves start..stop-1."""
    return range(start // TILE_WIDTH, -(-stop // TILE_WIDTH)) if start < stop else range(0)


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
    asked for.

    Threads may share one: what they share never changes but by one assignment of a whole tile. A thread answers from
    the tile that it saw to be wide enough, whatever the others put in its place meanwhile.
    """

    __slots__ = ("_fetch", "_place_of", "_upper_of")

    def __init__(self, fetch: TileFetcher, *, max_tiles: int = 256) -> None:
        self._fetch: Final = fetch
        self._place_of: Final = lru_cache(maxsize=max_tiles)(self._fetched_place)
        self._upper_of: Final = lru_cache(maxsize=_UPPER_TILES * max_tiles)(self._folded_place)

    def __call__(self, level: int, index: int) -> bytes:
        """Hash of the complete node (level, index). Raises NotVerified corrupt_store: no stored tile holds it."""
        tile_level, height = level >> 3, level & 7
        number, offset = index >> (TILE_HEIGHT - height), index & ((TILE_WIDTH >> height) - 1)
        width = (offset + 1) << height
        if height < _UPPER:
            return self._tile(tile_level, number, width).node(height, offset)
        place = self._upper_of(tile_level, number)
        rows = place.kept
        if offset >= len(rows[height - _UPPER]):
            rows = place.kept = self._tile(tile_level, number, width).upper()
        return rows[height - _UPPER][offset]

    def _tile(self, level: int, number: int, width: int) -> _Tile:
        """Give a tile with `width` hashes at least: what is kept, or what is stored by now."""
        place = self._place_of(level, number)
        tile = place.kept
        if tile.width < width:
            tile = place.kept = self._fetched(level, number)
        if tile.width < width:
            path = TilePath(level=level, number=number).format()
            raise NotVerified("corrupt_store", f"{path} is stored with {tile.width} hashes only")
        return tile

    def _fetched(self, level: int, number: int) -> _Tile:
        tile = self._fetch(level, number)
        _check_form(tile)
        return _Tile(tile)

    def _fetched_place(self, level: int, number: int) -> _Place[_Tile]:
        return _Place(self._fetched(level, number))

    def _folded_place(self, level: int, number: int) -> _Place[_Rows]:
        return _Place(self._tile(level, number, 0).upper())


class _Place(Generic[T]):
    """Where the newest that is known of a tile is kept, until it has grown."""

    __slots__ = ("kept",)

    def __init__(self, kept: T) -> None:
        self.kept = kept


class _Tile:
    """One tile as it was fetched; its nodes below height 4 are made for 16 hashes at a time when they are needed."""

    __slots__ = ("_blocks", "_hashes", "width")

    def __init__(self, hashes: bytes) -> None:
        self.width: Final = len(hashes) // HASH_BYTES
        self._hashes: Final = hashes
        self._blocks: Final[dict[int, _Rows]] = {}

    def node(self, height: int, offset: int) -> bytes:
        """Give a node at a height of 0..3 above the hashes; the tile must hold all of it."""
        block, within = offset >> (_UPPER - height), offset & ((1 << (_UPPER - height)) - 1)
        rows = self._blocks.get(block)
        if rows is None:
            hashes = self._hashes[block * _BLOCK_BYTES : (block + 1) * _BLOCK_BYTES]
            rows = self._blocks[block] = _rows(tile_hashes(hashes), _UPPER)
        return rows[height][within]

    def upper(self) -> _Rows:
        """Make the complete nodes at the heights 4..7 above the hashes."""
        return _rows(tile_hashes(self._hashes), TILE_HEIGHT)[_UPPER:]


def _rows(hashes: list[bytes], heights: int) -> _Rows:
    """Complete nodes above hashes, by height from 0, the hashes themselves, up."""
    rows = [hashes]
    while len(rows) < heights:
        pairs = iter(rows[-1])
        rows.append([node_hash(left, right) for left, right in zip(pairs, pairs, strict=False)])
    return rows
