"""`make bench`: every figure in one run, each as a ratio, with the conditions; it starts all that it needs on loopback.

    python -m loadtests.bench.run [--only NAME]... [--quick] [--licenses N] [--json]

    append per entry, batches of 256, tiles and root included
      append                     1.1 us an entry    ratio <= 2: met
      beside                     0.8 raw SHA-256 of the same leaf and node bytes
      ratio                     1.41, median of 5 rounds, 1.41-1.47

Figures are printed and written to bench-out/figures.json; they are not asserted: the exit code is 0 when the run went
through, whatever the gates say. A wrong answer of the hub ends the run with an error, for then there is no figure.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import orjson

from loadtests.bench.conditions import conditions, load
from loadtests.bench.figures import (
    append,
    boltlane,
    cold,
    colddoc,
    ed25519,
    faces,
    ingest,
    journal,
    lanes,
    lookup,
    memory,
    receipt,
    replay,
    scale,
    seals,
    shaper,
    sizes,
    sm2,
    waits,
)
from loadtests.bench.measuring import Effort, Reading
from loadtests.bench.town import ONE_CLIENT, running_town

__all__ = ["NAMES", "main"]

_ALONE: Final[tuple[tuple[tuple[str, ...], Callable[[Effort, Path, int], list[Reading]]], ...]] = (
    (("append",), lambda effort, _folder, _licenses: append.measure(effort)),
    (("ed25519",), lambda effort, _folder, _licenses: ed25519.measure(effort)),
    (colddoc.NAMES, lambda effort, _folder, _licenses: colddoc.measure(effort)),
    (("sm2",), lambda effort, _folder, _licenses: sm2.measure(effort)),
    (("receipt",), lambda effort, folder, _licenses: receipt.measure(effort, folder)),
    (("cold",), lambda effort, folder, _licenses: cold.measure(effort, folder)),
    (shaper.NAMES, lambda effort, _folder, _licenses: shaper.measure(effort)),
    (("sizes",), lambda _effort, folder, _licenses: sizes.measure(folder)),
    (("replay",), lambda effort, folder, _licenses: replay.measure(effort, folder)),
    (("ingest",), lambda effort, folder, _licenses: ingest.measure(effort, folder)),
    (("faces",), lambda effort, _folder, _licenses: faces.measure(effort)),
    (journal.NAMES, lambda effort, folder, _licenses: journal.measure(effort, folder)),
    (("boltlane",), lambda effort, folder, _licenses: boltlane.measure(effort, folder)),
    (lanes.NAMES, lambda effort, folder, _licenses: lanes.measure(effort, folder)),
    (scale.NAMES, scale.measure),
)
"""Figures that need no running alliance: their names, and what measures them in a folder of their own."""

_SERVED: Final = frozenset({"lookup", "memory", "seals", "waits"})
NAMES: Final = (*(name for names, _ in _ALONE for name in names), "lookup", "memory", "seals", "waits")
_FULL: Final = Effort(rounds=5, share=1.0)
_QUICK: Final = Effort(rounds=3, share=0.1)
_LICENSES: Final = 300  # a county
_LARGE: Final = 100_000
_OUT: Final = Path("bench-out")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the chosen figures, print and write them."""
    chosen = _parser().parse_args(arguments)
    effort = _QUICK if chosen.quick else _FULL
    names = chosen.only or list(NAMES)
    facts: dict[str, object] = {**conditions(), "rounds": effort.rounds, "load_before": load()}
    readings: list[Reading] = []
    with tempfile.TemporaryDirectory(prefix="tongban-bench-") as folder:
        for reading in _measured(names, effort, Path(folder), chosen.licenses):
            readings.append(reading)
            if not chosen.json:
                print(reading.text(), flush=True)
    facts["load_after"] = load()
    document = {"conditions": facts, "figures": [reading.document() for reading in readings]}
    _OUT.mkdir(exist_ok=True)
    (_OUT / "figures.json").write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")
    print(orjson.dumps(document).decode() if chosen.json else _ending(facts, readings))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m loadtests.bench.run", description="Print every figure as a ratio.")
    parser.add_argument("--only", action="append", choices=NAMES, help="measure this figure only; can be repeated")
    parser.add_argument("--quick", action="store_true", help="a tenth of the work: shows that it runs, not how fast")
    parser.add_argument("--licenses", type=int, default=_LARGE, help="of the large made-up world")
    parser.add_argument("--json", action="store_true", help="print figures.json instead of the text")
    return parser


def _measured(names: Sequence[str], effort: Effort, folder: Path, licenses: int) -> Iterator[Reading]:
    """Measure what needs no server first, while nothing else of ours runs."""
    for made, measure in _ALONE:
        if not set(made).isdisjoint(names):
            found = measure(effort, folder / made[0], effort.amount(licenses))
            yield from (reading for reading in found if reading.name in names or len(made) == 1)
    if not _SERVED.isdisjoint(names):
        yield from _served(names, effort, folder)


def _served(names: Sequence[str], effort: Effort, folder: Path) -> Iterator[Reading]:
    with running_town(folder / "town", licenses=_LICENSES, settings=ONE_CLIENT) as town:
        if "lookup" in names:
            yield from lookup.measure(effort, town)
        if "memory" in names:
            yield from memory.measure(effort, town)
        if "seals" in names:
            yield from seals.measure(effort, town, folder)
        if "waits" in names:
            yield from waits.measure(effort, town, folder)


def _ending(facts: dict[str, object], readings: Sequence[Reading]) -> str:
    missed = [reading.name for reading in readings if reading.verdict == "missed"]
    gated = sum(reading.gate is not None for reading in readings)
    packages = facts["packages"]
    versions = ", ".join(f"{name} {number}" for name, number in packages.items()) if isinstance(packages, dict) else ""
    lines = [
        f"{gated - len(missed)} of {gated} gates met" + (f", missed: {', '.join(missed)}" if missed else ""),
        f"conditions: {facts['cores']} cores ({facts['processor']}), {facts['system']}",
        f"load average {facts['load_before']:.1f} before and {facts['load_after']:.1f} after" + _busy(facts),
        f"Python {facts['python']}, {facts['openssl']}, {versions}",
        "both sides of a ratio in turn, round by round; CPU time for append and receipt, wall time for the others",
        f"written to {_OUT / 'figures.json'}",
    ]
    return "\n".join(lines)


def _busy(facts: dict[str, object]) -> str:
    """Warn when something else ran before we began: then rates against a fixed bar say little, ratios still do."""
    before, cores = facts["load_before"], facts["cores"]
    quiet = isinstance(before, float) and isinstance(cores, int) and before <= cores / 2
    return "" if quiet else ": this machine had other work, and rates against a fixed bar are too low"


if __name__ == "__main__":
    sys.exit(main())
