"""Reads of a log at a published size: entries, tiles, heads, proofs, receipts. Nothing beyond that size comes out.

A Snapshot is what a publication made visible; it never changes, and any number of threads may read it. `LogReads`
answers from a store through `read()`, which gives the calling thread's own reader, so it too serves many threads.

The receipt that a county gets back, and gets again for a repeated submission, is made from the *first* published
checkpoint that holds the entry, with the statuses of that size: byte for byte the same each time. A fresh receipt is
made from the newest snapshot.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from ledger.entries import is_seal
from ledger.errors import Conflict
from ledger.receipt import Receipt, write_receipt
from ledger.status import StatusArray
from ledger.transparency.merkle import HASH_BYTES, TreeView
from ledger.transparency.proof import TlogProof
from ledger.transparency.recovery import load_statuses
from ledger.transparency.store import Landmark, Reader, StoredCheckpoint, StoredCosignature
from ledger.transparency.tiles import ENTRIES, TILE_WIDTH, TileNodes, TilePath, encode_bundle

__all__ = ["HeadProof", "LogReads", "Snapshot"]

T = TypeVar("T")

_KEPT: Final = 32  # sizes whose statuses and right edges stay in memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The newest published checkpoint.

    note: with every cosignature known, as it is served. quorum_note: with a minimal quorum, for receipts; the same
    checkpoint. time: quorum time, POSIX seconds. cosigners: key names, sorted.
    """

    size: int
    root: bytes
    note: bytes
    quorum_note: bytes
    time: int
    cosigners: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadProof:
    """The last leaf of a checkpoint and its inclusion path, from the sibling up, 32 bytes a hash."""

    jws: bytes
    path: tuple[bytes, ...]


