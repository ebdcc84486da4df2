"""How a figure is measured: in rounds, ours beside something that a user knows, both in the same run.

A reading holds one pair a round, `ours` and `beside` in one unit, taken one right after the other, so that a busy
machine slows both. What is printed is the median of the rounds' ratios with the least and the greatest; a gate is held
against the ratio, or against `ours` where an absolute rate was asked for.

    Reading(name="append", pairs=(Pair(1.1, 0.8), ...), gate=Gate(of="ratio", sign="<=", bound=2), ...)
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["Effort", "Gate", "Pair", "Reading", "cpu_pairs", "cpu_seconds_of", "seconds_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much is measured. rounds: pairs a reading. share: part of the full amount of work in each, 0..1."""

    rounds: int
    share: float

    def amount(self, full: int, *, least: int = 1) -> int:
        """Give the share of a full amount, at least `least`."""
        return max(least, round(full * self.share))


@dataclass(frozen=True, slots=True)
class Pair:
    """One round: ours, and what stands beside it, in one unit."""

    ours: float
    beside: float

    @property
    def ratio(self) -> float:
        """Ours over what stands beside it."""
        return self.ours / self.beside


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """The bar that the issue sets. of: what is compared with it."""

    of: Literal["ratio", "ours"]
    sign: Literal["<=", ">="]
    bound: float

    def met(self, value: float) -> bool:
        """Compare a median with the bound."""
        return value <= self.bound if self.sign == "<=" else value >= self.bound

    def __str__(self) -> str:
        return f"{self.of} {self.sign} {self.bound:,g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One measured figure. unit: of both sides of its pairs. note: what a reader must know to compare."""

    name: str
    title: str
    unit: str
    beside: str
    pairs: tuple[Pair, ...]
    gate: Gate | None
    note: str = ""

    @property
    def ours(self) -> float:
        """Median of ours over the rounds."""
        return statistics.median(pair.ours for pair in self.pairs)

    @property
    def anchor(self) -> float:
        """Median of what stands beside it."""
        return statistics.median(pair.beside for pair in self.pairs)

    @property
    def ratios(self) -> tuple[float, float, float]:
        """Least, median and greatest of the rounds' ratios."""
        ratios = [pair.ratio for pair in self.pairs]
        return min(ratios), statistics.median(ratios), max(ratios)

    @property
    def verdict(self) -> str:
        """Tell `met` or `missed`; empty without a gate."""
        if self.gate is None:
            return ""
        value = self.ratios[1] if self.gate.of == "ratio" else self.ours
        return "met" if self.gate.met(value) else "missed"

    def text(self) -> str:
        """Give the reading for a person: ours, what stands beside it, the ratios, the gate."""
        least, median, greatest = self.ratios
        rounds = f", median of {len(self.pairs)} rounds, {least:,.2f}-{greatest:,.2f}" if len(self.pairs) > 1 else ""
        gate = "no gate" if self.gate is None else f"{self.gate}: {self.verdict}"
        lines = [
            self.title,
            f"  {self.name:<19} {self.ours:>10,.1f} {self.unit:<14} {gate}",
            f"  {'beside':<19} {self.anchor:>10,.1f} {self.beside}",
            f"  {'ratio':<19} {median:>10,.2f}{rounds}",
        ]
        return "\n".join(lines + ([f"  {self.note}"] if self.note else [])) + "\n"

    def document(self) -> dict[str, object]:
        """Give the reading as it stands in figures.json."""
        least, median, greatest = self.ratios
        return {
            "name": self.name,
            "title": self.title,
            "unit": self.unit,
            "ours": self.ours,
            "beside": {"what": self.beside, "value": self.anchor},
            "ratio": {"median": median, "min": least, "max": greatest},
            "rounds": [{"ours": pair.ours, "beside": pair.beside} for pair in self.pairs],
            "gate": None if self.gate is None else str(self.gate),
            "verdict": self.verdict,
            "note": self.note,
        }


_REPEATS: Final = 10


def seconds_of(work: Callable[[], object]) -> float:
    """Run once and give the seconds that passed."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def cpu_pairs(ours: Callable[[], object], beside: Callable[[], object], count: int, effort: Effort) -> tuple[Pair, ...]:
    """Measure two pieces of work over `count` items each, in microseconds of this thread's CPU time an item.

    Both run in turn a few times a round, and each side's quickest run counts: what other programs do on the machine
    meanwhile neither adds to it nor falls on one side alone.
    """
    ours(), beside()  # what is cached for good is cached before the first round
    return tuple(_cpu_pair(ours, beside, count) for _ in range(effort.rounds))


def _cpu_pair(ours: Callable[[], object], beside: Callable[[], object], count: int) -> Pair:
    runs = [(cpu_seconds_of(ours), cpu_seconds_of(beside)) for _ in range(_REPEATS)]
    return Pair(*(min(side) / count * 1e6 for side in zip(*runs, strict=True)))


def cpu_seconds_of(work: Callable[[], object]) -> float:
    """Run once and give the seconds of this thread's CPU time."""
    start = time.thread_time()
    work()
    return time.thread_time() - start
