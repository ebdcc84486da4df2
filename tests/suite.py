"""`make test`: the whole suite as several runs of pytest, two at a time, one a core.

    python -m tests.suite [options of pytest, for every run]

The longest run comes first: it kills processes and uses the one Neo4j server. The others share nothing that one of them
writes; each has some folders, the last one whatever no other has. A core that has nothing to do takes the next run. Each
run is printed as a whole when it ends. Exit code: the greatest of all; a run that selects no test (-k) counts only if all do.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Final

import pytest

__all__ = ["main", "runs"]

_AT_ONCE: Final = 2
_SHARED: Final = "kill or neo4j"
_FOLDERS: Final = (
    ("tests/hub/commands", "tests/hub/upkeep", "tests/hub/demo"),
    ("tests/hub/graph", "tests/hub/graphql", "tests/contracts"),
    ("tests/ledger", "tests/schema"),
)


def runs() -> Iterator[tuple[str, ...]]:
    """Give the arguments of each run, the longest first: every test is in one of them, and in one only."""
    yield ("-m", _SHARED)
    for folders in _FOLDERS:
        yield ("-m", f"not ({_SHARED})", *folders)
    elsewhere = (f"--ignore={folder}" for folders in _FOLDERS for folder in folders)
    yield ("-m", f"not ({_SHARED})", *elsewhere)


def main(options: Sequence[str]) -> int:
    """Run all, each to its end."""
    codes: set[int] = set()
    with ThreadPoolExecutor(_AT_ONCE) as cores:
        started = [cores.submit(_run, run, options) for run in runs()]
        try:
            for ended in as_completed(started):
                code, text = ended.result()
                print(text, flush=True)
                codes.add(code)
        except BaseException:
            cores.shutdown(wait=False, cancel_futures=True)
            raise
    return max(codes - {pytest.ExitCode.NO_TESTS_COLLECTED}, default=int(pytest.ExitCode.NO_TESTS_COLLECTED))


def _run(run: Sequence[str], options: Sequence[str]) -> tuple[int, str]:
    """Run pytest once; gives its exit code, and what it printed below its own arguments."""
    command = [sys.executable, "-m", "pytest", *run, *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False)
    return done.returncode, f"pytest {' '.join(run)}\n{done.stdout}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
