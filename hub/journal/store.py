"""The journal's store: append-only SQLite, one durable transaction for many records, its Merkle tree kept as it grows.

`JournalStore` belongs to one writer thread, `JournalReader` to one reading thread; both take a connection that the
caller opened. A record's position is its 0-based number. Memory holds the tree's right edge and nothing else.

A county's statement is kept once: the same bytes give the same position. A license is stated once: another statement
for its identifier, by whatever county, is refused, or one county could speak over another's license. So is a version of
an offering, by its code, and a standing statement, by its name: `license.identifier` holds them all (no identifier has
an `@` or a `/`). A case's step is judged by the steps before it (`hub.journal.casebook`), a standing statement by what
it follows and by its case (`hub.journal.standing`). Accesses are events; equal ones in one second are two records.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from hub.journal.accessindex import ACCESS_SCHEMA, find_accesses, keep_accesses
from hub.journal.casebook import CASE_SCHEMA, CaseBook, read_case
from hub.journal.casesteps import CaseStepRecord
from hub.journal.offerings import OfferingRecord
from hub.journal.records import LicenseRecord, Statement, format_access, parse_statement
from hub.journal.standing import Standing, judge
from ledger.casework import Case
from ledger.errors import Conflict, NotVerified, TongbanError, Unavailable
from ledger.transparency.edge import EMPTY_EDGE, TileEdge
from ledger.transparency.merkle import TreeView, leaf_hash
from ledger.transparency.sqlite import prepare, read_rows, transaction
from ledger.transparency.tiles import TileNodes
from schema.context import Access

__all__ = ["SCHEMA", "JournalHead", "JournalReader", "JournalRow", "JournalStore", "asked_after", "indexed", "row_of"]

FORMAT: Final = b"tongban-journal/v3"
SCHEMA: Final = (
    """
