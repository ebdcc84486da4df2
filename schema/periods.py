"""Periods of statistics as text: the days, months or years from one day to another, and all time before them.

    periods_of("2026-11-20", "2026-12-02", "MONTH")         ["2026-11", "2026-12"]
    earlier_periods("2026-11-20", "MONTH")                  ["2020", …, "2025", "2026-01", …, "2026-10"]

Text order is time order. Nothing was recorded before FIRST_YEAR.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from ledger.errors import Malformed

__all__ = ["FIRST_YEAR", "MAX_PERIODS", "earlier_periods", "periods_of"]

FIRST_YEAR: Final = 2020
MAX_PERIODS: Final = 400
_LAST_YEAR: Final = 2099


def periods_of(first: str, last: str, by: str) -> list[str]:
    """Give the periods that the days from `first` to `last` lie in, in order. by: DAY, MONTH or YEAR.

    Raises Malformed bad_variables (no calendar day of 2020..2099, or the last before the first), limit_exceeded (more
    than 400 periods).
    """
    start, end = _day(first), _day(last)
    if end < start:
        raise Malformed("bad_variables", "`to` lies before `from`")
    if by == "YEAR":
        return [str(year) for year in range(start.year, end.year + 1)]
    places = _months(start, end) if by == "MONTH" else _days(start, end)
    if len(places) > MAX_PERIODS:
        raise Malformed("limit_exceeded", f"{len(places)} periods are asked for, at most {MAX_PERIODS} are given")
    return places


def earlier_periods(first: str, by: str) -> list[str]:
    """Give years, months and days that together are all time before the period of `first`. Raises as periods_of."""
    start = _day(first)
    years = [str(year) for year in range(FIRST_YEAR, start.year)]
    months = [] if by == "YEAR" else [f"{start.year}-{month:02d}" for month in range(1, start.month)]
    days = [f"{start:%Y-%m}-{day:02d}" for day in range(1, start.day)] if by == "DAY" else []
    return [*years, *months, *days]


def _months(start: date, end: date) -> list[str]:
    count = (end.year - start.year) * 12 + end.month - start.month + 1
    return [f"{start.year + (start.month - 1 + n) // 12}-{(start.month - 1 + n) % 12 + 1:02d}" for n in range(count)]


def _days(start: date, end: date) -> list[str]:
    return [(start + timedelta(days=n)).isoformat() for n in range((end - start).days + 1)]


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise Malformed("bad_variables", "expected a calendar day as YYYY-MM-DD") from error
    if not FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise Malformed("bad_variables", f"expected a day of the years {FIRST_YEAR} to {_LAST_YEAR}")
    return day
