"""When a clock's lamps turn: instants that follow from its spans, its limits and the calendar, and from nothing else.

    limit of n working days      YELLOW when one is left: n - 1 are used        RED when overdue: n + 1 are used

A lamp turns with the first second of a day in China (UTC+8), or with the start of the clock where that is later. Each
lamp turns once: working days that are used stay used. `ledger.clocks.read_limit` shows at any time what these instants
say; who hears of them in order need not look again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from itertools import zip_longest
from typing import Final

from ledger.clocks import Clock, Lamp
from ledger.workdays import WorkingCalendar, china_day

__all__ = ["LimitKind", "Turn", "day_start", "turns"]

_DAY_S: Final = 86_400
_UTC8_S: Final = 8 * 3600
_EPOCH: Final = date(1970, 1, 1).toordinal()


class LimitKind(Enum):
    """Which of a clock's two limits."""

    PROMISED = "PROMISED"
    STATUTORY = "STATUTORY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One lamp that turns. days: the limit. at: POSIX seconds; in the future for a clock that runs on."""

    kind: LimitKind
    days: int
    lamp: Lamp
    at: int


def day_start(day: date) -> int:
    """Give the first second of a day in China, POSIX seconds."""
    return (day.toordinal() - _EPOCH) * _DAY_S - _UTC8_S


def turns(clock: Clock, calendar: WorkingCalendar) -> tuple[Turn, ...]:
    """Give the turns of a clock's lamps, promised before statutory, yellow before red.

    Of a clock that stands still, those that came before it stopped; of one that runs, also those that will come.
    """
    limits = ((LimitKind.PROMISED, clock.limits.promised), (LimitKind.STATUTORY, clock.limits.statutory))
    found: list[Turn] = []
    for kind, days in limits:
        for lamp, used in () if days is None else ((Lamp.YELLOW, days - 1), (Lamp.RED, days + 1)):
            at = _used_up(used, clock.spans, calendar)
            if at is not None and days is not None:
                found.append(Turn(kind=kind, days=days, lamp=lamp, at=at))
    return tuple(found)


def _used_up(days: int, spans: Sequence[int], calendar: WorkingCalendar) -> int | None:
    """Give the instant at which a count of working days is used; None: the clock stopped before."""
    for start, stop in zip_longest(spans[::2], spans[1::2]):
        used = 0 if stop is None else calendar.count(china_day(start), china_day(stop))
        if stop is None or used >= days:
            return start if days <= 0 else max(start, day_start(calendar.add(china_day(start), days)))
        days -= used
    return None
