"""Fault F1: `kill -9` of the hub under write load, by the kill tests, whose counts are read from their summary."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from ledger.errors import Unavailable
from tests.faults.account import FaultCount

__all__ = ["kill_hub", "read_summary"]

_ROOT: Final = Path(__file__).parents[2]
_COUNT: Final = re.compile(r"(\d+) ([a-z][a-z -]*)")
_KINDS: Final = ("entries", "journal records", "look-ups", "outbox items")


def kill_hub(rounds: int, seed: int) -> FaultCount:
    """Run F1: the four invariants are checked after each kill. Raises Unavailable not_ready without Neo4j."""
    began = time.monotonic()
    environment = dict(os.environ) | {"TONGBAN_KILL_ROUNDS": str(rounds), "TONGBAN_KILL_SEED": str(seed)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/kill/test_hub.py"]
    done = subprocess.run(command, cwd=_ROOT, env=environment, capture_output=True, text=True, check=False)
    if " skipped" in done.stdout:
        raise Unavailable("not_ready", "no Neo4j: run `make neo4j`")
    count = FaultCount(row="F1", fault="kill -9 of the hub", seed=seed, duration_s=time.monotonic() - began)
    misses = () if done.returncode == 0 else (f"F1: {done.stdout[-1500:]}",)
    return count + read_summary(done.stdout, seed, misses)


def read_summary(text: str, seed: int, misses: tuple[str, ...] = ()) -> FaultCount:
    """Read the line that the kill tests write of a kind; a test that failed has written none, and one miss."""
    line = next((line for line in text.splitlines() if line.startswith("test_a_killed_hub")), "")
    counts = {name.strip(): int(number) for number, name in _COUNT.findall(line.partition(": ")[2])}
    known = sum(counts.get(f"{kind} acknowledged", 0) for kind in _KINDS)
    unknown = sum(counts.get(f"{kind} of unknown outcome", 0) for kind in _KINDS)
    without_answer = sum(counts.get(f"{kind} stored without an answer", 0) for kind in _KINDS)
    return FaultCount(
        row="F1",
        fault="kill -9 of the hub",
        seed=seed,
        rounds=counts.get("rounds", 0),
        acknowledged=known,
        unknown=unknown,
        stored=known + without_answer,
        misses=misses,
    )
