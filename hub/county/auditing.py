"""The auditor's store in SQLite: one file, WAL, `synchronous=FULL`.

    entry, leaf, statement, tile, status, change, head, meta     the mirrored log (ledger/transparency/sqlite.py)
    latest     the checkpoint cosigned last             refusal    signed reasons, once each, some 10,000
    deposit    watched status entries, and whether the other auditors have them       offer    hub/county/offers.py

The mirror follows from its entries; a sum stands beside each row of the others (hub/rowsums.py). One connection writes,
one thread at a time; each reading thread has its own. Only one process opens the file: the county's serving one holds
its lock, and `tongban audit` one of its own.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from hub.county.offers import OFFER_SCHEMA, drop_offer, keep_offer, read_offers, unproven_requests
from hub.county.shortening import cut_back
from hub.database import ThreadReaders, create_database, open_writer
from hub.rowsums import install_sums
from ledger.closed import county_of
from ledger.deposits import MAX_PENDING, Deposit
from ledger.errors import Unavailable
from ledger.refusal import Refusal, parse_refusal
from ledger.transparency.auditstore import StoredRefusal
from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.sqlite import SCHEMA, SqliteReader, SqliteStore, read_state, transaction
from ledger.transparency.store import StoreState
from ledger.transparency.witness import AddCheckpoint, Latest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ledger.transparency.evidence import Offer
    from ledger.transparency.store import Appended, Reader

__all__ = ["AUDIT_SCHEMA", "SUMMED", "SqliteAuditStore"]

AUDIT_SCHEMA: Final = f"""{SCHEMA}
CREATE TABLE IF NOT EXISTS latest   (id INTEGER PRIMARY KEY CHECK (id = 1), size INTEGER NOT NULL, root BLOB NOT NULL,
                                     time INTEGER NOT NULL, note BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS deposit  (leaf BLOB PRIMARY KEY, raw BLOB NOT NULL, county TEXT NOT NULL,
                                     at INTEGER NOT NULL, passed INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS refusal  (id INTEGER PRIMARY KEY, size INTEGER NOT NULL,
                                     root BLOB NOT NULL, code TEXT NOT NULL, place INTEGER NOT NULL,
                                     leaf BLOB NOT NULL, jws BLOB NOT NULL, UNIQUE (size, root, code, place, leaf));
{OFFER_SCHEMA};
"""
SUMMED: Final = frozenset({"latest", "deposit", "refusal", "offer"})
"""Tables that are no part of the mirror: nothing but a sum tells whether their rows are as they were written."""

_MIRROR: Final = ("entry", "leaf", "statement", "tile", "status", "change", "head", "meta")
_MAX_REFUSALS: Final = 10_000
_READ_LATEST: Final = "SELECT size, root, time, note FROM latest WHERE id = 1"
_WRITE_LATEST: Final = "INSERT OR REPLACE INTO latest VALUES (1, ?, ?, ?, ?)"
_DEPOSITS: Final = "SELECT raw, at FROM deposit ORDER BY at, leaf"
_OF_COUNTY: Final = "SELECT raw, at FROM deposit WHERE county = ?"
_LOWER: Final = "UPDATE deposit SET at = ? WHERE leaf = ?"
_DEPOSIT: Final = "INSERT INTO deposit (leaf, raw, county, at) VALUES (?, ?, ?, ?)"
_UNHEARD: Final = "SELECT raw FROM deposit WHERE passed = 0 ORDER BY at, leaf LIMIT ?"
_SAME_REFUSAL: Final = "SELECT jws FROM refusal WHERE (size, root, code, place, leaf) = (?, ?, ?, ?, ?)"
_REFUSE: Final = "INSERT INTO refusal (size, root, code, place, leaf, jws) VALUES (?, ?, ?, ?, ?, ?)"
# The first refusal of each code, of which there are few, outlasts whatever the log signs afterwards to be refused.
_TRIM_REFUSALS: Final = """DELETE FROM refusal WHERE id <= (SELECT max(id) FROM refusal) - ?
  AND id NOT IN (SELECT min(id) FROM refusal GROUP BY code)"""


class SqliteAuditStore:
    """`ledger.transparency.auditstore.AuditStore` in one file, made where there is none.

    Raises Unavailable store_stopped, NotVerified corrupt_store.
    """

    def __init__(self, path: Path) -> None:
        self._connection: Final = open_writer(path) if path.exists() else create_database(path)
        self._store: Final = SqliteStore(self._connection)
        self._connection.executescript(AUDIT_SCHEMA)
        with transaction(self._connection):
            install_sums(self._connection, SUMMED)
        self._lock: Final = threading.Lock()
        self._readers: Final[ThreadReaders[Reader]] = ThreadReaders(path, SqliteReader)

    def reader(self) -> Reader:
        """Give the calling thread's reads of the mirrored log."""
        return self._readers.get()

    def state(self) -> StoreState | None:
        """Say where the mirror stands; None: nothing is mirrored."""
        with self._lock:
            return self._state()

    def _state(self) -> StoreState | None:
        if self._connection.execute("SELECT 1 FROM head").fetchone() is None:
            return None
        return read_state(self._connection)

    def latest(self) -> Latest | None:
        """Give the checkpoint that was cosigned last."""
        with self._lock:
            row = self._connection.execute(_READ_LATEST).fetchone()
        return None if row is None else Latest(size=row[0], root=row[1], time=row[2], note=row[3])

    def keep(self, batch: Appended | None, latest: Latest | None = None, settled: Sequence[bytes] = ()) -> None:
        """Store entries, the checkpoint cosigned with them, and drop settled deposits, in one transaction."""

        def beside() -> None:
            if latest is not None:
                self._connection.execute(_WRITE_LATEST, (latest.size, latest.root, latest.time, latest.note))
            self._connection.executemany("DELETE FROM deposit WHERE leaf = ?", [(leaf,) for leaf in settled])

        with self._lock:
            if batch is None:
                with transaction(self._connection):
                    beside()
            elif batch.first == 0:
                self._store.create(Checkpoint.parse(batch.note).origin, batch, beside=beside)
            else:
                self._store.commit(batch, beside=beside)

    def forget(self, kept: Checkpoint | None = None) -> None:
        """Forget the mirrored entries above `kept`, all of them by default, and nothing else."""
        with self._writing():
            if kept is not None and kept.size > 0:
                cut_back(self._connection, kept)
                return
            for table in _MIRROR:
                self._connection.execute(f"DELETE FROM {table}")  # noqa: S608  # one of our tables

    def deposits(self) -> Sequence[Deposit]:
        """Give the deposits that are watched, oldest first."""
        with self._lock:
            return [_deposit(row) for row in self._connection.execute(_DEPOSITS)]

    def deposit(self, deposit: Deposit) -> tuple[Deposit, bool]:
        """Watch a deposit; give what is watched of its statement, and whether that is new. Raises Unavailable pushback.

        A time that lies behind that of `deposit`, as the clock was ahead, is lowered to it.
        """
        entry = deposit.entry
        county = county_of(entry.signatures[0].kid)
        with self._writing():
            watched = [_deposit(row) for row in self._connection.execute(_OF_COUNTY, (county,))]
            known = next((each for each in watched if each.entry.statement == entry.statement), None)
            if known is not None:
                return self._lowered(known, deposit.deposited_at), False
            if len(watched) >= MAX_PENDING:
                raise Unavailable("pushback", f"{MAX_PENDING} deposits of {county} are watched already")
            self._connection.execute(_DEPOSIT, (entry.leaf, deposit.raw, county, deposit.deposited_at))
        return deposit, True

    def _lowered(self, known: Deposit, at: int) -> Deposit:
        if known.deposited_at <= at:
            return known
        self._connection.execute(_LOWER, (at, known.entry.leaf))
        return replace(known, deposited_at=at)

    def to_pass_on(self, limit: int) -> Sequence[bytes]:
        """Give up to `limit` deposited entries that the other auditors do not have yet, oldest first."""
        with self._lock:
            return [row[0] for row in self._connection.execute(_UNHEARD, (limit,))]

    def passed_on(self, leaf: bytes) -> None:
        """Note that a deposit need not be passed on any more."""
        with self._writing():
            self._connection.execute("UPDATE deposit SET passed = 1 WHERE leaf = ?", (leaf,))

    def refuse(self, refused: StoredRefusal) -> StoredRefusal:
        """Keep a refusal; one that says the same of the same checkpoint is kept, and given, instead."""
        said = _said(refused.refusal)
        with self._writing():
            known = self._connection.execute(_SAME_REFUSAL, said).fetchone()
            if known is not None:
                return _stored(known[0])
            self._connection.execute(_REFUSE, (*said, refused.jws))
            self._connection.execute(_TRIM_REFUSALS, (_MAX_REFUSALS,))
        return refused

    def refusals(self, limit: int) -> Sequence[StoredRefusal]:
        """Give the newest refusals, newest first."""
        with self._lock:
            rows = self._connection.execute("SELECT jws FROM refusal ORDER BY id DESC LIMIT ?", (limit,)).fetchall()
        return [_stored(row[0]) for row in rows]

    def keep_offer(self, offer: Offer) -> None:
        """Keep a signed request that was refused, once a checkpoint."""
        with self._writing():
            keep_offer(self._connection, offer)

    def drop_offer(self, checkpoint: Checkpoint) -> None:
        """Give up a refused checkpoint that has proved to be the log's own; one that proves a fork stays."""
        with self._writing():
            drop_offer(self._connection, checkpoint)

    def unproven_requests(self, size: int) -> Sequence[AddCheckpoint]:
        """Give the refused requests up to a size that prove nothing yet, oldest first."""
        with self._lock:
            return unproven_requests(self._connection, size)

    def offers(self) -> Sequence[Offer]:
        """Give the signed requests that were refused and are kept, oldest first."""
        with self._lock:
            return read_offers(self._connection)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._lock, transaction(self._connection):
            yield

    def close(self) -> None:
        """Close the file; call when no thread uses it any more."""
        self._readers.close()
        self._connection.close()


def _said(refusal: Refusal) -> tuple[int, bytes, str, int, bytes]:
    place = -1 if refusal.index is None else refusal.index
    return refusal.size, refusal.root, refusal.code, place, refusal.leaf or b""


def _deposit(row: tuple[bytes, int]) -> Deposit:
    return Deposit(raw=row[0], deposited_at=row[1])


def _stored(jws: bytes) -> StoredRefusal:
    return StoredRefusal(refusal=parse_refusal(jws), jws=jws)
