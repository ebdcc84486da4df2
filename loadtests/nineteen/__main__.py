"""Nineteen counties with a million licenses: ledger and journal made, signed, projected into the embedded engine.

    python -m loadtests.nineteen [--licenses 1000000] [--seed 1] [--keep FOLDER] [--processes N] [--no-project] [--json]

    made       1,008,015 entries and 1,641,207 records in 301.2 s with 2 processes
    projected  2,649,222 of both in 512.0 s: 5,174/s
    in all     813.2 s; bar 900 s for a million: met

A million licenses come with 200,000 holders, 100,000 cases in every state, 50,000 access records and 570 offerings;
`--licenses` scales all of it. The same seed gives the same entries and records. FOLDER/hub is a hub's data folder:
`tongban ledger check --data FOLDER/hub` takes it for what it is. A FOLDER where it is made already is projected only.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import orjson

from hub.commands.progress import progress_bars
from hub.keyfiles import make_private_folder
from hub.workers import cores
from loadtests.bench.conditions import conditions, load
from loadtests.nineteen.logs import Made, make_logs
from loadtests.nineteen.plan import World
from loadtests.nineteen.projecting import Took, projected

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.commands.progress import Bars

__all__ = ["main"]

_MILLION: Final = 1_000_000
_BAR_S: Final = 900.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Make, project, print what it took."""
    chosen = _parser().parse_args(arguments)
    before = load()
    with tempfile.TemporaryDirectory(prefix="tongban-nineteen-") as folder, progress_bars(shown=True) as bars:
        data = (chosen.keep or Path(folder)) / "hub"
        made = _made(data, World(licenses=chosen.licenses, seed=chosen.seed), chosen.processes, bars)
        took = asyncio.run(_project(data, bars)) if chosen.project else None
    _print(chosen.licenses, made, took, before=before, json=chosen.json)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m loadtests.nineteen", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--licenses", type=int, default=_MILLION, help="how many; all else is in proportion")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder to make it in, or one where it is already")
    parser.add_argument("--processes", type=int, default=cores())
    parser.add_argument("--no-project", dest="project", action="store_false", help="make ledger and journal alone")
    parser.add_argument("--json", action="store_true")
    return parser


def _made(data: Path, world: World, processes: int, bars: Bars) -> Made | None:
    if data.exists():
        shutil.rmtree(data / "graph", ignore_errors=True)  # what is measured begins with an empty engine
        return None
    make_private_folder(data.parent)
    return make_logs(data, world, processes=processes, bars=bars)


async def _project(data: Path, bars: Bars) -> Took:
    found: list[Took] = []
    async with projected(data, bars, done=found.append):
        return found[0]


def _print(licenses: int, made: Made | None, took: Took | None, *, before: float, json: bool) -> None:
    facts = {**conditions(), "load_before": before, "load_after": load()}
    if json:
        parts = {"made": made and asdict(made), "projected": took and asdict(took)}
        print(orjson.dumps({"licenses": licenses, **parts, "conditions": facts}, option=orjson.OPT_INDENT_2).decode())
        return
    if made is not None:
        print(f"made       {made.entries:,} entries and {made.records:,} records in {made.seconds:,.1f} s", end="")
        print(f" with {made.processes} processes")
    if took is not None:
        count = took.position.ledger + took.position.journal
        print(f"projected  {count:,} of both in {took.seconds:,.1f} s: {count / took.seconds:,.0f}/s")
    seconds = sum(each.seconds for each in (made, took) if each is not None)
    if made is not None and took is not None:
        million = seconds * _MILLION / licenses
        verdict = "met" if million <= _BAR_S else f"missed, {million:,.0f} s"
        print(f"in all     {seconds:,.1f} s; bar {_BAR_S:,.0f} s for a million: {verdict}")
    print(f"load average {before:.1f} before and {facts['load_after']:.1f} after, {facts['cores']} cores")


if __name__ == "__main__":
    sys.exit(main())
