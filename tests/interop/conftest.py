"""`make interop`: a live alliance, and programs of other people that read its log or compose its schema.

The tests carry the mark `interop` and run only when it is asked for (`-m interop`): they build Go programs, whose modules
the Go toolchain fetches by the pins and hashes of go.mod and go.sum; those with the mark `npm` install Node programs by
package-lock.json, those with the mark `installed` use what requirements.lock has. Where Go or npm is missing they do not
run, the summary says how many, and with TONGBAN_REQUIRE_GO=1 or TONGBAN_REQUIRE_NPM=1 the run fails.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

import pytest

FOLDER: Final = Path(__file__).parent
_not_run = pytest.StashKey[dict[str, set[str]]]()


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark, and start the list of tests that did not run."""
    config.addinivalue_line("markers", "interop: programs of others read a live log; needs Go")
    config.addinivalue_line("markers", "npm: needs Node and npm in place of Go")
    config.addinivalue_line("markers", "installed: needs nothing but what requirements.lock has")
    config.stash[_not_run] = {"go": set(), "npm": set()}


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
    for program, items in session.config.stash[_not_run].items():
        if items and os.environ.get(f"TONGBAN_REQUIRE_{program.upper()}") == "1":
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests did not run."""
    for program, items in terminalreporter.config.stash[_not_run].items():
        if items:
            terminalreporter.write_sep(
                "!", f"{len(items)} interop tests did not run: no {program}", red=True, bold=True
            )


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Count a test as not run, before anything is built or started for it."""
    program = "npm" if item.get_closest_marker("npm") else "go"
    if item.get_closest_marker("installed") or FOLDER not in item.path.parents:
        return
    if shutil.which(program) is None:
        item.config.stash[_not_run][program].add(item.nodeid)
        pytest.skip(f"no {program}: the interop tests make programs with it")