class LogReads:
    """Reads over a store, shared by threads. `read` gives a reader that the calling thread alone uses."""

    def __init__(self, read: Callable[[], Reader]) -> None:
        self._read: Final = read
        self._nodes: Final = TileNodes(lambda level, number: read().tile(level, number))
        self._views: Final = _Recent(lambda size: TreeView(size, self._nodes))
        self._statuses: Final = _Recent(lambda size: load_statuses(self._read(), size - 1))
        self._heads: Final = _Recent(self._head)
        self._changes: Final = _Recent(lambda size: tuple(self.governance(1, size)))
        # (index, size, note): size is the first published above index, and stays it: sizes only grow, notes are kept.
        self._first: tuple[int, int, bytes] = (0, 0, b"")

    def remember_statuses(self, size: int, statuses: StatusArray) -> None:
        """Take the statuses that the head of this size binds, so that they need not be loaded; not to be changed."""
        statuses.root()  # nothing is left to compute for the threads that share it
        self._statuses.put(size, statuses)

    def entries(self, start: int, stop: int) -> Sequence[bytes]:
        """Give the exact bytes of the entries start..stop-1."""
        return self._read().entries(start, stop)

    def find(self, leaves: Sequence[bytes]) -> dict[bytes, int]:
        """Give the index of each leaf hash that is in the log, published or not."""
        return self._read().find(leaves, ())[0]

    def governance(self, start: int, size: int) -> list[tuple[int, bytes]]:
        """Give the member and rule entries start..size-1, each with its index."""
        return [(index, raw) for index, raw in self._read().governance(start) if index < size]

    def tile(self, path: TilePath) -> bytes:
        """Give a hash tile or an entry bundle, cut to its width; the caller has checked that it is published."""
        start = path.number * TILE_WIDTH
        if path.level == ENTRIES:
            return encode_bundle(self.entries(start, start + path.width))
        return self._read().tile(path.level, path.number)[: path.width * HASH_BYTES]

    def statuses(self, size: int) -> StatusArray:
        """Give the statuses of the entries 0..size-2, as the head of this published size binds them; do not change."""
        return self._statuses.get(size)

    def root(self, size: int) -> bytes:
        """Give the root of the tree at a size."""
        return self._views.get(size).root

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """Make the inclusion path of an entry. Raises Malformed bad_number."""
        return self._views.get(size).inclusion_path(index)

    def consistency(self, old_size: int, size: int) -> list[bytes]:
        """Make the consistency path between two sizes. Raises Malformed bad_number."""
        return self._views.get(size).consistency_path(old_size)

    def past_path(self, old_size: int, size: int) -> list[bytes]:
        """Make that path as fork evidence carries it. Raises Malformed bad_number."""
        return self._views.get(size).past_path(old_size)

    def head(self, size: int) -> HeadProof:
        """Give the head of a published size."""
        return self._heads.get(size)

    def _head(self, size: int) -> HeadProof:
        (jws,) = self.entries(size - 1, size)
        return HeadProof(jws=jws, path=tuple(self.inclusion(size - 1, size)))

    def first_checkpoint(self, index: int) -> tuple[int, bytes]:
        """Give size and note of the first published checkpoint that holds an entry.

        Raises Conflict wrong_target if there is none yet.
        """
        low, size, note = self._first
        if not low <= index < size:
            found = self._read().checkpoints(index + 1, 1)
            if not found:
                raise Conflict("wrong_target", f"entry {index} is not published", index=index)
            size, note = found[0].size, found[0].note
            self._first = (index, size, note)
        return size, note

    def cosignatures(self, size: int) -> Sequence[StoredCosignature]:
        """Give the newest cosignature of every cosigner over a published checkpoint, by name."""
        return self._read().cosignatures(size)

    def publications(self, first: int, limit: int) -> list[tuple[StoredCheckpoint, Sequence[StoredCosignature]]]:
        """Give published checkpoints by their place in the order of sizes, each with the newest cosignatures."""
        read = self._read()
        return [(each, read.cosignatures(each.size)) for each in read.publications(first, limit)]

    def landmarks(self) -> Sequence[Landmark]:
        """Give the last published checkpoint of each day, oldest first."""
        return self._read().landmarks()

    def is_recent(self, size: int, count: int) -> bool | None:
        """Tell whether a size is among the last `count` published ones; None if it was never published."""
        found = self._read().checkpoints(size, count + 1)
        if not found or found[0].size != size:
            return None
        return len(found) <= count

    def receipt(self, index: int, *, size: int, note: bytes) -> bytes:
        """Make a receipt (no disclosures) of the seal at `index` under a published checkpoint.

        Raises Conflict wrong_target: no seal there, or not below that checkpoint's head.
        """
        if not 0 <= index < size:
            raise Conflict("wrong_target", f"there is no published seal at index {index}", index=index)
        (raw,) = self.entries(index, index + 1)
        if not is_seal(raw):
            raise Conflict("wrong_target", f"the entry at index {index} is no seal", index=index)
        return self._receipt(raw, index, size, note)

    def _receipt(self, raw: bytes, index: int, size: int, note: bytes) -> bytes:
        head = self.head(size)
        tile, path = self.statuses(size).proof(index)
        return write_receipt(
            Receipt(
                sd_jwt=f"{raw.decode('ascii')}~",
                proof=TlogProof(index=index, path=tuple(self.inclusion(index, size)), checkpoint=note),
                head=head.jws,
                head_path=head.path,
                tile=tile,
                status_path=tuple(path),
                keys=self._changes.get(size),
            )
        )

    def proof(self, index: int, *, size: int, note: bytes) -> bytes:
        """Make the proof file of an entry of any type under a published checkpoint. Raises Malformed bad_number."""
        return TlogProof(index=index, path=tuple(self.inclusion(index, size)), checkpoint=note).format()

    def evidence(self, index: int) -> tuple[bytes | None, bytes | None]:
        """Make the original receipt of a seal, or the original proof of any other entry: (receipt, proof).

        Raises Conflict wrong_target if the entry is not published.
        """
        size, note = self.first_checkpoint(index)
        (raw,) = self.entries(index, index + 1)
        if is_seal(raw):
            return self._receipt(raw, index, size, note), None
        return None, self.proof(index, size=size, note=note)


class _Recent(Generic[T]):
    """Values by size, the least recently used dropped; one that two threads miss at once is made twice."""

    def __init__(self, make: Callable[[int], T]) -> None:
        self._make: Final = make
        self._values: Final[OrderedDict[int, T]] = OrderedDict()
        self._lock: Final = threading.Lock()

    def get(self, size: int) -> T:
        """Give the value of a size, made when it is not kept."""
        with self._lock:
            if size in self._values:
                self._values.move_to_end(size)
                return self._values[size]
        value = self._make(size)
        self.put(size, value)
        return value

    def put(self, size: int, value: T) -> None:
        """Keep a value."""
        with self._lock:
            self._values[size] = value
            self._values.move_to_end(size)
            if len(self._values) > _KEPT:
                self._values.popitem(last=False)
