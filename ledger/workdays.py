"""Working days in China (工作日): weekdays, less the days off, plus the weekend days that are worked (调休).

The State Council announces days off and worked weekends year by year. Past the last announced year only weekends are
known: a day found there is provisional. The day from which one counts is not counted itself; the n-th working day after
it is the last day of a limit of n days. All days are those of UTC+8.

Vectors: 2026-02-13 + 3 -> 2026-02-25, 2026-09-30 + 5 -> 2026-10-13.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final

from ledger.errors import Malformed

__all__ = ["Limit", "Workdays", "china_day"]

_CHINA: Final = timezone(timedelta(hours=8))
_LAST_SECOND: Final = 253_402_214_399  # 9999-12-30T23:59:59Z: a day later it is the year 10000 in China
_MOST_DAYS: Final = 10_000
_SATURDAY: Final = 5


def china_day(seconds: int) -> date:
    """Give the day in China at a time in POSIX seconds, until the end of 9999."""
    return datetime.fromtimestamp(min(seconds, _LAST_SECOND), UTC).astimezone(_CHINA).date()


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The last day of a limit. provisional: days off up to it are not all announced yet."""

    day: date
    provisional: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Workdays:
    """The exceptions: weekdays that are `off`, weekend days that are `worked`; none is known after `known_to`."""

    off: frozenset[date]
    worked: frozenset[date]
    known_to: date

    @classmethod
    def of(cls, rows: Iterable[tuple[str, str]]) -> Workdays:
        """Make the table of rows (day `YYYY-MM-DD`, `off` or `work`); it is known to the end of the last row's year.

        Raises Malformed bad_row.
        """
        days: dict[str, set[date]] = {"off": set(), "work": set()}
        for text, kind in rows:
            try:
                days[kind].add(date.fromisoformat(text))
            except (KeyError, ValueError) as error:
                raise Malformed("bad_row", "a row of the calendar is a day, and off or work") from error
        last = max((day.year for found in days.values() for day in found), default=1)
        return cls(off=frozenset(days["off"]), worked=frozenset(days["work"]), known_to=date(last, 12, 31))

    def is_worked(self, day: date) -> bool:
        """Tell whether a day is a working day, as far as is known."""
        return day in self.worked or (day.weekday() < _SATURDAY and day not in self.off)

    def after(self, day: date, count: int) -> Limit:
        """Give the `count`-th working day after `day`, 1..10,000. Raises Malformed bad_number."""
        if not 1 <= count <= _MOST_DAYS:
            raise Malformed("bad_number", f"expected 1 to {_MOST_DAYS} working days")
        while count:
            day += timedelta(days=1)
            count -= self.is_worked(day)
        return Limit(day=day, provisional=day > self.known_to)
