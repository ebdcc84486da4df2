"""The stores of a hub's folder, opened for reading as of one moment: of a running hub, a stopped one, or a copy.

The two files are two databases, and no transaction spans both. They are read as of one moment all the same: a snapshot
of the ledger is taken, then one of the journal, and both are given up again if the ledger has moved meanwhile. So the
journal holds every record that the ledger's heads bind, and the ledger every seal that the journal's records name.

Nothing is written, not even to the file beside it that WAL needs, where the folder itself cannot be written to.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hub.database import missing, open_reader
from ledger.errors import Malformed, Unavailable
from ledger.transparency.sqlite import read_rows

__all__ = ["JOURNAL", "LEDGER", "OpenedStores", "alliance_file", "check_hub_folder", "stores_of"]

LEDGER: Final = "ledger.sqlite"
JOURNAL: Final = "journal.sqlite"

_HEAD: Final = "SELECT * FROM head"
_ATTEMPTS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedStores:
    """Two connections, each within a read transaction: what they show does not change until they are closed."""

    ledger: sqlite3.Connection
    journal: sqlite3.Connection


def check_hub_folder(data: Path) -> None:
    """Check that a folder is a hub's, or a copy of one, whatever else is wrong with it. Raises Malformed bad_file."""
    if not any((data / name).exists() for name in (LEDGER, "log.vkey")):
        raise Malformed("bad_file", f"{data} is no hub's folder: `tongban ledger keygen` and `ledger init` make one")


def alliance_file(data: Path, name: str, max_bytes: int) -> bytes:
    """Read a file of the alliance, `policy` or `genesis`. Raises Unavailable no_log: it is missing, or too large."""
    try:
        with (data / name).open("rb") as file:
            found = file.read(max_bytes + 1)
    except OSError as error:
        raise missing(data / name) from error
    if len(found) > max_bytes:
        raise Unavailable("no_log", f"{name} has more than {max_bytes} bytes")
    return found


@contextmanager
def stores_of(data: Path) -> Iterator[OpenedStores]:
    """Open ledger and journal of a folder as of one moment; meant for one thread.

    While they are open a running hub goes on, but its WAL files grow. Raises Unavailable no_log (a file is missing),
    store_stopped (the hub writes faster than both can be opened), NotVerified corrupt_store (not a database).
    """
    for _ in range(_ATTEMPTS):
        with ExitStack() as stack:
            ledger, journal, probe = (
                stack.enter_context(closing(_open(data / name))) for name in (LEDGER, JOURNAL, LEDGER)
            )
            before = _snapshot(ledger)
            _snapshot(journal)
            if read_rows(probe, _HEAD) == before:
                yield OpenedStores(ledger=ledger, journal=journal)
                return
    raise Unavailable("store_stopped", "the hub writes too fast for both stores to be read as of one moment")


def _open(path: Path) -> sqlite3.Connection:
    if os.access(path.parent, os.W_OK) or path.with_name(path.name + "-wal").exists():
        return open_reader(path)
    return open_reader(path, immutable=True)


def _snapshot(connection: sqlite3.Connection) -> list[object]:
    connection.execute("BEGIN")
    return read_rows(connection, _HEAD)
