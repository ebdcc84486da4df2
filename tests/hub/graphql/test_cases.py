"""A case through GraphQL, on both engines: from signed steps to lamps, exactly; rights of every field of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
from graphql import get_named_type, is_leaf_type

from hub.graph.catalogue import load_catalogue
from hub.graph.driver import BoltDriver, BoltGraph
from hub.graph.engine import Engine
from hub.graph.projection import Projector
from hub.graph.tables import FieldEntry, build_tables
from hub.graphql.execution import Answer, Execution, GraphQLRequest
from hub.graphql.masking import field_error
from hub.ingest.data import read_table
from ledger.workdays import read_calendar
from schema.access import ANONYMOUS, HOLDER_SCOPE, SCOPES, Principal
from schema.assembly import build_schema
from tests.case_world import FOREIGN_CASE, OUR_CASE
from tests.casefile import CHENGYANG, DAY, FENGNAN, KUANCHENG, CaseFile, offered
from tests.graph_fakes import CannedGraph
from tests.graphs import PATIENT, UNHURRIED
from tests.ports import FakeClock, FakeJournal, request_context
from tests.small_catalogue import small_tables
from tests.statements import NOW, County, MemoryLog, genesis

SCHEMA: Final = build_schema()
TABLES: Final = build_tables(SCHEMA)
CALENDAR: Final = read_calendar(read_table("calendar"))
DOCUMENT: Final = (Path(__file__).parents[2] / "documents" / "case.graphql").read_text("utf-8")


def _caller(county: str, *scopes: str) -> Principal:
    return Principal(county=county, client=f"{county}#3", token_id="t", scopes=frozenset(scopes))


async def _ask(graph: Any, text: str, caller: Principal, *, now: int = NOW, **variables: Any) -> Answer:
    context = request_context(principal=caller, journal=FakeJournal(), clock=FakeClock(now), calendar=CALENDAR)
    return await Execution(SCHEMA, graph, limits=UNHURRIED).run(
        GraphQLRequest(query=text, variables=variables), context
    )


def _logs() -> tuple[MemoryLog, MemoryLog, CaseFile]:
    """A case accepted on 5 June 2026 with a promise of 5 working days of 20, and a node of it with one of 1."""
    ledger, journal = MemoryLog(), MemoryLog()
    ledger.entries.append(genesis(CHENGYANG, FENGNAN))
    county, case = County(CHENGYANG, ledger, journal), CaseFile()
    county.state(county.seal(1), 1)
    journal.entries.append(offered())
    case.apply(licenses=[county.identifier(1)], tolerated=[{"material": "M03", "days": 5}])
    case.add("PRE_REVIEW", FENGNAN, at=NOW + DAY, outcome="PASSED")
    case.add("HAND_OVER_RECEIPT", CHENGYANG, at=NOW + 2 * DAY, limits={"statutory": 5, "promised": None})
    case.add("ACCEPTANCE", CHENGYANG, at=NOW + 4 * DAY, outcome="ACCEPTED", limits={"statutory": 20, "promised": 5})
    nodes = [{"node": "N01", "statutory": None, "promised": 1}]
    case.add("HANDLING", CHENGYANG, at=NOW + 7 * DAY, begins=nodes)
    journal.entries += case.raws
    return ledger, journal, case


async def test_a_case_says_who_did_what_what_is_next_and_what_its_lamps_show(driver: BoltDriver) -> None:
    ledger, journal, case = _logs()
    await load_catalogue(driver, small_tables(), "1")
    await Projector(driver, ledger, journal).catch_up()
    caller = _caller(CHENGYANG, "case.read", "license.read")
    answer = await _ask(BoltGraph(driver), DOCUMENT, caller, now=NOW + 8 * DAY, number=case.number)
    assert answer.errors == []
    assert answer.personal
    assert answer.data is not None
    found = answer.data["case"]
    assert [(step["sequence"], step["kind"], step["outcome"], step["county"]) for step in found.pop("steps")] == [
        (1, "APPLICATION", None, FENGNAN),
        (2, "PRE_REVIEW", "PASSED", FENGNAN),
        (3, "HAND_OVER_RECEIPT", None, CHENGYANG),
        (4, "ACCEPTANCE", "ACCEPTED", CHENGYANG),
        (5, "HANDLING", None, CHENGYANG),
    ]
    assert [(step["kind"], step["outcome"], step["counties"]) for step in found.pop("nextSteps")] == [
        ("CORRECTION_NOTICE", None, [CHENGYANG]),
        ("HANDLING", None, [CHENGYANG]),
        ("SPECIAL_PROCEDURE", None, [CHENGYANG]),
        ("CONCLUSION", "NOT_GRANTED", [CHENGYANG]),
        ("CONCLUSION", "WITHDRAWN", [CHENGYANG]),
        ("SUPPLEMENT", None, [FENGNAN, CHENGYANG]),
    ]
    promised = {"days": 2, "left": 0, "due": "2026-06-03", "lamp": "BLUE", "provisional": False}
    on_monday = {each["name"]: (each.pop("nextWeek"), each.pop("supervisedBy")) for each in found["clocks"]}
    assert on_monday == {
        "INTAKE": ("BLUE", None), "M03": ("YELLOW", None), "ACCEPTANCE": ("BLUE", None), "HANDLING": ("BLUE", None),
        "N01": ("YELLOW", None),
    }  # fmt: skip
    assert found == {
        "caseNumber": case.number,
        "mode": "PROXY_INTAKE",
        "stage": "ACCEPTED",
        "missing": ["M03"],
        "offering": {"code": case.offering, "promisedDays": 5},
        "matter": {"name": "资质认定"},
        "intakeCounty": None,
        "handlingCounty": {"name": "城阳区"},
        "pickUpCounty": None,
        "clocks": [
            {"name": "INTAKE", "county": FENGNAN, "lamp": "BLUE", "promised": promised, "statutory": None},
            {
                "name": "M03", "county": FENGNAN, "lamp": "RED", "statutory": None,
                "promised": {"days": 5, "left": -1, "due": "2026-06-08", "lamp": "RED", "provisional": False},
            },
            {
                "name": "ACCEPTANCE", "county": CHENGYANG, "lamp": "BLUE", "promised": None,
                "statutory": {"left": 3, "due": "2026-06-10", "lamp": "BLUE"},
            },
            {
                "name": "HANDLING", "county": CHENGYANG, "lamp": "BLUE",
                "promised": {"days": 5, "left": 3, "due": "2026-06-12", "lamp": "BLUE", "provisional": False},
                "statutory": {"left": 18, "due": "2026-07-06", "lamp": "BLUE"},
            },
            {
                "name": "N01", "county": CHENGYANG, "lamp": "YELLOW", "statutory": None,
                "promised": {"days": 1, "left": 0, "due": "2026-06-09", "lamp": "YELLOW", "provisional": False},
            },
        ],
        "uses": [{"id": County(CHENGYANG, ledger, journal).identifier(1), "status": "VALID"}],
        "produced": [],
        "assistance": [],
    }  # fmt: skip


async def test_lamps_follow_the_time_of_the_request_and_nothing_else(driver: BoltDriver) -> None:
    """Forwards, backwards, forwards again: no state is kept, so a hub whose clock stepped shows what it should."""
    ledger, journal, case = _logs()
    await Projector(driver, ledger, journal).catch_up()
    text = f'{{ case(caseNumber: "{case.number}", useCause: "x") {{ clocks {{ name lamp }} }} }}'
    seen = []
    for days in (8, 11, 14, 4, 14):
        answer = await _ask(BoltGraph(driver), text, _caller(FENGNAN, "case.read"), now=NOW + days * DAY)
        assert answer.data is not None
        seen.append({each["name"]: each["lamp"] for each in answer.data["case"]["clocks"]})
    assert [each["HANDLING"] for each in seen] == ["BLUE", "YELLOW", "RED", "BLUE", "RED"]
    assert [each["N01"] for each in seen] == ["YELLOW", "RED", "RED", "YELLOW", "RED"]
    assert {each["INTAKE"] for each in seen} == {"BLUE"}


@pytest.mark.parametrize("county", [FENGNAN, CHENGYANG, KUANCHENG, "320583"])
async def test_a_case_is_for_its_three_counties(driver: BoltDriver, county: str) -> None:
    """For any other it has the body of a case that is not there, with every scope."""
    ledger, journal, case = _logs()
    await Projector(driver, ledger, journal).catch_up()
    text = 'query Q($number: CaseNumber!) { case(caseNumber: $number, useCause: "x") { stage steps { kind } } }'
    caller = _caller(county, *SCOPES)
    found, absent = [await _ask(BoltGraph(driver), text, caller, number=number) for number in (case.number, "0" * 43)]
    assert absent.data == {"case": None}
    assert (found.data == absent.data) == (county == "320583")
    assert found.errors == absent.errors == []


async def test_a_read_of_a_case_leaves_an_access_record_that_names_it(world: Engine) -> None:
    async with BoltDriver(world, deadlines=PATIENT) as driver:
        journal = FakeJournal()
        context = request_context(principal=_caller(CHENGYANG, "case.read", "license.read"), journal=journal)
        text = f'{{ case(caseNumber: "{OUR_CASE}", useCause: "办件") {{ uses {{ status }} }} }}'
        await Execution(SCHEMA, BoltGraph(driver), limits=UNHURRIED).run(GraphQLRequest(query=text), context)
    ((_, access),) = [(each.position, each.access) for each in await journal.accesses(OUR_CASE, first=9)]
    identifiers = [f"1.2.156.3005.2.TYPE.ISSUER.{number:05d}.001.A" for number in (1, 3)]
    assert (access.root_field, access.use_cause, access.fields) == ("case", "办件", ("Case.uses", "License.status"))
    assert access.licenses == (OUR_CASE, *identifiers)


CALLERS: Final[dict[str, Principal]] = {
    "anonymous": ANONYMOUS,
    "without scopes": _caller(CHENGYANG),
    "license reader": _caller(CHENGYANG, *(SCOPES.keys() - {"case.read", "case.supervise", HOLDER_SCOPE})),
    "supervisor": _caller(CHENGYANG, "case.supervise"),
    "county of the case": _caller(CHENGYANG, "case.read"),
    "other county": _caller("320583", "case.read"),
    "every scope": _caller(CHENGYANG, *SCOPES),
}


def _fields() -> list[tuple[str, FieldEntry]]:
    """Every field of a case and below it, with the path of its parent from the case."""
    below = {"Case": "{}", "CaseStep": "steps {{ {} }}", "CaseClock": "clocks {{ {} }}", "LegalStep": "nextSteps {{ {} }}",
             "LimitReading": "clocks {{ promised {{ {} }} }}"}  # fmt: skip
    return [(path, entry) for name, path in below.items() for entry in TABLES.of_type(name)]


FIELDS: Final = _fields()


@pytest.mark.parametrize("who", CALLERS)
@pytest.mark.parametrize(("path", "entry"), FIELDS, ids=[entry.coordinate for _, entry in FIELDS])
async def test_a_field_of_a_case_is_granted_by_its_rule_alone(path: str, entry: FieldEntry, who: str) -> None:
    """Without the scope no statement at all; with it, one that is cut to the caller's own cases."""
    caller, graph = CALLERS[who], CannedGraph()
    field = entry.name if is_leaf_type(get_named_type(entry.field.type)) else f"{entry.name} {{ __typename }}"
    text = f'{{ case(caseNumber: "{OUR_CASE}", useCause: "x") {{ {path.format(field)} }} }}'
    answer = await _ask(graph, text, caller)
    codes = {field_error(error, "r")["extensions"]["code"] for error in answer.errors}
    if caller.scopes.isdisjoint({"case.read", "case.supervise"}):
        assert codes == {"token_required" if caller.county is None else "forbidden"}
        assert graph.asked == []
        return
    (statement,) = graph.asked
    assert statement.parameters["caller_county"] == caller.county
    assert "a0.handledBy = $caller_county" in statement.text
    allowed = not entry.rule.scopes.isdisjoint(caller.scopes)
    assert codes == (set() if allowed else {"forbidden"})


@pytest.mark.parametrize("number", [OUR_CASE, FOREIGN_CASE])
async def test_rows_are_cut_on_both_engines(world: Engine, number: str) -> None:
    async with BoltDriver(world, deadlines=PATIENT) as driver:
        text = f'{{ case(caseNumber: "{number}", useCause: "x") {{ __typename }} }}'
        seen = {
            county: await _ask(BoltGraph(driver), text, _caller(county, *SCOPES)) for county in ("370214", "220103")
        }
    assert seen["220103"].data == {"case": {"__typename": "Case"}}
    assert (seen["370214"].data == {"case": None}) == (number == FOREIGN_CASE)
