"""The log's store in SQLite, over connections that the caller opened.

One transaction a batch with WAL and `synchronous=FULL`: what was acknowledged survives power loss, and a batch is there
whole or not at all. `prepare` sets the pragmas of the writer's connection and reads every one of them back, because
SQLite ignores a pragma that it cannot honour. Keeping a second writer process away (a lock file) is the caller's
part; should one come all the same, the compare-and-swap of the note stops it.

    writer = sqlite3.connect(path, isolation_level=None)
    store = SqliteStore(writer)                     # pragmas, tables
    reader = SqliteReader(another_connection)       # one a thread
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

from ledger.errors import Conflict, NotVerified, Unavailable
from ledger.status import TILE_ENTRIES
from ledger.transparency.store import (
    Appended,
    Change,
    Landmark,
    Publication,
    Reader,
    StoredCheckpoint,
    StoredCosignature,
    StoreState,
)

__all__ = [
    "FORMAT",
    "SCHEMA",
    "UNREADABLE",
    "SqliteReader",
    "SqliteStore",
    "prepare",
    "read_rows",
    "read_state",
    "transaction",
    "unreadable",
]

FORMAT: Final = b"tongban-log/v1"
SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS meta       (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entry      (i INTEGER PRIMARY KEY, d BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS governance ON entry (i) WHERE substr(d, 1, 1) = x'7B';
CREATE TABLE IF NOT EXISTS leaf       (h BLOB PRIMARY KEY, i INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS statement  (h BLOB PRIMARY KEY, i INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tile       (l INTEGER, n INTEGER, h BLOB NOT NULL, PRIMARY KEY (l, n)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS status     (n INTEGER PRIMARY KEY, t BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS change     (i INTEGER, target INTEGER, was INTEGER NOT NULL, now INTEGER NOT NULL,
                                       PRIMARY KEY (i, target)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS head       (id INTEGER PRIMARY KEY CHECK (id = 1), size INTEGER NOT NULL,
                                       body BLOB NOT NULL, published INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS checkpoint (size INTEGER PRIMARY KEY, note BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS cosig      (size INTEGER, name TEXT, time INTEGER NOT NULL, line BLOB NOT NULL,
                                       PRIMARY KEY (size, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS landmark   (day TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL) WITHOUT ROWID;
"""
_PRAGMAS: Final = (
    ("journal_mode", "WAL", "wal"),
    ("synchronous", "FULL", 2),
    ("foreign_keys", "ON", 1),
    ("busy_timeout", "5000", 5000),
    ("fullfsync", "ON", 1),  # macOS: reach the medium, not only the drive's cache
)
Beside: TypeAlias = Callable[[], None]

UNREADABLE: Final = (sqlite3.DatabaseError, UnicodeDecodeError)  # SQLite may quote a damaged schema in its message
_CHUNK: Final = 500  # below SQLite's bound on variables in one statement


def prepare(connection: sqlite3.Connection) -> None:
    """Set the pragmas of a writer and read each one back.

    Raises Unavailable store_stopped if one did not take, NotVerified corrupt_store if the file is no database.
    """
    for name, value, expected in _PRAGMAS:
        found = _set(connection, name, value)
        if found is None or found[0] != expected:
            raise Unavailable("store_stopped", f"SQLite did not take PRAGMA {name}={value}")


def _set(connection: sqlite3.Connection, name: str, value: str) -> Any:
    try:
        connection.execute(f"PRAGMA {name}={value}").fetchall()
        return connection.execute(f"PRAGMA {name}").fetchone()
    except sqlite3.OperationalError as error:
        raise Unavailable("store_stopped", f"SQLite cannot use the store now: {error}") from error
    except UNREADABLE as error:
        raise unreadable(error) from error


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Run the block in one `BEGIN IMMEDIATE` transaction.

    Our own errors roll back and pass. An error of SQLite, COMMIT included, becomes Unavailable store_stopped: what
    reached the disk is unknown until the store is opened anew.
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("COMMIT")
    except BaseException as error:
        _roll_back(connection)
        if isinstance(error, sqlite3.Error):
            raise Unavailable("store_stopped", f"write failed: {error}") from error
        raise


def _roll_back(connection: sqlite3.Connection) -> None:
    try:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    except sqlite3.Error:
        return  # the error that led here says more


def unreadable(error: Exception) -> NotVerified:
    """Say that SQLite cannot read a store, in its words, without the stored bytes that it may quote."""
    return NotVerified("corrupt_store", f"SQLite cannot read the store: {str(error).partition(' with text ')[0]}")


def read_rows(connection: sqlite3.Connection, text: str, *values: object) -> list[Any]:
    """Run a read of a store. Raises NotVerified corrupt_store."""
    try:
        return connection.execute(text, values).fetchall()
    except UNREADABLE as error:
        raise unreadable(error) from error


