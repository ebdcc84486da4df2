"""The feed's store: one SQLite file that journal and ledger can make again; every event once, in one order for all.

    event   n -> what happened, and how far journal, ledger and time had come with it
    party   county, n                 whose events they are
    turn    a lamp of a clock that has turned (`shown`) or will, unless the clock stops before
    used    a license in a case that was open until `until`; seal: its index in the ledger, once that is known
    changed the newest status of a seal that is not as it was sealed    voided: keys whose seals fell from an index on

Events and position move in one transaction, so a crash between any two steps neither loses nor doubles one. A lamp that
was due while nobody looked is told of with the time at which it turned. `EventStore` belongs to one writer thread,
`EventReader` to one reading thread.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from hub.events.facts import START, Place, license_event, marked, read_event
from ledger.encoding import canonical_json, parse_json
from ledger.errors import NotVerified, Unavailable
from ledger.transparency.sqlite import prepare, read_rows, transaction
from schema.feed import FeedEvent

__all__ = ["EventReader", "EventStore", "LedgerMove", "StepMove", "TurnRow", "UseRow"]

_FORMAT: Final = "tongban-events/v1"
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS position (id INTEGER PRIMARY KEY CHECK (id = 1), format TEXT NOT NULL, n INTEGER NOT NULL,
                                     journal INTEGER NOT NULL, ledger INTEGER NOT NULL, time INTEGER NOT NULL,
                                     record BLOB, entry BLOB);
CREATE TABLE IF NOT EXISTS event    (n INTEGER PRIMARY KEY, journal INTEGER NOT NULL, ledger INTEGER NOT NULL,
                                     time INTEGER NOT NULL, d BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS party    (county TEXT, n INTEGER, PRIMARY KEY (county, n)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS turn     (number TEXT, clock TEXT, kind TEXT, lamp TEXT, at INTEGER NOT NULL,
                                     shown INTEGER NOT NULL, counties TEXT NOT NULL, d BLOB NOT NULL,
                                     PRIMARY KEY (number, clock, kind, lamp)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS due      ON turn (at) WHERE shown = 0;
CREATE TABLE IF NOT EXISTS used     (number TEXT, leaf BLOB, identifier TEXT NOT NULL, counties TEXT NOT NULL,
                                     seal INTEGER, kid TEXT, until INTEGER, PRIMARY KEY (number, leaf)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS of_seal  ON used (seal);
CREATE INDEX IF NOT EXISTS unknown  ON used (leaf) WHERE seal IS NULL;
CREATE TABLE IF NOT EXISTS changed  (seal INTEGER PRIMARY KEY, d BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS voided   (kid TEXT PRIMARY KEY, seal INTEGER NOT NULL, d BLOB NOT NULL) WITHOUT ROWID;
INSERT OR IGNORE INTO position VALUES (1, 'tongban-events/v1', 0, 0, 0, 0, NULL, NULL);
"""
_MAX_CHANGE: Final = 256
_PAGE: Final = (
    "SELECT p.n, coalesce(b.journal, 0), coalesce(b.ledger, 0), coalesce(b.time, 0), e.d"
    " FROM party p JOIN event e ON e.n = p.n LEFT JOIN event b ON b.n = p.n - 1"
    " WHERE p.county = ? AND p.n > ? ORDER BY p.n LIMIT ?"
)
_SINCE: Final = (
    "SELECT e.n, coalesce(b.journal, 0), coalesce(b.ledger, 0), coalesce(b.time, 0), e.d"
    " FROM event e LEFT JOIN event b ON b.n = e.n - 1 WHERE e.n > ? ORDER BY e.n"
)
_SCHEDULE: Final = (
    "INSERT INTO turn VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
    " SET at = excluded.at, shown = 0, counties = excluded.counties, d = excluded.d"
    " WHERE turn.at > ? AND turn.at <> excluded.at"
)

