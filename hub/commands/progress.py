"""Progress of long work on stderr: one bar a thing counted; nothing where nobody looks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

__all__ = ["Bars", "progress_bars"]


class Bars:
    """One bar a thing counted, made when it is first heard of."""

    def __init__(self, progress: Progress) -> None:
        self._progress: Final = progress
        self._tasks: Final[dict[str, TaskID]] = {}

    def _task(self, what: str, of: int) -> TaskID:
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(what, total=of)
        return self._tasks[what]

    def advance(self, what: str, more: int, of: int) -> None:
        """Count so many more."""
        self._progress.advance(self._task(what, of), more)

    def reach(self, what: str, done: int, of: int) -> None:
        """Count so many in all."""
        self._progress.update(self._task(what, of), completed=done)


@contextmanager
def progress_bars(*, shown: bool) -> Iterator[Bars]:
    """Show bars while the block runs, if `shown` and if stderr is a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not shown or not console.is_terminal) as progress:
        yield Bars(progress)
