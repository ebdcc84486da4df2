"""Statistics through GraphQL, on both engines: the own county exactly, another one rounded, and who may ask."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from hub.graph.catalogue import load_catalogue
from hub.graph.driver import BoltDriver, BoltGraph
from hub.graph.projection import Projector
from hub.graphql.execution import Answer, Execution, GraphQLRequest
from hub.graphql.masking import field_error
from schema.access import ANONYMOUS, Principal
from schema.assembly import build_schema
from tests.casefile import CHENGYANG, DAY, FENGNAN, KUANCHENG, CaseFile, case_number
from tests.graph_fakes import CannedGraph
from tests.graphs import UNHURRIED
from tests.ports import FakeClock, FakeJournal, request_context
from tests.small_catalogue import SAMPLE, small_tables
from tests.statements import NOW, County, MemoryLog, genesis

SCHEMA: Final = build_schema()
DOCUMENT: Final = (Path(__file__).parents[2] / "documents" / "statistics.graphql").read_text("utf-8")
RANGE: Final = {"from": "2026-06-01", "to": "2026-07-31"}


def _caller(county: str, *scopes: str) -> Principal:
    return Principal(county=county, client=f"{county}#3", token_id="t", scopes=frozenset(scopes))


async def _ask(graph: Any, caller: Principal, text: str = DOCUMENT, **variables: Any) -> Answer:
    context = request_context(principal=caller, journal=FakeJournal(), clock=FakeClock(NOW))
    return await Execution(SCHEMA, graph, limits=UNHURRIED).run(
        GraphQLRequest(query=text, variables=variables), context
    )


def _tables() -> dict[str, list[dict[str, str]]]:
    tables = small_tables()
    beside = {"code": KUANCHENG, "name": "宽城区", "level": "county", "valid_from": "", "valid_to": ""}
    return {**tables, "divisions": [*tables["divisions"], beside | SAMPLE]}


def _codes(answer: Answer) -> list[str]:
    return [field_error(error, "r")["extensions"]["code"] for error in answer.errors]


def _logs() -> tuple[MemoryLog, MemoryLog]:
    """Twelve cases that Kuancheng takes in for Chengyang in June; two of them are passed on, one too late."""
    ledger, journal = MemoryLog(), MemoryLog()
    ledger.entries.append(genesis(CHENGYANG, FENGNAN))
    county = County(CHENGYANG, ledger, journal)
    county.state(county.seal(1), 1)
    for serial in range(1, 13):
        case = CaseFile(number=case_number(serial), intake=KUANCHENG, mode="DELEGATED")
        case.apply(licenses=[county.identifier(1)])
        if serial <= 2:
            limits = {"statutory": 5, "promised": None}
            case.add("PRE_REVIEW", KUANCHENG, at=NOW + serial * 2 * DAY, outcome="PASSED", limits=limits)
        journal.entries += case.raws
    return ledger, journal


async def test_the_own_county_is_exact_and_another_rounded(driver: BoltDriver) -> None:
    ledger, journal = _logs()
    await load_catalogue(driver, _tables(), "1")
    await Projector(driver, ledger, journal).catch_up()
    graph = BoltGraph(driver)
    answer = await _ask(graph, _caller(CHENGYANG, "statistics.read"), **RANGE)
    assert (answer.errors, answer.personal) == ([], False)
    assert graph.statements == 2
    assert answer.data is not None
    own, other = answer.data["own"], answer.data["other"]
    assert [(each["code"], each["name"], each["exact"]) for each in (own, other)] == [
        (CHENGYANG, "城阳区", True),
        (KUANCHENG, "宽城区", False),
    ]
    june, july = own["periods"]
    assert (june["period"], june["takenInByOthers"], june["takenIn"], june["objectionsOpen"]) == ("2026-06", 12, 0, 0)
    assert (july["period"], july["takenInByOthers"]) == ("2026-07", 0)
    june, july = other["periods"]
    assert (june["takenIn"], june["delegated"], june["takenInForOthers"], june["materialsSpared"]) == (10, 10, 10, 10)
    assert (june["online"], june["intake"], july["takenIn"]) == (None, {"ended": None, "onTime": None}, None)
    answer = await _ask(graph, _caller(KUANCHENG, "statistics.read"), **RANGE)
    assert answer.data is not None
    june, _ = answer.data["other"]["periods"]
    assert answer.data["other"]["exact"]
    assert (june["takenIn"], june["delegated"], june["daysSaved"]) == (12, 12, 0)
    assert june["intake"] == {"ended": 2, "onTime": 1}
    assert answer.data["own"]["periods"][0]["takenInByOthers"] == 10


@pytest.mark.parametrize(
    "caller", [ANONYMOUS, _caller(CHENGYANG, "case.read", "license.read")], ids=["nobody", "clerk"]
)
async def test_without_the_scope_nothing_is_read(caller: Principal) -> None:
    graph = CannedGraph([])
    answer = await _ask(graph, caller, **RANGE)
    assert answer.data == {"own": None, "other": None}
    assert _codes(answer) == ["token_required" if caller is ANONYMOUS else "forbidden"] * 2


@pytest.mark.parametrize(
    ("first", "last", "code"),
    [("2026-07-01", "2026-06-01", "bad_variables"), ("2020-01-01", "2060-01-01", "limit_exceeded")],
)
async def test_a_range_that_is_none_or_too_long_is_refused_before_anything_is_read(
    first: str, last: str, code: str
) -> None:  # fmt: skip
    graph = CannedGraph([])
    answer = await _ask(graph, _caller(CHENGYANG, "statistics.read"), **{"from": first, "to": last})
    assert _codes(answer) == [code] * 2
