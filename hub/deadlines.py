"""Deadlines of one length: what runs too long is cancelled, by one timer for all of them.

    deadlines = Deadlines(10.0)
    with deadlines.hold():       raises TimeoutError when the block took longer
        await answer()

A block behaves as one of `asyncio.timeout` (a cancellation by somebody else stays one), for a fraction of its price: a
timer of its own for each request, nearly all of which are cancelled unused, costs more than to keep them in a line.
They are all of one length, so who came first is due first, and the timer need only know the first one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Deadline", "Deadlines"]


class Deadline:
    """One block that is to end in time. Entered once, in a task."""

    __slots__ = ("_before", "_deadlines", "_expired", "due", "task")

    def __init__(self, deadlines: Deadlines) -> None:
        self._deadlines: Final = deadlines
        self._expired = False
        self._before = 0  # cancellations asked for by others
        self.due = 0.0
        self.task: asyncio.Task[object] | None = None  # None: not entered, or over

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        if task is None:
            raise RuntimeError("a deadline is held by a task")
        self.task, self._before = task, task.cancelling()
        self._deadlines.add(self, loop)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        task, self.task = self.task, None
        self._deadlines.sweep()
        if self._expired and task is not None and task.uncancel() <= self._before and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def expire(self) -> None:
        """Cancel the block, which becomes a TimeoutError where it ends."""
        if self.task is not None:
            self._expired = True
            self.task.cancel()


class Deadlines:
    """All blocks of one length, in seconds. Used on one event loop at a time."""

    def __init__(self, seconds: float) -> None:
        self.seconds: Final = seconds
        self._line: Final[deque[Deadline]] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def hold(self) -> Deadline:
        """Give the deadline of one block, to be entered at once: `with deadlines.hold():`. Raises TimeoutError."""
        return Deadline(self)

    def add(self, deadline: Deadline, loop: asyncio.AbstractEventLoop) -> None:
        """Put a deadline that begins now behind all others."""
        if loop is not self._loop:  # those of a loop that has ended will never be due
            self._loop, self._timer = loop, None
            self._line.clear()
        deadline.due = loop.time() + self.seconds
        self._line.append(deadline)
        if self._timer is None:
            self._timer = loop.call_at(deadline.due, self._fire, loop)

    def sweep(self) -> None:
        """Forget the first ones that are over. One behind a block that still runs stays until that ends, or is due."""
        while self._line and self._line[0].task is None:
            self._line.popleft()

    def _fire(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now = loop.time()
        while self._line and (self._line[0].task is None or self._line[0].due <= now):
            self._line.popleft().expire()
        if self._line:
            self._timer = loop.call_at(self._line[0].due, self._fire, loop)
