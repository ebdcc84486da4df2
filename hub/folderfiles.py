"""Files of a data folder: read up to a limit, put in the place of another one in one step, on disk when that returns.

Several processes have one folder open, and each of them may end at any moment: a reader finds the old file or the new
one, whole, and never a part. Secrets are made once and not replaced (hub/keyfiles.py).
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from ledger.errors import Malformed

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["all_or_nothing", "locked_folder", "read_file", "replace_file", "sync_folder", "without_empty_folders"]


def read_file(path: Path, max_bytes: int) -> bytes | None:
    """Read a file; None if it is not there. Raises Malformed bad_file (it cannot be read), too_large."""
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Malformed("bad_file", f"cannot read {path.name}: {error.strerror}") from error
    if len(data) > max_bytes:
        raise Malformed("too_large", f"{path.name} has more than {max_bytes} bytes")
    return data


def replace_file(path: Path, data: bytes) -> None:
    """Put a file in the place of another one, whole and on disk when this returns."""
    # Every process writes its own new file: of two that do so at once, each leaves a whole one.
    new = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    with new.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have on disk what was made, renamed or removed in a folder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked_folder(folder: Path, *, wait: bool = True) -> Iterator[None]:
    """Keep out whoever else asks for this folder, in any process or thread, until the block ends.

    Raises BlockingIOError: it is taken, and `wait` is false.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def without_empty_folders(folder: Path) -> Iterator[None]:
    """If the block fails, remove the folder and those above it that were not there before, as far as they are empty."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        yield
    except BaseException:
        for each in missing:
            with suppress(OSError):
                each.rmdir()
        raise


@contextmanager
def all_or_nothing(folder: Path, names: Collection[str]) -> Iterator[None]:
    """If the block fails, remove what it made in a folder that is there. names: of the files and folders it makes.

    What was there before stays as it is; nobody else makes the same meanwhile.
    """
    with locked_folder(folder):
        before = set(_found(folder, names))
        try:
            yield
        except BaseException:
            for each in reversed([path for path in _found(folder, names) if path not in before]):
                each.rmdir() if each.is_dir() and not each.is_symlink() else each.unlink()
            raise


def _found(folder: Path, names: Collection[str]) -> list[Path]:
    """Give what is there under these names, each folder before what is in it."""
    there = [folder / name for name in names if (folder / name).exists()]
    return [path for place in there for path in (place, *sorted(place.rglob("*")))]
