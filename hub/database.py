"""Every SQLite file of hub and county node is opened here, in one of two ways, mode 0600.

A log (ledger, journal) has one writer and readers with connections of their own. It is one file, its lock another one
beside it: `ledger.sqlite`, `ledger.sqlite.lock`. The lock is an flock: the kernel drops it with the process, however
that ends. A log's file is never made by opening it; `create_database` does that.

A `Database` (records, vault, tokens) is made where it is missing and has short transactions, by any process that works
on the folder (`seal` and `revoke` while `serve` runs): WAL, a busy timeout, write transactions that begin IMMEDIATE.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Generic, TypeVar

from hub.rowsums import install_sums
from ledger.errors import Conflict, NotVerified, Unavailable

__all__ = [
    "Database",
    "ThreadReaders",
    "WriterLock",
    "create_database",
    "held_lock",
    "missing",
    "open_reader",
    "open_writer",
]

T = TypeVar("T")

_BUSY_MS: Final = 10_000
_PRAGMAS: Final = (
    f"PRAGMA busy_timeout={_BUSY_MS}",
    "PRAGMA secure_delete=ON",  # an erased data key must not linger in a free page
)


class WriterLock:
    """Holds the right to write one store until `release` or the end of the process."""

    __slots__ = ("_descriptor",)

    def __init__(self, path: Path, does: str | None = None) -> None:
        """Take the lock beside `path` without waiting. does: what the process that has it does, for the message.

        Raises Unavailable store_stopped if another process has it.
        """
        descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise Unavailable("store_stopped", f"another process {does or f'writes {path.name}'}") from error
        self._descriptor: int | None = descriptor

    def release(self) -> None:
        """Give the lock back; a second call does nothing."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


@contextmanager
def held_lock(path: Path, does: str | None = None) -> Iterator[None]:
    """Hold a `WriterLock` for a block; if the block fails, a lock file that was not there before goes again.

    Raises as `WriterLock`.
    """
    file = path.with_name(path.name + ".lock")
    fresh = not file.exists()
    lock = WriterLock(path, does)
    try:
        yield
    except BaseException:
        if fresh:
            file.unlink()  # while it is held: whoever is refused by it does not wait for it
        raise
    finally:
        lock.release()


def create_database(path: Path) -> sqlite3.Connection:
    """Make a new file, mode 0600, and open it for writing. Raises Conflict already_exists."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError as error:
        raise Conflict("already_exists", f"{path.name} exists already") from error
    return open_writer(path)


def open_writer(path: Path) -> sqlite3.Connection:
    """Open an existing file for its one writer, in autocommit mode. Raises Unavailable no_log if it is not there."""
    return _open(path, "rw")


def open_reader(path: Path, *, immutable: bool = False) -> sqlite3.Connection:
    """Open an existing file for reading, for one thread at a time. Raises Unavailable no_log if it is not there.

    immutable: nobody writes the file meanwhile, and nothing may be written beside it.
    """
    connection = _open(path, "ro&immutable=1" if immutable else "ro")
    connection.execute("PRAGMA busy_timeout=5000").fetchall()
    connection.execute("PRAGMA query_only=ON")
    return connection


def _open(path: Path, mode: str) -> sqlite3.Connection:
    if not path.is_file():
        raise missing(path)
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    # Opened in one thread, used in another, never in two at once: each has its owner.
    return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, cached_statements=64)


def missing(path: Path) -> Unavailable:
    """Say that a file of a hub's folder is not there, and what helps: where a log was founded, no second one is."""
    founded = any(path.with_name(name).exists() for name in ("genesis", "ledger.sqlite", "journal.sqlite"))
    lost = "a log was founded here: put a backup's back, or make a new folder by `tongban ledger restore`"
    return Unavailable("no_log", f"there is no {path.name}: {lost if founded else 'run `tongban ledger init`'}")


class ThreadReaders(Generic[T]):
    """One reader a thread over the same file, made when the thread first asks, all closed together."""

    def __init__(self, path: Path, make: Callable[[sqlite3.Connection], T]) -> None:
        self._path: Final = path
        self._make: Final = make
        self._local: Final = threading.local()
        self._connections: Final[list[sqlite3.Connection]] = []
        self._lock: Final = threading.Lock()

    def get(self) -> T:
        """Give the calling thread's reader. Raises Unavailable no_log."""
        reader: T | None = getattr(self._local, "reader", None)
        if reader is None:
            connection = open_reader(self._path)
            with self._lock:
                self._connections.append(connection)
            reader = self._local.reader = self._make(connection)
        return reader

    def close(self) -> None:
        """Close every connection; call when no thread reads any more."""
        with self._lock:
            while self._connections:
                self._connections.pop().close()


class Database:
    """One connection to one file, shared by the threads of this process, one at a time.

    schema: statements parted by `;` and a newline. durable: what is committed survives a power cut, and not only the
    end of the process. summed: a sum stands beside every row (hub/rowsums.py). The file is made, mode 0600, if it is
    not there. Raises as `transaction`.
    """

    def __init__(self, path: Path, schema: str, *, durable: bool = True, summed: bool = False) -> None:
        # A file that is there is not opened beside SQLite: closing it again would drop the locks of this process on it.
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        self._connection: Final = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._lock: Final = threading.RLock()
        with self.reading() as connection:
            _use_wal(connection)
            for pragma in (*_PRAGMAS, f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}"):
                connection.execute(pragma).fetchall()
        with self.transaction() as connection:
            for statement in schema.split(";\n"):
                connection.execute(statement)
            if summed:
                install_sums(connection)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run a write transaction: committed (where durable, on disk) when the block ends, rolled back when it raises.

        Raises Unavailable store_stopped when the file stays locked or cannot be written, NotVerified corrupt_store.
        """
        with self._lock, _as_unavailable():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.rollback()
                raise
            self._connection.commit()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give the connection for reads outside a transaction. Raises as `transaction`."""
        with self._lock, _as_unavailable():
            yield self._connection

    def empty_wal(self) -> None:
        """Move the write-ahead log into the file and empty it, so that nothing overwritten lingers there.

        Raises Unavailable store_stopped when another process keeps reading, longer than the busy timeout.
        """
        with self.reading() as connection:
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise Unavailable("store_stopped", "another process reads the database: try again")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()


def _use_wal(connection: sqlite3.Connection) -> None:
    """Turn a file to WAL, which SQLite waits for no lock for: of two that open a new file at once, one is refused."""
    end = time.monotonic() + _BUSY_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").fetchall()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return


@contextmanager
def _as_unavailable() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise Unavailable("store_stopped", "the database cannot be used now") from error
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.IntegrityError | sqlite3.ProgrammingError):
            raise  # a fault of ours
        raise NotVerified("corrupt_store", "the database file is damaged") from error
