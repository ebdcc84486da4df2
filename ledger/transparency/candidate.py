"""Submitted entries on their way into the log: examined in any thread, then judged by the one that writes.

`examine` does the costly part, form and signatures, against a key state that does not change under it. `BatchView` is
the log as the checks of `ledger.admission` see it: what is stored, and the earlier entries of the same batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ledger.admission import CLOCK_MARGIN_S, Known, Target, Window, check_entry
from ledger.entries import Entry, Head, Seal, parse_entry
from ledger.errors import NotVerified, TongbanError
from ledger.jws import MAX_ENTRY_BYTES
from ledger.members import KeyState, verify_signatures
from ledger.transparency.merkle import leaf_hash
from ledger.transparency.replay import Effects
from ledger.transparency.store import Change, Store

__all__ = ["BatchView", "Candidate", "Placed", "examine"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A submitted entry. Exactly one of `entry` and `fault` is set, as form and signatures stand under `state`.

    leaf: its leaf hash, 32 bytes; empty for an entry of a size that no log holds.
    """

    raw: bytes
    leaf: bytes
    state: KeyState
    entry: Entry | None = None
    fault: TongbanError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Where an entry stands. known: it stood there before (its bytes, or its statement)."""

    index: int
    leaf: bytes
    known: bool


def examine(raw: bytes, state: KeyState, index: int) -> Candidate:
    """Check size, form, keys and signatures of an entry that would enter at `index` or later. Never raises.

    Pure and thread-safe. A fault found here does not yet refuse the entry: the log may hold it already.
    """
    leaf = leaf_hash(raw) if 1 <= len(raw) <= MAX_ENTRY_BYTES else b""
    try:
        entry = parse_entry(raw)
        if not isinstance(entry, Head):  # refused later, with a reason of its own
            verify_signatures(entry, state, index)
    except TongbanError as fault:
        return Candidate(raw=raw, leaf=leaf, state=state, fault=fault)
    return Candidate(raw=raw, leaf=leaf, state=state, entry=entry)


class BatchView:
    """The log with the entries that a batch has admitted so far; what it collects becomes one commit."""

    def __init__(self, store: Store, effects: Effects, candidates: Sequence[Candidate], first: int) -> None:
        """Look up all candidates at once. first: index of the first entry of the batch."""
        leaves = [candidate.leaf for candidate in candidates if candidate.leaf]
        statements = [candidate.entry.statement for candidate in candidates if candidate.entry is not None]
        self._reader: Final = store.reader
        self._leaves, self._statements = store.reader.find(leaves, statements)
        self._looked_up: Final = set(statements)
        self._effects: Final = effects
        self._rules: Final = effects.keys
        self.first: Final = first
        self.entries: Final[list[Entry]] = []
        self.changes: Final[list[Change]] = []

    @property
    def next_index(self) -> int:
        """Index that the next admitted entry gets."""
        return self.first + len(self.entries)

    def index_of_leaf(self, leaf: bytes) -> int | None:
        """Return the index of the entry with this leaf hash."""
        return self._leaves.get(leaf)

    def index_of_statement(self, statement: bytes) -> int | None:
        """Return the index of the entry with this statement hash."""
        if statement not in self._looked_up:  # of a candidate that was faulty when all were looked up
            self._statements.update(self._reader.find((), (statement,))[1])
            self._looked_up.add(statement)
        return self._statements.get(statement)

    def seal_at(self, index: int) -> Target | None:
        """Return the seal at an index, or None."""
        if not 0 <= index < self.next_index:
            return None
        entry = self.entries[index - self.first] if index >= self.first else parse_entry(self.read(index, index + 1)[0])
        if not isinstance(entry, Seal):
            return None
        return Target(leaf=entry.leaf, iss=entry.iss, status=self._effects.statuses.get(index))

    def read(self, start: int, stop: int) -> list[bytes]:
        """Give the exact bytes of the entries start..stop-1, stored ones and those of this batch."""
        stored = self._reader.entries(start, min(stop, self.first)) if start < self.first else ()
        own = self.entries[max(start - self.first, 0) : max(stop - self.first, 0)]
        return [*stored, *(entry.raw for entry in own)]

    def place(self, candidate: Candidate, now: int) -> Placed | TongbanError:
        """Admit one candidate, or find it, or say why not. Raises NotVerified corrupt_store only."""
        try:
            return self._place(candidate, now)
        except TongbanError as error:
            if isinstance(error, NotVerified) and error.code == "corrupt_store":
                raise
            return error

    def _place(self, candidate: Candidate, now: int) -> Placed:
        index = self.index_of_leaf(candidate.leaf)
        if index is not None:
            return Placed(index=index, leaf=candidate.leaf, known=True)
        keys, index = self._effects.keys, self.next_index
        if candidate.state is not keys:  # keys have changed since: what was found then may not hold
            candidate = examine(candidate.raw, keys, index)
        if candidate.entry is None:
            raise candidate.fault or AssertionError
        window = Window(now=now, margin=CLOCK_MARGIN_S)
        known = check_entry(
            candidate.entry, state=keys, view=self, index=index, window=window, rules=self._rules, verified=True
        )
        if isinstance(known, Known):
            (raw,) = self.read(known.index, known.index + 1)
            return Placed(index=known.index, leaf=leaf_hash(raw), known=True)
        self.add(candidate.entry)
        return Placed(index=index, leaf=candidate.leaf, known=False)

    def add(self, entry: Entry) -> None:
        """Take an admitted entry with its effects."""
        self.changes.extend(self._effects.apply(entry, self.next_index, self.read))
        self._append(entry)

    def close(self, head: Head) -> None:
        """Put the head behind the entries that it covers; its own status is covered by the next one."""
        self._append(head)

    def _append(self, entry: Entry) -> None:
        self._leaves[entry.leaf] = self._statements[entry.statement] = self.next_index
        self._looked_up.add(entry.statement)
        self.entries.append(entry)
