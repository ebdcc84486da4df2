"""The escalation list: a slow reference over all cases, for any day, page by page; only the own county's clocks."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any, Final

from hub.graph.catalogue import load_catalogue
from hub.graph.driver import BoltDriver, BoltGraph
from hub.graph.projection import Projector
from hub.graphql.execution import Answer, Execution, GraphQLRequest
from hub.ingest.data import read_table
from hub.journal.casesteps import parse_case_step
from ledger.casework import Case, take
from ledger.clocks import Lamp, read_clock
from ledger.workdays import china_day, read_calendar
from schema.access import Principal
from schema.assembly import build_schema
from tests.casefile import CHENGYANG, DAY, FENGNAN, CaseFile, case_number, offered
from tests.casehelp import supervision
from tests.graphs import UNHURRIED
from tests.ports import FakeClock, FakeJournal, request_context
from tests.small_catalogue import small_tables
from tests.statements import NOW, MemoryLog, genesis

SCHEMA: Final = build_schema()
CALENDAR: Final = read_calendar(read_table("calendar"))
TEXT: Final = """query($county: CatalogueCode!, $on: Date) {
  escalation(county: $county, useCause: "督办", on: $on) {
    page { clocks { caseNumber name lamp left supervisedBy } next }
  }
}"""


async def _ask(driver: BoltDriver, county: str, *, now: int, by: str = CHENGYANG, on: str | None = None) -> Answer:
    caller = Principal(county=by, client=f"{by}#3", token_id="t", scopes=frozenset({"case.supervise"}))
    context = request_context(principal=caller, journal=FakeJournal(), clock=FakeClock(now), calendar=CALENDAR)
    request = GraphQLRequest(query=TEXT, variables={"county": county, "on": on})
    return await Execution(SCHEMA, BoltGraph(driver), limits=UNHURRIED).run(request, context)


def _cases(seed: int) -> list[CaseFile]:
    """Cases that Chengyang handles, stopped and running at several places, one closed."""
    rng, files = random.Random(seed), []
    for serial in range(1, 9):
        case = CaseFile(number=case_number(serial))
        at = NOW + rng.randint(0, 3) * DAY
        case.apply(at=at)
        case.add("PRE_REVIEW", FENGNAN, outcome="PASSED", at=at)
        case.add("HAND_OVER_RECEIPT", CHENGYANG, at=at + DAY, limits={"statutory": rng.randint(1, 9), "promised": None})
        if serial > 2:
            case.add("ACCEPTANCE", CHENGYANG, at=at + 2 * DAY, outcome="ACCEPTED", limits=_limits(rng))
        if serial > 4:
            case.add("SPECIAL_PROCEDURE", CHENGYANG, at=at + rng.randint(2, 9) * DAY)
        if serial > 6:
            case.add("SPECIAL_PROCEDURE_END", CHENGYANG, at=at + 11 * DAY)
        files.append(case)
    files[-1].add("CONCLUSION", CHENGYANG, at=NOW + 20 * DAY, outcome="WITHDRAWN")
    return files


def _limits(rng: random.Random) -> dict[str, Any]:
    return {"statutory": 20, "promised": rng.choice([None, 0, 1, 5, 9])}


def _expected(files: list[CaseFile], now: int) -> set[tuple[str, str, str, int]]:
    """Look at every clock of every case."""
    found = set()
    for file in files:
        case: Case | None = None
        for raw in file.raws:
            case = take(case, parse_case_step(raw).step)
        assert case is not None
        for clock in case.clocks:
            read = read_clock(clock, now, CALENDAR)
            if clock.county == CHENGYANG and not clock.ended and read.lamp is not Lamp.BLUE:
                found.add((case.number, clock.code, read.lamp.value, read.left))
    return found


async def test_the_list_is_that_of_a_look_at_every_clock(driver: BoltDriver) -> None:
    """Today or for a day to come; a county that asks for another's list finds nothing."""
    ledger, journal = MemoryLog([genesis(CHENGYANG, FENGNAN)]), MemoryLog()
    files = _cases(1)
    journal.entries += [offered(), *(raw for file in files for raw in file.raws)]
    await load_catalogue(driver, small_tables(), "1")
    await Projector(driver, ledger, journal).catch_up()
    seen: list[int] = []
    for days in (21, 22, 25, 40, 60):
        now = NOW + days * DAY
        on = datetime.fromtimestamp(now, UTC).date().isoformat()
        for answer in (await _ask(driver, CHENGYANG, now=now), await _ask(driver, CHENGYANG, now=NOW, on=on)):
            assert answer.errors == []
            assert answer.data is not None
            page = answer.data["escalation"]["page"]
            clocks = [(each["caseNumber"], each["name"], each["lamp"], each["left"]) for each in page["clocks"]]
            assert (set(clocks), page["next"]) == (_expected(files, now), None)
            assert len(clocks) == len(set(clocks))
        seen.append(len(clocks))
    assert china_day(NOW).isoformat() == "2026-06-01"
    assert 0 < seen[0] <= seen[-1]
    other = await _ask(driver, CHENGYANG, now=NOW, by=FENGNAN)
    assert (other.data, other.errors) == ({"escalation": None}, [])


async def test_a_clock_that_was_urged_on_says_by_whom_and_one_that_ends_leaves_the_list(driver: BoltDriver) -> None:
    ledger, journal = MemoryLog([genesis(CHENGYANG, FENGNAN)]), MemoryLog()
    case = CaseFile()
    case.apply()
    case.add("PRE_REVIEW", FENGNAN, outcome="PASSED")
    case.add("HAND_OVER_RECEIPT", CHENGYANG, limits={"statutory": 1, "promised": None})
    journal.entries += [offered(), *case.raws]
    await load_catalogue(driver, small_tables(), "1")
    seen = []
    later = [
        supervision("ACCEPTANCE", at=NOW + 5 * DAY),
        case.add(
            "ACCEPTANCE", CHENGYANG, at=NOW + 6 * DAY, outcome="ACCEPTED", limits={"statutory": 20, "promised": 5}
        ),
    ]
    for raws in ([], later[:1], later[1:]):
        journal.entries += raws
        await Projector(driver, ledger, journal).catch_up()
        answer = await _ask(driver, CHENGYANG, now=NOW + 7 * DAY)
        assert answer.data is not None
        page = answer.data["escalation"]["page"]
        seen.append([(each["name"], each["lamp"], each["supervisedBy"]) for each in page["clocks"]])
    assert seen == [[("ACCEPTANCE", "RED", None)], [("ACCEPTANCE", "RED", FENGNAN)], []]
