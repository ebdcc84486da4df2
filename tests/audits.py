"""An auditor of the small log: its store in memory or in a file, its source a log book, and the requests it is sent."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hub.county.auditing import SqliteAuditStore
from hub.county.auditor import Auditor
from hub.county.mirroring import MirroredLog
from hub.county.offers import OFFER_SCHEMA, drop_offer, keep_offer, read_offers, unproven_requests
from ledger.deposits import MAX_PENDING, Deposit
from ledger.entries import MemberChange, parse_entry
from ledger.errors import Unavailable
from ledger.members import KeyState
from ledger.refusal import Refusal, sign_refusal, verify_refusal
from ledger.signers import Signer
from ledger.transparency.auditstore import AuditStore, StoredRefusal
from ledger.transparency.checkpoint import Checkpoint, sign_checkpoint
from ledger.transparency.edge import EMPTY_EDGE
from ledger.transparency.evidence import Offer
from ledger.transparency.merkle import consistency_path, leaf_hash, root_of
from ledger.transparency.note import NOTE_ED25519, VerifierKey
from ledger.transparency.recovery import load_statuses
from ledger.transparency.store import Appended, Reader, StoreState
from ledger.transparency.witness import AddCheckpoint, Decision, Latest
from tests.logbook import LogBook
from tests.small_log import AUDITORS, COUNTIES, GENESIS, LOG, ORIGIN
from tests.stores import MemoryStore

__all__ = [
    "GENESIS_STATE",
    "LOG_KEY",
    "NEAR_BY",
    "BookSource",
    "MemoryAuditStore",
    "add_checkpoint",
    "auditor_of",
    "claimed_of",
    "refusal_in",
]

NEAR_BY: Final = 250
"""How far behind an auditor of the tests answers at once, and how much it then takes at a time."""

LOG_KEY: Final = VerifierKey.of(ORIGIN, NOTE_ED25519, LOG)


def _genesis() -> KeyState:
    entry = parse_entry(GENESIS)
    assert isinstance(entry, MemberChange)
    return KeyState.genesis(entry)


GENESIS_STATE: Final = _genesis()


class MemoryAuditStore:
    """The port over lists; what is written stays, and a second auditor over it is one that was started again."""

    def __init__(self) -> None:
        self.mirror = MemoryStore()
        self.cosigned: Latest | None = None
        self.left: dict[bytes, Deposit] = {}
        self.heard: set[bytes] = set()
        self.refused: list[StoredRefusal] = []
        self.kept = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self.kept.execute(OFFER_SCHEMA)

    def reader(self) -> Reader:
        return self.mirror

    def state(self) -> StoreState | None:
        return self.mirror.head

    def latest(self) -> Latest | None:
        return self.cosigned

    def keep(self, batch: Appended | None, latest: Latest | None = None, settled: Sequence[bytes] = ()) -> None:
        if batch is not None and batch.first:
            self.mirror.commit(batch)
        elif batch is not None:
            self.mirror.create(Checkpoint.parse(batch.note).origin, batch)
        self.cosigned = latest or self.cosigned
        for leaf in settled:
            self.left.pop(leaf, None)

    def forget(self, kept: Checkpoint | None = None) -> None:
        self.mirror = MemoryStore() if kept is None else _beginning(self.mirror, kept)

    def deposits(self) -> Sequence[Deposit]:
        return sorted(self.left.values(), key=lambda each: (each.deposited_at, each.entry.leaf))

    def deposit(self, deposit: Deposit) -> tuple[Deposit, bool]:
        leaf, county = deposit.entry.leaf, deposit.entry.iss
        known = next((each for each in self.left.values() if each.entry.statement == deposit.entry.statement), None)
        if known is not None:
            lowered = dataclasses.replace(known, deposited_at=min(known.deposited_at, deposit.deposited_at))
            self.left[known.entry.leaf] = lowered
            return lowered, False
        if sum(each.entry.iss == county for each in self.left.values()) >= MAX_PENDING:
            raise Unavailable("pushback", "too many")
        self.left[leaf] = deposit
        return deposit, True

    def to_pass_on(self, limit: int) -> Sequence[bytes]:
        return [each.raw for each in self.deposits() if each.entry.leaf not in self.heard][:limit]

    def passed_on(self, leaf: bytes) -> None:
        self.heard.add(leaf)

    def refuse(self, refused: StoredRefusal) -> StoredRefusal:
        new = refused.refusal
        for kept in self.refused:
            old = kept.refusal
            if dataclasses.replace(old, iat=new.iat) == new:
                return kept
        self.refused.append(refused)
        return refused

    def refusals(self, limit: int) -> Sequence[StoredRefusal]:
        return self.refused[::-1][:limit]

    def keep_offer(self, offer: Offer) -> None:
        keep_offer(self.kept, offer)

    def drop_offer(self, checkpoint: Checkpoint) -> None:
        drop_offer(self.kept, checkpoint)

    def unproven_requests(self, size: int) -> Sequence[AddCheckpoint]:
        return unproven_requests(self.kept, size)

    def offers(self) -> Sequence[Offer]:
        return read_offers(self.kept)

    def close(self) -> None:
        self.kept.close()


def _beginning(store: MemoryStore, kept: Checkpoint) -> MemoryStore:
    """Give the rows of a log as they were at a smaller size."""
    size, shorter = kept.size, MemoryStore()
    assert store.head is not None
    shorter.head = dataclasses.replace(store.head, size=size, note=kept.text())
    shorter.entry = store.entry[:size]
    shorter.leaf = {each: index for each, index in store.leaf.items() if index < size}
    shorter.statement = {each: index for each, index in store.statement.items() if index < size}
    shorter.change = [each for each in store.change if each.index < size]
    shorter.tile_of = dict(EMPTY_EDGE.append([leaf_hash(raw) for raw in shorter.entry]).tiles)
    statuses = load_statuses(store, size - 1)
    shorter.status = {number: statuses.tile(number) for number in range(-(-(size - 1) // 256))}
    return shorter


@dataclass
class BookSource:
    """A log book as an auditor fetches it. served: what it serves in place of the book's entries. down: nothing."""

    book: LogBook
    served: Callable[[list[bytes]], Sequence[bytes]] = list
    down: bool = False
    journal: list[bytes] = field(default_factory=list)
    asked: list[tuple[int, int]] = field(default_factory=list)

    def entries(self, start: int, stop: int) -> Sequence[bytes]:
        if self.down:
            raise Unavailable("no_log", "the log does not answer")
        self.asked.append((start, stop))
        return self.served(self.book.entries)[start:stop]

    def journal_growth(self, old: int, new: int) -> Sequence[bytes]:
        leaves = [leaf_hash(record) for record in self.journal]
        return consistency_path(old, new, lambda level, i: root_of(leaves[i << level : (i + 1) << level]))


