"""The county's database file: records and outbox in one SQLite file, so that a seal and its delivery are one commit.

Every process that works on the data folder opens the file for itself (`seal` and `revoke` while `serve` runs): WAL,
`synchronous=FULL`, a busy timeout, and write transactions that begin IMMEDIATE.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from ledger.errors import NotVerified, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Database"]

_BUSY_MS: Final = 10_000
_PRAGMAS: Final = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    f"PRAGMA busy_timeout={_BUSY_MS}",
    "PRAGMA secure_delete=ON",  # an erased data key must not linger in a free page
)


class Database:
    """One connection to one file, shared by the threads of this process, one at a time.

    schema: statements parted by `;` and a newline. The file is made, mode 0600, if it is not there.
    """

    def __init__(self, path: Path, schema: str) -> None:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self._connection: Final = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._lock: Final = threading.RLock()
        with self.reading() as connection:
            for pragma in _PRAGMAS:
                connection.execute(pragma).fetchall()
        with self.transaction() as connection:
            for statement in schema.split(";\n"):
                connection.execute(statement)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Run a write transaction: committed and on disk when the block ends, rolled back when it raises.

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
