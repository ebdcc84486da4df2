"""Deadlines that share a timer behave as `asyncio.timeout` does."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager

import pytest

from hub.deadlines import Deadlines

LONG_S = 60.0


async def _never() -> None:
    await asyncio.Event().wait()


async def test_what_ends_in_time_ends_as_it_would() -> None:
    deadlines = Deadlines(LONG_S)
    with deadlines.hold():
        await asyncio.sleep(0)
    with pytest.raises(KeyError), deadlines.hold():
        raise KeyError


async def test_what_takes_too_long_is_cut_off() -> None:
    deadlines = Deadlines(0.01)
    with pytest.raises(TimeoutError), deadlines.hold():
        await _never()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(0)  # no cancellation is left over


async def test_each_of_many_is_cut_off_and_those_that_ended_are_not() -> None:
    """Also those that stand behind one that ended, and those that began when the timer ran already."""
    deadlines, ended = Deadlines(0.02), list[int]()

    async def one(number: int) -> str:
        try:
            with deadlines.hold():
                if number % 3:
                    await _never()
        except TimeoutError:
            return "late"
        await asyncio.sleep(0.05)  # not cut off here: its block is over
        ended.append(number)
        return "done"

    first = asyncio.gather(*map(one, range(9)))
    await asyncio.sleep(0.01)
    told = [*await asyncio.gather(*map(one, range(9, 12))), *await first]
    assert told == ["done", "late", "late"] * 4
    assert sorted(ended) == [0, 3, 6, 9]


async def test_a_cancellation_by_somebody_else_stays_one() -> None:
    deadlines = Deadlines(LONG_S)

    async def block() -> None:
        with deadlines.hold():
            await _never()

    task = asyncio.create_task(block())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def _cancelled_while_late(hold: Callable[[], AbstractContextManager[None]]) -> str:
    """Let a block be cancelled by its deadline, and by somebody else before it has seen that."""
    cleaning = asyncio.Event()

    async def block() -> None:
        with hold():
            try:
                await _never()
            finally:
                cleaning.set()
                await asyncio.sleep(LONG_S)

    task = asyncio.create_task(block())
    await cleaning.wait()
    task.cancel()
    try:
        await task
    except BaseException as error:  # noqa: BLE001  # which one it is, is what is asked
        return type(error).__name__
    return "none"


async def test_a_cancellation_by_both_is_that_of_somebody_else() -> None:
    assert await _cancelled_while_late(Deadlines(0.01).hold) == "CancelledError"


async def _nested(inner: float, outer: float) -> str:
    async def within() -> None:
        with Deadlines(inner).hold():
            await _never()

    try:
        with Deadlines(outer).hold():
            try:
                await within()
            except TimeoutError:
                return "inner"
    except TimeoutError:
        return "outer"
    return "none"


@pytest.mark.parametrize(("inner", "outer", "told"), [(0.01, LONG_S, "inner"), (LONG_S, 0.01, "outer")])
async def test_of_two_blocks_the_one_that_is_due_is_told(inner: float, outer: float, told: str) -> None:
    assert await _nested(inner, outer) == told


async def test_a_block_that_swallows_its_cancellation_ends_as_it_says() -> None:
    """As with `asyncio.timeout`: what is due in the last moment changes nothing of what was done."""

    async def stubborn() -> str:
        try:
            await _never()
        except asyncio.CancelledError:
            return "done"
        return "never"

    with Deadlines(0.01).hold():
        assert await stubborn() == "done"


async def test_what_is_over_keeps_no_task() -> None:
    """A block that runs long holds those behind it in the line, but nothing of their requests."""
    deadlines, end = Deadlines(LONG_S), asyncio.Event()

    async def block(work: Awaitable[object]) -> None:
        with deadlines.hold():
            await work

    first = asyncio.create_task(block(end.wait()))
    await asyncio.sleep(0)
    second = asyncio.create_task(block(asyncio.sleep(0)))
    await second
    gone = weakref.ref(second)
    del second
    await asyncio.sleep(0)
    gc.collect()
    assert gone() is None
    end.set()
    await first


def test_another_loop_begins_anew() -> None:
    """A loop that ended with a block under way takes its timer with it."""
    deadlines = Deadlines(0.01)

    async def unfinished() -> None:
        task = asyncio.create_task(late())
        await asyncio.sleep(0)
        task.cancel()

    async def late() -> None:
        with deadlines.hold():
            await _never()

    asyncio.run(unfinished())
    with pytest.raises(TimeoutError):
        asyncio.run(late())


async def test_who_is_no_task_cannot_hold_one() -> None:
    failed: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def enter() -> None:
        try:
            with Deadlines(LONG_S).hold():
                pass
        except RuntimeError as error:
            failed.set_result(str(error))

    asyncio.get_running_loop().call_soon(enter)
    assert await failed == "a deadline is held by a task"
