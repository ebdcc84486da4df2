"""What differs between counties, and how far each is from the best: exact values over plain rows."""

from __future__ import annotations

from typing import Any

from schema.comparison import Aspect, Benchmark, CountyBenchmark, benchmark_of, difference_of
from schema.scalars import Date

DAY = Date("2026-06-01")


def row(county: str, *names: str, **members: Any) -> dict[str, Any]:
    """Give an offering as it is gathered; a name that ends in `?` is of a material that is not needed."""
    materials = [{"name": name.rstrip("?"), "need": not name.endswith("?")} for name in names]
    known = {"statutoryDays": 20, "promisedDays": 5, "dayUnit": "working", "fee": 0, "mode": "全程网办", "visits": 0}
    return {"code": f"m@{county}@20260101", "countyCode": county, "materials": materials, **(known | members)}


def test_counties_that_offer_the_same_differ_in_nothing() -> None:
    found = difference_of([row("1", "a", "b"), row("2", "b", "a")], DAY)
    assert (found.differing, found.usual_materials) == ([], ["a", "b"])
    assert [each.differs for each in found.counties] == [[], []]


def test_each_county_is_told_in_what_it_differs_from_the_usual() -> None:
    rows = [
        row("1", "a", "b"),
        row("2", "a", "b", "c", promisedDays=9, fee=20),
        row("3", "a", visits=2, mode="多地联办"),
        row("4", "a", "b", promisedDays=5, dayUnit="calendar"),
    ]
    found = difference_of(rows, DAY)
    assert found.differing == list(Aspect)
    assert found.usual_materials == ["a", "b"]
    assert [(each.county, each.differs, each.more, each.less) for each in found.counties] == [
        ("1", [], [], []),
        ("2", [Aspect.PROMISED_DAYS, Aspect.FEE, Aspect.MATERIALS], ["c"], []),
        ("3", [Aspect.MODE, Aspect.VISITS, Aspect.MATERIALS], [], ["b"]),
        ("4", [Aspect.STATUTORY_DAYS, Aspect.PROMISED_DAYS], [], []),
    ]
    assert [each.materials for each in found.counties] == [2, 3, 1, 2]


def test_of_several_usual_values_the_least_is_taken() -> None:
    found = difference_of([row("1", fee=9), row("2", fee=5)], DAY)
    assert [each.differs for each in found.counties] == [[Aspect.FEE], []]


def test_a_material_that_half_of_the_counties_ask_for_is_not_usual() -> None:
    found = difference_of([row("1", "a"), row("2")], DAY)
    assert found.usual_materials == []
    assert [(each.more, each.less) for each in found.counties] == [(["a"], []), ([], [])]


def test_each_county_is_measured_against_the_best() -> None:
    rows = [
        row("1", "a", "b", promisedDays=3),
        row("2", "a", "c", "d?", promisedDays=8),
        row("3", "a", "b", "c", "e", promisedDays=3),
        row("4", "a", "f", "g", promisedDays=1, dayUnit="calendar"),
    ]
    assert benchmark_of(rows, DAY) == Benchmark(
        on=DAY,
        day_unit="working",
        best_days=3,
        best_days_counties=["1", "3"],
        best_materials=2,
        best_materials_counties=["1", "2"],
        counties=[
            CountyBenchmark(
                county=each["countyCode"], offering=each["code"], days_behind=days, materials_behind=more,
                savable_materials=names,
            )
            for each, days, more, names in zip(
                rows, (0, 5, 0, None), (0, 0, 2, 1), ([], [], ["e"], ["f", "g"]), strict=True
            )
        ],
    )  # fmt: skip


def test_a_matter_that_nobody_offers_has_nothing_to_compare() -> None:
    assert difference_of([], DAY).counties == []
    assert benchmark_of([], DAY) == Benchmark(
        on=DAY, day_unit=None, best_days=None, best_days_counties=[], best_materials=None,
        best_materials_counties=[], counties=[],
    )  # fmt: skip
