"""Lanes under any order of readers, departures, answers, deadlines, poisoned keys and absent engines.

Each reader gets his own answer or his own reason, and nobody waits longer than the deadline.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hub.graph.lanes import LaneLimits, Lanes
from ledger.errors import TongbanError
from tests.lane_graphs import DividingGraph, division

_LIMITS = LaneLimits(in_flight=2, keys=4, queue=12, wait_s=10.0)
_NOTES = ("", "// other\n")


class SteppedLoop(asyncio.SelectorEventLoop):
    """A loop whose time stands still until it is moved."""

    now = 0.0

    def time(self) -> float:
        """Give the time that the test says it is."""
        return self.now


@dataclass(frozen=True, slots=True)
class Reader:
    """Who asked for which number, and when."""

    value: int
    since: float
    task: asyncio.Task[Any]

    @property
    def code(self) -> str | None:
        """The code of what came instead of an answer."""
        error = self.task.exception()
        return error.code if isinstance(error, TongbanError) else None


class LaneMachine(RuleBasedStateMachine):
    """Readers of two lanes. What each may get follows from the number, the time, and whether the engine was away."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = SteppedLoop()
        self.graph = DividingGraph(held=True)
        self.lanes = Lanes(self.graph, limits=_LIMITS)
        self.readers: list[Reader] = []
        self.was_away = False

    def settle(self) -> None:
        """Run all that can run."""

        async def turns() -> None:
            for _ in range(20):
                await asyncio.sleep(0)

        self.loop.run_until_complete(turns())

    @property
    def live(self) -> list[Reader]:
        """Readers that wait."""
        return [each for each in self.readers if not each.task.done()]

    @rule(values=st.lists(st.integers(0, 6), min_size=1, max_size=6), note=st.sampled_from(_NOTES))
    def ask(self, values: list[int], note: str) -> None:
        """Ask; whoever finds the lanes full is told so."""
        for value in values:
            full = self.lanes.depth == _LIMITS.queue
            task = self.loop.create_task(self.lanes.read(division(value, note=note)))
            reader = Reader(value, self.loop.now, task)
            self.settle()
            if full:
                assert reader.code == "pushback"
            else:
                self.readers.append(reader)

    @rule(which=st.integers(0, 11))
    def leave(self, which: int) -> None:
        """Let a reader leave."""
        if self.live:
            self.live[which % len(self.live)].task.cancel()
            self.settle()

    @rule(seconds=st.sampled_from([1.0, 6.0, 11.0]))
    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.loop.now += seconds
        self.settle()

    @rule(away=st.booleans())
    def answer(self, away: bool) -> None:
        """Let a statement be answered, or fail because the engine is away."""
        self.graph.away = away
        self.was_away |= away
        self.graph.let_go()
        self.settle()

    @invariant()
    def bounds_hold(self) -> None:
        """Readers are counted, statements are bounded, and no statement has a key twice or was cut."""
        assert self.lanes.depth == len(self.live) <= _LIMITS.queue
        assert all(1 <= len(keys) <= _LIMITS.keys and len(set(keys)) == len(keys) for keys in self.graph.asked)
        assert self.graph.cut == 0

    @invariant()
    def answers_are_right(self) -> None:
        """A reader gets the quotient of his own number, or the reason; by his deadline he has one of them."""
        for reader in self.readers:
            late = self.loop.now - reader.since >= _LIMITS.wait_s
            if not reader.task.done():
                assert not late
            elif not reader.task.cancelled():
                may_fail = {"graph_unavailable"} if reader.value == 0 or self.was_away else {None}
                assert reader.code in may_fail | ({"deadline"} if late else set()) | ({None} if reader.value else set())
                assert reader.code is not None or reader.task.result() == [10 // reader.value]

    def teardown(self) -> None:
        """Answer everything: nobody is forgotten, and nothing is kept."""
        self.graph.away = False
        while self.graph.let_go():
            self.settle()
        self.answers_are_right()
        assert self.live == []
        assert self.lanes._lanes == {}
        self.loop.close()


LaneMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
test_lanes_in_any_order = LaneMachine.TestCase
