"""Working days (工作日) of China: holidays and make-up working days (调休) from a table that is passed in.

    date,kind,source,confidence
    2026-01-01,off,…,T             a day off of the State Council's notice
    2026-01-04,work,…,T            a working day on a weekend
    2027-02-05,statutory,…,Mh      a day off by law in a year without a notice so far

A year with `off` or `work` rows is official. What lies outside the official years is provisional: weekends, and the
statutory days that the table has. Whoever counts there says so, and counts again when the table has grown. A table with
holes would move deadlines in silence: `read_full_calendar` refuses it. Days are those of China, UTC+8.

Source: 国务院令第795号 (statutory days); the State Council's notices of holidays, year by year.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Final

from ledger.errors import Malformed

__all__ = ["WorkingCalendar", "china_day", "read_calendar", "read_full_calendar"]

_DAY_S: Final = 86_400
_UTC8_S: Final = 8 * 3600
_EPOCH: Final = date(1970, 1, 1).toordinal()
_LAST_DAY: Final = date.max.toordinal()
_KINDS: Final = frozenset({"off", "statutory", "work"})
_MAX_DAYS: Final = 9_999
_STATUTORY: Final = ((2025, 13), (2014, 11))  # from a year on: days off by law; those on weekends are made up for


def china_day(seconds: int) -> date:
    """Give the day in China (UTC+8) of an instant in POSIX seconds, the last day of 9999 for all that come later."""
    return date.fromordinal(min(_EPOCH + (seconds + _UTC8_S) // _DAY_S, _LAST_DAY))


@dataclass(frozen=True, slots=True)
class WorkingCalendar:
    """Which days are worked. off: weekdays that are not, extra: weekend days that are; ordinals, ascending.

    first, last: the official years, both included; first > last: none, and all that it says is provisional.
    """

    off: tuple[int, ...] = ()
    extra: tuple[int, ...] = ()
    first: int = 1
    last: int = 0

    def is_working(self, day: date) -> bool:
        """Tell whether a day is worked."""
        ordinal = day.toordinal()
        return self._until(ordinal) > self._until(ordinal - 1)

    def is_official(self, day: date) -> bool:
        """Tell whether the State Council's notice of the day's year is in the table."""
        return self.first <= day.year <= self.last

    def count(self, after: date, through: date) -> int:
        """Count the working days after one day, up to and with another; 0 where the other is no later."""
        return max(0, self._until(through.toordinal()) - self._until(after.toordinal()))

    def add(self, day: date, days: int) -> date:
        """Give the n-th working day after a day, which itself is not counted; n = 0 gives the day itself.

        Raises Malformed bad_number (days beyond 0..9999).
        """
        if not 0 <= days <= _MAX_DAYS:
            raise Malformed("bad_number", f"a limit has 0..{_MAX_DAYS} working days")
        if days == 0:
            return day
        start = day.toordinal()
        ahead = range(start + 1, start + 2 * (days + len(self.off)) + 8)  # two days in seven are no weekdays
        return date.fromordinal(ahead[bisect_left(ahead, self._until(start) + days, key=self._until)])

    def _until(self, ordinal: int) -> int:
        """Count the working days from 0001-01-01, a Monday, through a day."""
        weekdays = ordinal // 7 * 5 + min(ordinal % 7, 5)
        return weekdays - bisect_right(self.off, ordinal) + bisect_right(self.extra, ordinal)


def read_calendar(rows: Iterable[Mapping[str, str]]) -> WorkingCalendar:
    """Read a table of days, as rows of text by column name.

    Raises Malformed bad_row: no date, an unknown kind, a day twice, a make-up day that is no weekend, a statutory day
    in an official year, or a year without a notice between two official ones (a hole).
    """
    kinds: dict[date, str] = {}
    for row in rows:
        day, kind = _day(row.get("date", "")), row.get("kind")
        if kind not in _KINDS or day in kinds:
            raise Malformed("bad_row", f"calendar: {day} stands twice, or its kind is none of the listed")
        if kind == "work" and day.weekday() < 5:
            raise Malformed("bad_row", f"calendar: {day} is a weekday, and worked anyway")
        kinds[day] = kind
    official = sorted({day.year for day, kind in kinds.items() if kind != "statutory"})
    if official and official != list(range(official[0], official[-1] + 1)):
        raise Malformed("bad_row", "calendar: a year is missing between two official ones")
    if any(kind == "statutory" and day.year in official for day, kind in kinds.items()):
        raise Malformed("bad_row", "calendar: an official year holds a merely statutory day")
    free = (day.toordinal() for day, kind in kinds.items() if kind != "work" and day.weekday() < 5)
    worked = (day.toordinal() for day, kind in kinds.items() if kind == "work")
    span = (official[0], official[-1]) if official else (1, 0)
    return WorkingCalendar(tuple(sorted(free)), tuple(sorted(worked)), *span)


def read_full_calendar(rows: Sequence[Mapping[str, str]]) -> WorkingCalendar:
    """Read a table of days that people rely on, without holes: ascending, every year of it whole.

    A notice moves days off, it neither gives nor takes any: in an official year the weekdays off less the make-up days
    are the days off by law, and a provisional year has all of these. So a day that is missing or too many is noticed.
    Raises Malformed bad_row, which names the day or year: as `read_calendar`; unsorted; a year that is not whole.
    """
    calendar = read_calendar(rows)
    days = [(_day(row["date"]), row["kind"]) for row in rows]
    for (before, _), (day, _) in pairwise(days):
        if day < before:
            raise Malformed("bad_row", f"calendar: {day} stands after {before}")
    for year in sorted({day.year for day, _ in days}):
        _check_whole(year, [(day, kind) for day, kind in days if day.year == year])
    return calendar


def _check_whole(year: int, days: Sequence[tuple[date, str]]) -> None:
    expected = next((count for first, count in _STATUTORY if year >= first), None)
    if expected is None:
        raise Malformed("bad_row", f"calendar: {year} is before the first year whose days off by law are known")
    statutory = sum(kind == "statutory" for _, kind in days)
    moved = sum(kind == "off" and day.weekday() < 5 for day, kind in days) - sum(kind == "work" for _, kind in days)
    if (found := statutory or moved) != expected:
        raise Malformed("bad_row", f"calendar: {year} comes to {found} days off by law, not {expected}: a hole")


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise Malformed("bad_row", "calendar: expected a date as YYYY-MM-DD") from error
    if day.isoformat() != text:
        raise Malformed("bad_row", "calendar: expected a date as YYYY-MM-DD")
    return day
