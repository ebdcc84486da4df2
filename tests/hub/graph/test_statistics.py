"""Statistics in the graph, on both engines: the numbers of the slow reference, whatever the batches, and from a replay."""

from __future__ import annotations

import random
from typing import Any, Final

import pytest

from hub.graph.catalogue import load_catalogue
from hub.graph.counts import COUNTERS, Tally, calendar_digest
from hub.graph.driver import BoltDriver, Step, Unit
from hub.graph.dump import dump_graph
from hub.graph.projection import Projector
from hub.graph.statistics import count_clocks
from hub.ingest.data import read_table
from ledger.errors import Conflict
from ledger.workdays import WorkingCalendar, china_day, read_calendar
from schema.context import Access
from tests.case_walks import random_access, random_case, random_objection
from tests.casefile import CHENGYANG, DAY, FENGNAN, KUANCHENG, CaseFile, case_number
from tests.graphs import empty
from tests.slow_statistics import slow_counts
from tests.small_catalogue import small_tables
from tests.statements import NOW, County, MemoryLog, genesis

CALENDAR: Final = read_calendar(read_table("calendar"))
IDLE: Final = read_calendar([{"date": f"2026-06-{day:02d}", "kind": "off"} for day in range(1, 31)])


def _logs() -> tuple[MemoryLog, MemoryLog, list[str]]:
    """Make a journal that states two licenses."""
    ledger, journal = MemoryLog(), MemoryLog()
    ledger.entries.append(genesis(CHENGYANG, FENGNAN))
    county = County(CHENGYANG, ledger, journal)
    for serial in (1, 2):
        county.state(county.seal(serial), serial)
    return ledger, journal, [county.identifier(serial) for serial in (1, 2)]


