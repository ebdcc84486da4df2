"""Auditor: mirrors a log, replays every entry, and says whether a checkpoint may be cosigned.

After the checks of a witness (`ledger.transparency.witness`) an auditor fetches the entries that it does not have and
refuses a checkpoint unless

1. their leaves and the root recompute, and every entry holds under the key state at its index (`Replay`), each
   statement once;
2. the last entry is a correct head: n, status root, keys, a journal that only grew, by proof;
3. dates are in their window and final states stay final;
4. what was deposited with it in time is in the tree (`ledger.deposits`).

    audit = Audit.open(read, state, genesis=state_of_entry_0, log_key=key)
    audited = audit.check(raws, claimed=checkpoint, window=Window(now=now), prove=prove)
    settled = audited.check_deposits(deposits, now)
    ...                                    # store audited.batch, durably
    audit.advance(audited)

It starts again from its store (`load_tree`, which checks what it loads); a replay from entry 0 leads to the same state.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from ledger.admission import Window
from ledger.deposits import Deposit, settle_deposits
from ledger.errors import NotVerified
from ledger.heads import Head
from ledger.members import KeyState
from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.edge import EMPTY_EDGE, TileEdge, TreeGrowth
from ledger.transparency.merkle import leaf_hash, verify_consistency
from ledger.transparency.note import VerifierKey
from ledger.transparency.recovery import load_tree
from ledger.transparency.replay import Effects, EntryReader, Judged, Place, Replay
from ledger.transparency.spans import InOrder, Span, SpanFindings, one_by_one, read_span
from ledger.transparency.store import Appended, Reader, StoreState

__all__ = ["Audit", "Audited", "JournalProver"]

JournalProver: TypeAlias = Callable[[int, int], Sequence[bytes]]
"""(old count, count) -> consistency proof of the journal. Raises Unavailable where it is not to be had."""

_SPAN: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """Entries that hold, and what to store of them. batch: None if there were no new ones.

    Its notes are the bare texts of checkpoints: what the auditor signs is kept beside.
    """

    replay: Replay
    edge: TileEdge
    text: bytes
    batch: Appended | None
    read: Callable[[], Reader]

    def check_deposits(self, deposits: Sequence[Deposit], now: int) -> tuple[bytes, ...]:
        """Apply the deposit rule at `now`; give the leaf hashes of those that need no watching any more.

        Raises NotVerified deposit_left_out (DepositLeftOutError).
        """
        statements = [deposit.entry.statement for deposit in deposits]
        logged = {*self.read().find((), statements)[1], *(() if self.batch is None else self.batch.statements)}
        return settle_deposits(deposits, self.replay, logged=logged, now=now)


class Audit:
    """The state of an auditor over its store. `read` gives the calling thread's reader of what was stored.

    One thread at a time checks and advances; `replay` is replaced and never changed, so that others may read from it.
    """

    def __init__(self, read: Callable[[], Reader], replay: Replay, edge: TileEdge, text: bytes) -> None:
        self._read: Final = read
        self.replay = replay
        self._edge = edge
        self._text = text

    @classmethod
    def open(
        cls, read: Callable[[], Reader], state: StoreState | None, *, genesis: KeyState, log_key: VerifierKey
    ) -> Audit:
        """Go on from a store, or from nothing (`state` None). genesis: the pinned one's key state.

        Raises NotVerified corrupt_store: the store does not hold, or is of another log.
        """

        def entries(start: int, stop: int) -> Sequence[bytes]:
            return read().entries(start, stop)

        if state is None:
            return cls(read, Replay.from_genesis(genesis, log_key, entries), EMPTY_EDGE, b"")
        if (state.origin, state.genesis_leaf) != (genesis.origin, genesis.genesis_leaf):
            raise NotVerified("corrupt_store", "the store mirrors another log than the pinned one", index=0)
        standing = load_tree(read(), Checkpoint.parse(state.note), state.genesis_leaf, log_key)
        replay = Replay(
            log_key=log_key,
            read=entries,
            effects=Effects(keys=standing.keys, statuses=standing.statuses),
            rules=standing.keys,
            journal=(standing.head.journal_n, standing.head.journal_root),
            size=state.size,
        )
        _settle(replay)
        return cls(read, replay, standing.edge, state.note)

    @property
    def size(self) -> int:
        """Entries that are mirrored and replayed."""
        return self.replay.size

    def check(
        self,
        raws: Sequence[bytes],
        *,
        claimed: Checkpoint | None,
        window: Window,
        prove: JournalProver,
        in_order: InOrder = one_by_one,
    ) -> Audited:
        """Judge the entries that follow, up to a head. claimed: the checkpoint that they must lead to.

        None: a run on the way to one, as far behind; it proves nothing before a claimed one has been reached. Raises
        NotVerified, Malformed, Conflict, Refused, with the index of the first entry at fault where one is.
        """
        growth = self._edge.append([leaf_hash(raw) for raw in raws])
        if claimed is not None and (growth.edge.size, growth.edge.root()) != (claimed.size, claimed.root):
            raise NotVerified("bad_inclusion", "the entries make another tree than the one that was signed")
        replay = self.replay.fork(self._reading(raws))
        if not raws:
            return Audited(replay=replay, edge=self._edge, text=self._text, batch=None, read=self._read)
        if self.size == 0 and leaf_hash(raws[0]) != replay.keys.genesis_leaf:
            raise NotVerified("bad_inclusion", "entry 0 is another genesis than the pinned one", index=0)
        statements: dict[bytes, int] = {}
        judged = list(self._judged(replay, raws, statements, window, in_order))
        if judged[-1].head is None:
            raise NotVerified("bad_head", "the last entry is no status head", index=replay.size - 1)
        self._check_journal((each.head for each in judged if each.head is not None), prove)
        batch = self._batch(replay, growth, judged, list(statements))
        return Audited(replay=replay, edge=growth.edge, text=batch.note, batch=batch, read=self._read)

    def _batch(
        self, replay: Replay, growth: TreeGrowth, judged: Sequence[Judged], statements: Sequence[bytes]
    ) -> Appended:
        """Put together what is to be stored of entries that hold."""
        changes = [change for each in judged for change in each.changes]
        return Appended(
            first=self.size,
            entries=[each.raw for each in judged],
            leaves=[each.leaf for each in judged],
            statements=statements,
            tiles=growth.tiles,
            status=replay.effects.tiles_since(self.size, changes),
            changes=changes,
            old_note=self._text,
            note=Checkpoint(origin=replay.keys.origin, size=replay.size, root=growth.edge.root()).text(),
        )

    def advance(self, audited: Audited) -> None:
        """Stand where `audited` does; its batch is stored."""
        audited.replay.read = self.replay.read  # not from the batch any more
        _settle(audited.replay)
        self.replay, self._edge, self._text = audited.replay, audited.edge, audited.text

    def _reading(self, raws: Sequence[bytes]) -> EntryReader:
        first, stored = self.size, self.replay.read

        def entries(start: int, stop: int) -> Sequence[bytes]:
            below = stored(start, min(stop, first)) if start < first else ()
            return [*below, *raws[max(start - first, 0) : max(stop - first, 0)]]

        return entries

    def _judged(
        self,
        replay: Replay,
        raws: Sequence[bytes],
        statements: dict[bytes, int],
        window: Window,
        in_order: InOrder,
    ) -> Iterator[Judged]:
        asked: deque[Span] = deque()

        def spans() -> Iterator[Span]:
            for start in range(0, len(raws), _SPAN):
                asked.append(replay.span(self.size + start, raws[start : start + _SPAN], window))
                yield asked[-1]

        for found in in_order(read_span, spans()):
            yield from replay.walk(asked.popleft(), found, self._place(found, statements))

    def _place(self, found: SpanFindings, statements: dict[bytes, int]) -> Place:
        """Let each statement stand once: in what is stored, and in what comes now. One leaf has one statement."""
        stored = self._read().find((), [each for each in found.statements if each])[1]

        def place(index: int, _leaf: bytes, statement: bytes) -> None:
            at = stored.get(statement, statements.get(statement))
            if at is not None:
                raise NotVerified("duplicate_statement", f"the statement stands at index {at} already", index=index)
            statements[statement] = index

        return place

    def _check_journal(self, heads: Iterable[Head], prove: JournalProver) -> None:
        """Check by proof that the journal only grew, from head to head."""
        count, root = self.replay.journal
        for head in heads:
            if head.journal_n > count:
                path = prove(count, head.journal_n) if count else ()
                try:
                    verify_consistency(count, head.journal_n, root, head.journal_root, path)
                except NotVerified as error:
                    raise NotVerified("bad_consistency", "the journal was not only grown", index=head.n) from error
                count, root = head.journal_n, head.journal_root


def _settle(replay: Replay) -> None:
    """Cover the last head, too: threads that only ask find nothing left to extend."""
    replay.effects.statuses.extend_to(replay.size)
