"""Objections, appeals and follow-ups through GraphQL, on both engines: from signed statements to lamps; who sees what."""

from __future__ import annotations

from typing import Any, Final

import pytest
from graphql import get_named_type, is_leaf_type

from hub.graph.driver import BoltDriver, BoltGraph
from hub.graph.engine import Engine
from hub.graph.projection import Projector
from hub.graph.tables import build_tables
from hub.graphql.execution import Answer, Execution, GraphQLRequest
from hub.graphql.masking import field_error
from hub.ingest.data import read_table
from ledger.consents import Purpose
from ledger.workdays import read_calendar
from schema.access import ANONYMOUS, HOLDER_SCOPE, SCOPES, Principal
from schema.assembly import build_schema
from schema.context import Basis
from tests.casefile import CHENGYANG, DAY, FENGNAN, KUANCHENG, CaseFile, case_number
from tests.desk_world import FOREIGN_OBJECTION, MISSING_OBJECTION, OUR_OBJECTION
from tests.deskwork import Appeal, Dispute, follow_up, made_id
from tests.graph_fakes import CannedGraph
from tests.graphs import PATIENT, UNHURRIED
from tests.ports import CONSENT, FakeBases, FakeClock, FakeJournal, request_context
from tests.statements import NOW, County, MemoryLog, genesis

SCHEMA: Final = build_schema()
TABLES: Final = build_tables(SCHEMA)
CALENDAR: Final = read_calendar(read_table("calendar"))
BASIS: Final = f'basis: {{consent: "{CONSENT}"}}'
BASES: Final = FakeBases(
    {CONSENT: Basis(name="consent/x", holder=County.holder("1"), matter=None, fields=None, purpose=Purpose.HANDLING)}
)


def _caller(county: str, *scopes: str) -> Principal:
    return Principal(county=county, client=f"{county}#3", token_id="t", scopes=frozenset(scopes))


async def _ask(
    graph: Any, text: str, caller: Principal, *, now: int = NOW, journal: FakeJournal | None = None
) -> Answer:
    context = request_context(
        principal=caller, journal=journal or FakeJournal(), clock=FakeClock(now), calendar=CALENDAR, bases=BASES
    )
    return await Execution(SCHEMA, graph, limits=UNHURRIED).run(GraphQLRequest(query=text), context)


async def _data(driver: BoltDriver, text: str, caller: Principal, *, now: int = NOW) -> Any:
    answer = await _ask(BoltGraph(driver), text, caller, now=now)
    assert answer.errors == []
    return answer.data


async def test_a_license_is_in_doubt_while_an_objection_is_open(driver: BoltDriver) -> None:
    """All who may see the license see that; the objection itself, the two counties that it concerns."""
    ledger, journal = MemoryLog([genesis(CHENGYANG, FENGNAN)]), MemoryLog()
    county = County(CHENGYANG, ledger, journal)
    county.state(county.seal(1), 1)
    dispute = Dispute(county.identifier(1))
    text = (
        f'{{ license(certificateIdentifier: "{county.identifier(1)}", useCause: "x", {BASIS}) '
        "{ status disputed objections { id outcome } } }"
    )
    seen: list[Any] = []
    for raw in (dispute.raised(), dispute.decided("DISMISSED", at=NOW + DAY)):
        journal.entries.append(raw)
        await Projector(driver, ledger, journal).catch_up()
        for code in (FENGNAN, CHENGYANG, KUANCHENG):
            found = (await _data(driver, text, _caller(code, *SCOPES)))["license"]
            assert found["status"] == "VALID"
            seen.append((found["disputed"], found["objections"]))
    named = {"id": made_id("objection"), "outcome": None}
    ended = {**named, "outcome": "DISMISSED"}
    assert seen == [(True, [named]), (True, [named]), (True, []), (False, [ended]), (False, [ended]), (False, [])]


async def test_the_clock_of_an_objection_follows_the_time_of_the_request(driver: BoltDriver) -> None:
    """Raised on Monday 1 June 2026; the fifth working day after it is the Monday after. No state: time may go back."""
    ledger, journal = MemoryLog([genesis(CHENGYANG, FENGNAN)]), MemoryLog([Dispute().raised()])
    await Projector(driver, ledger, journal).catch_up()
    text = f'{{ objection(id: "{made_id("objection")}", useCause: "x") {{ due daysLeft lamp provisional }} }}'
    seen = []
    for days in (0, 4, 8, 0):
        found = (await _data(driver, text, _caller(CHENGYANG, "objection.read"), now=NOW + days * DAY))["objection"]
        assert (found["due"], found["provisional"]) == ("2026-06-08", False)
        seen.append((found["daysLeft"], found["lamp"]))
    assert seen == [(5, "BLUE"), (1, "YELLOW"), (-1, "RED"), (5, "BLUE")]


_FOLLOW_UP: Final = (
    f'{{ case(caseNumber: "{case_number()}", useCause: "x") {{ followUp {{ due lamp doneAt outcome }} }} }}'
)


def _rated(rating: int) -> CaseFile:
    """Make a case that was returned and then evaluated."""
    case = CaseFile(mode="ONLINE", intake=CHENGYANG, pick_up=CHENGYANG)
    case.apply()
    case.add("PRE_REVIEW", CHENGYANG, outcome="RETURNED")
    case.add("EVALUATION", CHENGYANG, rating=rating)
    return case


