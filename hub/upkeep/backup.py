"""A backup of a running hub: ledger and journal as of one moment, and the files that verifiers pin.

    <folder>/ledger.sqlite journal.sqlite genesis policy log.vkey hub-jwks.json        mode 0600, folder 0700
    <folder>/keys/{log,token}.pem keys/{holder,vault}.key                              only when asked for

SQLite's own backup copies each store page by page out of one snapshot, while the hub goes on. The folder appears under
its name when all of it is on disk, and not before.

What is not in it: the graph (replayed from the stores), the tokens that were seen (they live for minutes), and the
**vault**: a copy would keep what a county erases. Counties deposit again.

A hub that is started on an older backup than what its witnesses have seen gets no quorum: whatever it signed would be
a second history.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hub.database import create_database, missing
from hub.folderfiles import sync_folder
from hub.journal.store import JournalReader
from hub.keyfiles import make_private_folder, read_private, write_private
from hub.upkeep.stores import JOURNAL, LEDGER, stores_of
from ledger.encoding import JsonValue
from ledger.errors import Conflict, Malformed, Unavailable
from ledger.signers import MAX_PEM_BYTES
from ledger.transparency.sqlite import read_state

__all__ = ["BackupReport", "back_up"]

_FILES: Final = ("genesis", "policy", "log.vkey", "hub-jwks.json")
_KEYS: Final = ("log.pem", "token.pem", "holder.key", "vault.key")
_MAX_FILE: Final = 65_536
_PAGES: Final = 2048  # copied in one go, 8 MiB

Progress = Callable[[str, int, int], None]
"""(file name, pages copied so far, of how many)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupReport:
    """What a backup holds: entries, those of them published, journal records, bytes of both stores."""

    size: int
    published: int
    records: int
    bytes: int

    def to_json(self) -> dict[str, JsonValue]:
        """Write the report for machines."""
        return {"size": self.size, "published": self.published, "records": self.records, "bytes": self.bytes}


def back_up(
    data: Path, folder: Path, *, with_keys: bool = False, progress: Progress = lambda _name, _done, _of: None
) -> BackupReport:
    """Copy a hub's folder into a new folder, all of it on disk when this returns. The hub may run.

    with_keys: the key files, too, as encrypted as they are; the passphrase is never among them. Raises Conflict
    already_exists (the folder is there), Unavailable no_log, store_stopped, NotVerified corrupt_store (no database).
    """
    if folder.exists():
        raise Conflict("already_exists", f"{folder} is there already: a backup is a new folder")
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        report = _copy_stores(data, draft, progress)
        for name in _FILES:
            write_private(draft / name, _file(data / name))
        if with_keys:
            _copy_keys(data / "keys", draft / "keys")
        sync_folder(draft)
        draft.rename(folder)
        sync_folder(folder.parent)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return report


def _copy_stores(data: Path, draft: Path, progress: Progress) -> BackupReport:
    with stores_of(data) as stores:
        state, journal = read_state(stores.ledger), JournalReader(stores.journal).head()
        for name, source in ((LEDGER, stores.ledger), (JOURNAL, stores.journal)):
            _copy_store(name, source, draft / name, progress)
    copied = sum((draft / name).stat().st_size for name in (LEDGER, JOURNAL))
    return BackupReport(size=state.size, published=state.published, records=journal.n, bytes=copied)


def _copy_store(name: str, source: sqlite3.Connection, target: Path, progress: Progress) -> None:
    """Copy out of the source's open read transaction, whose view does not change whatever the hub commits."""
    with closing(create_database(target)) as copy:
        try:
            source.backup(copy, pages=_PAGES, progress=lambda _status, left, of: progress(name, of - left, of))
            copy.execute("PRAGMA journal_mode=DELETE").fetchall()  # one file, until a hub goes on with it
        except sqlite3.Error as error:
            raise Unavailable("store_stopped", f"{name} cannot be copied: {error}") from error


def _file(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise missing(path) from error
    if len(data) > _MAX_FILE:
        raise Malformed("too_large", f"{path.name} has more than {_MAX_FILE} bytes")
    return data


def _copy_keys(source: Path, target: Path) -> None:
    make_private_folder(target)
    for name in _KEYS:
        write_private(target / name, read_private(source / name, max_bytes=MAX_PEM_BYTES))
    sync_folder(target)
