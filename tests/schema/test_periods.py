"""Periods of statistics: exact lists, bounded, and all time before them without a gap."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Malformed
from schema.periods import earlier_periods, periods_of

_DAYS = st.dates(min_value=date(2020, 1, 1), max_value=date(2029, 12, 31))


@pytest.mark.parametrize(
    ("first", "last", "by", "expected"),
    [
        ("2026-11-29", "2026-12-02", "DAY", ["2026-11-29", "2026-11-30", "2026-12-01", "2026-12-02"]),
        ("2026-11-29", "2027-01-01", "MONTH", ["2026-11", "2026-12", "2027-01"]),
        ("2026-11-29", "2027-01-01", "YEAR", ["2026", "2027"]),
        ("2024-02-29", "2024-02-29", "DAY", ["2024-02-29"]),
    ],
)
def test_the_periods_from_one_day_to_another(first: str, last: str, by: str, expected: list[str]) -> None:
    assert periods_of(first, last, by) == expected


@pytest.mark.parametrize(
    ("first", "last", "by", "code"),
    [
        ("2026-11-29", "2026-11-28", "DAY", "bad_variables"),
        ("2026-02-29", "2026-03-01", "DAY", "bad_variables"),
        ("2026-02-01", "2026-02-30", "MONTH", "bad_variables"),
        ("2019-12-31", "2026-03-01", "YEAR", "bad_variables"),
        ("2026-01-01", "2100-01-01", "YEAR", "bad_variables"),
        ("2026-01-01", "2027-02-05", "DAY", "limit_exceeded"),
        ("2020-01-01", "2053-05-01", "MONTH", "limit_exceeded"),
    ],
)
def test_what_is_no_such_range_is_refused(first: str, last: str, by: str, code: str) -> None:
    with pytest.raises(Malformed) as raised:
        periods_of(first, last, by)
    assert raised.value.code == code


def test_four_hundred_periods_are_given() -> None:
    assert len(periods_of("2026-01-01", "2027-02-04", "DAY")) == 400


@given(first=_DAYS, days=st.integers(0, 399), by=st.sampled_from([("DAY", 10), ("MONTH", 7), ("YEAR", 4)]))
def test_periods_are_those_of_each_day_between(first: date, days: int, by: tuple[str, int]) -> None:
    name, size = by
    all_days = [(first + timedelta(days=n)).isoformat() for n in range(days + 1)]
    expected = list(dict.fromkeys(day[:size] for day in all_days))
    assert periods_of(all_days[0], all_days[-1], name) == expected


@given(first=_DAYS, by=st.sampled_from([("DAY", 10), ("MONTH", 7), ("YEAR", 4)]))
def test_earlier_periods_hold_each_day_before_once(first: date, by: tuple[str, int]) -> None:
    """Every day from 2020 on lies in exactly one of them, if its own period is before that of the first day."""
    name, size = by
    earlier = earlier_periods(first.isoformat(), name)
    day = date(2020, 1, 1)
    while day <= first:
        text = day.isoformat()
        expected = 1 if text[:size] < first.isoformat()[:size] else 0
        assert sum(text.startswith(period) for period in earlier) == expected
        day += timedelta(days=17)
