"""Statistics: exact for the own county; for others no small count shows, nor follows from two that do."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from schema.statistics import SMALLEST_SHOWN, StatisticsPeriod, period_statistics


def _exact(count: int) -> int | None:
    return count


def _row(period: str, **counts: int) -> dict[str, Any]:
    return {"period": period, "objectionsOpened": 0, "objectionsDecided": 0, **counts}


def test_a_period_without_counts_has_zeros() -> None:
    (found,) = period_statistics(["2026-01"], [], [], shown=_exact)
    flat = asdict(found)
    assert flat.pop("period") == "2026-01"
    assert flat.pop("handling") == {"ended": 0, "on_time": 0}
    assert set(flat.pop("ratings").values()) == {0}
    assert {value for value in flat.values() if not isinstance(value, dict)} == {0}


def test_objections_are_open_from_period_to_period() -> None:
    rows = [
        _row("2026-02", objectionsOpened=3, objectionsDecided=1),
        _row("2026-04", objectionsDecided=4),
    ]
    earlier = [{"objectionsOpened": 9, "objectionsDecided": 7}]
    found = period_statistics(["2026-02", "2026-03", "2026-04"], rows, earlier, shown=_exact)
    assert [each.objections_open for each in found] == [4, 4, 0]


def test_small_counts_are_hidden_and_others_are_rounded_down() -> None:
    from schema.statistics import _rounded  # noqa: PLC0415  # the rule itself

    assert [_rounded(count) for count in (0, 1, 4, 5, 9, 10, 123)] == [None, None, None, 5, 5, 10, 120]


@given(ended=st.integers(0, 60), late=st.integers(0, 60), days=st.integers(0, 500))
def test_what_is_said_of_few_cases_is_hidden_with_them(ended: int, late: int, days: int) -> None:
    from schema.statistics import _rounded  # noqa: PLC0415  # the rule itself

    on_time = max(ended - late, 0)
    row = _row("2026", handlingEnded=ended, handlingOnTime=on_time, daysSaved=days)
    (found,) = period_statistics(["2026"], [row], [], shown=_rounded)
    shown = [found.handling.ended, found.handling.on_time, found.days_saved]
    assert all(each is None or each % SMALLEST_SHOWN == 0 for each in shown)
    if ended < SMALLEST_SHOWN:
        assert shown == [None, None, None]


def test_the_periods_are_days_months_and_years() -> None:
    assert [each.value for each in StatisticsPeriod] == ["DAY", "MONTH", "YEAR"]
