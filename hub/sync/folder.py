"""A sync folder on disk: replaced as a whole or not at all, whenever the process ends.

    field/current -> sync-0f3a5c2a       a symbolic link: what it names is the folder that counts
    field/sync-0f3a5c2a/policy, genesis, keys.json, checkpoint, head.json, status.zlib, landmarks, growth

A new folder is written beside the old one and is on disk before the link is renamed over the old link, which the file
system does in one step. What an interrupted sync left is removed by the next one. A folder that holds the eight files
itself, as a copy on a stick does, is read just as well.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from hub.folderfiles import locked_folder, read_file, sync_folder, without_empty_folders
from ledger.errors import Unavailable
from ledger.sync_files import SYNC_FILES, SyncFiles

__all__ = ["SyncFolder", "read_sync"]

_CURRENT: Final = "current"
_PREFIX: Final = "sync-"
_OWN: Final = re.compile(rf"\.?{_PREFIX}[0-9a-f]{{8}}")
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
        """Make the folder where there is none, and keep other syncs out. Raises Unavailable store_stopped.

        If the block fails, an empty folder that was made here goes again.
        """
        with without_empty_folders(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            try:
                with locked_folder(self.path, wait=False):
                    yield
            except BlockingIOError as error:
                raise Unavailable("store_stopped", f"another process syncs {self.path.name}") from error

    def held(self) -> dict[str, bytes]:
        """Read the files that are there, by name. Raises Malformed bad_file, too_large."""
        place = self.place
        files = {name: read_file(place / name, most) for name, most in SYNC_FILES.items()}
        return {name: data for name, data in files.items() if data is not None}

    @property
    def place(self) -> Path:
        """Where the files lie now: another folder after the next sync, which removes this one."""
        link = self.path / _CURRENT
        return link.resolve() if link.is_symlink() else self.path

    def replace(self, files: SyncFiles) -> None:
        """Put these files in the place of those that are held; on disk when this returns. The caller holds the lock."""
        fresh = self.path / f"{_PREFIX}{secrets.token_hex(4)}"
        fresh.mkdir()
        try:
            for name, data in files.named().items():
                _write(fresh / name, data)
            sync_folder(fresh)
        except BaseException:
            shutil.rmtree(fresh)
            raise
        own = self.place == self.path  # a copy of the files themselves, as they come on a stick: it has served
        self.switch(fresh.name)
        self._clean(fresh, [*SYNC_FILES] if own else [])

    def switch(self, name: str) -> None:
        """Let the folder of this name be the one that counts, in one step."""
        link = self.path / f".{name}"
        link.symlink_to(name)
        link.replace(self.path / _CURRENT)
        sync_folder(self.path)

    def _clean(self, kept: Path, names: Sequence[str]) -> None:
        for place in self.path.iterdir():
            if _OWN.fullmatch(place.name) and place != kept:  # what else lies here is somebody's
                place.unlink() if place.is_symlink() else shutil.rmtree(place)
        for name in names:
            (self.path / name).unlink(missing_ok=True)


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
