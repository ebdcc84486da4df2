"""The ledger's file in a running hub (hub/logfile.py): the sequencer in its one writing thread, and when it stops.

Beside it a pool checks signatures: `cryptography` lets go of the interpreter while it does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from hub.database import create_database
from hub.logfile import LogFile
from ledger.errors import TongbanError, Unavailable
from ledger.transparency.sequencer import Sequencer
from ledger.transparency.snapshot import LogReads
from ledger.transparency.sqlite import SqliteReader, SqliteStore

if TYPE_CHECKING:
    from ledger.signers import Signer

__all__ = ["LedgerFile", "create_ledger"]

T = TypeVar("T")

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
        self._file: Final = LogFile(
            path,
            "ledger",
            store=lambda connection: Sequencer.open(SqliteStore(connection), signer),
            reader=SqliteReader,
        )
        self.checks: Final = ThreadPoolExecutor(CHECK_THREADS, "ledger-check")
        self.reads: Final = LogReads(self._file.reader)
        self._fault: TongbanError | None = None

    async def open(self) -> None:
        """Lock, open, check. Raises Unavailable no_log, store_stopped (another writer), NotVerified corrupt_store."""
        try:
            await self._file.open()
        except BaseException:
            self.checks.shutdown()
            raise

    async def close(self) -> None:
        """Let the running calls end, then give everything back."""
        await asyncio.to_thread(self.checks.shutdown)
        await self._file.close()

    @property
    def sequencer(self) -> Sequencer:
        """The sequencer; outside `write` only its properties are read. Raises Unavailable store_stopped."""
        return self._file.store

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
        _ = self.sequencer  # one that is not open is no failed write
        try:
            return await self._file.write(change)
        except TongbanError as error:
            if error.code != "wrong_target":
                self._fault = error
            raise
        except Exception as error:
            self._fault = Unavailable("store_stopped", f"the ledger stopped: {type(error).__name__}")
            raise self._fault from error

    async def read(self, question: Callable[[LogReads], T]) -> T:
        """Run a read in a reader thread."""
        return await self._file.read(lambda: question(self.reads))
