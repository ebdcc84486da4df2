"""Check of a whole stored log, entry by entry: everything that follows from the entries is made again and compared.

Leaves, dedup hashes, every hash tile, every status tile and change, every head with the key state and status root that
it binds, the root, the note, and the published checkpoints with their cosignatures. The first difference is raised with
its index. Costs one signature check an entry, which `in_order` may spread over processes; the log may be of any size,
memory holds its statuses, one issuer an entry, and the right edge.

That the tables hold nothing beside is the business of `ledger.transparency.tables`.

    replayed = replay_log(reader, state, log_key)
    replayed.journal                        # what the heads bind of the journal: count -> root
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ledger.entries import MemberChange, parse_entry
from ledger.errors import NotVerified, TongbanError
from ledger.members import KeyState
from ledger.status import TILE_ENTRIES
from ledger.transparency.checkpoint import Checkpoint, verify_checkpoint
from ledger.transparency.edge import EMPTY_EDGE, TileEdge
from ledger.transparency.merkle import HASH_BYTES
from ledger.transparency.note import Keyring, Note, VerifierKey, keyring
from ledger.transparency.replay import Replay
from ledger.transparency.sequencer import landmark_day
from ledger.transparency.spans import (
    FAULTS,
    InOrder,
    Page,
    Span,
    SpanFindings,
    fault_of,
    one_by_one,
    read_page,
    read_span,
)
from ledger.transparency.store import Change, Landmark, Reader, Store, StoreState
from ledger.transparency.tiles import TILE_HEIGHT, TILE_WIDTH

__all__ = ["Replayed", "check_log", "replay_log"]

_SPAN: Final = 256
_PAGE: Final = 64  # checkpoints, each with a signature a cosigner


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A log that holds. checkpoint: its newest. keys: the key state after its last entry.

    issuers: county of the seal at each index, None for another entry. journal: count -> root of the journal's records,
    as the heads bind them, ascending.
    """

    checkpoint: Checkpoint
    keys: KeyState
    issuers: Sequence[str | None]
    journal: Mapping[int, bytes]


def check_log(store: Store, log_key: VerifierKey) -> int:
    """Check everything; returns the size. Raises NotVerified corrupt_store with the first index at fault."""
    return replay_log(store.reader, store.state(), log_key).checkpoint.size


def replay_log(
    reader: Reader,
    state: StoreState,
    log_key: VerifierKey,
    *,
    cosigners: Sequence[VerifierKey] = (),
    in_order: InOrder = one_by_one,
    on_entries: Callable[[int], None] = lambda _: None,
    signed: bool = True,
) -> Replayed:
    """Check everything. reader, state: of one moment.

    signed: False for a mirror, whose note is the bare text of a checkpoint. cosigners: whose signatures are checked,
    too. on_entries: is told of every run of entries that holds, by its length.
    Raises NotVerified corrupt_store, with the first index at fault where one is known.
    """
    replay: _Replay | None = None
    try:
        replay = _Replay(reader, state, log_key, in_order)
        replay.walk(on_entries)
        replay.check_right_edge(signed=signed)
        replay.check_statuses()
        replay.check_published([log_key, *cosigners])
        return replay.result()
    except FAULTS as error:
        raise fault_of(error, replay.index if replay else 0) from error


