"""Counts of the small world: two counties, two months and the years, what is not counted as the projection writes it."""

from __future__ import annotations

from typing import Any, Final

from hub.graph.counts import COUNTERS
from hub.graph.driver import Step

__all__ = ["COUNT_STEPS"]


def _counts(county: str, by: str, period: str, **counted: int) -> dict[str, Any]:
    place = {"code": f"{county}@{period}", "county": county, "by": by, "period": period}
    return {**place, **dict.fromkeys(COUNTERS, 0), **counted}


_MAY: Final = {"takenIn": 14, "proxyIntake": 11, "online": 3, "takenInForOthers": 11, "objectionsOpened": 6}
_JUNE: Final = {
    "takenInByOthers": 23, "handledForOthers": 17, "handlingEnded": 19, "handlingOnTime": 16, "daysSaved": 41,
    "daysOver": 3, "materialsSpared": 26, "verifiedByOthers": 108, "objectionsDecided": 5, "verySatisfied": 12,
    "satisfied": 4, "veryDissatisfied": 1,
}  # fmt: skip
_COUNTS: Final = [
    _counts(county, by, period, **counted)
    for county in ("370214", "220103")
    for by, period, counted in (
        ("YEAR", "2025", {"objectionsOpened": 3, "objectionsDecided": 1}),
        ("YEAR", "2026", {**_MAY, **_JUNE}),
        ("MONTH", "2026-05", _MAY),
        ("MONTH", "2026-06", _JUNE),
    )
]

COUNT_STEPS: Final[tuple[Step, ...]] = (
    Step(text="UNWIND $rows AS row MERGE (p:PeriodCount {code: row.code}) SET p += row", parameters={"rows": _COUNTS}),
)
"""What `tests.graph_world` writes of them, behind its cases."""
