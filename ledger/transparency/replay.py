"""What admitted entries do to keys and statuses, one after the other: the state that status heads bind.

`Effects` is what an entry does: the sequencer applies entries as it admits them, a replay applies them again from the
first one. `Replay` is the judgement of entries that stand in a log already: each one under the key state at its index,
each head against what it binds. The whole check of a store (`ledger.transparency.fsck`) and an auditor
(`ledger.transparency.audit`) replay by this one class, so that what is written and what is checked cannot drift apart.

    effects = Effects(keys=KeyState.genesis(entry_0), statuses=StatusArray())
    changes = effects.apply(entry, index, read)

    for judged in replay.walk(span, read_span(span), place):
        ...                                           # the entry at judged.index holds; replay.size is behind it
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from ledger.admission import ANY_TIME, Target, Window, check_entry
from ledger.entries import Entry, Head, MemberChange, RuleChange, Seal, StatusChange, parse_entry
from ledger.errors import NotVerified, TongbanError
from ledger.heads import EMPTY_JOURNAL_ROOT, verify_head
from ledger.members import KeyState
from ledger.status import TILE_ENTRIES, Status, StatusArray
from ledger.suites import PublicKey
from ledger.transparency.note import VerifierKey
from ledger.transparency.spans import Span, SpanFindings, at_index, read_span
from ledger.transparency.store import Change

__all__ = ["Effects", "EntryReader", "Judged", "Place", "Replay"]

EntryReader: TypeAlias = Callable[[int, int], Sequence[bytes]]
"""(start, stop) -> exact bytes of the entries start..stop-1."""

Place: TypeAlias = Callable[[int, bytes, bytes], None]
"""(index, leaf, statement): raises if these hashes stand at another index of the log, too."""

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

    def tiles_since(self, first: int, changes: Sequence[Change]) -> dict[int, bytes]:
        """Give the status tiles that the entries from `first` on began, filled or changed, by number."""
        # The head before `first` has its status only now, so the first tile is that of the index below.
        numbers = {*range(max(first - 1, 0) // TILE_ENTRIES, -(-len(self.statuses) // TILE_ENTRIES))}
        numbers.update(change.target // TILE_ENTRIES for change in changes)
        return {number: self.statuses.tile(number) for number in sorted(numbers)}

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """An entry that holds at its index. issuer: county of a seal. head: where it is one. changes: of statuses."""

    index: int
    raw: bytes
    leaf: bytes
    issuer: str | None
    head: Head | None
    changes: Sequence[Change]


@dataclass(slots=True, kw_only=True)
class Replay:
    """Where a replay stands: what the entries 0..size-1 add up to. Owned by one thread.

    log_key: of the log, whose name is the origin. read: gives entries below the next head. rules: the key state that
    the last head binds. journal: count and root that it binds.
    """

    log_key: VerifierKey
    read: EntryReader
    effects: Effects
    rules: KeyState
    journal: tuple[int, bytes] = (0, EMPTY_JOURNAL_ROOT)
    size: int = 0
    _digest: tuple[KeyState, bytes] | None = field(default=None, repr=False)

    @classmethod
    def from_genesis(cls, state: KeyState, log_key: VerifierKey, read: EntryReader) -> Replay:
        """Begin before entry 0, which must be the genesis that made `state`."""
        return cls(log_key=log_key, read=read, effects=Effects(keys=state, statuses=StatusArray()), rules=state)

    @property
    def keys(self) -> KeyState:
        """The key state after the last entry."""
        return self.effects.keys

    def fork(self, read: EntryReader) -> Replay:
        """Give a replay that stands here and goes its own way."""
        effects = Effects(keys=self.effects.keys, statuses=self.effects.statuses.copy())
        return replace(self, effects=effects, read=read)

    def span(self, first: int, raws: Sequence[bytes], window: Window = ANY_TIME) -> Span:
        """Ask for the reading of entries under the present keys and rules, as far as these will hold."""
        return Span(first=first, raws=raws, keys=self.effects.keys, rules=self.rules, window=window)

    def walk(self, span: Span, found: SpanFindings, place: Place) -> Iterator[Judged]:
        """Judge the entries of a span that begins at `size`, one after the other, and let each take its effect.

        Raises the error of the first one that does not hold, with its index: Malformed, NotVerified, Conflict, Refused.
        """
        start = 0
        for offset, raw in enumerate(span.raws):
            if not self._is_judged_by(span):  # they changed since the span was asked for: what was found may not hold
                start, span = offset, replace(span, keys=self.effects.keys, rules=self.rules)
                found = read_span(replace(span, first=self.size, raws=span.raws[start:]))
            at = offset - start
            if at in found.faults:
                raise found.faults[at]
            place(self.size, found.leaves[at], found.statements[at])
            yield self._judge(raw, found.leaves[at], found.issuers[at], span.window)

    def _is_judged_by(self, span: Span) -> bool:
        return span.keys is self.effects.keys and (span.window.now is None or span.rules is self.rules)

    def _judge(self, raw: bytes, leaf: bytes, issuer: str | None, window: Window) -> Judged:
        index, head, changes = self.size, None, list[Change]()
        if issuer is None:
            entry = parse_entry(raw)
            try:
                if isinstance(entry, Head):
                    head = entry
                    self._check_head(entry)
                else:
                    changes = self._apply(entry, window)
            except TongbanError as error:
                raise at_index(error, index) from error
        self.size += 1
        return Judged(index=index, raw=raw, leaf=leaf, issuer=issuer, head=head, changes=changes)

    def _apply(self, entry: Entry, window: Window) -> list[Change]:
        keys, index = self.effects.keys, self.size
        if index:  # entry 0 made the state
            check_entry(entry, state=keys, view=self, index=index, window=window, rules=self.rules)
        return self.effects.apply(entry, index, self.read)

    def index_of_statement(self, _statement: bytes) -> int | None:
        """Nothing is a repetition: `place` has found each entry at its own index alone."""
        return None

    def seal_at(self, index: int) -> Target | None:
        """Return the seal at an index below the present one."""
        if not 0 <= index < self.size:
            return None
        entry = parse_entry(self.read(index, index + 1)[0])
        if not isinstance(entry, Seal):
            return None
        self.effects.statuses.extend_to(self.size)
        return Target(leaf=entry.leaf, iss=entry.iss, status=self.effects.statuses.get(index))

    def _check_head(self, head: Head) -> None:
        statuses, key = self.effects.statuses, PublicKey("Ed25519", self.log_key.public_key)
        statuses.extend_to(self.size)
        verify_head(head.raw, origin=self.log_key.name, key=key, size=self.size + 1)
        if (head.keys, head.root) != (self._keys_digest(), statuses.root()):
            raise NotVerified("bad_head", "head binds another key state or other statuses")
        journal = (head.journal_n, head.journal_root)
        if journal[0] < self.journal[0] or (journal[0] == self.journal[0] and journal != self.journal):
            raise NotVerified("bad_head", "head binds another journal than the heads before it, grown")
        self.rules, self.journal = self.effects.keys, journal

    def _keys_digest(self) -> bytes:
        if self._digest is None or self._digest[0] is not self.effects.keys:
            self._digest = (self.effects.keys, self.effects.keys.digest())
        return self._digest[1]
