"""The projection on both engines: exact graphs, exactly once, the same whatever the order, foreign graphs refused."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

import pytest

from hub.graph.counts import calendar_digest
from hub.graph.cursors import claim
from hub.graph.driver import BoltDriver, Unit
from hub.graph.dump import GraphDump, dump_graph
from hub.graph.projection import Position, Projector
from ledger.encoding import b64u_encode
from ledger.errors import Conflict, NotVerified, Unavailable
from ledger.status import Status
from ledger.transparency.merkle import leaf_hash
from ledger.workdays import WorkingCalendar
from tests.casefile import offered, whole_case
from tests.graphs import PATIENT, empty
from tests.offerings import offering
from tests.statements import ISSUER, NOW, TYPE_CODE, County, MemoryLog, genesis

CHENGYANG = "370214"
FENGNAN = "130207"


def _logs() -> tuple[MemoryLog, MemoryLog, County]:
    ledger, journal = MemoryLog(), MemoryLog()
    ledger.entries.append(genesis(CHENGYANG, FENGNAN))
    return ledger, journal, County(CHENGYANG, ledger, journal)


async def _replayed(driver: BoltDriver, ledger: MemoryLog, journal: MemoryLog) -> GraphDump:
    """Project both logs anew into an empty graph."""
    await empty(driver)
    await Projector(driver, ledger, journal).catch_up()
    return await dump_graph(driver)


async def test_a_license_has_exactly_these_properties_and_relationships(driver: BoltDriver) -> None:
    ledger, journal, county = _logs()
    index = county.seal(1)
    county.state(index, 1, holders=["a", "b"])
    change = county.change(index, Status.SUSPENDED, "02")

    position = await Projector(driver, ledger, journal).catch_up()

    assert position == Position(ledger=3, journal=1)
    graph = await dump_graph(driver)
    assert graph.nodes == {
        "Cursor:journal": {"at": 1, "id": "journal", "leaf": b64u_encode(leaf_hash(journal.entries[0]))},
        "Cursor:ledger": {
            "at": 3,
            "id": "ledger",
            "leaf": b64u_encode(leaf_hash(ledger.entries[2])),
            "governors": [f"{FENGNAN}#1", f"{CHENGYANG}#1"],
        },
        "Cursor:statistics": {"calendar": calendar_digest(WorkingCalendar()), "id": "statistics"},
        "License:1": {
            "certificateExpiringDate": "2031-04-30",
            "certificateIdentifier": county.identifier(1),
            "certificateIssuedDate": "2026-05-01",
            "certificateIssuingAuthorityCode": ISSUER,
            "certificateTypeCode": TYPE_CODE,
            "leafHash": b64u_encode(leaf_hash(ledger.entries[1])),
            "logIndex": index,
            "sealedAt": "2026-06-01T09:00:00.000Z",
            "sealedBy": CHENGYANG,
            "status": "SUSPENDED",
            "statusIndex": change,
            "statusReason": "02",
        },
        **{f"Holder:{county.holder(code)}": {"key": county.holder(code)} for code in "ab"},
    }
    assert graph.relationships == sorted(("License:1", "HELD_BY", f"Holder:{county.holder(code)}", {}) for code in "ab")


async def test_a_seal_without_its_record_is_not_in_the_graph(driver: BoltDriver) -> None:
    ledger, journal, county = _logs()
    county.seal(1)
    await Projector(driver, ledger, journal).catch_up()
    assert [node for node in (await dump_graph(driver)).nodes if node.startswith("License")] == []


async def test_a_change_that_comes_before_the_record_waits_for_it(driver: BoltDriver) -> None:
    ledger, journal, county = _logs()
    index = county.seal(1)
    change = county.change(index, Status.REVOKED, "04")
    await Projector(driver, ledger, journal).catch_up()
    bare = {"logIndex": index, "status": "REVOKED", "statusIndex": change, "statusReason": "04"}
    assert (await dump_graph(driver)).nodes["License:1"] == bare
    county.state(index, 1)
    await Projector(driver, ledger, journal).catch_up()
    whole = (await dump_graph(driver)).nodes["License:1"]
    assert whole["certificateIdentifier"] == county.identifier(1)
    assert whole | bare == whole


async def test_projecting_again_changes_nothing(driver: BoltDriver) -> None:
    ledger, journal, county = _logs()
    for serial in range(5):
        county.state(county.seal(serial), serial)
    projector = Projector(driver, ledger, journal, batch=2)
    await projector.catch_up()
    once = await dump_graph(driver)
    await projector.catch_up()
    await Projector(driver, ledger, journal).catch_up()
    assert await dump_graph(driver) == once


async def test_a_record_waits_until_its_seal_is_published(driver: BoltDriver) -> None:
    ledger, journal, county = _logs()
    for serial in (1, 2):
        county.state(county.seal(serial), serial)
    ledger.open_to = 2
    projector = Projector(driver, ledger, journal)
    assert await projector.catch_up() == Position(ledger=2, journal=1)
    ledger.open_to = None
    assert await projector.catch_up() == Position(ledger=3, journal=2)


@pytest.mark.parametrize("seed", range(3))
async def test_the_graph_does_not_depend_on_how_the_logs_were_read(driver: BoltDriver, seed: int) -> None:
    """Batches of every size, records before and after status entries, replacements in both orders: one graph."""
    rng = random.Random(seed)
    ledger, journal, _ = _logs()
    counties = [County(code, ledger, journal) for code in (CHENGYANG, FENGNAN)]
    _history(rng, counties)
    _case_among(rng, journal)
    ledger.open_to = 0
    while ledger.open_to < len(ledger.entries):
        ledger.open_to = min(ledger.open_to + rng.randint(1, 9), len(ledger.entries))
        await Projector(driver, ledger, journal, batch=rng.randint(1, 7)).catch_up()
    ledger.open_to = None
    assert await Projector(driver, ledger, journal).catch_up() == Position(
        ledger=len(ledger.entries), journal=len(journal.entries)
    )
    grown = await dump_graph(driver)
    assert grown == await _replayed(driver, ledger, journal)
    kinds = {kind for _, kind, _, _ in grown.relationships}
    assert kinds == {"APPLIED_BY", "FOR", "HAS_STEP", "HELD_BY", "NEXT", "REPLACES", "REQUIRES", "TIMED_BY"}


def _history(rng: random.Random, counties: Sequence[County]) -> None:
    """Seal 30 licenses, state them in another order, offerings among them; change some, let some replace others."""
    sealed = [(rng.choice(counties), serial) for serial in range(30)]
    indexes = [(county, serial, county.seal(serial)) for county, serial in sealed]
    for county, _, index in rng.sample(indexes, 12):
        county.change(index, Status.SUSPENDED, "02")
        if rng.random() < 0.5:
            county.change(index, Status.VALID, "01")
    for place, (county, serial, index) in enumerate(rng.sample(indexes, len(indexes))):
        other, number = rng.choice(sealed)
        replaces = other.identifier(number) if place % 3 == 0 and number != serial else None
        county.state(index, serial, holders=[str(rng.randint(1, 5))], replaces=replaces)
        if place % 5 == 0:
            county.offer(offering(planEffectiveDate=f"2026-07-{serial + 1:02d}"))


def _case_among(rng: random.Random, journal: MemoryLog) -> None:
    """Let a case go its whole way between the other records, its steps in their order."""
    steps = [offered(), *whole_case().raws]
    places = sorted(rng.choices(range(len(journal.entries) + 1), k=len(steps)))
    for done, (place, raw) in enumerate(zip(places, steps, strict=True)):
        journal.entries.insert(place + done, raw)


async def test_the_first_statement_of_an_identifier_or_a_seal_stands(driver: BoltDriver) -> None:
    ledger, journal, county = _logs()
    first, second = county.seal(1), county.seal(2)
    county.state(first, 1, holders=["first"])
    county.state(second, 1, holders=["taken identifier"])
    county.state(first, 3, holders=["taken seal"])
    for batch in (1, 100):
        await empty(driver)
        position = await Projector(driver, ledger, journal, batch=batch).catch_up()
        assert position == Position(ledger=3, journal=3)
        graph = await dump_graph(driver)
        assert graph.relationships == [("License:1", "HELD_BY", f"Holder:{county.holder('first')}", {})]
        assert "License:2" not in graph.nodes


async def test_two_projectors_by_mistake_write_everything_once(driver: BoltDriver) -> None:
    ledger, journal, county = _logs()
    for serial in range(60):
        county.state(county.seal(serial), serial, holders=[str(serial % 7)])
    journal.entries[20:20] = whole_case().raws
    async with BoltDriver(driver.engine, deadlines=PATIENT) as other:
        racers = [Projector(used, ledger, journal, batch=4) for used in (driver, other)]
        await asyncio.gather(*(racer.catch_up() for racer in racers))
    raced = await dump_graph(driver)
    assert raced == await _replayed(driver, ledger, journal)


async def test_one_of_eight_moves_a_cursor(driver: BoltDriver) -> None:
    """Two winners would both write their rows; Neo4j lets them unless the cursor is locked before it is read."""
    ledger, journal, _ = _logs()
    await Projector(driver, ledger, journal).start()
    for at in range(5):
        units = [Unit(guard=claim("ledger", at, [b"entry"]), steps=[]) for _ in range(8)]
        assert sum(await asyncio.gather(*map(driver.write, units))) == 1


@pytest.mark.parametrize("name", ["ledger", "journal"])
async def test_a_graph_ahead_of_a_log_is_refused(driver: BoltDriver, name: str) -> None:
    ledger, journal, county = _logs()
    county.state(county.seal(1), 1)
    await Projector(driver, ledger, journal).catch_up()
    before = await dump_graph(driver)
    {"ledger": ledger, "journal": journal}[name].entries.pop()
    with pytest.raises(Conflict, match=rf"^log_changed: the graph is ahead of the {name}"):
        await Projector(driver, ledger, journal).start()
    assert await dump_graph(driver) == before


async def test_a_graph_waits_for_what_is_published_no_more(driver: BoltDriver) -> None:
    """A policy that asks for another cosigner has nothing published until that one has signed."""
    ledger, journal, county = _logs()
    county.seal(1)
    await Projector(driver, ledger, journal).catch_up()
    ledger.open_to = 0
    projector = Projector(driver, ledger, journal)
    with pytest.raises(Unavailable, match=r"^graph_unavailable: less of the ledger is published than the graph holds"):
        await projector.catch_up()
    ledger.open_to = None
    assert await projector.catch_up() == Position(ledger=2, journal=0)


@pytest.mark.parametrize("name", ["ledger", "journal"])
async def test_a_graph_of_another_log_is_refused(driver: BoltDriver, name: str) -> None:
    ledger, journal, county = _logs()
    county.state(county.seal(1), 1)
    await Projector(driver, ledger, journal).catch_up()
    other_ledger, other_journal, other = _logs()
    other.state(other.seal(1, at=NOW + (name == "ledger")), 1, holders=["another"])
    with pytest.raises(Conflict, match=rf"^log_changed: the graph was made from another {name}"):
        await Projector(driver, other_ledger, other_journal).catch_up()


async def test_an_entry_that_does_not_read_stops_the_projection(driver: BoltDriver) -> None:
    ledger, journal, _ = _logs()
    ledger.entries.append(b"no entry")
    with pytest.raises(NotVerified, match=r"^corrupt_store: ") as caught:
        await Projector(driver, ledger, journal).catch_up()
    assert caught.value.index == 1
    assert [node for node in (await dump_graph(driver)).nodes if node.startswith("License")] == []


class ShortOfTime(BoltDriver):
    """A driver whose engine needs longer than it may for more than 30 rows."""

    async def write(self, unit: Unit) -> bool:
        if any(len(step.parameters.get("rows", ())) > 30 for step in unit.steps):
            raise Unavailable("deadline", "the graph did not answer in time")
        return await super().write(unit)


async def test_batches_shrink_until_the_engine_can_keep_up(driver: BoltDriver) -> None:
    ledger, journal, county = _logs()
    for serial in range(100):
        county.state(county.seal(serial), serial)
    async with ShortOfTime(driver.engine, deadlines=PATIENT) as slow:
        projector = Projector(slow, ledger, journal, batch=100)
        task = asyncio.create_task(projector.run())
        await projector.wait_for(101, 100)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert await driver.rows("MATCH (l:License) RETURN count(l)") == [[100]]


async def test_a_writer_can_wait_for_what_it_wrote(driver: BoltDriver) -> None:
    ledger, journal, county = _logs()
    projector = Projector(driver, ledger, journal)
    task = asyncio.create_task(projector.run())
    await projector.wait_for(1, 0)
    county.state(county.seal(1), 1)
    await asyncio.to_thread(projector.wake)
    await projector.wait_for(2, 1)
    assert projector.position == Position(ledger=2, journal=1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
