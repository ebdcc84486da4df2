"""What the fault tests share: a seed that a failure names, and strace.

TONGBAN_FAULT_SEED       seed of the samples (default: chosen anew)
TONGBAN_REQUIRE_STRACE   1: without strace the tests that need it fail; else they do not run, and say why
"""

from __future__ import annotations

import os
import secrets

import pytest

from ledger.errors import Unavailable
from tests.strace import Strace, find_strace


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
