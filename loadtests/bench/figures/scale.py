"""What grows with the number of licenses, and what must not: made-up counties of two sizes, an engine for each.

`projection` is the rate at which ledger and journal become the graph of an empty engine, by the hub's own projector; a
million entries with half a million records have ten minutes. `lookup-growth` and `checklist-growth` are medians of one
question after another, by the hub's own execution without HTTP: in the large world beside the small one. `statistics`
is one county's month in the large world. Every answer is checked for content; a checklist is one statement.
"""

from __future__ import annotations

import asyncio
import statistics as median_of
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hub.commands.progress import progress_bars
from hub.graph.driver import BoltDriver, BoltGraph
from hub.ingest.data import read_table
from hub.keyfiles import make_private_folder
from hub.workers import cores
from ledger.workdays import china_day
from loadtests.bench.asking import Asking
from loadtests.bench.measuring import Effort, Gate, Pair, Reading
from loadtests.nineteen.logs import make_logs
from loadtests.nineteen.plan import HOLDER_SECRET, LICENSES_A_HOLDER, START, World
from loadtests.nineteen.projecting import Took, projected
from loadtests.operations import operation

__all__ = ["CHECKLIST", "NAMES", "STATISTICS", "measure"]

NAMES: Final = ("projection", "lookup-growth", "checklist-growth", "statistics")
CHECKLIST: Final = """\
query Checklist(
  $matter: CatalogueCode!, $county: CatalogueCode!, $holder: HolderInput!, $useCause: UseCause!, $basis: ReadBasis!
) {
  checklist(matter: $matter, county: $county, holder: $holder, useCause: $useCause, basis: $basis) {
    code
    findings {
      complete
      held
      toBring
      items {
        name
        state
        license {
          certificateIdentifier
          sealedBy
        }
        licenseTypes {
          name
        }
      }
    }
  }
}"""
STATISTICS: Final = """\
query Statistics($county: CatalogueCode!, $from: Date!, $to: Date!, $by: StatisticsPeriod!) {
  statistics(county: $county, from: $from, to: $to, by: $by) {
    exact
    periods {
      period
      takenIn
      takenInForOthers
      handledForOthers
      handling {
        ended
        onTime
      }
      materialsSpared
      ratings {
        verySatisfied
      }
    }
  }
}"""
_SMALL: Final = 10_000
_QUESTIONS: Final = 400
_CAUSE: Final = "figures: growth"
_RATE: Final = 1_500_000 / 600
_MATTERS: Final = tuple(row["code"] for row in read_table("matters"))


