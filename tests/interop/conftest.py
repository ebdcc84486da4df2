"""`make interop`: a live alliance, and Go programs of other people that read its log.

The tests carry the mark `interop` and run only when it is asked for (`-m interop`): they build Go programs, whose modules
the Go toolchain fetches by the pins and hashes of go.mod and go.sum. Where Go is missing they do not run, the summary
says how many, and with TONGBAN_REQUIRE_GO=1 the run fails.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

import pytest

FOLDER: Final = Path(__file__).parent
_not_run = pytest.StashKey[set[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark, and start the list of tests that did not run."""
    config.addinivalue_line("markers", "interop: programs of others read a live log; needs Go")
    config.stash[_not_run] = set()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark every test of this folder, and leave them out unless the mark was asked for."""
    ours = [item for item in items if FOLDER in item.path.parents]
    for item in ours:
        item.add_marker(pytest.mark.interop)
    if ours and "interop" not in config.getoption("markexpr"):
        config.hook.pytest_deselected(items=ours)
        items[:] = [item for item in items if item not in ours]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run when tests did not run that the environment requires."""
    if session.config.stash[_not_run] and os.environ.get("TONGBAN_REQUIRE_GO") == "1":
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests did not run."""
    if count := len(terminalreporter.config.stash[_not_run]):
        terminalreporter.write_sep("!", f"{count} interop tests did not run: no Go", red=True, bold=True)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Count a test as not run, before anything is built or started for it."""
    if FOLDER in item.path.parents and shutil.which("go") is None:
        item.config.stash[_not_run].add(item.nodeid)
        pytest.skip("no Go: the interop tests build programs with it")
