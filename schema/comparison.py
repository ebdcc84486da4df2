"""What differs between counties: the offerings of one matter side by side, and each against the best of the alliance.

    comparison(matter: "000101002000", on: "2026-11-22") {
      difference { differing counties { county differs more less } }
      benchmark { bestDays bestMaterials counties { county daysBehind materialsBehind } } }

A county differs in what is not the alliance's usual: the most frequent value, of several the least. A material is
usual when more than half of the counties ask for it, by its name. The benchmark (对标立标) compares promised days of
the usual unit, and the number of materials that one cannot do without.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Final

import strawberry
from strawberry.types import Info

from ledger.workdays import china_day
from schema.context import Context
from schema.mapping import Expression, Gather, Property, Relation, attribute, computed, needed, stored
from schema.scalars import CatalogueCode, Date

__all__ = [
    "ON_DAY",
    "Aspect",
    "Benchmark",
    "CountyBenchmark",
    "CountyDifference",
    "Difference",
    "MatterComparison",
]

Row = Mapping[str, Any]

ON_DAY: Final = (
    "{t}.planEffectiveDate <= coalesce($on, $today) "
    "AND ({t}.planCancelDate IS NULL OR {t}.planCancelDate >= coalesce($on, $today)) "
    "AND ({t}.supersededOn IS NULL OR {t}.supersededOn > coalesce($on, $today))"
)
"""Whether the version `{t}` of an offering is in force on the day `on`, by default today."""

_OFFERINGS: Final = Gather(
    name="offerings",
    place=Expression(
        cypher="({n})<-[:IMPLEMENTS]-({t}:Offering) WHERE " + ON_DAY,
        parameters=("on", "today"),
        target="Offering",
        many=True,
        order="code",
        page=100,
    ),
    properties=("code", "countyCode", "statutoryDays", "promisedDays", "dayUnit", "fee", "mode", "visits"),
    gathers=(
        Gather(
            name="materials",
            place=Relation(type="REQUIRES", direction="out", target="Material", many=True, order="code", page=30),
            properties=("name",),
            edge=("need",),
        ),
    ),
)


@strawberry.enum(description="What can differ between two counties' offerings of one matter.")
class Aspect(Enum):
    """Each value is its GraphQL name."""

    STATUTORY_DAYS = strawberry.enum_value("STATUTORY_DAYS", description="Days that the law allows, with their unit.")
    PROMISED_DAYS = strawberry.enum_value(
        "PROMISED_DAYS", description="Days that the county promises, with their unit."
    )
    FEE = strawberry.enum_value("FEE", description="The fee.")
    MODE = strawberry.enum_value("MODE", description="How it is handled across provinces.")
    VISITS = strawberry.enum_value("VISITS", description="How often one must come in person.")
    MATERIALS = strawberry.enum_value("MATERIALS", description="Which materials are asked for, by their names.")


@strawberry.type(description="One county's offering beside the others.")
class CountyDifference:
    """What it asks and promises, and in what it differs from the usual."""

    county: CatalogueCode = attribute(access="public", description="The county, 6 digits.")
    offering: CatalogueCode = attribute(access="public", description="Code of the offering's version.")
    statutory_days: int = attribute(access="public", description="Days that the law allows.")
    promised_days: int = attribute(access="public", description="Days that the county promises.")
    day_unit: str = attribute(access="public", description="What the days are: working or calendar.")
    fee: int = attribute(access="public", description="Fee in yuan.")
    mode: str = attribute(access="public", description="How it is handled across provinces.")
    visits: int = attribute(access="public", description="How often one must come in person.")
    materials: int = attribute(access="public", description="How many materials are asked for.")
    differs: list[Aspect] = attribute(access="public", description="In what it differs from the alliance's usual.")
    more: list[str] = attribute(access="public", description="Materials asked for here and not usually, by name.")
    less: list[str] = attribute(access="public", description="Materials asked for usually and not here, by name.")


@strawberry.type(description="What differs between the counties that offer a matter.")
class Difference:
    """The counties side by side."""

    on: Date = attribute(access="public", description="The day for which offerings in force are compared.")
    differing: list[Aspect] = attribute(access="public", description="In what any two counties differ.")
    usual_materials: list[str] = attribute(
        access="public", description="Materials that more than half of the counties ask for, by name."
    )
    counties: list[CountyDifference] = attribute(access="public", description="The offerings, by code.")


@strawberry.type(description="One county against the best of the alliance.")
class CountyBenchmark:
    """Its distance, which is what an applicant would save there."""

    county: CatalogueCode = attribute(access="public", description="The county, 6 digits.")
    offering: CatalogueCode = attribute(access="public", description="Code of the offering's version.")
    days_behind: int | None = attribute(
        access="public", description="Promised days more than the best; null: it counts in another unit."
    )
    materials_behind: int = attribute(access="public", description="Needed materials more than the best.")
    savable_materials: list[str] = attribute(
        access="public", description="Needed here, but not by any county that needs the fewest, by name."
    )


@strawberry.type(description="The best of the alliance for one matter, and how far each county is from it.")
class Benchmark:
    """对标立标."""

    on: Date = attribute(access="public", description="The day for which offerings in force are compared.")
    day_unit: str | None = attribute(access="public", description="The usual unit of days; null: nobody offers it.")
    best_days: int | None = attribute(access="public", description="Fewest promised days; null: nobody offers it.")
    best_days_counties: list[CatalogueCode] = attribute(access="public", description="Who promises them.")
    best_materials: int | None = attribute(
        access="public", description="Fewest materials that one cannot do without; null: nobody offers it."
    )
    best_materials_counties: list[CatalogueCode] = attribute(access="public", description="Who asks for so few.")
    counties: list[CountyBenchmark] = attribute(access="public", description="The counties, by code of the offering.")


@strawberry.type(description="A matter, seen through the differences between the counties that offer it.")
class MatterComparison:
    """A node `Matter`."""

    code: CatalogueCode = stored(Property("code"), access="public", description="Code of the matter, 12 characters.")
    name: str = stored(Property("name"), access="public", description="Name in Chinese.")

    @computed(gathers=(_OFFERINGS,), access="public", cost=20)
    def difference(self, info: Info[Context, Any]) -> Difference:
        """What differs, county by county: materials, days, fee, mode, visits."""
        return difference_of(needed(self, "offerings"), _day(info))

    @computed(gathers=(_OFFERINGS,), access="public", cost=20)
    def benchmark(self, info: Info[Context, Any]) -> Benchmark:
        """The best of the alliance in days and materials, and each county's distance from it."""
        return benchmark_of(needed(self, "offerings"), _day(info))


