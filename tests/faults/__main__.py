"""`make faults`: brings the faults about, and prints what they came to; exit code 1 if anything does not hold.

    python -m tests.faults [--short] [--only ROW]... [--seed N]

    row  fault                   seed  rounds  acknowledged  unknown  stored  lost  twice  silent       s
    F4   fail points, ledger     4711     520         1,458      370   1,516     0      0       0    54.1

Everything random follows from the seed, which is printed. --short: the form that the build runs, without F1, whose rounds
the build has in `make test` (tests/kill). A row that cannot be run here (no strace, no root for a small disk, no Neo4j) says why, and counts as a miss with TONGBAN_REQUIRE_STRACE=1 or
TONGBAN_REQUIRE_NEO4J=1.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import structlog

from ledger.errors import Unavailable
from tests.faults import flips
from tests.faults.account import FaultCount, Run
from tests.faults.clocks import clock_steps
from tests.faults.crashes import calls_of, points_of
from tests.faults.engine_disk import full_disk_of_the_engine
from tests.faults.full_disk import full_disk_of
from tests.faults.kills import kill_hub
from tests.faults.power_cuts import power_cuts_of
from tests.faults.rotations import rotations
from tests.faults.simulation import simulate
from tests.faults.stores import PARTS

__all__ = ["PLAN", "Planned", "main"]

_ALL: Final = 1_000_000
_HEADER: Final = (
    f"{'row':4} {'fault':26} {'seed':>7} {'rounds':>7} {'acknowledged':>13} {'unknown':>8} {'stored':>8}"
    f" {'lost':>5} {'twice':>5} {'silent':>6} {'s':>7}"
)
_REQUIRED: Final = ("TONGBAN_REQUIRE_STRACE", "TONGBAN_REQUIRE_NEO4J")


@dataclass(frozen=True, slots=True)
class Planned:
    """One line of the table: how many rounds it has in the short form (0: it is not in it), and how many in the full one."""

    row: str
    name: str
    run: Run
    short: int
    full: int


def _plan() -> Iterator[Planned]:
    yield Planned("F1", "kill -9 of the hub", kill_hub, 0, 40)
    for name, short in (("hub", 24), ("ledger", 80), ("journal", 40), ("witness", 40), ("county", 40)):
        yield Planned("F4", f"fail points, {name}", points_of(PARTS[name]), short, _ALL)
    for name, pages in (("hub", 120), ("ledger", 60), ("journal", 40), ("witness", 30), ("county", 70)):
        yield Planned("F7", f"disk full, {name}", full_disk_of(PARTS[name], pages), 4 if name == "hub" else 10, 20)
    yield Planned("F7", "disk full, engine", full_disk_of_the_engine, 2, 10)
    yield Planned("F9", "clock steps", clock_steps, 4, 20)
    for name in ("ledger", "journal", "witness", "county"):
        yield Planned("F10", f"system calls, {name}", calls_of(PARTS[name]), 60, _ALL)
    for name in ("ledger", "journal", "witness", "county"):
        yield Planned("F10", f"power cuts, {name}", power_cuts_of(PARTS[name]), 40, 400)
    yield Planned("F11", "one byte flipped", flips.run, 120, 500)
    yield Planned("F13", "key rotated, key revoked", rotations, 3, 10)
    yield Planned("S", "state machine", simulate, 60, 1000)


PLAN: Final = tuple(_plan())


def main(arguments: list[str] | None = None) -> int:
    """Run the plan, or the rows that are named; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="the form that the build runs")
    parser.add_argument("--only", action="append", metavar="ROW", choices=sorted({each.row for each in PLAN}))
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    chosen = parser.parse_args(arguments)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))  # faults make the product complain
    print(_HEADER, flush=True)
    misses: list[str] = []
    for planned in PLAN:
        if not chosen.only or planned.row in chosen.only:
            misses += _one(planned, planned.short if chosen.short else planned.full, chosen.seed)
    print("everything holds" if not misses else "\n".join(misses))
    return 1 if misses else 0


def _one(planned: Planned, rounds: int, seed: int) -> list[str]:
    """Run one line and print it; gives what does not hold."""
    if not rounds:
        print(f"{planned.row:4} {planned.name:26} not in the short form: `make test` has its rounds", flush=True)
        return []
    try:
        count = planned.run(rounds, seed)
    except Unavailable as error:
        print(f"{planned.row:4} {planned.name:26} not run: {error.message}", flush=True)
        required = any(os.environ.get(name) == "1" for name in _REQUIRED)
        return [f"{planned.row} {planned.name} did not run: {error.message}"] if required else []
    print(_line(planned.name, count), flush=True)
    return [] if count.holds else [*count.misses] or [f"{planned.row} {planned.name} does not hold"]


def _line(name: str, count: FaultCount) -> str:
    also = ", ".join(f"{each} {number:,}" for each, number in count.also.items())
    return (
        f"{count.row:4} {name:26} {count.seed:7} {count.rounds:7,} {count.acknowledged:13,} {count.unknown:8,}"
        f" {count.stored:8,} {count.lost:5} {count.twice:5} {count.silent:6} {count.duration_s:7.1f}"
    ) + (f"\n     {also}" if also else "")


if __name__ == "__main__":
    sys.exit(main())