CREATE TABLE IF NOT EXISTS record  (i INTEGER PRIMARY KEY, d BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS stated  (h BLOB PRIMARY KEY, i INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS license (identifier TEXT PRIMARY KEY, i INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS holding (holder TEXT, identifier TEXT, county TEXT NOT NULL, i INTEGER NOT NULL,
                                    PRIMARY KEY (holder, identifier)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tile    (l INTEGER, n INTEGER, h BLOB NOT NULL, PRIMARY KEY (l, n)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS head    (id INTEGER PRIMARY KEY CHECK (id = 1), format BLOB NOT NULL, n INTEGER NOT NULL,
                                    root BLOB NOT NULL);
"""
    + ACCESS_SCHEMA
    + CASE_SCHEMA
)
_STATED: Final = "SELECT r.d FROM license l JOIN record r ON r.i = l.i WHERE l.identifier = ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalRow:
    """A record to append. states: the license's identifier, the offering's code, or the name that it states.

    accesses: licenses or cases whose read it records, and the holder asked after. holders: of a license, with its
    county; or the applicant of a case, with none. step, standing: the same bytes as a step of a case, or as a standing
    statement, which must not be dated before `oldest`, POSIX seconds. against: why it is refused where journal and
    record by themselves would let it stand.
    """

    raw: bytes
    states: str | None = None
    accesses: tuple[str, ...] = ()
    holders: tuple[str, ...] = ()
    county: str = ""
    step: CaseStepRecord | None = None
    standing: Standing | None = None
    oldest: int = 0
    against: TongbanError | None = None

    @property
    def access(self) -> bool:
        """Whether it is an access record, JSON, and no statement, which is a JWS."""
        return self.raw.startswith(b"{")


def asked_after(holder: str) -> str:
    """Give the name by which the reads of a holder are found: no license and no case has a `/`."""
    return f"holder/{holder}"


def indexed(access: Access) -> tuple[str, ...]:
    """Give the names by which an access record is found: its licenses or cases, and its holder."""
    return access.licenses if access.holder is None else (*access.licenses, asked_after(access.holder))


def row_of(record: Statement | Access, *, oldest: int = 0, against: TongbanError | None = None) -> JournalRow:
    """Give the row that a record is appended by. An access is written in its one form: its bytes are those read."""
    if isinstance(record, Access):
        return JournalRow(raw=format_access(record), accesses=indexed(record))
    if isinstance(record, CaseStepRecord):
        opening = record.step.opening
        applicant = () if opening is None else (opening.holder,)
        return JournalRow(raw=record.raw, holders=applicant, step=record, oldest=oldest, against=against)
    if isinstance(record, LicenseRecord):
        return JournalRow(raw=record.raw, states=record.states, holders=record.holders, county=record.iss)
    standing = None if isinstance(record, LicenseRecord | OfferingRecord) else record
    return JournalRow(raw=record.raw, states=record.states, standing=standing, oldest=oldest, against=against)


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalHead:
    """Count of records and RFC 6962 root over them, as a status head binds them."""

    n: int
    root: bytes


class JournalReader:
    """Reads over one connection, used by one thread at a time."""

    __slots__ = ("_connection",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection: Final = connection

    def head(self) -> JournalHead:
        """Give count and root as of the last commit. Raises Unavailable no_log, NotVerified corrupt_store."""
        rows = self._rows("SELECT format, n, root FROM head")
        if not rows:
            raise Unavailable("no_log", "the file holds no journal: put a backup's back")
        kind, count, root = rows[0]
        if kind != FORMAT:
            raise NotVerified("corrupt_store", "the file holds no journal of this format")
        return JournalHead(n=count, root=root)

    def records(self, start: int, limit: int) -> list[bytes]:
        """Give up to `limit` records from position `start` on, in order."""
        rows = self._rows("SELECT d FROM record WHERE i >= ? ORDER BY i LIMIT ?", start, limit)
        return [row[0] for row in rows]

    def accesses(self, names: Sequence[str], *, first: int, after: int) -> list[tuple[int, bytes]]:
        """Give position and bytes of the access records with any of these names, oldest first, above `after`."""
        found = find_accesses(self._connection, names, first=first, after=after, size=self.head().n)
        return [(place, self._rows("SELECT d FROM record WHERE i = ?", place)[0][0]) for place in found]

    def holdings(self, holder: str, county: str | None) -> list[str]:
        """Give the licenses and cases that are stated of a holder as theirs, by identifier and number.

        county: only the licenses that it stated.
        """
        text = "SELECT identifier FROM holding WHERE holder = ? AND (? IS NULL OR county = ?) ORDER BY identifier"
        return [row[0] for row in self._rows(text, holder, county, county)]

    def licenses(self, identifiers: Sequence[str]) -> dict[str, LicenseRecord]:
        """Give the statements of those licenses that the journal has, by identifier."""
        rows = [row for each in identifiers for row in self._rows(_STATED, each)]
        records = (parse_statement(raw) for (raw,) in rows)
        return {record.identifier: record for record in records if isinstance(record, LicenseRecord)}

    def cases(self, numbers: Sequence[str]) -> dict[str, Case]:
        """Give those cases that there are, after their newest steps."""
        found = {each: read_case(self._connection, each) for each in numbers}
        return {number: case for number, case in found.items() if case is not None}

    def steps(self, number: str, *, before: int) -> list[bytes]:
        """Give the steps of a case whose records stand below position `before`, in order; at most 100."""
        rows = self._rows(
            "SELECT r.d FROM casestep c JOIN record r ON r.i = c.i WHERE c.number = ? AND c.i < ? ORDER BY c.sequence",
            number,
            before,
        )
        return [row[0] for row in rows]

    def stated(self, name: str) -> bytes | None:
        """Give the record that has a name: of a license, an offering, a standing statement; None if there is none."""
        rows = self._rows("SELECT r.d FROM license l JOIN record r ON r.i = l.i WHERE l.identifier = ?", name)
        return None if not rows else rows[0][0]

    def consistency(self, old: int, new: int) -> list[bytes]:
        """Make the proof from the tree of `old` records to that of `new`. Raises Malformed bad_number."""
        size = self.head().n
        if new > size:
            raise Conflict("wrong_target", f"the journal has {size} records")
        return TreeView(new, TileNodes(self.tile)).consistency_path(old)

    def tile(self, level: int, number: int) -> bytes:
        """Give a hash tile as it is stored. Raises NotVerified corrupt_store."""
        rows = self._rows("SELECT h FROM tile WHERE l = ? AND n = ?", level, number)
        if not rows:
            raise NotVerified("corrupt_store", f"tile {number} of level {level} is missing in the journal")
        return bytes(rows[0][0])

    def _rows(self, text: str, *values: int | str | bytes | None) -> list[Any]:
        return read_rows(self._connection, text, *values)


class JournalStore:
    """The writer's side. After Unavailable store_stopped every further append is refused until it is opened anew."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Open a journal and hash its right edge again. Raises Unavailable no_log, NotVerified corrupt_store."""
        prepare(connection)
        connection.executescript(SCHEMA)
        self._connection: Final = connection
        self.reader: Final = JournalReader(connection)
        self._head = self.reader.head()
        self._edge = TileEdge.load(self._head.n, self.reader.tile, self._leaves)
        self._stopped = False
        self._cases: Final = CaseBook(connection)
        self._view: Final = _View(connection, self._cases)
        if self._edge.root() != self._head.root:
            raise NotVerified("corrupt_store", "the journal's root is not that of its records")

    @classmethod
    def create(cls, connection: sqlite3.Connection) -> JournalStore:
        """Make an empty journal in a new file. Raises Conflict already_exists."""
        prepare(connection)
        connection.executescript(SCHEMA)
        with transaction(connection):
            if connection.execute("SELECT 1 FROM head").fetchone():
                raise Conflict("already_exists", "the file already holds a journal")
            connection.execute("INSERT INTO head VALUES (1, ?, 0, ?)", (FORMAT, EMPTY_EDGE.root()))
        return cls(connection)

    @property
    def head(self) -> JournalHead:
        """Count and root as of the last commit; may be read from any thread."""
        return self._head

    def append(self, rows: Sequence[JournalRow]) -> list[int | TongbanError]:
        """Append rows in one transaction, durable on return; one position or error each.

        Conflict duplicate_identifier for what is stated already; for a step as `CaseBook.take`, for a standing
        statement as `judge`, or Conflict iat_too_old; for either, at last, what speaks `against` it. Raises Unavailable
        store_stopped: then nobody knows whether they are there.
        """
        if self._stopped:
            raise Unavailable("store_stopped", "the journal stopped after a failed write: start the hub anew")
        try:
            return self._append(rows)
        except BaseException:
            self._stopped = True
            raise

    def _append(self, rows: Sequence[JournalRow]) -> list[int | TongbanError]:
        leaves: list[bytes] = []
        with transaction(self._connection):
            results = [self._place(row, leaves) for row in rows]
            reads = [
                (position, row.accesses)
                for row, position in zip(rows, results, strict=True)
                if row.accesses and isinstance(position, int)
            ]
            growth = self._edge.append(leaves)
            keep_accesses(self._connection, reads, old=self._head.n, new=growth.edge.size)
            head = JournalHead(n=growth.edge.size, root=growth.edge.root())
            tiles = ((*key, data) for key, data in growth.tiles.items())
            self._connection.executemany("INSERT OR REPLACE INTO tile VALUES (?, ?, ?)", tiles)
            moved = self._connection.execute(
                "UPDATE head SET n = ?, root = ? WHERE id = 1 AND root = ?", (head.n, head.root, self._head.root)
            ).rowcount
            if moved != 1:
                raise Unavailable("store_stopped", "another writer has moved the journal")
        self._edge, self._head = growth.edge, head
        return results

    def _place(self, row: JournalRow, leaves: list[bytes]) -> int | TongbanError:
        leaf, position = leaf_hash(row.raw), self._head.n + len(leaves)
        if row.states is not None or row.step is not None:
            if (known := self._index("SELECT i FROM stated WHERE h = ?", leaf)) is not None:
                return known
            if refusal := self._refusal(row, position):
                return refusal
            self._connection.execute("INSERT INTO stated VALUES (?, ?)", (leaf, position))
        if row.states is not None:
            self._connection.execute("INSERT INTO license VALUES (?, ?)", (row.states, position))
        if row.holders:
            name = row.states if row.step is None else row.step.step.number
            held = ((holder, name, row.county, position) for holder in row.holders)
            self._connection.executemany("INSERT INTO holding VALUES (?, ?, ?, ?)", held)
        self._connection.execute("INSERT INTO record VALUES (?, ?)", (position, row.raw))
        leaves.append(leaf)
        return position

    def _refusal(self, row: JournalRow, position: int) -> TongbanError | None:
        """Say why a statement cannot stand, or let its case go on by it."""
        if row.step is not None:
            return self._cases.take(row.step, position, oldest=row.oldest, against=row.against)
        if row.standing is not None and (refusal := self._judged(row.standing, row.oldest)):
            return refusal
        if self._index("SELECT i FROM license WHERE identifier = ?", str(row.states)) is not None:
            return Conflict("duplicate_identifier", "it is stated already, by another record")
        return row.against

    def _judged(self, record: Standing, oldest: int) -> TongbanError | None:
        if record.iat < oldest:
            return Conflict("iat_too_old", "it comes too late for its time: state it again, with the time of now")
        try:
            judge(record, self._view)
        except TongbanError as refusal:
            return refusal
        return None

    def _index(self, text: str, key: bytes | str) -> int | None:
        row = self._connection.execute(text, (key,)).fetchone()
        return None if row is None else int(row[0])

    def _leaves(self, start: int, stop: int) -> list[bytes]:
        return [leaf_hash(raw) for raw in self.reader.records(start, stop - start)]


class _View:
    """What stands in the journal, those of the running transaction included."""

    __slots__ = ("_connection", "case")

    def __init__(self, connection: sqlite3.Connection, cases: CaseBook) -> None:
        self._connection: Final = connection
        self.case: Final = cases.case

    def stated(self, name: str) -> Statement | None:
        found = self._connection.execute(_STATED, (name,)).fetchone()
        return None if found is None else parse_statement(found[0])
