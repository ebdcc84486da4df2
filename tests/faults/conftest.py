"""What the fault tests share: a seed that a failure names, and strace.

TONGBAN_FAULT_SEED       seed of the samples (default: chosen anew)
TONGBAN_FAULT_SAMPLES    0: tests marked `sample` are left out, and the summary says how many: the build has run their
                         rounds, and more, by `make faults`
TONGBAN_REQUIRE_STRACE   1: without strace the tests that need it fail; else they do not run, and say why
"""

from __future__ import annotations

import os
import secrets

import pytest

from ledger.errors import Unavailable
from tests.strace import Strace, find_strace

_left_out = pytest.StashKey[list[pytest.Item]]()


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark."""
    config.addinivalue_line("markers", "sample: some rounds of a row that `make faults --short` has more of")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the samples out if the environment says so."""
    if os.environ.get("TONGBAN_FAULT_SAMPLES") == "0":
        config.stash[_left_out] = [item for item in items if item.get_closest_marker("sample")]
        config.hook.pytest_deselected(items=config.stash[_left_out])
        items[:] = [item for item in items if not item.get_closest_marker("sample")]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many samples were left out."""
    if left_out := terminalreporter.config.stash.get(_left_out, []):
        terminalreporter.write_line(f"{len(left_out)} samples of faults left out: `make faults ARGS=--short` has them")


@pytest.fixture
def seed() -> int:
    """Give the seed of this run's sample."""
    return int(os.environ.get("TONGBAN_FAULT_SEED") or secrets.randbelow(1_000_000))


@pytest.fixture(scope="session")
def strace() -> Strace:
    """Give strace."""
    try:
        return find_strace()
    except Unavailable as error:
        if os.environ.get("TONGBAN_REQUIRE_STRACE") == "1":
            raise
        pytest.skip(error.message)
