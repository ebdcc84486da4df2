"""Working days: the standard's vectors, agreement with another calendar, and what is not announced yet."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

import chinese_calendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.ingest.data import read_table
from ledger.errors import Malformed
from ledger.workdays import Limit, Workdays, china_day

CALENDAR: Final = Workdays.of((row["date"], row["kind"]) for row in read_table("calendar"))


@pytest.mark.parametrize(
    ("accepted", "count", "last"),
    [
        ("2026-01-01", 1, "2026-01-04"),
        ("2026-02-13", 3, "2026-02-25"),
        ("2026-04-30", 1, "2026-05-06"),
        ("2026-06-18", 10, "2026-07-03"),
        ("2026-09-24", 20, "2026-10-29"),
        ("2026-09-30", 5, "2026-10-13"),
    ],
)
def test_limits_end_where_the_standard_says(accepted: str, count: int, last: str) -> None:
    limit = Limit(day=date.fromisoformat(last), provisional=False)
    assert CALENDAR.after(date.fromisoformat(accepted), count) == limit


@given(day=st.dates(date(2025, 1, 1), date(2026, 12, 31)))
def test_each_day_is_what_another_calendar_says(day: date) -> None:
    assert CALENDAR.is_worked(day) == chinese_calendar.is_workday(day)


@given(day=st.dates(date(2024, 1, 1), date(2027, 6, 1)), count=st.integers(1, 60))
def test_a_limit_is_the_nth_working_day_after_the_day(day: date, count: int) -> None:
    limit = CALENDAR.after(day, count)
    passed = [day + timedelta(days=number) for number in range(1, (limit.day - day).days + 1)]
    assert sum(map(CALENDAR.is_worked, passed)) == count
    assert CALENDAR.is_worked(limit.day)
    assert limit.provisional == (limit.day > date(2026, 12, 31))


def test_past_the_table_only_weekends_are_known_and_the_day_may_change() -> None:
    assert CALENDAR.after(date(2026, 12, 30), 1) == Limit(day=date(2026, 12, 31), provisional=False)
    assert CALENDAR.after(date(2026, 12, 31), 1) == Limit(day=date(2027, 1, 1), provisional=True)
    assert Workdays.of([]).after(date(2026, 11, 20), 1) == Limit(day=date(2026, 11, 23), provisional=True)


@pytest.mark.parametrize("count", [0, -1, 10_001])
def test_a_limit_without_days_is_refused(count: int) -> None:
    with pytest.raises(Malformed, match=r"^bad_number: "):
        CALENDAR.after(date(2026, 1, 1), count)


@pytest.mark.parametrize("row", [("2026-02-30", "off"), ("20260101", "work?"), ("2026-01-01", "holiday")])
def test_a_row_that_is_no_row_is_refused(row: tuple[str, str]) -> None:
    with pytest.raises(Malformed, match=r"^bad_row: "):
        Workdays.of([row])


def test_the_day_is_that_of_china() -> None:
    assert china_day(1_780_300_800) == date(2026, 6, 1)
    assert [china_day(1_780_243_199), china_day(1_780_243_200)] == [date(2026, 5, 31), date(2026, 6, 1)]
    assert china_day(2**53) == date(9999, 12, 31)
