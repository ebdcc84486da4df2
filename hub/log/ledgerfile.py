"""The ledger's file in a running hub: who may touch it from which thread.

One thread owns the sequencer and the writing connection; a few others read, each over a connection of its own; a pool
checks signatures (`cryptography` lets go of the interpreter while it does). The event loop only awaits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from hub.database import ThreadReaders, WriterLock, create_database, open_writer
from ledger.errors import TongbanError, Unavailable
from ledger.transparency.sequencer import Sequencer
from ledger.transparency.snapshot import LogReads
from ledger.transparency.sqlite import SqliteReader, SqliteStore
from ledger.transparency.store import Reader

if TYPE_CHECKING:
    import sqlite3

    from ledger.signers import Signer

__all__ = ["LedgerFile", "create_ledger"]

T = TypeVar("T")

READ_THREADS: Final = 2
CHECK_THREADS: Final = 2


def create_ledger(path: Path, genesis: bytes, signer: Signer) -> None:
    """Make a ledger with `genesis` (the entry's exact bytes) as entry 0 and its first head, not yet published.

    Raises Conflict already_exists, Malformed or NotVerified for a genesis that does not hold.
    """
    connection = create_database(path)
    try:
        Sequencer.create(SqliteStore(connection), genesis, signer=signer)
    except BaseException:
        path.unlink()  # ours, and empty: it would stand in the way of the next attempt
        raise
    finally:
        connection.close()


class LedgerFile:
    """The opened ledger. checks: the pool for signatures. `open` before anything else, `close` at the end."""

    def __init__(self, path: Path, signer: Signer) -> None:
        self._path: Final = path
        self._signer: Final = signer
        self._writer: Final = ThreadPoolExecutor(1, "ledger-writer")
        self._pool: Final = ThreadPoolExecutor(READ_THREADS, "ledger-reader")
        self.checks: Final = ThreadPoolExecutor(CHECK_THREADS, "ledger-check")
        self._readers: Final[ThreadReaders[Reader]] = ThreadReaders(path, SqliteReader)
        self.reads: Final = LogReads(self._readers.get)
        self._lock: WriterLock | None = None
        self._connection: sqlite3.Connection | None = None
        self._sequencer: Sequencer | None = None
        self._fault: TongbanError | None = None

    async def open(self) -> None:
        """Lock, open, check. Raises Unavailable no_log, store_stopped (another writer), NotVerified corrupt_store."""
        self._lock = WriterLock(self._path)
        try:
            await asyncio.get_running_loop().run_in_executor(self._writer, self._open)
        except BaseException:
            await self.close()  # a start that fails holds nothing
            raise

    def _open(self) -> None:
        self._connection = open_writer(self._path)
        self._sequencer = Sequencer.open(SqliteStore(self._connection), self._signer)

    async def close(self) -> None:
        """Let the running calls end, then give everything back."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        for pool in (self.checks, self._pool, self._writer):
            pool.shutdown()
        self._readers.close()
        if self._connection is not None:
            self._connection.close()
        if self._lock is not None:
            self._lock.release()

    @property
    def sequencer(self) -> Sequencer:
        """The sequencer; outside `write` only its properties are read. Raises Unavailable store_stopped."""
        if self._sequencer is None:
            raise Unavailable("store_stopped", "the ledger is not open")
        return self._sequencer

    @property
    def fault(self) -> TongbanError | None:
        """Why the ledger stopped, or None. It stays stopped until the process starts anew and checks it."""
        return self._fault

    def stop(self, fault: TongbanError) -> None:
        """Take no more changes, for this reason."""
        self._fault = self._fault or fault

    async def write(self, change: Callable[[Sequencer], T]) -> T:
        """Run a change in the writer thread, one after the other. An error of any kind stops the ledger for good.

        Raises Unavailable store_stopped, Conflict store_moved, NotVerified corrupt_store.
        """
        if self._fault is not None:
            raise Unavailable("store_stopped", "the ledger stopped after a failed write: start the hub anew")
        sequencer = self.sequencer
        try:
            return await asyncio.get_running_loop().run_in_executor(self._writer, change, sequencer)
        except TongbanError as error:
            if error.code != "wrong_target":
                self._fault = error
            raise
        except Exception as error:
            self._fault = Unavailable("store_stopped", f"the ledger stopped: {type(error).__name__}")
            raise self._fault from error

    async def read(self, question: Callable[[LogReads], T]) -> T:
        """Run a read in a reader thread."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, question, self.reads)
