"""Many at once: processes for what costs the processor, a few threads for what waits for a network or a disk.

Both keep the contract of `ledger.transparency.spans.InOrder`: results in the order of the items, items taken only as
they are needed, so that memory stays bounded however many there are. Processes are started afresh (spawn): they share
no file, no connection and no lock with this one, and leave Ctrl-C to it.
"""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import TYPE_CHECKING, Final, TypeVar

from ledger.transparency.spans import one_by_one

if TYPE_CHECKING:
    from ledger.transparency.spans import InOrder

__all__ = ["cores", "in_threads", "workers"]

A = TypeVar("A")
B = TypeVar("B")

_AHEAD: Final = 4  # items a worker that wait in its queue: it never runs dry, and a change of keys makes few stale

_THREADS: Final = 8


def cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def workers(count: int, start: Callable[[], object] | None = None) -> Iterator[InOrder]:
    """Run `count` worker processes; with 0 or 1 the caller's own thread does the work.

    start: called in each process before its first item, with all that it needs for every one of them.
    """
    if count <= 1:
        yield one_by_one
        return
    pool = ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=_started, initargs=(start,))
    try:
        yield _Pool(pool, count * _AHEAD)
    finally:
        pool.shutdown(cancel_futures=True)


def in_threads(function: Callable[[A], B], items: Iterable[A]) -> Iterator[B]:
    """Apply a function in eight threads, as `InOrder`."""
    pool = ThreadPoolExecutor(_THREADS)
    try:
        yield from _Pool(pool, 2 * _THREADS)(function, items)
    finally:
        pool.shutdown(cancel_futures=True)


def _started(start: Callable[[], object] | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if start is not None:
        start()


class _Pool:
    """`InOrder` over a pool, with at most `ahead` items under way."""

    def __init__(self, pool: Executor, ahead: int) -> None:
        self._pool: Final = pool
        self._ahead: Final = ahead

    def __call__(self, function: Callable[[A], B], items: Iterable[A], /) -> Iterator[B]:
        """Give the results, one an item."""
        waiting: deque[Future[B]] = deque()
        for item in items:
            waiting.append(self._pool.submit(function, item))
            if len(waiting) >= self._ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
