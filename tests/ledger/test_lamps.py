"""Turns of lamps: exact seconds, and that `read_limit` says the same at every second around them."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import accumulate
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from hub.ingest.data import read_table
from ledger.clocks import Clock, Lamp, Limits, read_limit
from ledger.lamps import LimitKind, Turn, turns
from ledger.workdays import read_calendar

CALENDAR: Final = read_calendar(read_table("calendar"))
DAY: Final = 86_400


def at(text: str) -> int:
    """Give an instant of China's time in POSIX seconds."""
    return int(datetime.fromisoformat(f"{text}+08:00").astimezone(UTC).timestamp())


def clock(*spans: int, promised: int | None = None, statutory: int | None = None, ended: bool = False) -> Clock:
    return Clock(code="HANDLING", county="370214", limits=Limits(statutory, promised), spans=spans, ended=ended)


def test_lamps_turn_at_midnight_over_the_week_off() -> None:
    """Five days from 30 September: one is left on 12 October, the sixth is the 14th."""
    found = turns(clock(at("2026-09-30T12:00:00"), promised=5), CALENDAR)
    assert found == (
        Turn(kind=LimitKind.PROMISED, days=5, lamp=Lamp.YELLOW, at=at("2026-10-12T00:00:00")),
        Turn(kind=LimitKind.PROMISED, days=5, lamp=Lamp.RED, at=at("2026-10-14T00:00:00")),
    )


def test_a_limit_of_a_day_is_yellow_from_its_start() -> None:
    start = at("2026-06-01T17:00:00")
    assert [turn.at for turn in turns(clock(start, statutory=1), CALENDAR)] == [start, at("2026-06-03T00:00:00")]


def test_a_clock_that_stopped_in_time_turns_no_lamp() -> None:
    spans = (at("2026-06-01T09:00:00"), at("2026-06-03T09:00:00"))
    assert turns(clock(*spans, promised=5), CALENDAR) == ()
    assert turns(clock(*spans, promised=5, ended=True), CALENDAR) == ()


def test_what_turned_before_a_stop_stays_told() -> None:
    spans = (at("2026-06-01T09:00:00"), at("2026-06-03T09:00:00"), at("2026-06-08T09:00:00"))
    found = turns(clock(*spans, promised=3), CALENDAR)
    assert [turn.at for turn in found] == [at("2026-06-03T00:00:00"), at("2026-06-10T00:00:00")]


@given(
    start=st.integers(at("2026-01-01T00:00:00"), at("2026-12-01T00:00:00")),
    lengths=st.lists(st.integers(0, 12 * DAY), max_size=6),
    days=st.integers(0, 30),
    ended=st.booleans(),
)
def test_a_turn_is_the_first_second_at_which_the_limit_shows_the_lamp(
    start: int, lengths: list[int], days: int, ended: bool
) -> None:
    spans = tuple(accumulate(lengths, initial=start))
    runs = len(spans) % 2 == 1
    found = {turn.lamp: turn.at for turn in turns(clock(*spans, promised=days, ended=ended and not runs), CALENDAR)}

    def shown(now: int) -> Lamp:
        kept = [each for each in spans if each <= now] or [start]
        return read_limit(days, kept, now, CALENDAR).lamp

    last = spans[-1] + (100 * DAY if runs else 0)
    for lamp, least in ((Lamp.YELLOW, {Lamp.YELLOW, Lamp.RED}), (Lamp.RED, {Lamp.RED})):
        if lamp not in found:
            assert shown(last) not in least
            continue
        assert shown(found[lamp]) in least
        assert found[lamp] == start or shown(found[lamp] - 1) not in least
