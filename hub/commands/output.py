"""The file that a command is asked to write: a new one, unless `--force` says otherwise, whole or not there at all.

What is kept up to date (a sync folder and its status list, a mirror, the rejects beside a feed) is replaced without it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from ledger.errors import Conflict, Malformed

__all__ = ["Force", "check_new", "new_file"]

Force = Annotated[bool, typer.Option("--force", help="write over a file that is there")]


def check_new(path: Path | None, *, force: bool | None = None) -> None:
    """Check, before the work, that a file can be written. None: there is none to write.

    force: None where the command has no such option. Raises Conflict already_exists, Malformed bad_file (no folder).
    """
    if path is None:
        return
    if not path.parent.is_dir():
        raise Malformed("bad_file", f"there is no folder {path.parent} to write {path.name} into")
    if path.is_dir():
        raise Malformed("bad_file", f"{path} is a folder")
    if path.is_file() and not force:
        hint = "" if force is None else ": --force writes over it"
        raise Conflict("already_exists", f"{path} is there already{hint}")


@contextmanager
def new_file(path: Path, *, force: bool) -> Iterator[Path]:
    """Give a path of the same suffix to write to; what stands there at the end of the block is moved into place.

    If the block fails, nothing is left, and an older file stays. Raises as `check_new`.
    """
    check_new(path, force=force)
    if path.exists() and not path.is_file():  # a pipe or terminal takes what is written
        yield path
        return
    draft = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        yield draft
        check_new(path, force=force)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
