"""Fault F7: the disk is full in the middle of a write; later there is room again.

A small tmpfs is filled up to a few pages; the part works on it until SQLite has no room. What must hold: it says
store_stopped and writes no more, though room came back (only a restart opens the store again); then everything
acknowledged is there. Mounting needs root; elsewhere the run raises Unavailable not_ready.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Final

from ledger.errors import Unavailable
from tests.faults.account import FaultCount, Run
from tests.faults.crashes import counted
from tests.faults.parts import Finding, Part
from tests.faults.victims import Victims

__all__ = ["fill", "full_disk_of", "small_disk"]

_PAGE: Final = 4096
_ENDS: Final = {None, "store_stopped"}


@contextmanager
def small_disk(folder: Path, *, megabytes: int = 16) -> Iterator[Path]:
    """Mount a small file system in a folder. Raises Unavailable not_ready where that is not allowed."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except OSError as error:
        raise Unavailable("not_ready", "there is no mount here") from error
    if done.returncode:
        raise Unavailable("not_ready", f"no small disk: {done.stderr.decode(errors='replace').strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path, leave: int) -> Path:
    """Write one file so large that `leave` pages are left; give it."""
    filler = disk / "filler"
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(shutil.disk_usage(disk).free - leave * _PAGE, 1))
    return filler


def full_disk_of(part: Part, most: int) -> Run:
    """Give the run that fills the disk under a part. most: pages that its work needs, about."""

    def run(rounds: int, seed: int) -> FaultCount:
        count = FaultCount(row="F7", fault=f"disk full, {part.name}", seed=seed)
        with (
            tempfile.TemporaryDirectory(prefix="faults-") as name,
            small_disk(Path(name) / "disk") as disk,
            Victims.of(part, disk / part.name) as victims,
        ):
            ways = [
                (f"seed {number}", lambda number=number: _round(victims, disk, Random(number).randrange(most)))
                for number in range(seed, seed + rounds)
            ]
            return counted(count, ways)

    return run


def _round(victims: Victims, disk: Path, leave: int) -> Finding:
    with victims.beginning() as folder:
        filler = fill(disk, leave)
        told = victims.run(folder)
        filler.unlink()
        assert told.error in _ENDS, told.error
        return victims.part.check(folder, told)
