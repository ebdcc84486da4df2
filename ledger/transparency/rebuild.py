"""A log's store made again from its entries alone: every row that follows from them, up to a signed note.

    rebuild_log(store, runs_of_entries, note)         an empty store -> entries, leaves, statements, tiles, statuses,
                                                      changes, and the note in its place; nothing is published yet

Form is checked here, and that the entries give the note's root; signatures, keys and heads are not: whoever rebuilds a
store replays it afterwards (`ledger.transparency.fsck`), as if it had come from somebody else. It is written in
transactions that end behind a head. Until the last one a text stands in place of the note that no start takes for one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from ledger.entries import Entry, Head, MemberChange, parse_entry
from ledger.errors import Malformed, NotVerified
from ledger.members import KeyState
from ledger.status import StatusArray
from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.edge import EMPTY_EDGE, TileEdge
from ledger.transparency.note import Note
from ledger.transparency.replay import Effects
from ledger.transparency.store import Appended, Change, Store

__all__ = ["rebuild_log"]

_COMMIT: Final = 4096  # entries, or more up to the next head


def rebuild_log(store: Store, runs: Iterable[Sequence[bytes]], note: bytes) -> Checkpoint:
    """Fill an empty store. runs: exact bytes of all entries, in order, in runs of any length. note: signed, over all.

    Raises NotVerified bad_inclusion (other entries than the note's), Malformed and Conflict of an entry that has no
    place there, Conflict already_exists; then the store is good for nothing.
    """
    checkpoint = Checkpoint.parse(Note.parse(note).text)
    rebuild = _Rebuild(store, checkpoint, note)
    for run in runs:
        for raw in run:
            rebuild.take(raw)
    if rebuild.index != checkpoint.size:
        raise NotVerified("bad_inclusion", f"there are {rebuild.index} entries, the note is over {checkpoint.size}")
    return checkpoint


class _Rebuild:
    """The store as far as it is made, and the entries behind it that wait for a head."""

    def __init__(self, store: Store, checkpoint: Checkpoint, note: bytes) -> None:
        self._store: Final = store
        self._checkpoint: Final = checkpoint
        self._note: Final = note
        self._old_note = b""
        self._edge: TileEdge = EMPTY_EDGE
        self._effects: Effects | None = None
        self._waiting: list[Entry] = []
        self._changes: list[Change] = []
        self.index = 0

    def take(self, raw: bytes) -> None:
        """Take the next entry with its effects."""
        entry = parse_entry(raw)
        if self._effects is None:
            self._effects = Effects(keys=_genesis(entry), statuses=StatusArray())
        if isinstance(entry, Head):
            self._effects.statuses.extend_to(self.index)
        else:
            self._changes += self._effects.apply(entry, self.index, self._read)
        self._waiting.append(entry)
        self.index += 1
        if isinstance(entry, Head) and (len(self._waiting) >= _COMMIT or self.index == self._checkpoint.size):
            self._commit(self._effects)

    def _read(self, start: int, stop: int) -> Sequence[bytes]:
        first = self.index - len(self._waiting)
        stored = self._store.reader.entries(start, min(stop, first)) if start < first else ()
        return [*stored, *(entry.raw for entry in self._waiting[max(start - first, 0) : max(stop - first, 0)])]

    def _commit(self, effects: Effects) -> None:
        first, last = self.index - len(self._waiting), self.index == self._checkpoint.size
        growth = self._edge.append([entry.leaf for entry in self._waiting])
        if last and growth.edge.root() != self._checkpoint.root:
            raise NotVerified("bad_inclusion", "the entries do not give the root that the note signs")
        batch = Appended(
            first=first,
            entries=[entry.raw for entry in self._waiting],
            leaves=[entry.leaf for entry in self._waiting],
            statements=[entry.statement for entry in self._waiting],
            tiles=growth.tiles,
            status=effects.tiles_since(first, self._changes),
            changes=self._changes,
            old_note=self._old_note,
            note=self._note if last else b"being rebuilt: %d entries" % self.index,
        )
        if first:
            self._store.commit(batch)
        else:
            self._store.create(self._checkpoint.origin, batch)
        self._edge, self._old_note, self._waiting, self._changes = growth.edge, batch.note, [], []


def _genesis(entry: Entry) -> KeyState:
    if not isinstance(entry, MemberChange):
        raise Malformed("bad_payload", "entry 0 is no genesis", index=0)
    return KeyState.genesis(entry)
