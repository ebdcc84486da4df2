"""A sync folder on disk: replaced as a whole or not at all, whenever the process ends.

    field/current -> sync-0k3j5v2a       a symbolic link: what it names is the folder that counts
    field/sync-0k3j5v2a/policy, genesis, keys.json, checkpoint, head.json, status.zlib, landmarks, growth

A new folder is written beside the old one and is on disk before the link is renamed over the old link, which the file
system does in one step. What an interrupted sync left is removed by the next one. A folder that holds the eight files
itself, as a copy on a stick does, is read just as well.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ledger.errors import Malformed, Unavailable
from ledger.sync_files import SYNC_FILES, SyncFiles

__all__ = ["SyncFolder", "read_sync"]

_CURRENT: Final = "current"
_PREFIX: Final = "sync-"
_ATTEMPTS: Final = 10  # a sync may take the folder away while it is read


def read_sync(path: Path) -> SyncFiles:
    """Read a folder; nothing is checked but sizes. Raises Unavailable not_ready (never synced), Malformed."""
    files: dict[str, bytes] = {}
    for _ in range(_ATTEMPTS):
        files = SyncFolder(path).held()
        if len(files) == len(SYNC_FILES):
            break
    if not files:
        raise Unavailable("not_ready", f"nothing is synced in {path.name}: run `tongban sync`")
    return SyncFiles.of(files)


class SyncFolder:
    """The folder at `path`; it need not be there yet."""

    def __init__(self, path: Path) -> None:
        self.path: Final = path

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make the folder where there is none, and keep other syncs out. Raises Unavailable store_stopped."""
        self.path.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self._lock(descriptor)
            yield
        finally:
            os.close(descriptor)

    def _lock(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Unavailable("store_stopped", f"another process syncs {self.path.name}") from error

    def held(self) -> dict[str, bytes]:
        """Read the files that are there, by name. Raises Malformed bad_file, too_large."""
        place = self._place()
        files = {name: _read(place / name, most) for name, most in SYNC_FILES.items()}
        return {name: data for name, data in files.items() if data is not None}

    def _place(self) -> Path:
        link = self.path / _CURRENT
        return link.resolve() if link.is_symlink() else self.path

    def replace(self, files: SyncFiles) -> None:
        """Put these files in the place of those that are held; on disk when this returns. The caller holds the lock."""
        fresh = self.path / f"{_PREFIX}{secrets.token_hex(4)}"
        fresh.mkdir()
        for name, data in files.named().items():
            _write(fresh / name, data)
        _flush(fresh)
        self.switch(fresh.name)
        self._clean(fresh)

    def switch(self, name: str) -> None:
        """Let the folder of this name be the one that counts, in one step."""
        link = self.path / f".{name}"
        link.symlink_to(name)
        link.replace(self.path / _CURRENT)
        _flush(self.path)

    def _clean(self, kept: Path) -> None:
        for place in self.path.iterdir():
            if place.name.startswith((_PREFIX, f".{_PREFIX}")) and place != kept:
                place.unlink() if place.is_symlink() else shutil.rmtree(place)
        for name in SYNC_FILES:
            (self.path / name).unlink(missing_ok=True)


def _read(path: Path, most: int) -> bytes | None:
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Malformed("bad_file", f"cannot read {path.name}: {error.strerror}") from error
    if len(data) > most:
        raise Malformed("too_large", f"{path.name} has more than {most} bytes")
    return data


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
