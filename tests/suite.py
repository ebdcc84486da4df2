"""`make test`: the whole suite as several runs of pytest, two at a time, one a core.

    python -m tests.suite [options of pytest, for every run]

The longest runs come first: one uses the one Neo4j server, one kills processes. The others have some folders each, the
last one whatever no other has; no run writes what another reads. A core that has nothing to do takes the next run. Each run
is printed as a whole when it ends. Exit code: the greatest of all; a run that selects no test (-k) counts only if all do.

Temporary files lie in memory where there is room: a sync need not wait for a disk, as no machine ends here, and what a
power cut would take is found from system calls (tests/faults), on any file system. The first two runs keep the disk: while
a commit waits for it, a process is killed in the middle.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

__all__ = ["Run", "main", "runs"]

_AT_ONCE: Final = 2
_MEMORY: Final = Path("/dev/shm")  # noqa: S108  # the runs make folders of their own there
_ROOM_BYTES: Final = 4 * 2**30
_NEO4J: Final = "neo4j"
_KILLS: Final = "kill and not neo4j"
_ALL_ELSE: Final = "not (kill or neo4j)"
_FOLDERS: Final = (
    ("tests/hub/graph", "tests/hub/graphql", "tests/contracts"),
    ("tests/hub/commands", "tests/hub/upkeep", "tests/hub/demo"),
    ("tests/ledger", "tests/schema"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run: the tests with these marks, below these paths, but not below others. on_disk: its temporary files are."""

    marks: str
    paths: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    on_disk: bool = False

    @property
    def arguments(self) -> tuple[str, ...]:
        """Give what pytest is told."""
        return ("-m", self.marks, *self.paths, *(f"--ignore={path}" for path in self.without))


def runs() -> Iterator[Run]:
    """Give each run, the longest first: every test is in one of them, and in one only."""
    yield Run(marks=_NEO4J, on_disk=True)
    yield Run(marks=_KILLS, on_disk=True)
    for folders in _FOLDERS:
        yield Run(marks=_ALL_ELSE, paths=folders)
    yield Run(marks=_ALL_ELSE, without=tuple(folder for folders in _FOLDERS for folder in folders))


def main(options: Sequence[str]) -> int:
    """Run all, each to its end."""
    codes: set[int] = set()
    with tempfile.TemporaryDirectory(prefix="tongban-", dir=_roomy()) as memory, ThreadPoolExecutor(_AT_ONCE) as cores:
        started = [cores.submit(_run, run, options, memory) for run in runs()]
        try:
            for ended in as_completed(started):
                code, text = ended.result()
                print(text, flush=True)
                codes.add(abs(code))  # a run that a signal has ended has a code below 0, and has not passed
        except BaseException:
            cores.shutdown(wait=False, cancel_futures=True)
            raise
    return max(codes - {pytest.ExitCode.NO_TESTS_COLLECTED}, default=int(pytest.ExitCode.NO_TESTS_COLLECTED))


def _roomy() -> Path | None:
    """Give the folder that is memory, or None for the usual one."""
    return _MEMORY if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free >= _ROOM_BYTES else None


def _run(run: Run, options: Sequence[str], memory: str) -> tuple[int, str]:
    """Run pytest once; gives its exit code, and what it printed below its own arguments."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *run.arguments, *options],
        env=dict(os.environ) | ({} if run.on_disk else {"TMPDIR": memory}),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False,
    )  # fmt: skip
    return done.returncode, f"pytest {' '.join(run.arguments)}\n{done.stdout}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