def _day(info: Info[Context, Any]) -> Date:
    path: Any = info.path
    while path.prev is not None:
        path = path.prev
    on = info.context.arguments[str(path.key)].get("on")
    return Date(on or china_day(info.context.clock()).isoformat())


def _values(row: Row) -> dict[Aspect, Any]:
    """Give what is compared of an offering; materials by name, in order of the names."""
    return {
        Aspect.STATUTORY_DAYS: (row["dayUnit"], row["statutoryDays"]),
        Aspect.PROMISED_DAYS: (row["dayUnit"], row["promisedDays"]),
        Aspect.FEE: row["fee"],
        Aspect.MODE: row["mode"],
        Aspect.VISITS: row["visits"],
        Aspect.MATERIALS: tuple(sorted(_names(row))),
    }


def _names(row: Row) -> set[str]:
    return {each["name"] for each in row["materials"]}


def _usual(values: Sequence[Any]) -> Any:
    """Give the most frequent value, of several the least."""
    counted = Counter(values)
    return min(counted, key=lambda value: (-counted[value], value))


def difference_of(rows: Sequence[Row], on: Date) -> Difference:
    """Put offerings of one matter side by side."""
    values = [_values(row) for row in rows]
    usual = {aspect: _usual([each[aspect] for each in values]) for aspect in Aspect} if rows else {}
    counted = Counter(name for row in rows for name in _names(row))
    common = {name for name, count in counted.items() if 2 * count > len(rows)}
    usual[Aspect.MATERIALS] = tuple(sorted(common))
    return Difference(
        on=on,
        differing=[aspect for aspect in Aspect if len({each[aspect] for each in values}) > 1],
        usual_materials=sorted(common),
        counties=[_beside(row, each, usual, common) for row, each in zip(rows, values, strict=True)],
    )


def _beside(row: Row, values: Mapping[Aspect, Any], usual: Mapping[Aspect, Any], common: set[str]) -> CountyDifference:
    return CountyDifference(
        county=row["countyCode"],
        offering=row["code"],
        statutory_days=row["statutoryDays"],
        promised_days=row["promisedDays"],
        day_unit=row["dayUnit"],
        fee=row["fee"],
        mode=row["mode"],
        visits=row["visits"],
        materials=len(row["materials"]),
        differs=[aspect for aspect in Aspect if values[aspect] != usual[aspect]],
        more=sorted(_names(row) - common),
        less=sorted(common - _names(row)),
    )


def _needed(row: Row) -> set[str]:
    return {each["name"] for each in row["materials"] if each["need"]}


def benchmark_of(rows: Sequence[Row], on: Date) -> Benchmark:
    """Measure each offering of one matter against the best."""
    unit = _usual([row["dayUnit"] for row in rows]) if rows else None
    days = {row["code"]: row["promisedDays"] for row in rows if row["dayUnit"] == unit}
    best, fewest = min(days.values(), default=None), min((len(_needed(row)) for row in rows), default=None)
    leanest = [row for row in rows if len(_needed(row)) == fewest]
    enough = set[str]().union(*map(_needed, leanest))
    return Benchmark(
        on=on,
        day_unit=unit,
        best_days=best,
        best_days_counties=[row["countyCode"] for row in rows if days.get(row["code"]) == best],
        best_materials=fewest,
        best_materials_counties=[row["countyCode"] for row in leanest],
        counties=[
            CountyBenchmark(
                county=row["countyCode"],
                offering=row["code"],
                days_behind=days[row["code"]] - best if row["code"] in days and best is not None else None,
                materials_behind=len(_needed(row)) - (fewest or 0),
                savable_materials=sorted(_needed(row) - enough),
            )
            for row in rows
        ],
    )