class _Replay:
    """One pass over the log: its entries judged by a `Replay`, everything that follows from them compared."""

    def __init__(self, reader: Reader, state: StoreState, log_key: VerifierKey, in_order: InOrder) -> None:
        self._reader: Final = reader
        self._state: Final = state
        self._log_key: Final = log_key
        self._in_order: Final = in_order
        self._edge: TileEdge = EMPTY_EDGE
        self._leaves: Final[list[bytes]] = []  # not yet in the edge
        self._issuers: Final[list[str | None]] = []
        self._changes: Final[list[Change]] = []
        self._roots: Final[dict[int, bytes]] = {}  # at the size behind each head
        self._journal: Final[dict[int, bytes]] = {}
        self._replay: Final = Replay.from_genesis(_genesis(reader, state), log_key, reader.entries)

    @property
    def index(self) -> int:
        """Index of the next entry."""
        return self._replay.size

    def walk(self, on_entries: Callable[[int], None]) -> None:
        """Check every entry, and the tiles that it fills."""
        asked: deque[Span] = deque()
        for found in self._in_order(read_span, self._spans(asked)):
            span = asked.popleft()
            try:
                self._take(span, found)
            except FAULTS:
                self._grow(whole=False)  # a tile may differ below the entry at fault
                raise
            on_entries(len(span.raws))

    def _spans(self, asked: deque[Span]) -> Iterator[Span]:
        size = self._state.size
        for first in range(0, size, _SPAN):
            raws = self._reader.entries(first, min(first + _SPAN, size))
            asked.append(self._replay.span(first, raws))
            yield asked[-1]

    def _take(self, span: Span, found: SpanFindings) -> None:
        leaves, statements = self._reader.find(found.leaves, found.statements)

        def place(index: int, leaf: bytes, statement: bytes) -> None:
            if (leaves.get(leaf), statements.get(statement)) != (index, index):
                raise _corrupt("the dedup tables do not name it", index)

        for judged in self._replay.walk(span, found, place):
            self._leaves.append(judged.leaf)
            self._issuers.append(judged.issuer)
            self._changes.extend(judged.changes)
            if judged.head is not None:
                self._journal[judged.head.journal_n] = judged.head.journal_root
                self._grow()
                self._roots[self.index] = self._edge.root()

    def _grow(self, *, whole: bool = True) -> None:
        """Take the leaves since the last head into the tree, and compare the tiles that they fill (else: began)."""
        growth = self._edge.append(self._leaves)
        self._edge = growth.edge
        self._leaves.clear()
        for (level, number), tile in growth.tiles.items():
            if len(tile) == TILE_WIDTH * HASH_BYTES or not whole:
                self._compare_tile(level, number, tile, whole=whole)

    def _compare_tile(self, level: int, number: int, tile: bytes, *, whole: bool = True) -> None:
        stored = self._stored_tile(level, number)
        if (stored if whole else stored[: len(tile)]) != tile:
            same = (here == there for here, there in zip(tile, stored, strict=False))
            differs = next((at for at, equal in enumerate(same) if not equal), min(len(stored), len(tile) - 1))
            index = number * TILE_WIDTH + differs // HASH_BYTES << (TILE_HEIGHT * level)
            raise _corrupt(f"tile {number} of level {level} is stored with another hash", index)

    def _stored_tile(self, level: int, number: int) -> bytes:
        try:
            return self._reader.tile(level, number)
        except NotVerified as error:
            first = number * TILE_WIDTH << (TILE_HEIGHT * level)
            raise _corrupt(f"tile {number} of level {level}, which begins there, cannot be read", first) from error

    def check_right_edge(self, *, signed: bool) -> None:
        """Compare the partial tiles and the note. The last entry must be a head: else its root is unknown."""
        for level, partial in enumerate(self._edge.partials):
            if partial:
                self._compare_tile(level, (self._state.size >> (TILE_HEIGHT * level)) // TILE_WIDTH, partial)
        self._compare_root(self._noted(signed=signed), self._state.size)

    def _noted(self, *, signed: bool) -> Checkpoint:
        if not signed:
            return Checkpoint.parse(self._state.note)
        return verify_checkpoint(Note.parse(self._state.note), keyring([self._log_key])).checkpoint

    def _compare_root(self, checkpoint: Checkpoint, size: int) -> None:
        if (checkpoint.origin, checkpoint.size) != (self._state.origin, size):
            raise NotVerified("corrupt_store", f"the note kept for size {size} is of another log or size")
        if checkpoint.root != self._roots.get(size):
            raise NotVerified("corrupt_store", f"the note of size {size} has another root than the entries")

    def check_statuses(self) -> None:
        """Compare the status tiles and the recorded changes."""
        statuses = self._replay.effects.statuses
        for number, stored in enumerate(self._reader.statuses(len(statuses))[0]):
            if stored != statuses.tile(number):
                raise _corrupt(f"status tile {number} is stored with another status", number * TILE_ENTRIES)
        made = sorted(self._changes, key=lambda each: (each.index, each.target), reverse=True)
        if list(self._reader.statuses(0)[1]) != made:
            raise NotVerified("corrupt_store", "the recorded changes are not those of the entries")

    def check_published(self, keys: Sequence[VerifierKey]) -> None:
        """Check the published checkpoints, their cosignatures, and the landmarks."""
        marks = {mark.size for mark in self._reader.landmarks()}
        days: dict[int, tuple[str, str]] = {}
        published = 0
        for findings in self._in_order(read_page, self._pages(keyring(keys))):
            for found in findings:
                if isinstance(found, TongbanError):
                    raise found
                published = found.checkpoint.size
                self._compare_root(found.checkpoint, published)
                if published in marks:
                    days[published] = landmark_day(found.first), landmark_day(found.last)
        if self._state.published != published:
            raise NotVerified("corrupt_store", "published is not the size of the last kept checkpoint")
        for mark in self._reader.landmarks():
            self._check_landmark(mark, *days.get(mark.size, ("", "")))

    def _check_landmark(self, mark: Landmark, first: str, last: str) -> None:
        if mark.root != self._roots.get(mark.size):
            raise NotVerified("corrupt_store", f"the landmark of {mark.day} has another root than the entries")
        if not first <= mark.day <= last:
            raise NotVerified("corrupt_store", f"the landmark of {mark.day} was cosigned on other days")

    def _pages(self, ring: Keyring) -> Iterator[Page]:
        start = 0
        while kept := self._reader.checkpoints(start, _PAGE):
            lines = [self._reader.cosignatures(each.size) for each in kept]
            yield Page(checkpoints=kept, cosignatures=lines, keys=ring)
            start = kept[-1].size + 1

    def result(self) -> Replayed:
        """Give what was found to hold."""
        size = self._state.size
        return Replayed(
            checkpoint=Checkpoint(origin=self._state.origin, size=size, root=self._roots[size]),
            keys=self._replay.keys,
            issuers=self._issuers,
            journal=self._journal,
        )


def _genesis(reader: Reader, state: StoreState) -> KeyState:
    entry = parse_entry(reader.entries(0, 1)[0])
    if not isinstance(entry, MemberChange) or entry.leaf != state.genesis_leaf:
        raise _corrupt("it is not the genesis", 0)
    return KeyState.genesis(entry)


def _corrupt(what: str, index: int) -> NotVerified:
    return NotVerified("corrupt_store", f"entry {index}: {what}", index=index)
