"""A mirror on disk: a static folder at the log's own paths, in which a reader never meets half of anything.

    checkpoint head keys status.zlib landmarks sums      links to current/…, itself a link to published/<size>-<digest>
    tile/<L>/<N>[.p/<W>]   checkpoints/<N>   document/<hex SHA-256>
    tile/entries/<N>[.p/<W>]  journal/sealed/<N>[.p/<W>]          of members; folders 0750, files 0640
    fork-evidence.json                                            once the log was caught

Every file is written beside its place, synced, and renamed into it; then its folder is synced. What a checkpoint needs
is on disk before it can be read, and the small files of one size change together, by the renaming of one link. What a
crash leaves behind are files beyond the checkpoint, which nobody asks for, and temporary ones, which the next run
removes.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

from hub.folderfiles import sync_folder
from hub.mirror.pages import MAX_PAGE_BYTES
from ledger.errors import Conflict, Malformed
from ledger.transparency.merkle import HASH_BYTES
from ledger.transparency.tiles import ENTRIES, TILE_WIDTH, TilePath, partial_width

__all__ = [
    "CHECKPOINT",
    "EVIDENCE",
    "MAX_BUNDLE_BYTES",
    "MirrorFolder",
    "checkpoints_path",
    "parsed_path",
    "sealed_path",
]

CHECKPOINT: Final = "checkpoint"
EVIDENCE: Final = "fork-evidence.json"
MAX_BUNDLE_BYTES: Final = 32 * 1024 * 1024  # 256 journal records of 64 KiB, twice
_PUBLISHED: Final = "published"
_CURRENT: Final = "current"
_TEMPORARY: Final = ".new-"
_PRIVATE: Final = ("tile/entries/", "journal/")
_LINKS: Final = frozenset({CHECKPOINT, "head", "keys", "status.zlib", "landmarks", "sums", _CURRENT})
_OTHERS: Final = frozenset({"tile", "checkpoints", "document", "journal", _PUBLISHED, EVIDENCE, ".mirror.lock"})


def checkpoints_path(number: int) -> str:
    """Give the path of a page of published checkpoints."""
    return TilePath(level=0, number=number).format().replace("tile/0/", "checkpoints/")


def sealed_path(number: int, width: int) -> str:
    """Give the path of a bundle of sealed journal records."""
    return TilePath(level=0, number=number, width=width).format().replace("tile/0/", "journal/sealed/")


class MirrorFolder:
    """One folder. Reading and writing different files from several threads is fine."""

    def __init__(self, path: Path) -> None:
        self.path: Final = path
        self._lock: Final = threading.Lock()

    def check_own(self) -> None:
        """Check that nothing but a mirror is in the folder, or nothing at all. Raises Conflict already_exists.

        One that shows a checkpoint may have other files beside it, as a web server's; one that was cut off before has
        none: else a mistyped name would fill a hub's or a county's folder with files of a mirror.
        """
        place = self.path / CHECKPOINT
        if place.is_symlink() and str(place.readlink()) == f"{_CURRENT}/{CHECKPOINT}":
            return
        if self.path.exists() and not all(map(_is_own, self.path.iterdir())):
            raise Conflict("already_exists", f"{self.path} is no mirror and not empty: name another folder")

    def prepare(self) -> None:
        """Make the folder, and remove what a run that crashed left beside its places. Raises as `check_own`."""
        self.check_own()
        self.path.mkdir(mode=0o755, parents=True, exist_ok=True)
        for left in self.path.rglob(f"{_TEMPORARY}*"):
            left.unlink()

    def read(self, name: str, *, max_bytes: int = MAX_BUNDLE_BYTES) -> bytes | None:
        """Read a file; None if it is not there. Raises Malformed too_large."""
        try:
            with (self.path / name).open("rb") as file:
                data = file.read(max_bytes + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None
        if len(data) > max_bytes:
            raise Malformed("too_large", f"{name} has more than {max_bytes} bytes")
        return data

    def pages(self) -> Iterator[tuple[str, bytes]]:
        """Give name and bytes of every page of published checkpoints, from the first on. Raises Malformed too_large."""
        number = 0
        while (page := self.read(name := checkpoints_path(number), max_bytes=MAX_PAGE_BYTES)) is not None:
            yield name, page
            number += 1

    def has(self, name: str) -> bool:
        """Tell whether a file is there."""
        return (self.path / name).is_file()

    def write(self, name: str, data: bytes) -> None:
        """Put a file in its place, on disk when this returns. One that is there with the same bytes stays."""
        target = self.path / name
        if target.is_file() and target.stat().st_size == len(data) and target.read_bytes() == data:
            return
        private = name.startswith(_PRIVATE)
        self._make_folder(target.parent, 0o750 if private else 0o755)
        temporary = target.with_name(f"{_TEMPORARY}{threading.get_ident()}-{target.name}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o640)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            os.fchmod(descriptor, 0o640 if private else 0o644)
            file.flush()
            os.fsync(descriptor)
        temporary.rename(target)
        sync_folder(target.parent)

    def publish(self, size: int, files: Mapping[str, bytes]) -> None:
        """Put the small files of one size in their places, all at once; the checkpoint is one of them."""
        name = f"{_PUBLISHED}/{size}-{sha256(files[CHECKPOINT]).hexdigest()[:16]}"
        for each, data in files.items():
            self.write(f"{name}/{each}", data)
            self.link(each, f"{_CURRENT}/{each}")
        before = (self.path / _CURRENT).resolve().name
        self.link(_CURRENT, name)
        for old in (self.path / _PUBLISHED).iterdir():
            if old.name not in {before, Path(name).name}:  # whoever has just opened the one before may read on
                shutil.rmtree(old)

    def link(self, name: str, target: str) -> None:
        """Make `name` lead to `target`, beside it, in one step that is on disk when this returns."""
        place = self.path / name
        if place.is_symlink() and str(place.readlink()) == target:
            return
        temporary = place.with_name(f"{_TEMPORARY}{place.name}")
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(target)
        temporary.rename(place)
        sync_folder(place.parent)

    def _make_folder(self, folder: Path, mode: int) -> None:
        with self._lock:
            missing = [each for each in (folder, *folder.parents) if not each.is_dir()]
            for each in reversed(missing):
                each.mkdir(mode=mode)
                sync_folder(each.parent)

    def tile(self, level: int, number: int, size: int) -> bytes:
        """Read a hash tile as wide as it is in a tree of `size`, cut from the full one where that is there.

        Empty if there is none, or only a narrower one. Raises Malformed too_large.
        """
        width = _width(level, number, size)
        return self._bundle_or_tile(TilePath(level=level, number=number, width=width))[: width * HASH_BYTES]

    def bundle(self, number: int, size: int) -> bytes:
        """Read an entry bundle; a full one where that is there, empty if there is none."""
        return self._bundle_or_tile(TilePath(level=ENTRIES, number=number, width=_width(0, number, size)))

    def _bundle_or_tile(self, path: TilePath) -> bytes:
        found = self.read(path.format())
        if found is None and path.width < TILE_WIDTH:
            found = self.read(TilePath(level=path.level, number=path.number).format())
        return found or b""

    def drop_partials(self, size: int) -> None:
        """Remove the partial tiles and bundles whose full form is there, and was at `size`, which readers may hold."""
        for suffix in self._partial_folders():
            full = suffix.with_name(suffix.name.removesuffix(".p"))
            path = parsed_path(str(full.relative_to(self.path)))
            if path is not None and path.is_within(size) and full.is_file():
                shutil.rmtree(suffix)

    def _partial_folders(self) -> Iterator[Path]:
        return iter(sorted(each for each in (self.path / "tile").rglob("*.p") if each.is_dir()))


def parsed_path(text: str) -> TilePath | None:
    """Read a tile path; None: a file of this name is none."""
    try:
        return TilePath.parse(text)
    except Malformed:
        return None


def _is_own(path: Path) -> bool:
    """Tell whether a file or folder is one that a mirror makes, by its name and by what it is."""
    return path.name.startswith(_TEMPORARY) or path.name in (_LINKS if path.is_symlink() else _OTHERS)


def _width(level: int, number: int, size: int) -> int:
    rows = size >> (8 * level)
    return TILE_WIDTH if number < rows // TILE_WIDTH else max(1, partial_width(level, size))
