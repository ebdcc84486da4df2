"""A matter leaves the list: what is offered, asked for and compared, on the day before and on the day, on both engines."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import pytest

from hub.graph.catalogue import load_catalogue
from hub.graph.driver import BoltDriver, BoltGraph
from hub.graph.projection import Projector
from hub.graphql.execution import Execution, GraphQLRequest
from ledger.matterlist import MatterChange
from schema.assembly import build_schema
from tests.graphs import UNHURRIED
from tests.hub.graph.test_matters import list_change
from tests.offerings import MATTER, offering
from tests.ports import CLERK, CONSENTS, FakeClock, request_context
from tests.small_catalogue import small_tables
from tests.statements import County, MemoryLog, genesis

COUNTY: Final = "370214"
NEW: Final = "000117009000"
ASKED: Final = """\
query Asked($on: Date, $matter: CatalogueCode!) {
  matterList(on: $on) { edges { node { matterCode name } } }
  offering(matter: $matter, county: "370214", on: $on) { code }
  offerings(matter: $matter, on: $on) { edges { node { code } } }
  comparison(matter: $matter, on: $on) { difference { counties { county } } }
}
"""
TODAY: Final = """\
query Today($matter: CatalogueCode!, $holder: HolderInput!, $basis: ReadBasis) {
  matter(code: $matter) { offerings { code } }
  checklist(matter: $matter, county: "370214", holder: $holder, useCause: "x", basis: $basis) {
    code findings { toBring }
  }
}
"""
BASIS: Final = {"consent": CONSENTS["key of 001 X"]}
HOLDER: Final = {"certificateHolderTypeCode": "001", "certificateHolderCode": "X"}


def _noon(day: str) -> int:
    return int(datetime.fromisoformat(f"{day}T04:00:00").replace(tzinfo=UTC).timestamp())


async def _projected(driver: BoltDriver) -> BoltGraph:
    """One matter leaves on 1 October, and one comes; both are offered."""
    ledger, journal = MemoryLog([genesis(COUNTY)]), MemoryLog()
    county = County(COUNTY, ledger, journal)
    county.offer(offering(planEffectiveDate="2026-07-01"))
    county.offer(offering(matter=NEW, planEffectiveDate="2026-10-01"))
    ledger.entries.append(
        list_change(
            MatterChange(act="remove", code=MATTER, since="2026-10-01"),
            MatterChange(act="add", code=NEW, since="2026-10-01", mode="全程网办", name="新事项"),
            begin=[MATTER],
        )
    )
    await load_catalogue(driver, small_tables(), "v1")
    await Projector(driver, ledger, journal).catch_up()
    return BoltGraph(driver)


async def _ask(graph: BoltGraph, text: str, day: str, **variables: Any) -> dict[str, Any]:
    context = request_context(principal=CLERK, clock=FakeClock(_noon(day)))
    answer = await Execution(build_schema(), graph, limits=UNHURRIED).run(
        GraphQLRequest(query=text, variables=variables), context
    )
    assert answer.errors == []
    assert answer.data is not None
    return answer.data


@pytest.mark.parametrize("asked_on", ["2026-06-01", "2026-12-31"])
async def test_each_day_has_its_list_whenever_it_is_asked_for(driver: BoltDriver, asked_on: str) -> None:
    graph = await _projected(driver)
    for day, matter, name in (("2026-09-30", MATTER, "资质认定"), ("2026-10-01", NEW, "新事项")):
        for each, first in ((MATTER, "20260701"), (NEW, "20261001")):
            code = {"code": f"{each}@{COUNTY}@{first}"} if each == matter else None
            counties = [{"county": COUNTY}] if code else []
            assert await _ask(graph, ASKED, asked_on, on=day, matter=each) == {
                "matterList": {"edges": [{"node": {"matterCode": matter, "name": name}}]},
                "offering": code,
                "offerings": {"edges": [{"node": code}] if code else []},
                "comparison": {"difference": {"counties": counties}},
            }


async def test_nobody_is_asked_to_bring_anything_for_a_matter_that_has_left(driver: BoltDriver) -> None:
    graph = await _projected(driver)
    code = f"{MATTER}@{COUNTY}@20260701"
    assert await _ask(graph, TODAY, "2026-09-30", matter=MATTER, holder=HOLDER, basis=BASIS) == {
        "matter": {"offerings": [{"code": code}]}, "checklist": {"code": code, "findings": {"toBring": 2}},
    }  # fmt: skip
    gone = {"matter": {"offerings": []}, "checklist": None}
    assert await _ask(graph, TODAY, "2026-10-01", matter=MATTER, holder=HOLDER, basis=BASIS) == gone
