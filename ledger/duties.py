"""Duties beside the steps of a case: until when they are to be done, and the lamp that each shows (红黄蓝). No state.

    hotline appeal (热线诉求)   passed on within 2 hours, of every day and night; yellow in the last half hour
    objection (异议)            decided within 5 working days after the day on which it was raised
    follow-up (回访)            done within 3 working days after the day of a bad evaluation

Two hours are the alliance's rule for its hotlines. No standard says how many days an objection or a follow-up may
take: the two numbers are ours. A rating is 1 非常满意 .. 5 非常不满意 (GB/T 39046-2020, Annex A), so what is below
the middle, and asks for a follow-up, is 4 不满意 and 5 非常不满意.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ledger.clocks import Lamp, LimitReading, read_limit
from ledger.workdays import WorkingCalendar

__all__ = [
    "FOLLOW_UP_DAYS",
    "OBJECTION_DAYS",
    "PASS_ON_S",
    "PassingOn",
    "needs_follow_up",
    "read_duty",
    "read_passing_on",
]

PASS_ON_S: Final = 2 * 3600
_YELLOW_S: Final = 1800
OBJECTION_DAYS: Final = 5
FOLLOW_UP_DAYS: Final = 3
_MIDDLE: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class PassingOn:
    """An appeal's clock: due, POSIX seconds, itself still in time; and what it shows."""

    due: int
    lamp: Lamp


def read_passing_on(received: int, passed: int | None, now: int) -> PassingOn:
    """Read an appeal's clock at `now`; passed: when it was passed on, None: not yet. All are POSIX seconds."""
    due = received + PASS_ON_S
    left = due - (now if passed is None else passed)
    if left < 0:
        return PassingOn(due=due, lamp=Lamp.RED)
    return PassingOn(due=due, lamp=Lamp.YELLOW if passed is None and left <= _YELLOW_S else Lamp.BLUE)


def read_duty(days: int, begun: int, done: int | None, now: int, calendar: WorkingCalendar) -> LimitReading:
    """Read a duty of so many working days; begun, done (None: not yet) and now in POSIX seconds."""
    spans = (begun,) if done is None else (begun, max(begun, done))
    return read_limit(days, spans, now, calendar, ended=done is not None)


def needs_follow_up(rating: int) -> bool:
    """Tell whether an evaluation, 1 very satisfied .. 5 very dissatisfied, makes a follow-up a duty."""
    return rating > _MIDDLE
