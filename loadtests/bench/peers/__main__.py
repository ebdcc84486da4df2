"""`make bench-peers`: the gateway beside the raw driver, HTTP alone, and the servers that npm can install.

    python -m loadtests.bench.peers [--database replay|embedded|neo4j] [--rounds N] [--seconds S] [--quick] [--json]

    Ten documents mixed, 32 connections
      driver                 4,652.0 answers/s      ratio >= 3: met
      beside                 1,542.0 raw driver calls
      ratio                     3.02, median of 5 rounds, 2.90-3.11

One graph, one core for each contender (core 0), 32 connections; the generator and the database have core 1. The gateway
is the product: tokens, access rules, limits, metrics, and an access record on disk before each answer leaves. Every
answer was checked for content and is compared byte for byte. A round in which others took a seventh of a core is left
out, unless all were so. Needs Go; without Node the other servers are left out, and what that leaves open is named.
Figures are written to peers.json, peers.svg and peers.png of `--out` (bench-out), and not asserted: the exit code is 0
when the run went through. Exit code 3: Go is missing.

Example: python -m loadtests.bench.peers --quick
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Final

import orjson

from loadtests.bench.conditions import conditions, load
from loadtests.bench.measuring import Reading
from loadtests.bench.peers.bars import readings
from loadtests.bench.peers.field import Field, Size, running_field
from loadtests.bench.peers.picture import draw
from loadtests.bench.peers.rounds import MOST_FOREIGN, Measured
from loadtests.bench.peers.tools import build_programs, missing_tools
from loadtests.bench.peers.world import running_world

__all__ = ["main"]

_NEO4J: Final = Path(".neo4j") / "connection.json"
_OUT: Final = Path("bench-out")
_HEAD: Final = f"{'':<16} answers/s    least     most   p50 us   p99 us   CPU us   core   DB us  foreign"
_QUICK: Final = Size(rounds=1, seconds=1.0, holders=10, cold=40, licenses=40, warm=0.0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Start all contenders, measure them in turn, print and write what was found."""
    chosen = _parser().parse_args(arguments)
    if "go" in (missing := missing_tools()):
        print("go is missing: the replay server and the generator are built with it", file=sys.stderr)
        return 3
    size = _QUICK if chosen.quick else Size(rounds=chosen.rounds, seconds=chosen.seconds)
    build_programs()
    before = load()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tongban-peers-")))
        world = stack.enter_context(running_world(folder, chosen.database, licenses=size.licenses, neo4j=chosen.neo4j))
        field = stack.enter_context(running_field(world, folder, size, with_node=not missing))
        rounds = [field.round(number) for number in range(size.rounds)]
        titles = field.titles
    left_out = _left_out(rounds)
    counted = [each for number, each in enumerate(rounds) if number not in left_out]
    found = readings(counted, real_engine=chosen.database != "replay")
    facts = {**conditions(), "database": chosen.database, "rounds": size.rounds, "left_out": left_out}
    facts |= {"load_before": before, "load_after": load(), "replayed": field.replayed}
    document = _document(found, rounds, facts, titles)
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "peers.json").write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")
    draw(document, chosen.out)
    text = _text(found, counted, field, [*_notes(rounds, left_out), *_lacking(missing), f"written to {chosen.out}"])
    print(orjson.dumps(document).decode() if chosen.json else text)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m loadtests.bench.peers", description=(__doc__ or "").splitlines()[0],
        epilog="Example: python -m loadtests.bench.peers --quick",
    )  # fmt: skip
    parser.add_argument(
        "--database", choices=("replay", "embedded", "neo4j"), default="replay",
        help="replay: out of the way, the default; embedded; neo4j: the one of `make neo4j`, which is emptied",
    )  # fmt: skip
    parser.add_argument("--neo4j", type=Path, default=_NEO4J, help=f"its connection.json; default {_NEO4J}")
    parser.add_argument("--rounds", type=int, default=5, help="default 5")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement; default 3")
    parser.add_argument("--out", type=Path, default=_OUT, help=f"folder for peers.json, .svg, .png; default {_OUT}")
    parser.add_argument("--quick", action="store_true", help="one short round: shows that it runs, not how fast")
    parser.add_argument("--json", action="store_true", help="print peers.json instead of the text")
    return parser


def _document(
    found: Sequence[Reading], rounds: Sequence[Sequence[Measured]], facts: dict[str, object], titles: dict[str, str]
) -> dict[str, object]:
    measured = [{"round": number, **asdict(each)} for number, row in enumerate(rounds) for each in row]
    figures = [reading.document() for reading in found]
    return {"conditions": facts, "titles": titles, "figures": figures, "measured": measured}


def _left_out(rounds: Sequence[Sequence[Measured]]) -> list[int]:
    """Give the rounds in which others took too much of the machine; none, where all would be left out."""
    noisy = [number for number, row in enumerate(rounds) if not all(each.quiet for each in row)]
    return noisy if len(noisy) < len(rounds) else []


def _notes(rounds: Sequence[Sequence[Measured]], left_out: Sequence[int]) -> list[str]:
    """Say what other work the machine had."""
    noisy = sum(not each.quiet for row in rounds for each in row)
    if not noisy:
        return []
    told = f"others took more than {MOST_FOREIGN:.0%} of a core in {noisy} measurements"
    kept = f"{len(left_out)} rounds are left out" if left_out else "no round was quiet, and all are counted"
    return [f"{told}: {kept}"]


def _lacking(missing: Sequence[str]) -> list[str]:
    return [f"not measured, for want of {', '.join(missing)}: every bar beside a Node server"] if missing else []


def _text(found: Sequence[Reading], rounds: Sequence[Sequence[Measured]], field: Field, notes: Sequence[str]) -> str:
    missed = [reading.name for reading in found if reading.verdict == "missed"]
    gated = sum(reading.gate is not None for reading in found)
    lines = [reading.text() for reading in found]
    lines += [_HEAD, *_rows(rounds), ""]
    lines.append(f"{gated - len(missed)} of {gated} bars met" + (f", missed: {', '.join(missed)}" if missed else ""))
    if field.replayed is not None:
        lines.append(f"the replay server answered {field.replayed:.2%} of the look-ups in the rounds by itself")
    return "\n".join([*lines, f"load average {load():.1f} after", *notes])


def _rows(rounds: Sequence[Sequence[Measured]]) -> Iterator[str]:
    """Give a row of medians for each contender and load."""
    for name, kind in dict.fromkeys((each.contender, each.kind) for row in rounds for each in row):
        rows = [each for row in rounds for each in row if (each.contender, each.kind) == (name, kind)]
        rates = [each.rate for each in rows]
        p50, p99, cpu, engine, share, foreign = (
            statistics.median(getattr(each, part) for each in rows)
            for part in ("p50_us", "p99_us", "cpu_us", "engine_us", "share", "foreign")
        )
        yield (
            f"{name:<9} {kind:<6} {statistics.median(rates):>9,.0f} {min(rates):>8,.0f} {max(rates):>8,.0f} "
            f"{p50:>8,.0f} {p99:>8,.0f} {cpu:>8,.0f} {share:>6.0%} {engine:>7,.0f} {foreign:>8.0%}"
        )


if __name__ == "__main__":
    sys.exit(main())
