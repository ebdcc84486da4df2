"""The outbox: what was signed and is not yet known to be logged. A row leaves `pending` only with proof in hand.

    seal     pending --receipt verified--> logged --journal record taken--> done
    status   pending --proof verified-----> done
    either   --refused for good--> failed, with its code              failed --retry--> pending
    status   failed --given up--> no row
    offering logged --journal record taken--> done           failed --published anew--> no row (hub/county/offerings.py)

A row is written in the transaction of the seal itself. Everything sent is idempotent by bytes, so a crash at any point
costs one repeated request: the log gives the same index and the same receipt.

Beside it stands what each auditor was asked about a status entry, and answered (hub/county/appeals.py), one row an
entry and auditor: no auditor speaks for another.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

if TYPE_CHECKING:
    import sqlite3

    from hub.database import Database

__all__ = ["OUTBOX_SCHEMA", "OVERDUE_S", "Appeal", "Counts", "Item", "Kind", "Outbox", "Settled", "State"]

OVERDUE_S: Final = 300
"""After how many seconds an unfinished item is overdue."""

Kind: TypeAlias = Literal["seal", "status", "offering"]
State: TypeAlias = Literal["pending", "logged", "done", "failed"]

OUTBOX_SCHEMA: Final = """CREATE TABLE IF NOT EXISTS outbox (
  id INTEGER PRIMARY KEY, kind TEXT NOT NULL, identifier TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'pending',
  leaf BLOB NOT NULL UNIQUE, entry BLOB NOT NULL, journal BLOB, created INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0, due INTEGER NOT NULL DEFAULT 0,
  log_index INTEGER, evidence BLOB, code TEXT, message TEXT);