def claimed_of(book: LogBook) -> Checkpoint:
    """Give the checkpoint of the book as it stands."""
    return Checkpoint(origin=ORIGIN, size=book.size, root=book.root())


def auditor_of(
    store: AuditStore | Path, source: BookSource, clock: Callable[[], int], *, county: str = "370214", **parts: object
) -> Auditor:
    """Give the auditor of a county. store: an opened one, or a path."""
    opened = SqliteAuditStore(store) if isinstance(store, Path) else store
    name, signer = AUDITORS[county].name, AUDITORS[county].signer
    govern: Signer = COUNTIES[county]

    def refuse(refusal: Refusal) -> bytes:
        return sign_refusal(refusal, kid=f"{county}#1", signer=govern)

    mirror = MirroredLog(opened, source, genesis=GENESIS_STATE, log_key=LOG_KEY, clock=clock, run=NEAR_BY)
    return Auditor(opened, mirror, name=name, signer=signer, refuse=refuse, clock=clock, near=NEAR_BY, **parts)  # type: ignore[arg-type]


def add_checkpoint(auditor: Auditor, book: LogBook, old: int, *, log: Signer = LOG) -> Decision:
    """Ask for a cosignature of the book as it stands, with the proof of its growth from `old`."""
    leaves = book.leaves()

    def node(level: int, index: int) -> bytes:
        return root_of(leaves[index << level : (index + 1) << level])

    path = tuple(consistency_path(old, book.size, node)) if 0 < old < book.size else ()
    note = sign_checkpoint(claimed_of(book), ORIGIN, log)
    return auditor.add_checkpoint(AddCheckpoint.of(old, path, note).format())


def refusal_in(decision: Decision, state: KeyState = GENESIS_STATE) -> Refusal:
    """Read the signed refusal that a decision carries."""
    assert (decision.status, decision.content_type) == (422, "application/jose")
    county, refusal = verify_refusal(decision.body, state)
    assert county == "370214"
    return refusal
