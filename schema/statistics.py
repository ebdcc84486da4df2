"""What a county did for others and how well, by day, month or year: statistics that the alliance compares.

    statistics(county: "370214", from: "2026-10-01", to: "2026-11-30", by: MONTH) {
      exact periods { period takenIn takenInForOthers handling { ended onTime } ratings { verySatisfied } } }

The counts stand in the graph, one node a county and period (`PeriodCount`), so an answer costs one look-up a period and
never walks cases. A period in which nothing happened is in the list, with zeros.

A county sees its own counts exactly. To another one every count is rounded down to a multiple of SMALLEST_SHOWN, and
one below it is null, none at all included: neither a count nor the difference of two (a month and its days, ended and
in time) tells of a single person. What is said of cases is hidden with their number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, Final, TypeAlias

import strawberry
from strawberry.types import Info

from schema.context import Context
from schema.mapping import Expression, Gather, Property, attribute, computed, needed, stored
from schema.periods import periods_of
from schema.scalars import CatalogueCode

__all__ = [
    "SMALLEST_SHOWN",
    "CountyStatistics",
    "PeriodStatistics",
    "SatisfactionCounts",
    "StatisticsPeriod",
    "TimelyCounts",
    "period_statistics",
]

SMALLEST_SHOWN: Final = 5
_ACCESS: Final = "statistics.read"

Counts: TypeAlias = Mapping[str, int]


@strawberry.enum(description="How long the periods of statistics are.")
class StatisticsPeriod(Enum):
    """Each value is its GraphQL name, as the graph stores it."""

    DAY = strawberry.enum_value("DAY", description="Calendar days in China: 2026-11-22.")
    MONTH = strawberry.enum_value("MONTH", description="Calendar months: 2026-11.")
    YEAR = strawberry.enum_value("YEAR", description="Calendar years: 2026.")


_COUNTS: Final = (
    "takenIn", "takenInForOthers", "takenInByOthers", "online", "proxyIntake", "joint", "delegated", "handledForOthers",
    "materialsSpared", "verifiedOfOthers", "verifiedByOthers", "objectionsOpened", "objectionsDecided",
)  # fmt: skip
_ENDED: Final = ("intake", "handling", "pickUp")
_RATINGS: Final = ("verySatisfied", "satisfied", "fairlySatisfied", "dissatisfied", "veryDissatisfied")
_PROPERTIES: Final = (
    *_COUNTS, *(f"{party}{what}" for party in _ENDED for what in ("Ended", "OnTime")), "daysSaved", "daysOver",
    *_RATINGS,
)  # fmt: skip


def _gathered(name: str, properties: tuple[str, ...]) -> Gather:
    """Gather the counts of the periods that the parameter `name` lists."""
    place = Expression(
        cypher=f"({{n}}) UNWIND ${name} AS period WITH {{n}}.code + '@' + period AS code "
        "MATCH ({t}:PeriodCount {code: code})",
        parameters=(name,),
        target="PeriodCount",
        many=True,
        order="period",
        page=400,
    )
    return Gather(name=name, place=place, properties=properties)


_PERIODS: Final = _gathered("periods", ("period", *_PROPERTIES))
_EARLIER: Final = _gathered("earlier", ("objectionsOpened", "objectionsDecided"))


def _count(description: str) -> Any:
    return attribute(access=_ACCESS, description=f"{description} Null: too few to be shown.")


@strawberry.type(description="The clocks of one party that ended in a period.")
class TimelyCounts:
    """In time: by the promised limit, or by the statutory one if nothing was promised."""

    ended: int | None = _count("Clocks that ended.")
    on_time: int | None = _count("Of these, in time.")


@strawberry.type(description="Evaluations in a period (GB/T 39046 Annex A), of cases that the county is a party of.")
class SatisfactionCounts:
    """One count a degree."""

    very_satisfied: int | None = _count("1 非常满意.")
    satisfied: int | None = _count("2 满意.")
    fairly_satisfied: int | None = _count("3 基本满意.")
    dissatisfied: int | None = _count("4 不满意.")
    very_dissatisfied: int | None = _count("5 非常不满意.")


@strawberry.type(description="What was counted for a county in one period.")
class PeriodStatistics:
    """Days are those of China (UTC+8); an event counts on the day of its record."""

    period: str = attribute(access=_ACCESS, description="The period: YYYY-MM-DD, YYYY-MM or YYYY.")
    taken_in: int | None = _count("Cases that the county took in.")
    online: int | None = _count("Of these, 全程网办.")
    proxy_intake: int | None = _count("Of these, 异地代收代办.")
    joint: int | None = _count("Of these, 多地联办.")
    delegated: int | None = _count("Of these, 授权办理.")
    taken_in_for_others: int | None = _count("Cases that the county took in for a county with jurisdiction.")
    taken_in_by_others: int | None = _count("Cases of its jurisdiction that another county took in.")
    handled_for_others: int | None = _count(
        "Cases that the county concluded, and that another took in or has jurisdiction of."
    )
    intake: TimelyCounts = attribute(access=_ACCESS, description="Its clocks as intake county.")
    handling: TimelyCounts = attribute(
        access=_ACCESS, description="Its clocks in acceptance, handling and production; nodes lie within."
    )
    pick_up: TimelyCounts = attribute(access=_ACCESS, description="Its clocks as pick-up county.")
    materials_spared: int | None = _count("Licenses that its cases used in place of papers, each once a case.")
    days_saved: int | None = _count("Working days left below the promised limits of clocks that ended.")
    days_over: int | None = _count("Working days used beyond them.")
    verified_of_others: int | None = _count("Licenses of other counties in answers to the county.")
    verified_by_others: int | None = _count("Licenses of the county in answers to others.")
    objections_opened: int | None = _count("Objections to its licenses that were opened.")
    objections_decided: int | None = _count("Objections to its licenses that were decided.")
    objections_open: int | None = _count("Objections to its licenses that were open at the end of the period.")
    ratings: SatisfactionCounts = attribute(access=_ACCESS, description="How applicants evaluated its cases.")


@strawberry.type(description="Statistics of one county; another county's small counts are hidden, the others rounded.")
class CountyStatistics:
    """A node `Jurisdiction`."""

    code: CatalogueCode = stored(Property("code"), access=_ACCESS, description="The county, 6 digits.")
    name: str = stored(Property("name"), access=_ACCESS, description="Name in Chinese.")

    @computed(needs=("code",), access=_ACCESS, cost=0)
    def exact(self, info: Info[Context, Any]) -> bool:
        """Whether the counts are exact: the caller is of this county. Else multiples of 5, and none below 5."""
        return bool(info.context.principal.county == needed(self, "code"))

    @computed(needs=("code",), gathers=(_PERIODS, _EARLIER), access=_ACCESS, cost=20)
    def periods(self, info: Info[Context, Any]) -> list[PeriodStatistics]:
        """The periods from the first to the last, each of them; at most 400."""
        exact = info.context.principal.county == needed(self, "code")
        return period_statistics(
            _asked(info), needed(self, "periods"), needed(self, "earlier"), shown=_exact if exact else _rounded
        )


def _asked(info: Info[Context, Any]) -> list[str]:
    path: Any = info.path
    while path.prev is not None:
        path = path.prev
    given = info.context.arguments[str(path.key)]
    return periods_of(given["from"], given["to"], given["by"].value)


def _exact(count: int) -> int | None:
    return count


def _rounded(count: int) -> int | None:
    return count // SMALLEST_SHOWN * SMALLEST_SHOWN or None


Shown: TypeAlias = Callable[[int], int | None]


def period_statistics(
    asked: Sequence[str], rows: Sequence[Counts], earlier: Sequence[Counts], *, shown: Shown
) -> list[PeriodStatistics]:
    """Make the list of periods from the counts that there are. earlier: of all time before the first period."""
    found: dict[Any, Counts] = {row["period"]: row for row in rows}
    still_open = sum(map(_growth, earlier))
    made = []
    for period in asked:
        counts = {name: found.get(period, {}).get(name) or 0 for name in _PROPERTIES}
        still_open += _growth(counts)
        made.append(_period(period, counts, still_open, shown))
    return made


def _growth(counts: Counts) -> int:
    return (counts["objectionsOpened"] or 0) - (counts["objectionsDecided"] or 0)


def _period(period: str, counts: Counts, still_open: int, shown: Shown) -> PeriodStatistics:
    ended = sum(counts[f"{party}Ended"] for party in _ENDED)
    single = {_snake(name): shown(counts[name]) for name in _COUNTS}
    return PeriodStatistics(
        period=period,
        **single,
        intake=_timely(counts, "intake", shown),
        handling=_timely(counts, "handling", shown),
        pick_up=_timely(counts, "pickUp", shown),
        days_saved=_of_cases(ended, counts["daysSaved"], shown),
        days_over=_of_cases(ended, counts["daysOver"], shown),
        objections_open=shown(still_open),
        ratings=SatisfactionCounts(**{_snake(name): shown(counts[name]) for name in _RATINGS}),
    )


def _timely(counts: Counts, party: str, shown: Shown) -> TimelyCounts:
    ended = counts[f"{party}Ended"]
    return TimelyCounts(ended=shown(ended), on_time=_of_cases(ended, counts[f"{party}OnTime"], shown))


def _of_cases(cases: int, count: int, shown: Shown) -> int | None:
    """Show a count of so many cases only where their number is shown."""
    return None if shown(cases) is None else shown(count)


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
