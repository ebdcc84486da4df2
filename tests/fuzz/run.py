"""`make fuzz`: every target, many inputs. `python -m tests.fuzz.run [--target NAME] [--count N] [--seed S] [--jobs N]`.

Exit code 1 on any failure; the inputs at fault are written as hex files into fuzz-out/.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.fuzz.campaign import Report, run_campaign
from tests.fuzz.registry import TARGETS, seed_of

__all__ = ["main"]

COUNT: Final = 100_000
FOUND: Final = Path("fuzz-out")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the campaigns, print a table, and return 1 if anything failed."""
    options = _options(arguments)
    reports = _campaigns(options)
    console = Console(width=120)
    console.print(_table(reports))
    failures = [failure for report in reports for failure in report.failures]
    for failure in failures:
        path = failure.save(FOUND)
        console.print(f"[red]{failure.target}: {failure.fault}[/] seed {failure.seed}, input {failure.number}, {path}")
        console.print(failure.data.hex() or failure.detail, failure.detail, markup=False, highlight=False)
    total = sum(report.inputs for report in reports)
    console.print(f"{total:,} inputs, {len(failures)} failures, seed {options.seed}")
    return 1 if failures else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make fuzz", description="Mutate the inputs of every format.")
    parser.add_argument("--target", action="append", choices=sorted(TARGETS), help="one target; may be given again")
    parser.add_argument("--count", type=int, default=COUNT, help=f"mutations a target; default {COUNT}")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same inputs; default 1")
    parser.add_argument("--jobs", type=int, default=2, help="processes; default 2")
    return parser.parse_args(arguments)


def _campaigns(options: argparse.Namespace) -> list[Report]:
    names = options.target or list(TARGETS)
    counts = {name: max(1, round(options.count * TARGETS[name].share)) for name in names}
    columns = (
        TextColumn("{task.description:<20}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f}"),
        TimeElapsedColumn(),
    )
    context = multiprocessing.get_context("spawn")
    with (
        Progress(*columns, console=Console(stderr=True)) as progress,
        ProcessPoolExecutor(options.jobs, mp_context=context) as pool,
    ):
        task = progress.add_task("inputs", total=sum(counts.values()))
        jobs = [pool.submit(campaign, name, counts[name], options.seed) for name in names]
        reports = [_done(job, progress, task) for job in as_completed(jobs)]
    return sorted(reports, key=lambda report: names.index(report.target))


def _done(job: Future[Report], progress: Progress, task: int) -> Report:
    report = job.result()
    progress.update(task, advance=report.inputs, description=report.target)
    if not progress.console.is_terminal:
        progress.console.print(f"{report.target}: {report.inputs:,} inputs, {len(report.failures)} failures")
    return report


def campaign(name: str, count: int, seed: int) -> Report:
    """Run one target, in a process of its own choice."""
    return run_campaign(TARGETS[name], count, seed_of(name, seed))


def _table(reports: Sequence[Report]) -> Table:
    table = Table(title="fuzz")
    for column in (
        "target",
        "inputs",
        "taken",
        "most frequent ends",
        "a second",
        "slowest ms",
        "growth MiB",
        "failures",
    ):
        table.add_column(column, justify="left" if column in {"target", "most frequent ends"} else "right")
    for report in reports:
        ends = ", ".join(f"{end} {count:,}" for end, count in report.ends.most_common(3))
        rate = report.inputs / report.seconds if report.seconds else 0.0
        table.add_row(report.target, f"{report.inputs:,}", f"{report.accepted:,}", ends, f"{rate:,.0f}",
                      f"{1000 * report.slowest:.1f}", f"{report.growth:.1f}", str(len(report.failures)))  # fmt: skip
    return table


if __name__ == "__main__":
    sys.exit(main())
