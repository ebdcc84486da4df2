"""Clocks in working days, and their lamps (红黄蓝): derived from when they ran, the time, and a calendar; no state.

    spans   start, stop, start, stop, … in POSIX seconds; an odd number: the clock runs
    blue    in time          yellow   one working day or less is left          red   overdue

The day on which a clock starts is not counted; a limit of n ends with the n-th working day after it. A clock that
stops counts the day on which it stops, and not the day on which it goes on: stopped and resumed within one day, it has
lost nothing. A clock that has ended is red if it ended too late, else blue.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import Enum
from itertools import zip_longest
from typing import Final

from ledger.workdays import WorkingCalendar, china_day

__all__ = ["Clock", "Lamp", "LimitReading", "Limits", "read_clock", "read_limit"]

_YELLOW_DAYS: Final = 1


class Lamp(Enum):
    """What a limit shows."""

    BLUE = "BLUE"
    YELLOW = "YELLOW"
    RED = "RED"


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one clock in working days: by law, and as promised; None where there is none."""

    statutory: int | None
    promised: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """One party's clock for one phase or node of a case. code: the phase's name, or the node's. ended: for good."""

    code: str
    county: str
    limits: Limits
    spans: tuple[int, ...]
    ended: bool = False

    @property
    def runs(self) -> bool:
        """Whether it runs now."""
        return len(self.spans) % 2 == 1

    def turned(self, *, running: bool, ended: bool, at: int) -> Clock:
        """Give the clock started, stopped or ended at a time; unchanged where it already is so, or has ended."""
        if self.ended:
            return self
        spans = self.spans if running == self.runs else (*self.spans, at)
        return replace(self, spans=spans, ended=ended)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitReading:
    """What one limit shows at one time. days: the limit. left: working days, below 0 when overdue.

    due: last day in time, None while a stopped clock leaves it open. provisional: days were counted for which no
    official calendar is there, so that `left`, `due` and `lamp` may change.
    """

    days: int
    used: int
    left: int
    due: date | None
    lamp: Lamp
    provisional: bool


def read_limit(
    days: int, spans: Sequence[int], now: int, calendar: WorkingCalendar, *, ended: bool = False
) -> LimitReading:
    """Read a limit of working days at `now`, POSIX seconds; a time before the clock's last turn is taken as that."""
    pairs = _days(spans, now)
    used = sum(calendar.count(start, stop) for start, stop in pairs)
    due = _due(days, pairs, calendar, settled=ended or len(spans) % 2 == 1)
    left = days - used
    counted = [day for pair in pairs for day in pair] + ([] if due is None else [due])
    return LimitReading(
        days=days,
        used=used,
        left=left,
        due=due,
        lamp=_lamp(left, ended=ended),
        provisional=not all(calendar.is_official(day) for day in counted),
    )


def read_clock(clock: Clock, now: int, calendar: WorkingCalendar) -> LimitReading:
    """Read a clock's promised limit at `now`, or the statutory one if nothing was promised: what its lamp shows."""
    promised, statutory = clock.limits.promised, clock.limits.statutory
    days = statutory if promised is None else promised
    return read_limit(days or 0, clock.spans, now, calendar, ended=clock.ended)


def _days(spans: Sequence[int], now: int) -> list[tuple[date, date]]:
    """Give each span as the days of its start and its stop; one that runs ends now."""
    return [
        (china_day(start), china_day(max(start, now) if stop is None else stop))
        for start, stop in zip_longest(spans[::2], spans[1::2])
    ]


def _due(days: int, pairs: Sequence[tuple[date, date]], calendar: WorkingCalendar, *, settled: bool) -> date | None:
    remaining = days
    for place, (start, stop) in enumerate(pairs, start=1):
        used = calendar.count(start, stop)
        if used > remaining or (settled and place == len(pairs)):
            return calendar.add(start, remaining)
        remaining -= used
    return None


def _lamp(left: int, *, ended: bool) -> Lamp:
    if left < 0:
        return Lamp.RED
    return Lamp.YELLOW if left <= _YELLOW_DAYS and not ended else Lamp.BLUE
