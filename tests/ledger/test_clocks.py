"""Clocks and lamps: exact days and colours, what stopping does, and that nothing but the arguments counts."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.ingest.data import read_table
from ledger.clocks import Clock, Lamp, LimitReading, Limits, read_limit
from ledger.workdays import read_calendar

TABLE: Final = read_table("calendar")
CALENDAR: Final = read_calendar(TABLE)
DAY: Final = 86_400


def at(text: str) -> int:
    """Give noon in China of a day of 2026 (or of a whole date) in POSIX seconds."""
    whole = text if len(text) == 10 else f"2026-{text}"
    return int(datetime.fromisoformat(f"{whole}T04:00:00").replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("now", "left", "lamp"),
    [
        ("09-30", 5, Lamp.BLUE), ("10-07", 5, Lamp.BLUE), ("10-08", 4, Lamp.BLUE), ("10-10", 2, Lamp.BLUE),
        ("10-11", 2, Lamp.BLUE), ("10-12", 1, Lamp.YELLOW), ("10-13", 0, Lamp.YELLOW), ("10-14", -1, Lamp.RED),
        ("10-20", -5, Lamp.RED),
    ],
)  # fmt: skip
def test_a_clock_of_five_days_over_a_holiday(now: str, left: int, lamp: Lamp) -> None:
    """Started on 30 September: the week off does not count, the Saturday worked for it does."""
    assert read_limit(5, [at("09-30")], at(now), CALENDAR) == LimitReading(
        days=5, used=5 - left, left=left, due=date(2026, 10, 13), lamp=lamp, provisional=False
    )


def test_a_stopped_clock_stands_still_and_has_no_last_day() -> None:
    spans = [at("06-01"), at("06-03")]
    for now in ("06-03", "06-05", "09-01"):
        assert read_limit(5, spans, at(now), CALENDAR) == LimitReading(
            days=5, used=2, left=3, due=None, lamp=Lamp.BLUE, provisional=False
        )


def test_a_clock_that_goes_on_has_its_days_left() -> None:
    """Two of five days were used: from Monday the 8th three more remain; that Monday itself does not count."""
    found = read_limit(5, [at("06-01"), at("06-03"), at("06-08")], at("06-10"), CALENDAR)
    assert (found.used, found.left, found.due, found.lamp) == (4, 1, date(2026, 6, 11), Lamp.YELLOW)


def test_a_stop_within_one_day_costs_and_gives_nothing() -> None:
    spans = [at("06-01"), at("06-03"), at("06-03") + 60]
    plain = [at("06-01")]
    assert read_limit(5, spans, at("06-05"), CALENDAR) == read_limit(5, plain, at("06-05"), CALENDAR)


def test_a_clock_that_ran_out_before_it_stopped_stays_red_with_its_last_day() -> None:
    found = read_limit(1, [at("06-01"), at("06-04"), at("06-08")], at("06-08"), CALENDAR)
    assert (found.left, found.due, found.lamp) == (-2, date(2026, 6, 2), Lamp.RED)


@pytest.mark.parametrize(("end", "lamp"), [("06-02", Lamp.BLUE), ("06-03", Lamp.BLUE), ("06-04", Lamp.RED)])
def test_a_clock_that_has_ended_is_blue_or_red_for_ever(end: str, lamp: Lamp) -> None:
    for now in (end, "12-31"):
        found = read_limit(2, [at("06-01"), at(end)], at(now), CALENDAR, ended=True)
        assert (found.lamp, found.due) == (lamp, date(2026, 6, 3))


def test_a_limit_of_no_days_ends_on_its_first() -> None:
    assert read_limit(0, [at("06-01")], at("06-01"), CALENDAR).lamp is Lamp.YELLOW
    assert read_limit(0, [at("06-01")], at("06-02"), CALENDAR).lamp is Lamp.RED


def test_a_time_before_the_start_uses_nothing() -> None:
    """A hub whose clock was set back shows what it would show at the start."""
    assert read_limit(5, [at("06-08")], at("06-01"), CALENDAR) == read_limit(5, [at("06-08")], at("06-08"), CALENDAR)


def test_a_deadline_past_the_table_is_provisional_and_moves_when_the_table_grows() -> None:
    """The same clock, the same time: only the calendar has learnt of a make-up day."""
    spans, now = [at("12-31")], at("2027-01-01")
    before = read_limit(1, spans, now, CALENDAR)
    assert (before.due, before.provisional) == (date(2027, 1, 4), True)
    notice = [row for row in TABLE if row["kind"] != "statutory"]
    notice += [{"date": "2027-01-01", "kind": "off"}, {"date": "2027-01-03", "kind": "work"}]
    after = read_limit(1, spans, now, read_calendar(notice))
    assert (after.due, after.provisional) == (date(2027, 1, 3), False)


def _spans(gaps: list[int]) -> list[int]:
    found = [at("06-01")]
    for gap in gaps:
        found.append(found[-1] + gap)
    return found


@given(
    gaps=st.lists(st.integers(0, 9 * DAY), max_size=6), days=st.integers(0, 30), later=st.integers(0, 60 * DAY),
    ended=st.booleans(),
)  # fmt: skip
def test_days_left_and_last_day_tell_the_same(gaps: list[int], days: int, later: int, *, ended: bool) -> None:
    """Overdue is exactly what lies behind the last day; and time never gives a day back."""
    spans = _spans(gaps)
    running, now = len(spans) % 2 == 1, spans[-1] + later
    found = read_limit(days, spans, now, CALENDAR, ended=ended and not running)
    assert found.used + found.left == days
    assert found.left <= read_limit(days, spans, spans[-1], CALENDAR).left
    if running and found.due is not None:
        noon = int(datetime.combine(found.due, datetime.min.time(), UTC).timestamp()) + 4 * 3600
        if noon > now:
            assert found.left >= 0
            assert read_limit(days, spans, noon, CALENDAR).lamp is Lamp.YELLOW
    assert (found.lamp is Lamp.RED) == (found.left < 0)


def test_a_clock_turns_only_where_something_changes() -> None:
    clock = Clock(code="HANDLING", county="370214", limits=Limits(None, 5), spans=(1,))
    assert clock.turned(running=True, ended=False, at=2) == clock
    stopped = clock.turned(running=False, ended=False, at=3)
    assert (stopped.spans, stopped.runs, stopped.ended) == ((1, 3), False, False)
    ended = stopped.turned(running=False, ended=True, at=4)
    assert (ended.spans, ended.ended) == ((1, 3), True)
    assert ended.turned(running=True, ended=False, at=5) == ended
