"""`make interop`: a live alliance, Go programs of other people that read its log, a suite of npm that audits its hub.

The tests carry the mark `interop` and run only when it is asked for (`-m interop`): they build Go programs, whose modules
the Go toolchain fetches by the pins and hashes of go.mod and go.sum, and install a suite by npm and the hashes of its
lock. Where Go (npm) is missing they do not run, the summary says how many, and with TONGBAN_REQUIRE_GO=1 (for npm:
TONGBAN_REQUIRE_NPM=1) the run fails.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

import pytest

FOLDER: Final = Path(__file__).parent
_OF_NPM: Final = frozenset({"test_graphql_http.py"})
_not_run = pytest.StashKey[dict[str, str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark, and start the list of tests that did not run."""
    config.addinivalue_line("markers", "interop: programs of others read a live log and hub; needs Go, npm")
    config.stash[_not_run] = {}


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
    missing = set(session.config.stash[_not_run].values())
    if any(os.environ.get(f"TONGBAN_REQUIRE_{tool.upper()}") == "1" for tool in missing):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests did not run."""
    missing = terminalreporter.config.stash[_not_run]
    if missing:
        told = f"{len(missing)} interop tests did not run: no {', '.join(sorted(set(missing.values())))}"
        terminalreporter.write_sep("!", told, red=True, bold=True)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Count a test as not run, before anything is built or started for it."""
    tool = "npm" if item.path.name in _OF_NPM else "go"
    if FOLDER in item.path.parents and shutil.which(tool) is None:
        item.config.stash[_not_run][item.nodeid] = tool
        pytest.skip(f"no {tool}: these tests make programs with it")
