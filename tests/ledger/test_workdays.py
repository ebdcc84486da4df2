"""Working days: the reference's vectors, another calendar's days, arithmetic against plain counting, broken tables."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

import chinese_calendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.ingest.data import read_table
from ledger.errors import Malformed
from ledger.workdays import WorkingCalendar, china_day, read_calendar, read_full_calendar

CALENDAR: Final = read_calendar(read_table("calendar"))
DAYS: Final = st.dates(date(2025, 1, 1), date(2027, 12, 31))


@pytest.mark.parametrize(
    ("accepted", "days", "last"),
    [
        ("2026-01-01", 1, "2026-01-04"), ("2026-02-13", 3, "2026-02-25"), ("2026-04-30", 1, "2026-05-06"),
        ("2026-06-18", 10, "2026-07-03"), ("2026-09-24", 20, "2026-10-29"), ("2026-09-30", 5, "2026-10-13"),
    ],
)  # fmt: skip
def test_a_limit_ends_with_its_last_working_day(accepted: str, days: int, last: str) -> None:
    """Accepted on, working days, last day: over holidays and make-up days."""
    start, end = date.fromisoformat(accepted), date.fromisoformat(last)
    assert CALENDAR.add(start, days) == end
    assert CALENDAR.count(start, end) == days


@pytest.mark.parametrize("year", [2025, 2026])
def test_every_china_day_the_official_years_is_as_another_calendar_has_it(year: int) -> None:
    days = [date(year, 1, 1) + timedelta(days=number) for number in range(365)]
    assert [CALENDAR.is_working(day) for day in days] == [chinese_calendar.is_workday(day) for day in days]
    assert {CALENDAR.is_official(day) for day in days} == {True}


def test_the_year_without_a_notice_is_provisional_and_has_its_statutory_days() -> None:
    assert [CALENDAR.is_official(date(year, 7, 1)) for year in (2024, 2025, 2026, 2027)] == [False, True, True, False]
    assert CALENDAR.add(date(2026, 12, 31), 1) == date(2027, 1, 4)
    assert CALENDAR.add(date(2027, 9, 14), 1) == date(2027, 9, 16)


@given(day=DAYS, days=st.integers(0, 300))
def test_adding_is_counting_back(day: date, days: int) -> None:
    end = CALENDAR.add(day, days)
    assert CALENDAR.count(day, end) == days
    assert days == 0 or (CALENDAR.is_working(end) and CALENDAR.count(day, end - timedelta(days=1)) == days - 1)


@given(start=DAYS, length=st.integers(-10, 400))
def test_counting_is_what_looking_at_every_day_gives(start: date, length: int) -> None:
    between = [start + timedelta(days=number) for number in range(1, length + 1)]
    assert CALENDAR.count(start, start + timedelta(days=length)) == sum(map(CALENDAR.is_working, between))


def test_a_calendar_without_a_table_knows_weekends_and_nothing_for_sure() -> None:
    calendar = read_calendar([])
    assert [calendar.is_working(date(2026, 10, day)) for day in (1, 2, 3, 4)] == [True, True, False, False]
    assert not calendar.is_official(date(2026, 10, 1))
    assert calendar == WorkingCalendar()


def test_a_long_closure_does_not_end_the_count() -> None:
    closed = [date(2026, 1, 1) + timedelta(days=number) for number in range(360)]
    calendar = read_calendar({"date": day.isoformat(), "kind": "off"} for day in closed)
    assert calendar.add(date(2025, 12, 31), 1) == date(2026, 12, 28)


@pytest.mark.parametrize("days", [-1, 10_000])
def test_a_limit_beyond_its_bounds_is_refused(days: int) -> None:
    with pytest.raises(Malformed, match=r"^bad_number: "):
        CALENDAR.add(date(2026, 1, 1), days)


@pytest.mark.parametrize(
    ("seconds", "day"),
    [
        (1_780_243_199, "2026-05-31"), (1_780_243_200, "2026-06-01"), (1_780_300_800, "2026-06-01"),
        (1_780_329_599, "2026-06-01"), (0, "1970-01-01"), (2**53, "9999-12-31"),
    ],
)  # fmt: skip
def test_a_day_begins_at_midnight_in_china(seconds: int, day: str) -> None:
    assert china_day(seconds) == date.fromisoformat(day)


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        (["2026-01-01 free"], "stands twice, or its kind"),
        (["2026-01-01 off", "2026-01-01 off"], "stands twice, or its kind"),
        (["2026-01-05 work"], "is a weekday, and worked anyway"),
        (["2025-01-01 off", "2027-01-01 off"], "a year is missing between two official ones"),
        (["2026-01-01 off", "2026-05-01 statutory"], "an official year holds a merely statutory day"),
        (["2026-13-01 off"], "expected a date as YYYY-MM-DD"),
        (["20260101 off"], "expected a date as YYYY-MM-DD"),
        (["- off"], "expected a date as YYYY-MM-DD"),
    ],
)
def test_a_table_with_a_hole_or_a_contradiction_is_refused(rows: list[str], text: str) -> None:
    table = [dict(zip(("date", "kind"), row.split(), strict=True)) for row in rows]
    with pytest.raises(Malformed, match=f"^bad_row: calendar: .*{text}"):
        read_calendar(table)


TABLE: Final = [(row["date"], row["kind"]) for row in read_table("calendar")]


def table_of(rows: list[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"date": day, "kind": kind} for day, kind in rows]


def test_the_calendar_of_the_hub_has_no_holes() -> None:
    assert read_full_calendar(table_of(TABLE)) == CALENDAR
    assert read_full_calendar([]) == WorkingCalendar()


@pytest.mark.parametrize(
    "missing", [row for row in TABLE if row[1] != "off" or date.fromisoformat(row[0]).weekday() < 5]
)
def test_a_calendar_that_lacks_a_day_is_refused_by_its_year(missing: tuple[str, str]) -> None:
    """A day off on a weekend changes nothing; every other row counts."""
    year, found = missing[0][:4], 14 if missing[1] == "work" else 12
    with pytest.raises(Malformed) as caught:
        read_full_calendar(table_of([row for row in TABLE if row != missing]))
    said = f"calendar: {year} comes to {found} days off by law, not 13: a hole"
    assert (caught.value.code, caught.value.message) == ("bad_row", said)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([*TABLE[1:], TABLE[0]], "calendar: 2025-01-01 stands after 2027-10-03"),
        ([TABLE[0], *TABLE], "calendar: 2025-01-01 stands twice, or its kind is none of the listed"),
        ([row for row in TABLE if row[0][:4] != "2026"] + [("2028-01-03", "off")],
         "calendar: a year is missing between two official ones"),
        ([*TABLE[:33], ("2026-01-01", "work")], "calendar: 2026-01-01 is a weekday, and worked anyway"),
        ([*TABLE, ("2028-01-03", "statutory")], "calendar: 2028 comes to 1 days off by law, not 13: a hole"),
        ([("2013-01-01", "off"), ("2013-01-02", "off")],
         "calendar: 2013 is before the first year whose days off by law are known"),
    ],
)  # fmt: skip
def test_a_calendar_with_holes_is_refused_by_name(rows: list[tuple[str, str]], message: str) -> None:
    with pytest.raises(Malformed) as caught:
        read_full_calendar(table_of(rows))
    assert (caught.value.code, caught.value.message) == ("bad_row", message)
