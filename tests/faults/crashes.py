"""Faults F4 and F10: a part that is stopped at each of its fail points, and at each of its system calls.

    points_of(LEDGER)(rounds, seed)     point x (not done, done but not reported) x (killed, error)
    calls_of(LEDGER)(rounds, seed)      call x (EIO, ENOSPC, EINTR, SIGKILL): write, fsync, truncate, rename, unlink

Enough rounds are all of them, each once; fewer are a sample that the seed chooses.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from pathlib import Path
from random import Random
from typing import Final, TypeAlias

from ledger.errors import TongbanError
from tests.faults.account import FaultCount, Run
from tests.faults.parts import Finding, Part
from tests.faults.points import HOWS, MOMENTS
from tests.faults.victims import Victims
from tests.strace import find_strace

__all__ = ["FAULTS", "calls_of", "counted", "points_of"]

FAULTS: Final = ("error=EIO", "error=ENOSPC", "error=EINTR", "signal=SIGKILL")

Round: TypeAlias = tuple[str, Callable[[], Finding]]


def points_of(part: Part) -> Run:
    """Give the run that fails the named points of a part."""

    def run(rounds: int, seed: int) -> FaultCount:
        with _victims(part) as victims:
            cases = list(product(victims.points(), MOMENTS, HOWS))
            ways = [
                (f"{at!r} {moment}, {how}", lambda case=(at, moment, how): victims.fail(*case))
                for at, moment, how in cases
            ]
            return counted(
                FaultCount(row="F4", fault=f"fail points, {part.name}", seed=seed), _chosen(ways, rounds, seed)
            )

    return run


def calls_of(part: Part) -> Run:
    """Give the run that fails the system calls of a part. It raises Unavailable not_ready where there is no strace."""

    def run(rounds: int, seed: int) -> FaultCount:
        strace = find_strace()
        with _victims(part) as victims:
            cases = list(product(victims.calls(strace), FAULTS))
            ways = [
                (f"{call.name} {call.number} {fault}", lambda case=(call, fault): victims.inject(strace, *case))
                for call, fault in cases
            ]
            count = FaultCount(row="F10", fault=f"system calls, {part.name}", seed=seed)
            return counted(count, _chosen(ways, rounds, seed))

    return run


@contextmanager
def _victims(part: Part) -> Iterator[Victims]:
    with tempfile.TemporaryDirectory(prefix="faults-") as name, Victims.of(part, Path(name) / part.name) as victims:
        yield victims


def _chosen(ways: Sequence[Round], rounds: int, seed: int) -> Sequence[Round]:
    if rounds >= len(ways):
        return ways
    return Random(seed).sample(list(ways), rounds)


def counted(start: FaultCount, rounds: Sequence[Round]) -> FaultCount:
    """Run rounds, each named by how to find it again; what does not hold is told, and the next one runs."""
    count, began = start, time.monotonic()
    for name, act in rounds:
        count += _one(start, name, act)
    return replace(count, duration_s=time.monotonic() - began)


def _one(start: FaultCount, name: str, act: Callable[[], Finding]) -> FaultCount:
    one = FaultCount(row=start.row, fault=start.fault, seed=start.seed, rounds=1)
    try:
        found = act()
    except AssertionError as error:  # nothing of the product has noticed it
        return replace(one, silent=1, misses=(f"{start.fault}: {name}: {str(error)[:300] or 'does not hold'}",))
    except (TongbanError, OSError) as error:
        return replace(one, misses=(f"{start.fault}: {name}: {error!r}"[:400],))
    return replace(
        one,
        acknowledged=found.acknowledged,
        unknown=found.unknown,
        stored=found.stored,
        lost=found.lost,
        twice=found.twice,
        misses=(f"{start.fault}: {name}: {found}",) if found.lost or found.twice else (),
    )
