"""The only writer of a log: puts entries in order, signs what it made durable, and publishes what a quorum cosigned.

    sequence   candidates -> indexes, a status head as last leaf, the signed note        T1, one commit a batch
    publish    cosignatures -> what readers may see                                       T2, after a quorum

It holds no clock, no lock and no thread; the caller calls it from one thread at a time. Sequencing may run ahead of
publication: whatever size is published, its last leaf is a head. After any failed write nobody knows what is stored:
the sequencer stops for good, and the store must be opened anew (`Sequencer.open`), which checks it.

Source of the commit order: c2sp.org/tlog-tiles implementations Sunlight and Tessera; sign only what the same
transaction makes durable, compare-and-swap the signed checkpoint, publish last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Final

from ledger.entries import MemberChange, Seal, parse_entry
from ledger.errors import Conflict, Malformed, NotVerified, TongbanError, Unavailable
from ledger.heads import EMPTY_JOURNAL_ROOT, HEAD_TYP, Head, build_head, parse_head
from ledger.jws import parse_compact
from ledger.members import KeyState
from ledger.signers import Signer
from ledger.status import Status, StatusArray
from ledger.transparency.candidate import BatchView, Candidate, Placed
from ledger.transparency.checkpoint import Checkpoint, sign_checkpoint, with_cosignatures
from ledger.transparency.edge import EMPTY_EDGE, TileEdge
from ledger.transparency.note import NOTE_ED25519, Note, NoteSignature, VerifierKey
from ledger.transparency.recovery import Standing, load_newest_iat, load_standing
from ledger.transparency.replay import Effects
from ledger.transparency.store import Appended, Landmark, Publication, Store, StoredCosignature

__all__ = ["Batch", "Cosigned", "Pending", "Sequencer", "landmark_day"]

_DAY_ZONE: Final = timezone(timedelta(hours=8))
_LAST_SECOND: Final = int(datetime(9999, 12, 31, tzinfo=_DAY_ZONE).timestamp())
_KEPT_NOTES: Final = 64  # sizes for which late cosignatures are still taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A signed checkpoint that is durable: what witnesses are asked to cosign. note: with the log's line alone.

    newest_iat: the latest time of a seal that was not published yet when the log was opened, or came since; or 0.
    """

    checkpoint: Checkpoint
    note: bytes
    newest_iat: int = 0

    @property
    def size(self) -> int:
        """Entries in the tree."""
        return self.checkpoint.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What became of a batch, in the order of its candidates, and the checkpoint that now stands.

    statuses: those that the checkpoint's head binds, an own copy that nobody changes.
    """

    results: Sequence[Placed | TongbanError]
    pending: Pending
    keys: KeyState
    statuses: StatusArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosigned:
    """Verified cosignatures of one size. quorum: those that the kept note carries, of a minimal quorum.

    cosignatures: (line, its time) of every cosigner known by now. time: quorum time, POSIX seconds.
    """

    size: int
    quorum: Sequence[NoteSignature]
    cosignatures: Sequence[tuple[NoteSignature, int]]
    time: int


def landmark_day(time: int) -> str:
    """Give the day of a time as landmarks name it: `YYYY-MM-DD` in UTC+8.

    Raises Malformed bad_number: after the year 9999.
    """
    if time > _LAST_SECOND:
        raise Malformed("bad_number", "a time after the year 9999")
    return datetime.fromtimestamp(time, _DAY_ZONE).date().isoformat()


class Sequencer:
    """The writer over one store. `create` makes a log, `open` goes on with one; see the module's text."""

    def __init__(self, store: Store, signer: Signer, standing: Standing, *, note: bytes, published: int) -> None:
        self._store: Final = store
        self._signer: Final = signer
        self._origin: Final = standing.checkpoint.origin
        self._edge: TileEdge = standing.edge
        self._effects: Final = Effects(keys=standing.keys, statuses=standing.statuses)
        self._keys = standing.keys
        self._head: Head = standing.head
        newest_iat = load_newest_iat(store.reader, published, standing.checkpoint.size)
        self._pending = Pending(checkpoint=standing.checkpoint, note=note, newest_iat=newest_iat)
        self._notes: dict[int, Pending] = {self._pending.size: self._pending}
        self._published = published
        self._stopped = False

    @classmethod
    def create(cls, store: Store, genesis: bytes, *, signer: Signer) -> Sequencer:
        """Make a log whose entry 0 is `genesis`, with its first head; nothing is published yet.

        Raises Malformed (form of the genesis), NotVerified (its signatures), Conflict already_exists.
        """
        entry = parse_entry(genesis)
        if not isinstance(entry, MemberChange) or entry.origin is None:
            raise Malformed("bad_payload", "a log begins with a member entry that has an origin")
        effects = Effects(keys=KeyState.genesis(entry), statuses=StatusArray())
        view = BatchView(store, effects, (), 0)
        view.add(entry)
        head = _head(effects, 1, (0, EMPTY_JOURNAL_ROOT), entry.origin, signer)
        view.close(head)
        growth = EMPTY_EDGE.append([each.leaf for each in view.entries])
        note = sign_checkpoint(Checkpoint(origin=entry.origin, size=2, root=growth.edge.root()), entry.origin, signer)
        store.create(entry.origin, _appended(view, effects, growth.tiles, old_note=b"", note=note))
        return cls.open(store, signer)

    @classmethod
    def open(cls, store: Store, signer: Signer) -> Sequencer:
        """Go on with a stored log after checking it (`ledger.transparency.recovery`).

        Raises Unavailable no_log, NotVerified corrupt_store (also if `signer` is not the key of this log).
        """
        state = store.state()
        key = VerifierKey.of(state.origin, NOTE_ED25519, signer)
        standing = load_standing(store.reader, state, key)
        return cls(store, signer, standing, note=state.note, published=state.published)

    @property
    def keys(self) -> KeyState:
        """The key state after the last entry; immutable, for `examine` in other threads.

        They read it before `size`: an index below a change of these keys would let a key pass that the change ended.
        """
        return self._keys

    @property
    def size(self) -> int:
        """Entries in the log, the last head included."""
        return self._pending.size

    @property
    def published(self) -> int:
        """Entries that are published; 0 before the first publication."""
        return self._published

    def current(self) -> Pending:
        """Give the newest checkpoint, published or not: a heartbeat asks for fresh cosignatures of it."""
        return self._pending

    def pending(self) -> Pending | None:
        """Give the newest checkpoint if it is not published yet."""
        return self._pending if self._published < self.size else None

    def status_of(self, index: int) -> Status:
        """Give the status of an entry that the last head covers; IndexError for any other."""
        return self._effects.statuses.get(index)

    def statuses(self) -> StatusArray:
        """Copy the statuses that the last head binds."""
        return self._effects.statuses.copy()

    def entry(self, index: int) -> bytes:
        """Give the exact bytes of an entry. Raises NotVerified corrupt_store if there is none."""
        return self._store.reader.entries(index, index + 1)[0]

    def sequence(self, candidates: Sequence[Candidate], *, now: int, journal: tuple[int, bytes]) -> Batch:
        """Judge candidates in order, make the admitted ones durable with a head behind them, and sign.

        now: POSIX seconds. journal: count and root of the journal's records, durable already; a batch that admits
        nothing while the journal has grown is a head alone, otherwise nothing is written. One result a candidate:
        a faulty one spoils no other. Raises Unavailable store_stopped, Conflict store_moved, NotVerified
        corrupt_store; after each of them the sequencer is stopped.
        """
        with self._write():
            self._check_journal(journal)
            view = BatchView(self._store, self._effects, candidates, self.size)
            results = [view.place(candidate, now) for candidate in candidates]
            if view.entries or journal[0] > self._head.journal_n:
                self._commit(view, journal)
            return Batch(
                results=results, pending=self._pending, keys=self._effects.keys, statuses=self._effects.statuses.copy()
            )

    def _check_journal(self, journal: tuple[int, bytes]) -> None:
        bound = (self._head.journal_n, self._head.journal_root)
        if journal[0] < bound[0] or (journal[0] == bound[0] and journal != bound):
            raise NotVerified("corrupt_store", "the journal is not the one that the last head binds, grown")

    def _commit(self, view: BatchView, journal: tuple[int, bytes]) -> None:
        if not view.entries:  # the last head is covered by the next one, whatever stands between
            self._effects.statuses.extend_to(view.next_index)
        head = _head(self._effects, view.next_index, journal, self._origin, self._signer)
        view.close(head)
        growth = self._edge.append([entry.leaf for entry in view.entries])
        checkpoint = Checkpoint(origin=self._origin, size=growth.edge.size, root=growth.edge.root())
        note = sign_checkpoint(checkpoint, self._origin, self._signer)
        self._store.commit(_appended(view, self._effects, growth.tiles, old_note=self._pending.note, note=note))
        self._edge, self._head = growth.edge, head
        newest_iat = max((entry.iat for entry in view.entries if isinstance(entry, Seal)), default=0)
        newest_iat = max(newest_iat, self._pending.newest_iat)
        self._pending = Pending(checkpoint=checkpoint, note=note, newest_iat=newest_iat)
        self._keys = self._effects.keys  # after the size, which other threads read after it
        self._keep(self._pending)

    def _keep(self, pending: Pending) -> None:
        self._notes[pending.size] = pending
        while len(self._notes) > _KEPT_NOTES:
            del self._notes[next(iter(self._notes))]

    def publish(self, cosigned: Cosigned) -> bytes:
        """Make a size public, durable on return, and give its note with the cosignatures of `cosigned.quorum`.

        Also for a heartbeat and for late cosignatures: what is published stays so, the first kept note of a size stays.
        Raises Conflict wrong_target (no checkpoint of this size was signed lately), Unavailable store_stopped.
        """
        with self._write():
            pending = self._notes.get(cosigned.size)
            if pending is None:
                raise Conflict("wrong_target", f"no checkpoint of size {cosigned.size} is waiting")
            note = with_cosignatures(Note.parse(pending.note), list(cosigned.quorum)).format()
            self._store.publish(
                Publication(
                    size=cosigned.size,
                    note=note,
                    cosignatures=[_stored(line, time) for line, time in cosigned.cosignatures],
                    landmark=Landmark(
                        day=landmark_day(cosigned.time), size=cosigned.size, root=pending.checkpoint.root
                    ),
                )
            )
            self._published = max(self._published, cosigned.size)
            return note

    @contextmanager
    def _write(self) -> Iterator[None]:
        if self._stopped:
            raise Unavailable("store_stopped", "the log stopped after a failed write: start the hub anew")
        try:
            yield
        except Conflict as error:
            self._stopped = error.code == "store_moved"
            raise
        except BaseException:
            self._stopped = True
            raise


def _head(effects: Effects, n: int, journal: tuple[int, bytes], origin: str, signer: Signer) -> Head:
    raw = build_head(
        n=n,
        root=effects.statuses.root(),
        keys=effects.keys.digest(),
        journal_n=journal[0],
        journal_root=journal[1],
        origin=origin,
        signer=signer,
    )
    return parse_head(parse_compact(raw, HEAD_TYP))


def _appended(
    view: BatchView, effects: Effects, tiles: Mapping[tuple[int, int], bytes], *, old_note: bytes, note: bytes
) -> Appended:
    return Appended(
        first=view.first,
        entries=[entry.raw for entry in view.entries],
        leaves=[entry.leaf for entry in view.entries],
        statements=[entry.statement for entry in view.entries],
        tiles=tiles,
        status=effects.tiles_since(view.first, view.changes),
        changes=view.changes,
        old_note=old_note,
        note=note,
    )


def _stored(line: NoteSignature, time: int) -> StoredCosignature:
    return StoredCosignature(name=line.name, time=time, line=line.line())