def _walks(rng: random.Random, journal: MemoryLog, licenses: list[str], *, cases: int, accesses: int) -> None:
    """Append the steps of random cases, mixed, and access records between them."""
    files = [random_case(rng, serial, licenses) for serial in range(1, cases + 1)]
    waiting = [list(file.raws) for file in files]
    waiting += [[random_access(rng, licenses, [files[0].number])] for _ in range(accesses)]
    waiting += [random_objection(rng, f"objection {n}", licenses) for n in range(accesses // 2)]
    while waiting := [each for each in waiting if each]:
        journal.entries.append(rng.choice(waiting).pop(0))


async def _counts(driver: BoltDriver) -> dict[str, dict[str, int]]:
    """Give what the graph has counted, without zeros."""
    nodes = (await dump_graph(driver)).nodes
    found = {name.partition(":")[2]: node for name, node in nodes.items() if name.startswith("PeriodCount:")}
    for code, node in found.items():
        assert code == f"{node['county']}@{node['period']}"
        assert node.keys() == {"code", "county", "by", "period", *COUNTERS}
        assert node["by"] == {10: "DAY", 7: "MONTH", 4: "YEAR"}[len(node["period"])]
    return {code: {name: node[name] for name in COUNTERS if node[name]} for code, node in found.items()}


@pytest.mark.parametrize("seed", range(2))
async def test_the_graph_counts_as_the_slow_reference_and_a_replay_as_the_graph(
    driver: BoltDriver, seed: int
) -> None:  # fmt: skip
    rng = random.Random(seed)
    ledger, journal, licenses = _logs()
    _walks(rng, journal, licenses, cases=8, accesses=8)
    await load_catalogue(driver, small_tables(), "1")
    while (
        await Projector(driver, ledger, journal, batch=rng.randint(1, 20), calendar=CALENDAR).catch_up()
    ).journal < len(journal.entries):
        pass
    assert await _counts(driver) == slow_counts(journal.entries, CALENDAR)
    grown = await dump_graph(driver)
    await empty(driver)
    await load_catalogue(driver, small_tables(), "1")
    await Projector(driver, ledger, journal, calendar=CALENDAR).catch_up()
    assert await dump_graph(driver) == grown


async def test_another_calendar_counts_the_clocks_anew(driver: BoltDriver) -> None:
    """Projected by weekends alone, then by a calendar without work in June: the numbers are those of the newer one."""
    ledger, journal, licenses = _logs()
    _walks(random.Random(7), journal, licenses, cases=10, accesses=0)
    await load_catalogue(driver, small_tables(), "1")
    await Projector(driver, ledger, journal).catch_up()
    assert await _counts(driver) == slow_counts(journal.entries, WorkingCalendar())
    await Projector(driver, ledger, journal, calendar=IDLE).catch_up()
    assert slow_counts(journal.entries, IDLE) != slow_counts(journal.entries, WorkingCalendar())
    assert await _counts(driver) == slow_counts(journal.entries, IDLE)
    assert await driver.rows("MATCH (c:Cursor {id: 'statistics'}) RETURN c.calendar") == [[calendar_digest(IDLE)]]


async def test_clocks_are_not_counted_over_a_cursor_that_has_moved(driver: BoltDriver) -> None:
    """Another projector may have counted more meanwhile: then nothing is written."""
    ledger, journal, licenses = _logs()
    _walks(random.Random(3), journal, licenses, cases=3, accesses=0)
    await Projector(driver, ledger, journal).catch_up()
    before = await dump_graph(driver)
    assert not await count_clocks(driver, CALENDAR, len(journal.entries) - 1)
    assert await dump_graph(driver) == before
    assert await count_clocks(driver, CALENDAR, len(journal.entries))
    assert await _counts(driver) == slow_counts(journal.entries, CALENDAR)


async def test_a_graph_that_was_made_without_counts_is_refused(driver: BoltDriver) -> None:
    ledger, journal, _ = _logs()
    await Projector(driver, ledger, journal).catch_up()
    await driver.write(Unit(steps=[Step(text="MATCH (c:Cursor {id: 'statistics'}) DELETE c", parameters={})]))
    with pytest.raises(Conflict, match=r"^log_changed: the graph was made without counts of the journal"):
        await Projector(driver, ledger, journal).catch_up()


def test_a_case_of_two_counties_counts_for_each_what_it_did() -> None:
    """Taken in by Fengnan on a Monday, its form passed in time; accepted late by Chengyang."""
    file = CaseFile(number=case_number(1))
    file.apply()
    file.add("PRE_REVIEW", FENGNAN, at=NOW + DAY, outcome="PASSED")
    file.add("HAND_OVER_RECEIPT", CHENGYANG, at=NOW + DAY, limits={"statutory": 1, "promised": None})
    late = {"statutory": 20, "promised": 5}
    file.add("ACCEPTANCE", CHENGYANG, at=NOW + 7 * DAY, outcome="ACCEPTED", limits=late)
    file.add("CONCLUSION", CHENGYANG, at=NOW + 8 * DAY, outcome="NOT_GRANTED")
    file.add("EVALUATION", FENGNAN, at=NOW + 9 * DAY, rating=4)
    found = slow_counts(file.raws, CALENDAR)
    assert {code: counts for code, counts in found.items() if code.endswith("@2026-06")} == {
        f"{FENGNAN}@2026-06": {
            "takenIn": 1, "proxyIntake": 1, "takenInForOthers": 1, "intakeEnded": 1, "intakeOnTime": 1, "daysSaved": 1,
            "dissatisfied": 1,
        },
        f"{CHENGYANG}@2026-06": {
            "takenInByOthers": 1, "handledForOthers": 1, "handlingEnded": 2, "handlingOnTime": 1, "daysSaved": 4,
            "dissatisfied": 1,
        },
        f"{KUANCHENG}@2026-06": {"dissatisfied": 1},
    }  # fmt: skip
    assert found[f"{CHENGYANG}@2026-06-08"] == {"handlingEnded": 1}


def _read(county: str, *names: str) -> Access:
    return Access(
        county=county, client="c", token_id="t", use_cause="x", root_field="license", holder=None, licenses=names,
        fields=(), time=NOW,
    )  # fmt: skip


def test_an_access_counts_licenses_of_other_counties_only() -> None:
    """Neither the reader's own licenses, nor numbers of cases, nor reads by nobody's county are verifications."""
    _, _, licenses = _logs()
    tally = Tally(CALENDAR)
    for access in (_read(FENGNAN, *licenses), _read(CHENGYANG, *licenses), _read("", *licenses)):
        tally.access(access)
    tally.access(_read(FENGNAN, case_number(1), "1.2.156.nonsense"))
    rows: list[dict[str, Any]] = tally.rows()
    month = f"{china_day(NOW):%Y-%m}"
    assert [row["code"] for row in rows if row["by"] == "MONTH"] == [f"{FENGNAN}@{month}", f"{CHENGYANG}@{month}"]
    assert [(row["verifiedOfOthers"], row["verifiedByOthers"]) for row in rows if row["by"] == "MONTH"] == [
        (2, 0),
        (0, 2),
    ]
