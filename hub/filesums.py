"""Sums of the small files of a folder, remembered at a moment when all was well: pinned files, settings, keys.

    <data>/sums        <hex SHA-256>  <name>         one line a file, by name: what `sha256sum --check sums` reads

A log proves itself, a key file does not: in a policy or a secret one byte more or less is as good as another. So a
check that found everything right may remember the files, and later ones compare. A file that a person changed on
purpose is remembered anew. This finds damage, not an attacker.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Final

from hub.folderfiles import sync_folder
from ledger.errors import NotVerified

__all__ = ["check_remembered", "remember_files"]

_SUMS: Final = "sums"
_LINE: Final = re.compile(r"([0-9a-f]{64})  ([A-Za-z0-9._#/-]+)")
# `keys.json` grows by itself, as the ledger does, and proves itself: it is followed from the genesis (hub/keychain.py).
_NOT_SMALL: Final = re.compile(r".*(\.sqlite|\.sqlite-(wal|shm|journal)|\.lock|\.log)|keys\.json")
_FOLDERS: Final = ("", "keys")
_MEANT: Final = "if it was changed on purpose, run --remember again"


def remember_files(data: Path) -> int:
    """Write the sums of all small files of a folder and of its keys, in place of earlier ones; give their count."""
    names = _small_files(data)
    text = "".join(f"{_sum(data / name)}  {name}\n" for name in names)
    draft = data / f".{_SUMS}.new"
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(data / _SUMS)
    sync_folder(data)
    return len(names)


def check_remembered(data: Path) -> int:
    """Compare the files with their remembered sums; give how many were, 0 where nothing is remembered.

    A file that came later is no fault. Raises NotVerified corrupt_store, with the first name at fault.
    """
    try:
        lines = (data / _SUMS).read_text("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return 0
    rows = [_LINE.fullmatch(line) for line in lines]
    for row in rows:
        if row is None:
            raise NotVerified("corrupt_store", f"{_SUMS}: a line is not a sum and a name")
        if not (data / row[2]).is_file() or _sum(data / row[2]) != row[1]:
            raise NotVerified("corrupt_store", f"{row[2]} is not the file that was remembered: {_MEANT}")
    return len(rows)


def _small_files(data: Path) -> list[str]:
    found = [path for folder in _FOLDERS for path in (data / folder).glob("*") if path.is_file()]
    names = [str(path.relative_to(data)) for path in found]
    return sorted(name for name in names if name != _SUMS and not _NOT_SMALL.fullmatch(name) and name[0] != ".")


def _sum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