@dataclass(slots=True, kw_only=True)
class _Place:
    """A world in its engine, and who asks there."""

    world: World
    graph: BoltGraph
    asking: Asking
    took: Took

    def holder(self, number: int) -> dict[str, str]:
        type_code, code = self.world.holder_code(number * 7919 % (self.world.licenses // LICENSES_A_HOLDER))
        return {"certificateHolderTypeCode": type_code, "certificateHolderCode": code}


def measure(effort: Effort, folder: Path, licenses: int) -> list[Reading]:
    """Measure all figures of NAMES; `licenses` in the large world, 10,000 or a tenth of it in the small one."""
    return asyncio.run(_measured(effort, folder, licenses))


async def _measured(effort: Effort, folder: Path, licenses: int) -> list[Reading]:
    sizes = (licenses, min(_SMALL, licenses // 10))
    with progress_bars(shown=True) as bars:
        for size in sizes:
            make_private_folder(folder / str(size))
            make_logs(folder / str(size) / "hub", World(licenses=size), processes=cores(), bars=bars)
        took: list[Took] = []
        async with (
            projected(folder / str(sizes[0]) / "hub", bars, done=took.append) as large,
            projected(folder / str(sizes[1]) / "hub", bars, done=took.append) as small,
        ):
            places = [_place(*each) for each in zip(sizes, (large, small), took, strict=True)]
            return await _readings(effort, *places)


def _place(size: int, driver: BoltDriver, took: Took) -> _Place:
    graph = BoltGraph(driver)
    asking = Asking(graph, secret=HOLDER_SECRET, now=START + 30 * 86_400)
    return _Place(world=World(licenses=size), graph=graph, asking=asking, took=took)


async def _readings(effort: Effort, large: _Place, small: _Place) -> list[Reading]:
    count = effort.amount(_QUESTIONS, least=40)
    note = f"{large.world.licenses:,} licenses beside {small.world.licenses:,}, {count} questions a round"
    return [
        _projection(large.took, small.took),
        await _growth(effort, count, large, small, _look_up, name="lookup-growth", note=note),
        await _growth(effort, count, large, small, _checklist, name="checklist-growth", note=note),
        await _month(effort, large, small),
    ]


def _projection(large: Took, small: Took) -> Reading:
    rates = [(took.position.ledger + took.position.journal) / took.seconds for took in (large, small)]
    counted = f"{large.position.ledger:,} entries and {large.position.journal:,} records in {large.seconds:,.0f} s"
    return Reading(
        name="projection",
        title="replay of ledger and journal into an empty engine",
        unit="records/s",
        beside="the same in the small world, where the engine is cold",
        pairs=(Pair(*rates),),
        gate=Gate(of="ours", sign=">=", bound=_RATE),
        note=f"{counted}; the bar is 1.5 M of both in ten minutes",
    )


async def _growth(
    effort: Effort, count: int, large: _Place, small: _Place,
    question: Callable[[_Place, int], Awaitable[None]], *, name: str, note: str,
) -> Reading:  # fmt: skip
    for place in (large, small):
        await _p50(place, question, count)  # warms document, plan and engine
    pairs = [Pair(await _p50(large, question, count), await _p50(small, question, count)) for _ in range(effort.rounds)]
    return Reading(
        name=name,
        title=f"{name.partition('-')[0]} of one holder after another, p50, no HTTP",
        unit="ms",
        beside="the same in the small world",
        pairs=tuple(pairs),
        gate=Gate(of="ratio", sign="<=", bound=1.2),
        note=note,
    )


async def _p50(place: _Place, question: Callable[[_Place, int], Awaitable[None]], count: int) -> float:
    took = []
    for number in range(count):
        start = time.perf_counter()
        await question(place, number)
        took.append(time.perf_counter() - start)
    return median_of.median(took) * 1000


async def _look_up(place: _Place, number: int) -> None:
    found = await place.asking.ask(operation("licenses"), {"holder": place.holder(number), "useCause": _CAUSE})
    if len(found["licenses"]["edges"]) != LICENSES_A_HOLDER:
        raise ValueError("a look-up did not find the holder's licenses")


async def _checklist(place: _Place, number: int) -> None:
    counties = place.world.counties
    asked = {"matter": _MATTERS[number % len(_MATTERS)], "county": counties[number % len(counties)]}
    before = place.graph.statements
    found = await place.asking.ask(CHECKLIST, {**asked, "holder": place.holder(number), "useCause": _CAUSE})
    items = found["checklist"]["findings"]["items"]
    if not items or place.graph.statements != before + 1:
        raise ValueError("a checklist is no answer of one statement")


async def _month(effort: Effort, large: _Place, small: _Place) -> Reading:
    pairs = [Pair(await _p50(large, _statistics, 20), await _p50(small, _statistics, 20)) for _ in range(effort.rounds)]
    return Reading(
        name="statistics",
        title="a county's month of statistics, p50, no HTTP",
        unit="ms",
        beside="the same in the small world",
        pairs=tuple(pairs),
        gate=Gate(of="ours", sign="<=", bound=100),
        note=f"{large.world.licenses:,} licenses, {large.world.cases:,} cases",
    )


async def _statistics(place: _Place, number: int) -> None:
    day = china_day(START).replace(month=1 + number % 9)
    counties = place.world.counties
    variables: dict[str, Any] = {
        "county": counties[number % len(counties)], "from": f"{day:%Y-%m}-01", "to": f"{day:%Y-%m}-28", "by": "MONTH",
    }  # fmt: skip
    found = await place.asking.ask(STATISTICS, variables)
    if [each["period"] for each in found["statistics"]["periods"]] != [f"{day:%Y-%m}"]:
        raise ValueError("statistics are not those of the month")
