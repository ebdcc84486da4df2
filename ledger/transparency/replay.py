"""What admitted entries do to keys and statuses, one after the other: the state that status heads bind.

The sequencer applies entries as it admits them, `ledger.transparency.fsck` applies them again from the first one; both
use this one function, so that what is written and what is checked cannot drift apart.

    effects = Effects(keys=KeyState.genesis(entry_0), statuses=StatusArray())
    changes = effects.apply(entry, index, read)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from ledger.entries import Entry, MemberChange, RuleChange, Seal, StatusChange, parse_entry
from ledger.members import KeyState
from ledger.status import Status, StatusArray
from ledger.transparency.store import Change

__all__ = ["Effects", "EntryReader"]

EntryReader: TypeAlias = Callable[[int, int], Sequence[bytes]]
"""(start, stop) -> exact bytes of the entries start..stop-1."""

_CHUNK: Final = 1024


@dataclass(slots=True)
class Effects:
    """Key state after the last applied entry, and the statuses of all entries so far. Owned by one thread."""

    keys: KeyState
    statuses: StatusArray

    def apply(self, entry: Entry, index: int, read: EntryReader) -> list[Change]:
        """Apply the admitted entry at `index`; `read` gives the entries below it. Returns the changes of statuses.

        Raises Conflict stale_prev, kid_used, wrong_target for a member or rule entry that does not fit.
        """
        self.statuses.extend_to(index + 1)
        match entry:
            case StatusChange():
                return [self._change(index, entry.of, entry.to)]
            case MemberChange() if index > 0:  # entry 0 made the state
                self.keys = self.keys.apply(entry, index)
                return [self._change(index, target, Status.REVOKED) for target in self._voided(entry, index, read)]
            case RuleChange():
                self.keys = self.keys.apply(entry, index)
        return []

    def _change(self, index: int, target: int, now: Status) -> Change:
        was = self.statuses.get(target)
        self.statuses.set(target, now)
        return Change(index=index, target=target, was=was, now=now)

    def _voided(self, entry: MemberChange, index: int, read: EntryReader) -> Iterator[int]:
        """Find the seals that fall with a compromised key, those already revoked left out. Rare: reads them all."""
        starts = {row.kid: row.void_from for member in entry.members for row in member.revoke}
        void_from = {kid: start for kid, start in starts.items() if start is not None}
        for chunk in range(min(void_from.values(), default=index), index, _CHUNK):
            raws = read(chunk, min(chunk + _CHUNK, index))
            for target, raw in enumerate(raws, start=chunk):
                found = parse_entry(raw)
                if isinstance(found, Seal) and self._falls(target, void_from.get(found.signatures[0].kid)):
                    yield target

    def _falls(self, target: int, void_from: int | None) -> bool:
        return void_from is not None and target >= void_from and self.statuses.get(target) != Status.REVOKED
