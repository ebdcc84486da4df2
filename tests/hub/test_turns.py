"""Turns: a few requests at once, the others in fair lines, and what is too much is turned away before any work."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.turns import TurnLimits, Turns, aside
from ledger.errors import Unavailable

FOR_EVER = 3600.0


@dataclass(slots=True)
class Desk:
    """Requests that are worked on until they are let go. done: names in the order in which they got their turns."""

    turns: Turns
    done: list[str] = field(default_factory=list)
    shed: list[str] = field(default_factory=list)
    told: set[tuple[str, int | None, int]] = field(default_factory=set)
    free: asyncio.Event = field(default_factory=asyncio.Event)

    async def request(self, name: str) -> None:
        """Be worked on, or be turned away."""
        try:
            async with self.turns.place(name):
                self.done.append(name)
                await self.free.wait()
        except Unavailable as error:
            self.shed.append(name)
            self.told.add((error.code, error.retry_after, error.http_status))


def desk(*, at_once: int = 1, waiting: int = 100, patience_s: float = FOR_EVER) -> Desk:
    return Desk(Turns(TurnLimits(at_once=at_once, waiting=waiting, patience_s=patience_s)))


@asynccontextmanager
async def asking(some: Desk, names: str) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Let requests of these partners come in this order; all that wait are let go at the end."""
    tasks = []
    for name in names:
        tasks.append(asyncio.create_task(some.request(name)))
        await settled()
    yield tasks
    some.free.set()
    await asyncio.gather(*tasks, return_exceptions=True)


async def settled() -> None:
    """Let everything run that can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_lines_take_turns_whatever_their_length() -> None:
    some = desk()
    async with asking(some, "aaaaabca"):
        assert (some.turns.working, some.turns.waiting) == (1, 7)
    assert "".join(some.done) == "aabcaaaa"
    assert (some.turns.working, some.turns.waiting, some.shed) == (0, 0, [])


async def test_the_longest_line_makes_room_for_a_shorter_one() -> None:
    some = desk(waiting=4)
    async with asking(some, "aaaaa" + "b" + "a" + "bb"):
        assert (some.turns.waiting, some.shed) == (4, ["a", "a", "a", "b"])
    assert (Counter(some.done), some.told) == ({"a": 3, "b": 2}, {("pushback", 1, 503)})


async def test_who_has_waited_enough_is_told_so() -> None:
    """Patience of nothing: the timer is due at once."""
    some = desk(patience_s=0.0)
    async with asking(some, "abc") as tasks:
        await asyncio.wait(tasks[1:])
    assert (some.done, some.shed) == (["a"], ["b", "c"])


async def test_patience_is_a_fifth_while_the_line_stands() -> None:
    """Somebody waits for longer than the patience: who comes now is told sooner."""
    now, loop, told = [0.0], asyncio.get_running_loop(), list[str]()
    turns = Turns(TurnLimits(at_once=1, patience_s=FOR_EVER), clock=lambda: now[0], on_shed=lambda: told.append("shed"))
    some = Desk(turns)
    async with asking(some, "ab") as tasks:
        now[0] = FOR_EVER
        tasks.append(asyncio.create_task(some.request("c")))
        await settled()
        now[0] += 1
        tasks.append(asyncio.create_task(some.request("d")))
        await settled()
        ends = sorted(round((timer.when() - loop.time()) / FOR_EVER, 1) for timer in _timers(turns))
        assert ends == [0.2, 1.0, 1.0]
    assert told == []


def _timers(turns: Turns) -> list[asyncio.TimerHandle]:
    return [waiter.timer for line in turns._lines.values() for waiter in line]


async def test_who_leaves_the_line_is_not_waited_for() -> None:
    some = desk()
    async with asking(some, "abc") as tasks:
        tasks[1].cancel()
        await settled()
        assert some.turns.waiting == 1
    assert (some.done, some.turns.working) == (["a", "c"], 0)


async def test_a_turn_that_comes_as_its_request_is_cancelled_goes_to_the_next() -> None:
    some = desk()
    async with some.turns.place("a"):
        second, third = (asyncio.create_task(some.request(name)) for name in "bc")
        await settled()
    second.cancel()  # it has its turn, and does not know yet
    some.free.set()
    await asyncio.wait({second, third})
    assert (some.done, second.cancelled()) == (["c"], True)
    assert (some.turns.working, some.turns.waiting) == (0, 0)


async def test_who_waits_for_somebody_else_gives_its_place_away() -> None:
    """Twice within one request: the place is given once, and taken again when the last wait is over."""
    some, answered, working = desk(), asyncio.Event(), list[int]()

    async def outside() -> None:
        with aside():
            await answered.wait()

    async def slow() -> None:
        async with some.turns.place("slow"):
            await asyncio.gather(outside(), outside())
            working.append(some.turns.working)

    waiting = asyncio.create_task(slow())
    await settled()
    async with asking(some, "ab"):
        assert (some.turns.working, some.turns.waiting, some.done) == (1, 1, ["a"])
        answered.set()
        await waiting
        assert (working, some.turns.working, some.turns.waiting) == ([2], 1, 1)  # one too many, and it ended
    assert (some.done, some.turns.working) == (["a", "b"], 0)


async def test_what_outlives_its_request_takes_no_place() -> None:
    some, ready = desk(), asyncio.Event()

    async def left_behind() -> None:
        with aside():
            await ready.wait()

    async with some.turns.place("a"):
        task = asyncio.create_task(left_behind())
        await settled()
    ready.set()
    await task
    assert some.turns.working == 0


async def test_without_a_place_nothing_is_given_away() -> None:
    with aside():
        pass


@pytest.mark.parametrize("error", [KeyError, asyncio.CancelledError])
async def test_a_place_is_given_back_also_by_what_fails(error: type[BaseException]) -> None:
    some = desk()
    with pytest.raises(error):
        async with some.turns.place("a"):
            raise error
    assert some.turns.working == 0


@given(
    names=st.text("abc", max_size=40), at_once=st.integers(1, 4), waiting=st.integers(1, 12),
    gone=st.sets(st.integers(0, 39), max_size=8),
)  # fmt: skip
def test_every_request_ends_and_no_bound_is_passed(names: str, at_once: int, waiting: int, gone: set[int]) -> None:
    """Each one is worked on, turned away or cancelled; never more at once, or in all lines, than is allowed."""

    async def run() -> None:
        some = desk(at_once=at_once, waiting=waiting)
        async with asking(some, names) as tasks:
            assert some.turns.working == min(at_once, len(names))
            assert some.turns.waiting == min(waiting, max(0, len(names) - at_once))
            for number in gone & set(range(len(tasks))):
                tasks[number].cancel()
            await settled()
            assert some.turns.working <= at_once
        cancelled = sum(task.cancelled() for task in tasks)
        assert len(set(range(len(names))) & gone) >= cancelled
        assert some.turns.working == some.turns.waiting == 0
        ended = Counter([*some.done, *some.shed])
        assert all(ended[name] <= count for name, count in Counter(names).items())

    asyncio.run(run())