CREATE INDEX IF NOT EXISTS outbox_due ON outbox (state, due, id);
CREATE INDEX IF NOT EXISTS outbox_identifier ON outbox (identifier, id);
CREATE TABLE IF NOT EXISTS answer (
  leaf BLOB NOT NULL, identifier TEXT NOT NULL, auditor TEXT NOT NULL, asked INTEGER NOT NULL, at INTEGER,
  deadline INTEGER, code TEXT, PRIMARY KEY (leaf, auditor))"""

_PAGE: Final = 1000
_PUT: Final = "INSERT INTO outbox (kind, identifier, leaf, entry, journal, created, state) VALUES (?, ?, ?, ?, ?, ?, ?)"
_DUE: Final = """SELECT id, kind, identifier, state, leaf, entry, journal, created, attempts, log_index, evidence, code
  FROM outbox WHERE state = ? AND due <= ? ORDER BY due, id LIMIT ?"""
_OF: Final = """SELECT id, kind, identifier, state, leaf, entry, journal, created, attempts, log_index, evidence, code
  FROM outbox WHERE identifier = ? ORDER BY id"""
_SETTLE: Final = """UPDATE outbox SET attempts = CASE state WHEN ?1 THEN attempts + 1 ELSE 0 END,
  state = ?1, due = ?2, code = ?3, message = ?4, log_index = coalesce(?5, log_index), evidence = coalesce(?6, evidence)
  WHERE id = ?7 AND leaf = ?8"""
_RENEW: Final = """UPDATE outbox SET leaf = ?, entry = ?, journal = ?, due = ?, attempts = attempts + 1
  WHERE id = ? AND leaf = ?"""
_RETRY: Final = """UPDATE outbox SET due = 0,
  state = CASE WHEN log_index IS NULL AND kind <> 'offering' THEN 'pending' ELSE 'logged' END
  WHERE state = 'failed'"""
_OFFERING: Final = """SELECT id, kind, identifier, state, leaf, entry, journal, created, attempts, log_index, evidence,
  code FROM outbox WHERE kind = 'offering' AND identifier = ?"""
_OFFERINGS: Final = """SELECT id, kind, identifier, state, leaf, entry, journal, created, attempts, log_index, evidence,
  code FROM outbox WHERE kind = 'offering' ORDER BY identifier"""
_DROP_OFFERING: Final = "DELETE FROM outbox WHERE kind = 'offering' AND state = 'failed' AND identifier = ?"
_FAILED: Final = """SELECT id, kind, identifier, state, leaf, entry, journal, created, attempts, log_index, evidence,
  code FROM outbox WHERE state = 'failed' ORDER BY id"""
_GIVE_UP: Final = """DELETE FROM outbox WHERE kind = 'status' AND state = 'failed' AND identifier = ?
  AND leaf NOT IN (SELECT leaf FROM answer WHERE at IS NOT NULL AND code IS NULL)"""
_UNSETTLED: Final = """SELECT id, kind, identifier, state, leaf, entry, journal, created, attempts, log_index, evidence,
  code FROM outbox WHERE state IN ('pending', 'logged') ORDER BY id LIMIT ?"""
_BY_LEAF: Final = """SELECT id, kind, identifier, state, leaf, entry, journal, created, attempts, log_index, evidence,
  code FROM outbox WHERE leaf = ?"""
_SEALS: Final = "SELECT identifier, leaf FROM outbox WHERE kind = 'seal' AND state <> 'failed' ORDER BY id"
_TO_APPEAL: Final = """SELECT outbox.id, kind, outbox.identifier, state, outbox.leaf, entry, journal, created, attempts,
  log_index, evidence, outbox.code
  FROM outbox LEFT JOIN answer ON answer.leaf = outbox.leaf AND answer.auditor = ?1
  WHERE kind = 'status' AND state IN ('pending', 'failed') AND created <= ?2
  AND (at IS NULL OR at <= ?3 OR at > ?4)
  ORDER BY asked NULLS FIRST, outbox.id LIMIT ?5"""
_ASKED: Final = """INSERT INTO answer VALUES (?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (leaf, auditor) DO UPDATE SET asked = excluded.asked"""
_ANSWERED: Final = "INSERT OR REPLACE INTO answer VALUES (?, ?, ?, ?, ?, ?, ?)"
_APPEALS: Final = """SELECT leaf, identifier, auditor, asked, at, deadline, code FROM answer
  WHERE at IS NOT NULL OR leaf IN (SELECT leaf FROM outbox WHERE state IN ('pending', 'failed'))
  ORDER BY identifier, leaf, auditor"""
_DEPOSITED: Final = """SELECT count(DISTINCT leaf) FROM answer WHERE at IS NOT NULL AND code IS NULL
  AND leaf IN (SELECT leaf FROM outbox WHERE state IN ('pending', 'failed'))"""
_STATED: Final = """SELECT id, kind, identifier, state, leaf, entry, journal, created, attempts, log_index, evidence,
  code FROM outbox WHERE kind = 'seal' AND journal IS NOT NULL AND id > ? ORDER BY id LIMIT ?"""
_STATES: Final = "SELECT state, count(*) FROM outbox WHERE kind <> 'offering' GROUP BY state"
_OVERDUE: Final = "SELECT count(*) FROM outbox WHERE state IN ('pending', 'logged') AND created < ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One row. evidence: the verified receipt of a seal, or the verified proof text of a status entry."""

    id: int
    kind: Kind
    identifier: str
    state: State
    leaf: bytes
    entry: bytes
    journal: bytes | None
    created: int
    attempts: int
    log_index: int | None
    evidence: bytes | None
    code: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What became of one item after an attempt. due: POSIX seconds of the next attempt, where there is one."""

    item: Item
    state: State
    due: int = 0
    log_index: int | None = None
    evidence: bytes | None = None
    code: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Appeal:
    """A status entry that an auditor was `asked` to watch, whose last answer came `at`: POSIX seconds.

    at: None: it has not answered so far. deadline: until when the log must hold it; None: it holds it, or the auditor
    refused with `code`.
    """

    leaf: bytes
    identifier: str
    auditor: str
    asked: int
    at: int | None = None
    deadline: int | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many items stand where. failed: count by stable code. witnessed: in a checkpoint with a verified quorum.

    Offerings are in overdue and failed alone: they have no entry to be witnessed.
    deposited: status entries that an auditor took, since the hub did not log them in time, and that have no proof yet.
    """

    pending: int
    witnessed: int
    stated: int
    overdue: int
    failed: dict[str, int]
    deposited: int = 0


class Outbox:
    """The rows of one county's outbox."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(
        self, connection: sqlite3.Connection, kind: Kind, identifier: str, *, leaf: bytes, entry: bytes,
        journal: bytes | None, now: int, state: State = "pending",
    ) -> None:  # fmt: skip
        """Add a row in the caller's transaction."""
        connection.execute(_PUT, (kind, identifier, leaf, entry, journal, now, state))

    def offering(self, connection: sqlite3.Connection, code: str) -> Item | None:
        """Give the item of a version of an offering, in the caller's transaction; None if there is none."""
        row = connection.execute(_OFFERING, (code,)).fetchone()
        return None if row is None else _item(row)

    def offerings(self) -> list[Item]:
        """Give the items of all offerings, by code."""
        with self._database.reading() as connection:
            return [_item(row) for row in connection.execute(_OFFERINGS)]

    def drop_refused_offering(self, connection: sqlite3.Connection, code: str) -> None:
        """Forget a version that the hub refused for good, in the caller's transaction: it is published anew."""
        connection.execute(_DROP_OFFERING, (code,))

    def due(self, state: State, now: int, limit: int) -> list[Item]:
        """Give up to `limit` items of a state whose time has come, the longest waiting first."""
        with self._database.reading() as connection:
            return [_item(row) for row in connection.execute(_DUE, (state, now, limit))]

    def unsettled(self, limit: int) -> list[Item]:
        """Give up to `limit` items that are not known to be logged and stated, whenever they are due, oldest first."""
        with self._database.reading() as connection:
            return [_item(row) for row in connection.execute(_UNSETTLED, (limit,))]

    def seals(self) -> list[tuple[str, bytes]]:
        """Give identifier and leaf hash of every seal that was not refused, oldest first."""
        with self._database.reading() as connection:
            return [(str(identifier), bytes(leaf)) for identifier, leaf in connection.execute(_SEALS)]

    def by_leaf(self, leaf: bytes) -> Item | None:
        """Give the item of a leaf hash, or None: there is none, or it was signed again meanwhile."""
        with self._database.reading() as connection:
            row = connection.execute(_BY_LEAF, (leaf,)).fetchone()
        return None if row is None else _item(row)

    def of(self, identifier: str) -> list[Item]:
        """Give all items of a license, oldest first: its seal, then its status entries."""
        with self._database.reading() as connection:
            return [_item(row) for row in connection.execute(_OF, (identifier,))]

    def stated_seals(self) -> Iterator[Item]:
        """Give every seal with the statement beside it, in the order in which they were made."""
        last = 0
        while True:
            with self._database.reading() as connection:
                rows = connection.execute(_STATED, (last, _PAGE)).fetchall()
            if not rows:
                return
            yield from map(_item, rows)
            last = rows[-1][0]

    def settle(self, outcomes: Sequence[Settled]) -> None:
        """Write what became of items, in one transaction; an item that was signed again meanwhile is left alone."""
        with self._database.transaction() as connection:
            connection.executemany(
                _SETTLE,
                [
                    (each.state, each.due, each.code, each.message, each.log_index, each.evidence, each.item.id,
                     each.item.leaf)
                    for each in outcomes
                ],
            )  # fmt: skip

    def renew(
        self, connection: sqlite3.Connection, item: Item, *, leaf: bytes, entry: bytes, journal: bytes | None, due: int
    ) -> None:
        """Put a newly signed entry in an item's place, in the caller's transaction; it is sent at `due`."""
        connection.execute(_RENEW, (leaf, entry, journal, due, item.id, item.leaf))

    def retry_failed(self) -> int:
        """Send all failed items again; gives their number."""
        with self._database.transaction() as connection:
            return connection.execute(_RETRY).rowcount

    def failed(self) -> list[Item]:
        """Give all items that the hub refused for good, oldest first."""
        with self._database.reading() as connection:
            return [_item(row) for row in connection.execute(_FAILED)]

    def give_up(self, identifier: str) -> int:
        """Forget a license's refused status entries; gives their number.

        Never a seal, which a license cannot be without, and no entry that an auditor took: the log must hold that.
        """
        with self._database.transaction() as connection:
            return connection.execute(_GIVE_UP, (identifier,)).rowcount

    def to_appeal(self, auditor: str, limit: int, *, created_before: int, answered_before: int, now: int) -> list[Item]:
        """Give up to `limit` status entries without proof, signed before a time, to ask an auditor about.

        Not those that this auditor has answered for since another time (an answer dated after `now` is one of a clock
        that was ahead, and none); the longest not asked first, so that none waits for ever behind others. Those that
        the hub refused for good are among them: its word alone counts for nothing. An auditor's answer is not the end
        of it either: only a proof is.
        """
        with self._database.reading() as connection:
            rows = connection.execute(_TO_APPEAL, (auditor, created_before, answered_before, now, limit))
            return [_item(row) for row in rows]

    def appealed(self, appeals: Sequence[Appeal]) -> None:
        """Write what auditors were asked, in one transaction; the last word of each about an entry stands."""
        with self._database.transaction() as connection:
            connection.executemany(_ASKED, [astuple(each) for each in appeals if each.at is None])
            connection.executemany(_ANSWERED, [astuple(each) for each in appeals if each.at is not None])

    def appeals(self) -> list[Appeal]:
        """Give what each auditor answered, or has yet to answer, by license and entry."""
        with self._database.reading() as connection:
            return [Appeal(*row) for row in connection.execute(_APPEALS)]

    def counts(self, overdue_before: int) -> Counts:
        """Count the items; overdue are unfinished ones created before `overdue_before`, POSIX seconds."""
        with self._database.reading() as connection:
            states = dict(connection.execute(_STATES).fetchall())
            failed = connection.execute("SELECT code, count(*) FROM outbox WHERE state = 'failed' GROUP BY code")
            overdue = connection.execute(_OVERDUE, (overdue_before,)).fetchone()[0]
            deposited = connection.execute(_DEPOSITED).fetchone()[0]
            done = int(states.get("done", 0))
            return Counts(
                pending=int(states.get("pending", 0)),
                witnessed=int(states.get("logged", 0)) + done,
                stated=done,
                overdue=int(overdue),
                failed={str(code): int(count) for code, count in failed},
                deposited=int(deposited),
            )


def _item(row: tuple[Any, ...]) -> Item:
    identity, kind, identifier, state, leaf, entry, journal, created, attempts, log_index, evidence, code = row
    return Item(
        id=identity,
        kind=kind,
        identifier=identifier,
        state=state,
        leaf=leaf,
        entry=entry,
        journal=journal,
        created=created,
        attempts=attempts,
        log_index=log_index,
        evidence=evidence,
        code=code,
    )
