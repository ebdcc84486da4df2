"""A log's file in a running hub, ledger or journal: its lock, the one thread that writes it, and a few that read it.

The event loop only awaits. The store and its connection belong to the writing thread; each reading thread has a reader
over a connection of its own.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from hub.database import ThreadReaders, WriterLock, open_writer
from ledger.errors import Unavailable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["LogFile", "LogReader"]

Store = TypeVar("Store")
Read = TypeVar("Read")
T = TypeVar("T")

_READ_THREADS: Final = 2


class LogReader(Generic[Read]):
    """The reading side of one file: a few threads, each with a reader over a connection of its own.

    It may stand alone, in a process that never writes the file. reader: over the connection of a reading thread.
    """

    def __init__(self, path: Path, name: str, reader: Callable[[sqlite3.Connection], Read]) -> None:
        self._readers: Final = ThreadReaders(path, reader)
        self._pool: Final = ThreadPoolExecutor(_READ_THREADS, f"{name}-reader")

    def reader(self) -> Read:
        """Give the calling thread's reader. Raises Unavailable no_log."""
        return self._readers.get()

    async def read(self, question: Callable[[], T]) -> T:
        """Run a read in a reading thread."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, question)

    def close(self) -> None:
        """Let the running reads end, then close."""
        self._pool.shutdown()
        self._readers.close()


class LogFile(Generic[Store, Read]):
    """One file. name: `ledger` or `journal`, for messages and threads. `open` before anything else, `close` at the end.

    store: opens and checks the store over the writing connection. reader: over that of a reading thread.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        *,
        store: Callable[[sqlite3.Connection], Store],
        reader: Callable[[sqlite3.Connection], Read],
    ) -> None:
        self._path: Final = path
        self._name: Final = name
        self._opened: Final = store
        self._writer: Final = ThreadPoolExecutor(1, f"{name}-writer")
        self._reading: Final = LogReader(path, name, reader)
        self._lock: WriterLock | None = None
        self._connection: sqlite3.Connection | None = None
        self._store: Store | None = None

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
        self._store = self._opened(self._connection)

    async def close(self) -> None:
        """Let the running calls end, then give everything back."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._writer.shutdown()
        self._reading.close()
        if self._connection is not None:
            self._connection.close()
        if self._lock is not None:
            self._lock.release()

    @property
    def store(self) -> Store:
        """The store; outside `write` only what never blocks is asked of it. Raises Unavailable store_stopped."""
        if self._store is None:
            raise Unavailable("store_stopped", f"the {self._name} is not open")
        return self._store

    def reader(self) -> Read:
        """Give the calling thread's reader. Raises Unavailable no_log."""
        return self._reading.reader()

    async def write(self, change: Callable[[Store], T]) -> T:
        """Run a change in the writing thread, one after the other. Raises Unavailable store_stopped, and as it does."""
        return await asyncio.get_running_loop().run_in_executor(self._writer, change, self.store)

    async def read(self, question: Callable[[], T]) -> T:
        """Run a read in a reading thread."""
        return await self._reading.read(question)
