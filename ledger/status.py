"""Statuses: two bits an entry, addressed by log index, under one Merkle root.

    status[i] = (array[i // 4] >> (2 * (i % 4))) & 3          as IETF Token Status List with `bits` 2

The array is cut into tiles of 64 bytes = 256 entries, the last one filled with zero bytes. The status root is the
RFC 6962 tree hash over the tiles as leaves; every status head carries it. A proof for one entry is its tile and the
tile's inclusion path: 448 bytes in a log of a million entries. Entries that are no seals have status 0.

    statuses = StatusArray()
    statuses.extend_to(812)
    statuses.set(1, Status.REVOKED)
    tile, path = statuses.proof(1)
    verify_status_proof(1, 812, tile, path, statuses.root())          # Status.REVOKED
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Final

from ledger.errors import Malformed, NotVerified
from ledger.transparency.merkle import EMPTY_ROOT, leaf_hash, node_hash, verify_inclusion

__all__ = ["TILE_BYTES", "TILE_ENTRIES", "Status", "StatusArray", "status_in_tile", "verify_status_proof"]

TILE_BYTES: Final = 64
TILE_ENTRIES: Final = 256


class Status(IntEnum):
    """Status of a seal in the ledger; that its term has run out is not a status."""

    VALID = 0
    REVOKED = 1
    SUSPENDED = 2
    SUPERSEDED = 3


class StatusArray:
    """The statuses of the entries 0..size-1, with a root that costs O(changed tiles * log n).

    Not thread-safe: one writer owns it; readers take a `copy()`.
    """

    __slots__ = ("_array", "_dirty", "_levels", "_size")

    def __init__(self) -> None:
        self._array = bytearray()  # whole tiles
        self._size = 0
        self._levels: list[list[bytes]] = [[]]  # [0] = tile hashes; an odd last node stands unchanged one level up
        self._dirty: set[int] = set()  # tiles whose hash, and those above it, are out of date

    def __len__(self) -> int:
        return self._size

    @classmethod
    def from_bytes(cls, data: bytes, size: int) -> StatusArray:
        """Read the whole array, ceil(size / 4) bytes, unused bits zero. Raises Malformed bad_encoding."""
        if len(data) != -(-size // 4) or (size % 4 and data[-1] >> (2 * (size % 4))):
            raise Malformed("bad_encoding", f"expected the statuses of {size} entries, unused bits zero")
        statuses = cls()
        statuses.extend_to(size)
        statuses._array[: len(data)] = data
        return statuses

    def to_bytes(self) -> bytes:
        """Return the array, ceil(size / 4) bytes."""
        return bytes(self._array[: -(-self._size // 4)])

    def copy(self) -> StatusArray:
        """Return an independent array of the same statuses."""
        other = StatusArray()
        other._array, other._size = bytearray(self._array), self._size
        other._levels, other._dirty = [list(level) for level in self._levels], set(self._dirty)
        return other

    def extend_to(self, size: int) -> None:
        """Cover the entries 0..size-1, new ones VALID; `size` never falls."""
        if size < self._size:
            msg = f"a log of {self._size} entries never has {size} again"
            raise ValueError(msg)
        tiles, wanted = len(self._array) // TILE_BYTES, -(-size // TILE_ENTRIES)
        self._array.extend(bytes((wanted - tiles) * TILE_BYTES))
        self._dirty.update(range(tiles, wanted))
        self._size = size

    def get(self, index: int) -> Status:
        """Return the status of entry `index`; IndexError if it is not covered."""
        self._check_index(index)
        return Status(self._array[index // 4] >> (2 * (index % 4)) & 3)

    def set(self, index: int, status: Status) -> None:
        """Change the status of entry `index`; IndexError if it is not covered."""
        self._check_index(index)
        shift = 2 * (index % 4)
        self._array[index // 4] = self._array[index // 4] & ~(3 << shift) | status << shift
        self._dirty.add(index // TILE_ENTRIES)

    def _check_index(self, index: int) -> None:
        if not 0 <= index < self._size:
            msg = f"entry {index} is not among the {self._size} covered"
            raise IndexError(msg)

    def tile(self, number: int) -> bytes:
        """Return status tile `number`, 64 bytes; IndexError if no entry is in it."""
        if not 0 <= number * TILE_ENTRIES < self._size:
            msg = f"there is no status tile {number}"
            raise IndexError(msg)
        return bytes(self._array[number * TILE_BYTES : (number + 1) * TILE_BYTES])

    def root(self) -> bytes:
        """Return the status root, 32 bytes; that of an empty tree for no entries."""
        self._update()
        return self._levels[-1][0] if self._size else EMPTY_ROOT

    def proof(self, index: int) -> tuple[bytes, list[bytes]]:
        """Return the tile of entry `index` and the tile's inclusion path, from its sibling up."""
        self._check_index(index)
        self._update()
        path, node = [], index // TILE_ENTRIES
        for level in self._levels[:-1]:
            if node ^ 1 < len(level):
                path.append(level[node ^ 1])
            node //= 2
        return self.tile(index // TILE_ENTRIES), path

    def _update(self) -> None:
        changed = self._dirty
        if not changed:
            return
        _put(self._levels[0], {number: leaf_hash(self.tile(number)) for number in changed})
        height = 0
        while len(self._levels[height]) > 1:
            below = self._levels[height]
            changed = {node // 2 for node in changed}
            height += 1
            if height == len(self._levels):
                self._levels.append([])
            _put(self._levels[height], {node: _parent(below, node) for node in changed})
        self._dirty = set()


def _parent(below: list[bytes], node: int) -> bytes:
    left = below[2 * node]
    return node_hash(left, below[2 * node + 1]) if 2 * node + 1 < len(below) else left


def _put(level: list[bytes], nodes: dict[int, bytes]) -> None:
    # New nodes stand right behind the old ones, without a gap: whatever is new was marked as changed.
    for node in sorted(nodes):
        if node == len(level):
            level.append(nodes[node])
        else:
            level[node] = nodes[node]


def status_in_tile(tile: bytes, index: int) -> Status:
    """Read the status of entry `index` from its tile of 64 bytes."""
    return Status(tile[index % TILE_ENTRIES // 4] >> (2 * (index % 4)) & 3)


def verify_status_proof(index: int, size: int, tile: bytes, path: Sequence[bytes], root: bytes) -> Status:
    """Check that `tile` holds the status of entry `index` under the status root of `size` entries; return the status.

    path: sibling hashes, tile to root, 32 bytes each. Raises NotVerified bad_status_proof.
    """
    if not 0 <= index < size or len(tile) != TILE_BYTES:
        raise NotVerified("bad_status_proof", f"entry {index} is not covered by a tile of {TILE_BYTES} bytes")
    try:
        verify_inclusion(leaf_hash(tile), index // TILE_ENTRIES, -(-size // TILE_ENTRIES), path, root)
    except NotVerified as error:
        raise NotVerified("bad_status_proof", "status tile does not lead to the head's status root") from error
    return status_in_tile(tile, index)
