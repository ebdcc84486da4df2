"""Check of a whole stored log, entry by entry: everything that follows from the entries is made again and compared.

Leaves, dedup hashes, every hash tile, every status tile and change, every head with the key state and status root that
it binds, the root, the note, and the published checkpoints. The first difference is raised with its index. Costs one
signature check an entry; the log may be of any size, memory holds its statuses and the right edge.
"""

from __future__ import annotations

from typing import Final

from ledger.admission import Target, check_entry
from ledger.entries import Entry, Head, MemberChange, Seal, parse_entry
from ledger.errors import NotVerified, TongbanError
from ledger.heads import verify_head
from ledger.members import KeyState
from ledger.status import TILE_ENTRIES, StatusArray
from ledger.suites import PublicKey
from ledger.transparency.checkpoint import verify_checkpoint
from ledger.transparency.edge import EMPTY_EDGE, TileEdge
from ledger.transparency.merkle import HASH_BYTES
from ledger.transparency.note import Note, VerifierKey, keyring
from ledger.transparency.replay import Effects
from ledger.transparency.store import Change, Store
from ledger.transparency.tiles import TILE_HEIGHT, TILE_WIDTH

__all__ = ["check_log"]

_CHUNK: Final = 256


def check_log(store: Store, log_key: VerifierKey) -> int:
    """Check everything; returns the size. Raises NotVerified corrupt_store with the first index at fault."""
    check: _Check | None = None
    try:
        check = _Check(store, log_key)
        return check.run()
    except (TongbanError, AttributeError, TypeError, ValueError) as error:  # SQLite keeps values of any type
        named = error.index if isinstance(error, TongbanError) else None
        index = check.index if named is None and check is not None else named or 0
        raise NotVerified("corrupt_store", f"entry {index}: {error}", index=index) from error


class _Check:
    """One pass over the log; also the log as the checks of an entry see it: what lies below the present index."""

    def __init__(self, store: Store, log_key: VerifierKey) -> None:
        self._reader: Final = store.reader
        self._log_key: Final = log_key
        self._state: Final = store.state()
        self._edge: TileEdge = EMPTY_EDGE
        self._changes: Final[list[Change]] = []
        self._roots: Final[dict[int, bytes]] = {}  # at the size behind each head
        self._effects: Final = Effects(keys=self._genesis(), statuses=StatusArray())
        self._rules: KeyState = self._effects.keys
        self.index = 0

    def run(self) -> int:
        """Check everything; returns the size."""
        size = self._state.size
        for start in range(0, size, _CHUNK):
            for raw in self._reader.entries(start, min(start + _CHUNK, size)):
                self._raw(raw)
                self.index += 1
        self._check_right_edge()
        self._check_statuses()
        self._check_published()
        return size

    def index_of_leaf(self, _leaf: bytes) -> int | None:
        """Nothing is a repetition: the index tables, whose hashes are unique, name each entry at its own index."""
        return None

    def index_of_statement(self, _statement: bytes) -> int | None:
        """As index_of_leaf."""
        return None

    def seal_at(self, index: int) -> Target | None:
        """Return the seal at an index below the present one."""
        if not 0 <= index < self.index:
            return None
        entry = parse_entry(self._reader.entries(index, index + 1)[0])
        status = self._effects.statuses.get(index)
        return Target(leaf=entry.leaf, iss=entry.iss, status=status) if isinstance(entry, Seal) else None

    def _genesis(self) -> KeyState:
        entry = parse_entry(self._reader.entries(0, 1)[0])
        if not isinstance(entry, MemberChange) or entry.leaf != self._state.genesis_leaf:
            raise NotVerified("corrupt_store", "entry 0 is not the genesis", index=0)
        return KeyState.genesis(entry)

    def _raw(self, raw: bytes) -> None:
        entry = parse_entry(raw)
        leaves, statements = self._reader.find((entry.leaf,), (entry.statement,))
        if (leaves.get(entry.leaf), statements.get(entry.statement)) != (self.index, self.index):
            raise NotVerified("corrupt_store", "the dedup tables do not name the entry")
        self._entry(entry)

    def _entry(self, entry: Entry) -> None:
        growth = self._edge.append([entry.leaf])
        self._edge = growth.edge
        for (level, number), tile in growth.tiles.items():
            if len(tile) == TILE_WIDTH * HASH_BYTES and self._reader.tile(level, number) != tile:
                raise NotVerified("corrupt_store", f"tile {number} of level {level} has another hash")
        if isinstance(entry, Head):
            self._head(entry)
            return
        if self.index:
            check_entry(entry, state=self._effects.keys, rules=self._rules, view=self, index=self.index, now=None)
        self._changes.extend(self._effects.apply(entry, self.index, self._reader.entries))

    def _head(self, head: Head) -> None:
        size, statuses = self.index + 1, self._effects.statuses
        statuses.extend_to(self.index)
        verify_head(head.raw, origin=self._state.origin, key=_key(self._log_key), size=size)
        if (head.keys, head.root) != (self._effects.keys.digest(), statuses.root()):
            raise NotVerified("bad_head", "head binds another key state or other statuses")
        self._rules = self._effects.keys
        self._roots[size] = self._edge.root()

    def _check_right_edge(self) -> None:
        """Compare the partial tiles and the signed note. The last entry must be a head: else its root is unknown."""
        for level, partial in enumerate(self._edge.partials):
            number = (self._state.size >> (TILE_HEIGHT * level)) // TILE_WIDTH
            if partial and self._reader.tile(level, number) != partial:
                raise NotVerified("corrupt_store", f"partial tile {number} of level {level} has another hash")
        self._check_note(self._state.note, self._state.size)

    def _check_note(self, note: bytes, size: int) -> None:
        checkpoint = verify_checkpoint(Note.parse(note), keyring([self._log_key])).checkpoint
        if (checkpoint.origin, checkpoint.size) != (self._state.origin, size):
            raise NotVerified("corrupt_store", f"the note kept for size {size} is of another log or size")
        if checkpoint.root != self._roots.get(size):
            raise NotVerified("corrupt_store", f"the note of size {size} has another root than the entries")

    def _check_statuses(self) -> None:
        statuses = self._effects.statuses
        for number, stored in enumerate(self._reader.statuses(len(statuses))[0]):
            if stored != statuses.tile(number):
                raise NotVerified("corrupt_store", f"status tile {number} is another", index=number * TILE_ENTRIES)
        if list(self._reader.statuses(0)[1]) != sorted(self._changes, key=lambda c: (c.index, c.target), reverse=True):
            raise NotVerified("corrupt_store", "the recorded changes are not those of the entries")

    def _check_published(self) -> None:
        found = list(self._reader.checkpoints(0, self._state.size + 1))
        for checkpoint in found:
            self._check_note(checkpoint.note, checkpoint.size)
        if self._state.published != max((checkpoint.size for checkpoint in found), default=0):
            raise NotVerified("corrupt_store", "published is not the size of the last kept checkpoint")
        for mark in self._reader.landmarks():
            if mark.root != self._roots.get(mark.size):
                raise NotVerified("corrupt_store", f"the landmark of {mark.day} has another root than the entries")


def _key(log_key: VerifierKey) -> PublicKey:
    return PublicKey("Ed25519", log_key.public_key)