def read_state(connection: sqlite3.Connection) -> StoreState:
    """Say where the log in a file stands. Raises Unavailable no_log, NotVerified corrupt_store."""
    try:
        meta = dict(connection.execute("SELECT key, value FROM meta").fetchall())
        head = connection.execute("SELECT size, body, published FROM head WHERE id = 1").fetchone()
    except UNREADABLE as error:
        raise unreadable(error) from error
    if not meta and head is None:
        raise Unavailable("no_log", "the store holds no log: put a backup's back")
    if head is None or meta.get("format") != FORMAT or not {"origin", "genesis"} <= meta.keys():
        raise NotVerified("corrupt_store", "the store holds no log of this format")
    size, note, published = head
    try:
        origin = meta["origin"].decode("utf-8")
    except (AttributeError, UnicodeDecodeError) as error:
        raise NotVerified("corrupt_store", "the store's origin is no text in UTF-8") from error
    return StoreState(origin=origin, genesis_leaf=meta["genesis"], size=size, note=note, published=published)


class SqliteReader:
    """Reads over one connection, used by one thread at a time."""

    __slots__ = ("_connection",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection: Final = connection

    def entries(self, start: int, stop: int) -> Sequence[bytes]:
        """Give the exact bytes of the entries start..stop-1. Raises NotVerified corrupt_store."""
        rows = self._rows("SELECT d FROM entry WHERE i >= ? AND i < ? ORDER BY i", start, stop)
        return self._complete([row[0] for row in rows], stop - start, "entry", start)

    def find(self, leaves: Sequence[bytes], statements: Sequence[bytes]) -> tuple[dict[bytes, int], dict[bytes, int]]:
        """Look up leaf hashes and statement hashes; give those that are in the log, each with its index."""
        return self._find("leaf", leaves), self._find("statement", statements)

    def _find(self, table: str, hashes: Sequence[bytes]) -> dict[bytes, int]:
        found: dict[bytes, int] = {}
        for start in range(0, len(hashes), _CHUNK):
            chunk = hashes[start : start + _CHUNK]
            marks = ",".join("?" * len(chunk))
            text = f"SELECT h, i FROM {table} WHERE h IN ({marks})"  # noqa: S608  # one of our two table names
            found.update(self._rows(text, *chunk))
        return found

    def governance(self, start: int) -> Sequence[tuple[int, bytes]]:
        """Give member and rule entries from index `start` on, ascending: those that begin with `{`."""
        return self._rows("SELECT i, d FROM entry WHERE substr(d, 1, 1) = x'7B' AND i >= ? ORDER BY i", start)

    def tile(self, level: int, number: int) -> bytes:
        """Give a hash tile as it is stored. Raises NotVerified corrupt_store."""
        rows = self._rows("SELECT h FROM tile WHERE l = ? AND n = ?", level, number)
        return self._complete([bytes(row[0]) for row in rows], 1, f"tile of level {level}", number)[0]

    def statuses(self, n: int) -> tuple[Sequence[bytes], Sequence[Change]]:
        """Give the status tiles over the entries 0..n-1, and the changes made at n and above, newest first."""
        count = -(-n // TILE_ENTRIES)
        tiles = self._rows("SELECT t FROM status WHERE n < ? ORDER BY n", count)
        text = "SELECT i, target, was, now FROM change WHERE i >= ? ORDER BY i DESC, target DESC"
        changes = [Change(index=i, target=target, was=was, now=now) for i, target, was, now in self._rows(text, n)]
        return self._complete([row[0] for row in tiles], count, "status tile", 0), changes

    def checkpoints(self, start: int, limit: int) -> Sequence[StoredCheckpoint]:
        """Give up to `limit` published checkpoints of size `start` and above, smallest first."""
        rows = self._rows("SELECT size, note FROM checkpoint WHERE size >= ? ORDER BY size LIMIT ?", start, limit)
        return [StoredCheckpoint(size=size, note=note) for size, note in rows]

    def publications(self, first: int, limit: int) -> Sequence[StoredCheckpoint]:
        """Give up to `limit` published checkpoints by their place in the order of sizes, from `first` on."""
        rows = self._rows("SELECT size, note FROM checkpoint ORDER BY size LIMIT ? OFFSET ?", limit, first)
        return [StoredCheckpoint(size=size, note=note) for size, note in rows]

    def cosignatures(self, size: int) -> Sequence[StoredCosignature]:
        """Give the newest cosignature of every cosigner over the checkpoint of `size`, by name."""
        rows = self._rows("SELECT name, time, line FROM cosig WHERE size = ? ORDER BY name", size)
        return [StoredCosignature(name=name, time=time, line=line) for name, time, line in rows]

    def landmarks(self) -> Sequence[Landmark]:
        """Give all landmarks, oldest first."""
        rows = self._rows("SELECT day, size, root FROM landmark ORDER BY day")
        return [Landmark(day=day, size=size, root=root) for day, size, root in rows]

    def _rows(self, text: str, *values: int | bytes) -> list[Any]:
        return read_rows(self._connection, text, *values)

    @staticmethod
    def _complete(found: list[bytes], count: int, what: str, start: int) -> list[bytes]:
        if len(found) != count:
            raise NotVerified("corrupt_store", f"{what} is missing in the store, from {start} on", index=start)
        return found


class SqliteStore:
    """The writer's side over one connection in autocommit mode (`isolation_level=None`), used by one thread."""

    __slots__ = ("_connection", "_reader")

    def __init__(self, connection: sqlite3.Connection) -> None:
        prepare(connection)
        connection.executescript(SCHEMA)
        self._connection: Final = connection
        self._reader: Final = SqliteReader(connection)

    @property
    def reader(self) -> Reader:
        """Reads over the writer's own connection."""
        return self._reader

    def state(self) -> StoreState:
        """Say where the log stands. Raises Unavailable no_log, NotVerified corrupt_store."""
        return read_state(self._connection)

    def create(self, origin: str, batch: Appended, *, beside: Beside = lambda: None) -> None:
        """Make the log with its first batch. Raises Conflict already_exists, Unavailable store_stopped.

        beside: writes what else belongs to the transaction, over the same connection.
        """
        with transaction(self._connection):
            if self._connection.execute("SELECT 1 FROM meta UNION ALL SELECT 1 FROM head").fetchone():
                raise Conflict("already_exists", "the store already holds a log")
            meta = (("format", FORMAT), ("origin", origin.encode("utf-8")), ("genesis", batch.leaves[0]))
            self._connection.executemany("INSERT INTO meta VALUES (?, ?)", meta)
            self._connection.execute("INSERT INTO head VALUES (1, ?, ?, 0)", (batch.size, batch.note))
            self._append(batch)
            beside()

    def commit(self, batch: Appended, *, beside: Beside = lambda: None) -> None:
        """T1. beside: as in `create`. Raises Conflict store_moved, Unavailable store_stopped."""
        with transaction(self._connection):
            moved = self._connection.execute(
                "UPDATE head SET size = ?, body = ? WHERE id = 1 AND body = ?", (batch.size, batch.note, batch.old_note)
            ).rowcount
            if moved != 1:
                raise Conflict("store_moved", "another writer has moved the log")
            self._append(batch)
            beside()

    def _append(self, batch: Appended) -> None:
        indexes = range(batch.first, batch.size)
        write = self._connection.executemany
        write("INSERT INTO entry VALUES (?, ?)", zip(indexes, batch.entries, strict=True))
        write("INSERT INTO leaf VALUES (?, ?)", zip(batch.leaves, indexes, strict=True))
        write("INSERT INTO statement VALUES (?, ?)", zip(batch.statements, indexes, strict=True))
        write("INSERT OR REPLACE INTO tile VALUES (?, ?, ?)", ((*key, data) for key, data in batch.tiles.items()))
        write("INSERT OR REPLACE INTO status VALUES (?, ?)", batch.status.items())
        write("INSERT INTO change VALUES (?, ?, ?, ?)", ((c.index, c.target, c.was, c.now) for c in batch.changes))

    def publish(self, publication: Publication) -> None:
        """T2. Raises Conflict store_moved, Unavailable store_stopped."""
        size, mark = publication.size, publication.landmark
        lines = ((size, each.name, each.time, each.line) for each in publication.cosignatures)
        with transaction(self._connection):
            moved = self._connection.execute(
                "UPDATE head SET published = max(published, ?) WHERE id = 1 AND size >= ?", (size, size)
            ).rowcount
            if moved != 1:
                raise Conflict("store_moved", "the store holds fewer entries than are to be published")
            self._connection.execute("INSERT OR IGNORE INTO checkpoint VALUES (?, ?)", (size, publication.note))
            self._connection.executemany(
                "INSERT INTO cosig VALUES (?, ?, ?, ?) ON CONFLICT (size, name) DO UPDATE SET time = excluded.time,"
                " line = excluded.line WHERE excluded.time > time",
                lines,
            )
            self._connection.execute(
                "INSERT INTO landmark VALUES (?, ?, ?) ON CONFLICT (day) DO UPDATE SET size = excluded.size,"
                " root = excluded.root WHERE excluded.size > size",
                (mark.day, mark.size, mark.root),
            )