async def test_a_bad_rating_asks_for_a_follow_up_and_a_good_one_does_not(driver: BoltDriver) -> None:
    ledger, journal = MemoryLog([genesis(CHENGYANG, FENGNAN)]), MemoryLog()
    journal.entries += _rated(4).raws
    seen = []
    for raw, days in ((None, 0), (None, 2), (None, 4), (follow_up(at=NOW + 4 * DAY), 30)):
        journal.entries += [] if raw is None else [raw]
        await Projector(driver, ledger, journal).catch_up()
        found = await _data(driver, _FOLLOW_UP, _caller(CHENGYANG, "case.read"), now=NOW + days * DAY)
        seen.append(found["case"]["followUp"])
    owed = {"due": "2026-06-04", "doneAt": None, "outcome": None}
    done = {"due": "2026-06-04", "lamp": "RED", "doneAt": "2026-06-05T09:00:00.000Z", "outcome": "RECTIFIED"}
    assert seen == [*({**owed, "lamp": lamp} for lamp in ("BLUE", "YELLOW", "RED")), done]


async def test_no_follow_up_is_owed_for_a_rating_that_is_not_bad(driver: BoltDriver) -> None:
    ledger, journal = MemoryLog([genesis(CHENGYANG, FENGNAN)]), MemoryLog()
    journal.entries += _rated(3).raws
    await Projector(driver, ledger, journal).catch_up()
    found = await _data(driver, _FOLLOW_UP, _caller(CHENGYANG, "case.read"))
    assert found == {"case": {"followUp": None}}


async def test_appeals_stand_in_the_order_in_which_they_were_received(driver: BoltDriver) -> None:
    ledger, journal = MemoryLog([genesis(CHENGYANG, FENGNAN)]), MemoryLog()
    case = CaseFile()
    late, early = Appeal(name="late"), Appeal(name="early")
    journal.entries += [case.apply(), late.received(at=NOW + 60), early.received(), early.passed(at=NOW + 7200)]
    await Projector(driver, ledger, journal).catch_up()
    text = f'{{ case(caseNumber: "{case.number}", useCause: "x") {{ appeals {{ id lamp passOnUntil }} }} }}'
    found = await _data(driver, text, _caller(KUANCHENG, "case.read"), now=NOW + 7261)
    assert found["case"]["appeals"] == [
        {"id": made_id("early"), "lamp": "BLUE", "passOnUntil": "2026-06-01T11:00:00.000Z"},
        {"id": made_id("late"), "lamp": "RED", "passOnUntil": "2026-06-01T11:01:00.000Z"},
    ]


@pytest.mark.parametrize("county", ["370214", "220103", "320583", "130202"])
async def test_an_objection_is_for_its_two_counties(world: Engine, county: str) -> None:
    """To any other it looks as one that is not there, with every scope; a read leaves an access record that names it."""
    parties = {
        OUR_OBJECTION: {"370214", "220103"},
        MISSING_OBJECTION: {"370214", "220103"},
        FOREIGN_OBJECTION: {"320583", "220103"},
        "0" * 22: set(),
    }
    async with BoltDriver(world, deadlines=PATIENT) as driver:
        for code, concerned in parties.items():
            journal = FakeJournal()
            text = f'{{ objection(id: "{code}", useCause: "异议") {{ kind }} }}'
            answer = await _ask(BoltGraph(driver), text, _caller(county, *SCOPES), journal=journal)
            assert answer.errors == []
            assert answer.data is not None
            assert (answer.data["objection"] is not None) == (county in concerned)
            assert journal.records[0].licenses == ((code,) if county in concerned else ())


CALLERS: Final[dict[str, Principal]] = {
    "anonymous": ANONYMOUS,
    "without scopes": _caller(CHENGYANG),
    "all other scopes": _caller(CHENGYANG, *(SCOPES.keys() - {"objection.read", HOLDER_SCOPE})),
    "objection desk": _caller(CHENGYANG, "objection.read"),
    "every scope": _caller(CHENGYANG, *SCOPES),
}
FIELDS: Final = [entry.name for entry in TABLES.of_type("Objection")]


@pytest.mark.parametrize("who", CALLERS)
@pytest.mark.parametrize("field", FIELDS)
async def test_a_field_of_an_objection_is_granted_by_its_rule_alone(field: str, who: str) -> None:
    """Without the scope no statement at all; with it, one that is cut to the caller's own objections."""
    caller, graph = CALLERS[who], CannedGraph()
    assert is_leaf_type(get_named_type(TABLES.entry("Objection", field).field.type))
    answer = await _ask(graph, f'{{ objection(id: "{OUR_OBJECTION}", useCause: "x") {{ {field} }} }}', caller)
    codes = {field_error(error, "r")["extensions"]["code"] for error in answer.errors}
    if "objection.read" not in caller.scopes:
        assert codes == {"token_required" if caller.county is None else "forbidden"}
        assert graph.asked == []
        return
    (statement,) = graph.asked
    assert codes == set()
    assert statement.parameters["caller_county"] == caller.county
    assert "a0.raisedBy = $caller_county OR a0.answeredBy = $caller_county" in statement.text
