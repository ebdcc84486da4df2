"""Duties: exact lamps at their edges, and against a slow reference, day by day."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.clocks import Lamp
from ledger.duties import FOLLOW_UP_DAYS, OBJECTION_DAYS, PASS_ON_S, needs_follow_up, read_duty, read_passing_on
from ledger.workdays import WorkingCalendar, china_day

CALENDAR: Final = WorkingCalendar()
T: Final = 1780304400  # Monday 2026-06-01, 17:00 in China
DAY: Final = 86_400


@pytest.mark.parametrize(
    ("passed", "now", "lamp"),
    [
        (None, T, Lamp.BLUE),
        (None, T + 5399, Lamp.BLUE),
        (None, T + 5400, Lamp.YELLOW),
        (None, T + 7200, Lamp.YELLOW),
        (None, T + 7201, Lamp.RED),
        (T + 7200, T + 10 * DAY, Lamp.BLUE),
        (T + 7201, T + 7201, Lamp.RED),
        (T, T - 10, Lamp.BLUE),
        (None, T - 10, Lamp.BLUE),
    ],
)
def test_an_appeal_is_to_be_passed_on_within_two_hours(passed: int | None, now: int, lamp: Lamp) -> None:
    read = read_passing_on(T, passed, now)
    assert (read.due, read.lamp) == (T + PASS_ON_S, lamp)


@pytest.mark.parametrize(
    ("done", "days", "left", "lamp"),
    [
        (None, 0, 5, Lamp.BLUE),
        (None, 3, 2, Lamp.BLUE),
        (None, 4, 1, Lamp.YELLOW),
        (None, 7, 0, Lamp.YELLOW),  # the Monday after: the weekend between is not counted
        (None, 8, -1, Lamp.RED),
        (7, 60, 0, Lamp.BLUE),
        (8, 60, -1, Lamp.RED),
    ],
)
def test_an_objection_is_to_be_decided_within_five_working_days(
    done: int | None, days: int, left: int, lamp: Lamp
) -> None:
    ended = None if done is None else T + done * DAY
    read = read_duty(OBJECTION_DAYS, T, ended, T + days * DAY, CALENDAR)
    assert (read.due, read.left, read.lamp, read.provisional) == (date(2026, 6, 8), left, lamp, True)


def test_what_ended_before_it_began_by_another_countys_clock_ended_at_once() -> None:
    read = read_duty(FOLLOW_UP_DAYS, T, T - 60, T + 30 * DAY, CALENDAR)
    assert (read.left, read.lamp) == (3, Lamp.BLUE)


@given(
    days=st.integers(1, 20),
    begun=st.integers(T, T + 400 * DAY),
    later=st.integers(0, 60 * DAY),
    seen=st.integers(0, 90 * DAY),
    open_still=st.booleans(),
)
def test_a_duty_is_read_as_by_counting_days(days: int, begun: int, later: int, seen: int, *, open_still: bool) -> None:
    done, now = None if open_still else begun + later, begun + seen
    read = read_duty(days, begun, done, now, CALENDAR)
    until = china_day(now if done is None else done)
    used, due, day = 0, china_day(begun), china_day(begun)
    counted = 0
    while day < until or counted < days:
        day += timedelta(days=1)
        if day.isoweekday() < 6:
            used += day <= until
            if counted < days:
                counted, due = counted + 1, day
    assert (read.used, read.left, read.due) == (used, days - used, due)
    red, near = used > days, days - used <= 1 and open_still
    assert read.lamp is (Lamp.RED if red else Lamp.YELLOW if near else Lamp.BLUE)


def test_ratings_worse_than_the_middle_ask_for_a_follow_up() -> None:
    """1 非常满意 .. 5 非常不满意."""
    assert [rating for rating in range(1, 6) if needs_follow_up(rating)] == [4, 5]
