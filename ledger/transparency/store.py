"""What the log asks of its storage: one writer that commits whole batches, readers that see only what was committed.

A store holds bytes and indexes and understands none of them; `ledger.transparency.sequencer` decides what is written,
and checks at start what it finds. Two transactions make a checkpoint public:

    T1 commit    entries, dedup hashes, tiles, status tiles, status changes, and the signed note: old note -> new note
    T2 publish   the note with its cosignatures, and `published` up to its size

The signed note is the lock: T1 replaces exactly the note that the writer read, or nothing at all. So two writers by
mistake cannot both go on, and a tree that was signed is never signed again with another content.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

__all__ = [
    "Appended",
    "Change",
    "Landmark",
    "Publication",
    "Reader",
    "Store",
    "StoreState",
    "StoredCheckpoint",
    "StoredCosignature",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreState:
    """Where the log stands: the signed note over `size` entries, and how many of these are published."""

    origin: str
    genesis_leaf: bytes
    size: int
    note: bytes
    published: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The entry at `index` took the status of the seal at `target` from `was` to `now` (0..3)."""

    index: int
    target: int
    was: int
    now: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """One batch, all or nothing: the entries first..size-1 and everything that follows from them.

    old_note: the note this batch stands on, empty for the first. leaves, statements: 32 bytes an entry, in order.
    tiles: (level, number) -> 32 bytes a hash, 1..256 hashes; a right-edge tile replaces its shorter self.
    status: number -> 64 bytes. changes: what status entries did, in order.
    """

    first: int
    entries: Sequence[bytes]
    leaves: Sequence[bytes]
    statements: Sequence[bytes]
    tiles: Mapping[tuple[int, int], bytes]
    status: Mapping[int, bytes]
    changes: Sequence[Change]
    old_note: bytes
    note: bytes

    @property
    def size(self) -> int:
        """The tree's size with this batch."""
        return self.first + len(self.entries)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCosignature:
    """One cosigner's newest signature over a checkpoint: key name, POSIX seconds, the note's line with its newline."""

    name: str
    time: int
    line: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCheckpoint:
    """A checkpoint as it was first published: log signature and a minimal quorum of cosignatures."""

    size: int
    note: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Landmark:
    """The last published checkpoint of one day: `YYYY-MM-DD` in UTC+8, size, root of 32 bytes."""

    day: str
    size: int
    root: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """What T2 makes durable for one size: the note to keep if none is kept yet, cosignatures, the day's landmark."""

    size: int
    note: bytes
    cosignatures: Sequence[StoredCosignature]
    landmark: Landmark


class Reader(Protocol):
    """Reads of what was committed. Ranges are half-open; a row that should be there and is not: corrupt_store."""

    def entries(self, start: int, stop: int) -> Sequence[bytes]:
        """Give the exact bytes of the entries start..stop-1. Raises NotVerified corrupt_store."""
        ...

    def governance(self, start: int) -> Sequence[tuple[int, bytes]]:
        """Give the member and rule entries (the general JWS) from index `start` on, ascending, with their index."""
        ...

    def tile(self, level: int, number: int) -> bytes:
        """Give a hash tile as it is stored, 32 bytes a hash. Raises NotVerified corrupt_store if there is none."""
        ...

    def find(self, leaves: Sequence[bytes], statements: Sequence[bytes]) -> tuple[dict[bytes, int], dict[bytes, int]]:
        """Look up leaf hashes and statement hashes; give those that are in the log, each with its index."""
        ...

    def statuses(self, n: int) -> tuple[Sequence[bytes], Sequence[Change]]:
        """Give the status tiles that cover the entries 0..n-1, as of the last commit, and what to undo to be at n.

        Tiles are 64 bytes each. To undo are the changes made by the entries n and above, newest first. Raises
        NotVerified corrupt_store.
        """
        ...

    def checkpoints(self, start: int, limit: int) -> Sequence[StoredCheckpoint]:
        """Give up to `limit` published checkpoints of size `start` and above, smallest first."""
        ...

    def publications(self, first: int, limit: int) -> Sequence[StoredCheckpoint]:
        """Give up to `limit` published checkpoints by their place in the order of sizes, from `first` (0-based) on."""
        ...

    def cosignatures(self, size: int) -> Sequence[StoredCosignature]:
        """Give the newest cosignature of every cosigner over the checkpoint of `size`, by name."""
        ...

    def landmarks(self) -> Sequence[Landmark]:
        """Give all landmarks, oldest first."""
        ...


class Store(Protocol):
    """The writer's side; after any exception from a write the store must be opened anew and checked.

    The write may then be there or not, and nobody in this process can tell.
    """

    @property
    def reader(self) -> Reader:
        """Reads over the writer's own connection: they see what was committed last."""
        ...

    def state(self) -> StoreState:
        """Say where the log stands. Raises Unavailable no_log if it was never created."""
        ...

    def create(self, origin: str, batch: Appended) -> None:
        """Make the log with its first batch, durable on return. Raises Conflict already_exists."""
        ...

    def commit(self, batch: Appended) -> None:
        """T1: write the batch and put its note in place of `old_note`, durable on return.

        Raises Conflict store_moved (another note stands there: another writer), Unavailable store_stopped.
        """
        ...

    def publish(self, publication: Publication) -> None:
        """T2: raise `published` to the size, durable on return; doing it again does no harm.

        Kept are: the first note of a size, the newest cosignature of each cosigner, the last landmark of a day.
        Raises Conflict store_moved, Unavailable store_stopped.
        """
        ...