Change = Mapping[str, Any]
"""{"status", "reason", "index", "at"}: what an entry of the ledger says of a seal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnRow:
    """One lamp: its clock's code, which limit, which lamp, when it turns, and the event that will say so."""

    clock: str
    kind: str
    lamp: str
    at: int
    event: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class UseRow:
    """A license that a step names: its identifier, its seal's leaf hash; index and kid of the seal once published."""

    identifier: str
    leaf: bytes
    seal: int | None = None
    kid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepMove:
    """What one case step changes. position: its record's. time: lamps due by then come before it.

    turns: all of the case's lamps as they stand with the step. closed: the case is open no longer, at the step's time.
    """

    position: int
    time: int
    number: str
    counties: tuple[str, ...]
    event: bytes
    turns: tuple[TurnRow, ...]
    uses: tuple[UseRow, ...] = ()
    closed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerMove:
    """What one ledger entry changes. seal: the one whose status changes; voids: kids and the index they fall from."""

    index: int
    change: Change
    seal: int | None = None
    voids: Mapping[str, int] = field(default_factory=dict)


class EventReader:
    """Reads over one connection, used by one thread at a time."""

    __slots__ = ("_connection",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection: Final = connection

    def position(self) -> Place:
        """Give the place behind the newest event. Raises NotVerified corrupt_store."""
        ((form, *numbers),) = read_rows(self._connection, "SELECT format, n, journal, ledger, time FROM position")
        if form != _FORMAT:
            raise NotVerified("corrupt_store", "the file holds no feed of this format")
        return Place(*numbers)

    def tips(self) -> tuple[bytes | None, bytes | None]:
        """Give the leaf hashes of the last record and the last entry that the feed was made from; None: of none."""
        ((record, entry),) = read_rows(self._connection, "SELECT record, entry FROM position")
        return record, entry

    def page(self, county: str, after: int, limit: int) -> list[FeedEvent]:
        """Give up to `limit` events of a county behind number `after`, in order."""
        rows = read_rows(self._connection, _PAGE, county, after, limit)
        return [read_event(Place(*numbers), raw) for *numbers, raw in rows]

    def find(self, cursor: Place) -> int:
        """Give the number behind which a cursor's holder goes on: nothing that it has not seen lies at or before it.

        A cursor of a feed that was made anew since may lie anywhere: then the other counts find the first event that
        its holder may not have seen. Such a one may get events again, under the same ids.
        """
        newest = self.position().number
        if cursor.number == 0 or (cursor.number <= newest and self._before(cursor.number) == cursor):
            return cursor.number
        low, high = 0, newest  # the counts rise with the numbers: all events up to `low` are known to the holder
        while low < high:
            middle = (low + high + 1) // 2
            at = self._at(middle)
            if at.journal <= cursor.journal and at.ledger <= cursor.ledger and at.time <= cursor.time:
                low = middle
            else:
                high = middle - 1
        return low

    def newest(self) -> Place:
        """Give the place of the newest event, the start where there is none."""
        return self._before(self.position().number)

    def _before(self, number: int) -> Place:
        if number == 0:
            return START
        at, rows = self._at(number - 1), read_rows(self._connection, "SELECT d FROM event WHERE n = ?", number)
        return marked(Place(number, at.journal, at.ledger, at.time), rows[0][0])

    def _at(self, number: int) -> Place:
        if number == 0:
            return START
        rows = read_rows(self._connection, "SELECT n, journal, ledger, time FROM event WHERE n = ?", number)
        return Place(*rows[0])

    def unknown(self) -> list[bytes]:
        """Give the leaf hashes of used licenses whose seals were not published so far; at most 1,000."""
        rows = read_rows(self._connection, "SELECT DISTINCT leaf FROM used WHERE seal IS NULL LIMIT 1000")
        return [row[0] for row in rows]


class EventStore:
    """The writer's side. After a failed write every further one is refused with store_stopped."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Open a feed, or make an empty one. Raises Unavailable store_stopped, NotVerified corrupt_store."""
        prepare(connection)
        connection.executescript(_SCHEMA)
        self._connection: Final = connection
        self.reader: Final = EventReader(connection)
        self._at = self.reader.position()
        self._due = self._next_due()
        self._stopped = False

    @property
    def position(self) -> Place:
        """How far the feed has come; may be read from any thread."""
        return self._at

    @property
    def due(self) -> int | None:
        """When the next lamp turns, POSIX seconds; may be read from any thread."""
        return self._due

    def steps(self, moves: Sequence[StepMove], *, journal: int, tip: bytes) -> list[FeedEvent]:
        """Take the case steps of the records below `journal`, the last of which has the leaf hash `tip`.

        Gives the new events, in order, as the two moves below do.
        """
        with self._moving() as before:
            self._take_steps(moves)
            self._pass(journal=journal)
            self._connection.execute("UPDATE position SET record = ?", (tip,))
        return self._since(before)

    def entries(
        self, moves: Sequence[LedgerMove], known: Mapping[bytes, tuple[int, str]], *, ledger: int, tip: bytes
    ) -> list[FeedEvent]:
        """Take what the entries below `ledger` change. known: leaf hash -> index and kid of seals published by now."""
        with self._moving() as before:
            self._take_entries(moves, known)
            self._pass(ledger=ledger)
            self._connection.execute("UPDATE position SET entry = ?", (tip,))
        return self._since(before)

    def advance(self, time: int) -> list[FeedEvent]:
        """Let time go on: tell of the lamps that have turned by then."""
        with self._moving() as before:
            self._turn(time)
        return self._since(before)

    @contextmanager
    def _moving(self) -> Iterator[int]:
        """Run one transaction, the position with it; gives the number of the newest event before."""
        if self._stopped:
            raise Unavailable("store_stopped", "the feed stopped after a failed write: start the hub anew")
        before = self._at
        try:
            with transaction(self._connection):
                yield before.number
                at = (self._at.number, self._at.journal, self._at.ledger, self._at.time)
                self._connection.execute("UPDATE position SET n = ?, journal = ?, ledger = ?, time = ?", at)
        except BaseException:
            self._at, self._stopped = before, True  # nobody knows what reached the disk
            raise
        self._due = self._next_due()

    def _since(self, number: int) -> list[FeedEvent]:
        rows = self._connection.execute(_SINCE, (number,)).fetchall()
        return [read_event(Place(*numbers), raw) for *numbers, raw in rows]

    def _tell(self, counties: Iterable[str], event: bytes) -> None:
        at = self._at = Place(self._at.number + 1, self._at.journal, self._at.ledger, self._at.time)
        row = (at.number, at.journal, at.ledger, at.time, event)
        self._connection.execute("INSERT INTO event VALUES (?, ?, ?, ?, ?)", row)
        parties = ((county, at.number) for county in dict.fromkeys(counties))
        self._connection.executemany("INSERT INTO party VALUES (?, ?)", parties)

    def _pass(self, *, journal: int = 0, ledger: int = 0, time: int = 0) -> None:
        at = self._at
        self._at = Place(at.number, max(at.journal, journal), max(at.ledger, ledger), max(at.time, time))

    def _turn(self, time: int) -> None:
        due = self._connection.execute(
            "SELECT number, clock, kind, lamp, at, counties, d FROM turn WHERE shown = 0 AND at <= ?"
            " ORDER BY at, number, clock, kind, lamp DESC",  # a limit's YELLOW comes before its RED
            (time,),
        ).fetchall()
        for *lamp, at, counties, event in due:
            self._pass(time=at)
            self._tell(counties.split(","), event)
            self._connection.execute(
                "UPDATE turn SET shown = 1 WHERE number = ? AND clock = ? AND kind = ? AND lamp = ?", lamp
            )
        self._pass(time=time)

    def _take_steps(self, moves: Sequence[StepMove]) -> None:
        for move in moves:
            self._turn(move.time)
            self._pass(journal=move.position + 1)
            self._tell(move.counties, move.event)
            self._schedule(move)
            self._turn(move.time)  # not the position's time: a clock that ran ahead once may have set it
            for use in move.uses:
                self._use(move, use)
            if move.closed:
                self._connection.execute(
                    "UPDATE used SET until = ? WHERE number = ? AND until IS NULL", (move.time, move.number)
                )

    def _schedule(self, move: StepMove) -> None:
        """Put the case's lamps in place of those that have not turned; one that has was told of, and stays so.

        One that was told of ahead of the step's time (a clock that ran ahead) and has moved is told of anew.
        """
        self._connection.execute("DELETE FROM turn WHERE number = ? AND shown = 0", (move.number,))
        counties = ",".join(move.counties)
        rows = (
            (move.number, each.clock, each.kind, each.lamp, each.at, 0, counties, each.event, move.time)
            for each in move.turns
        )
        self._connection.executemany(_SCHEDULE, rows)

    def _use(self, move: StepMove, use: UseRow) -> None:
        counties = ",".join(move.counties)
        row = (move.number, use.leaf, use.identifier, counties, use.seal, use.kid)
        made = self._connection.execute("INSERT OR IGNORE INTO used VALUES (?, ?, ?, ?, ?, ?, NULL)", row).rowcount
        if made and use.seal is not None and (change := self._standing(use.seal, str(use.kid))):
            self._tell(move.counties, license_event(move.number, move.counties, use.identifier, change))

    def _standing(self, seal: int, kid: str) -> Change | None:
        """Give what has made a seal other than valid, as far as the ledger was read."""
        rows = self._connection.execute("SELECT d FROM changed WHERE seal = ?", (seal,)).fetchall()
        change = _change(rows[0][0]) if rows else None
        if change is not None and change["status"] != "VALID":
            return change
        rows = self._connection.execute("SELECT d FROM voided WHERE kid = ? AND seal <= ?", (kid, seal)).fetchall()
        return _change(rows[0][0]) if rows else None

    def _take_entries(self, moves: Sequence[LedgerMove], known: Mapping[bytes, tuple[int, str]]) -> None:
        found = ((seal, kid, leaf) for leaf, (seal, kid) in known.items())
        self._connection.executemany("UPDATE used SET seal = ?, kid = ? WHERE leaf = ? AND seal IS NULL", found)
        for move in moves:
            self._pass(ledger=move.index + 1)
            if move.seal is not None:
                self._change(move.seal, move.change)
            for kid, start in sorted(move.voids.items()):
                self._void(kid, start, move.change)

    def _change(self, seal: int, change: Change) -> None:
        self._connection.execute("INSERT OR REPLACE INTO changed VALUES (?, ?)", (seal, canonical_json({**change})))
        rows = self._connection.execute(
            "SELECT number, counties, identifier FROM used WHERE seal = ? AND (until IS NULL OR until >= ?)"
            " ORDER BY number",
            (seal, change["at"]),
        ).fetchall()
        for number, text, identifier in rows:
            counties = text.split(",")
            self._tell(counties, license_event(number, counties, identifier, change))

    def _void(self, kid: str, start: int, change: Change) -> None:
        """Let the seals of a compromised key fall; one that is revoked already stays so for its own reason."""
        self._connection.execute(
            "INSERT OR REPLACE INTO voided VALUES (?, ?, ?)", (kid, start, canonical_json({**change}))
        )
        rows = self._connection.execute(
            "SELECT DISTINCT seal FROM used WHERE kid = ? AND seal >= ? ORDER BY seal", (kid, start)
        ).fetchall()
        for (seal,) in rows:
            known = self._connection.execute("SELECT d FROM changed WHERE seal = ?", (seal,)).fetchone()
            if known is None or _change(known[0])["status"] != "REVOKED":
                self._change(seal, change)

    def _next_due(self) -> int | None:
        row = self._connection.execute("SELECT min(at) FROM turn WHERE shown = 0").fetchone()
        return None if row[0] is None else int(row[0])


def _change(raw: bytes) -> dict[str, Any]:
    value = parse_json(raw, max_bytes=_MAX_CHANGE)
    if not isinstance(value, dict):
        raise Unavailable("store_stopped", "the feed's store is damaged")
    return value
