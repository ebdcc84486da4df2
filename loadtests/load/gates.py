"""Pass or fail: what a load test must keep to, judged from its tally and the hub's memory.

| shape | gate |
|---|---|
| every | no wrong answer |
| ramp, soak | nobody is turned away (429, 503); no partial answer; p95 at most 1 s |
| spike | back to twice the p99 from before it (at least 100 ms) within 30 s |
| soak | the hub's memory (USS) grows by less than 5 % from a third of the time on |
| overload | good answers at five times the load >= 80 % of those flat out; back to the p99 as after a spike |
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from loadtests.load.shapes import RECOVERY_S, Stage
from loadtests.load.tally import Tally

__all__ = ["Gate", "Memory", "judged"]

_P95_MS: Final = 1000.0
_GOODPUT: Final = 0.8
_GROWTH: Final = 1.05
_CALM: Final = 2.0  # times the p99 from before
_LEAST_CALM_MS: Final = 100.0
_NEVER: Final = float("inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One bar. value: as measured. met: whether it holds."""

    name: str
    bound: str
    value: float
    met: bool


@dataclass(frozen=True, slots=True)
class Memory:
    """The hub's unique set size: (seconds after the start, bytes), in order; empty where it is not ours to see."""

    readings: Sequence[tuple[float, int]]

    def growth(self) -> float | None:
        """Give the last sixth over the sixth that begins after a third of the time; None of fewer than six readings."""
        part = len(self.readings) // 6
        if not part:
            return None
        sizes = [size for _, size in self.readings]
        return statistics.median(sizes[-part:]) / statistics.median(sizes[2 * part : 3 * part])


def judged(shape: str, stages: Sequence[Stage], tally: Tally, memory: Memory) -> list[Gate]:
    """Judge a run of one shape."""
    rows = [tally.stage(stage.name) for stage in stages]
    wrong, away = sum(row.wrong for row in rows), sum(row.away for row in rows)
    gates = [_at_most("wrong answers", wrong, 0), _at_least("good answers", sum(row.good for row in rows), 1)]
    if shape in {"ramp", "soak"}:
        gates += [
            _at_most("turned away", away, 0),
            _at_most("partial answers", sum(row.partial for row in rows), 0),
            _at_most("p95, ms", max(row.p95 or 0 for row in rows), _P95_MS),
        ]
    if shape == "soak" and (growth := memory.growth()) is not None:
        gates.append(_at_most("memory growth", growth, _GROWTH))
    if shape == "overload":
        full, over = (tally.stage(name).goodput for name in ("full", "overload"))
        gates.append(_at_least("goodput", over / full if full else 0.0, _GOODPUT))
    if shape in {"overload", "spike"}:
        gates.append(_recovery(stages, tally))
    return gates


def _recovery(stages: Sequence[Stage], tally: Tally) -> Gate:
    before = tally.stage(stages[0].name).p99
    bar = max(_CALM * (before or 0), _LEAST_CALM_MS)
    took = tally.seconds_to(stages[-1].name, bar)
    return _at_most(f"seconds to p99 <= {bar:.0f} ms", _NEVER if took is None else took, RECOVERY_S)


def _at_most(name: str, value: float, bound: float) -> Gate:
    return Gate(name=name, bound=f"<= {bound:g}", value=value, met=value <= bound)


def _at_least(name: str, value: float, bound: float) -> Gate:
    return Gate(name=name, bound=f">= {bound:g}", value=value, met=value >= bound)
