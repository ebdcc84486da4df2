"""The list of matters on both engines: versions, matters and offerings on every day, whatever came first."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

import pytest

from hub.graph.catalogue import load_catalogue
from hub.graph.driver import BoltDriver
from hub.graph.dump import dump_graph
from hub.graph.projection import Projector
from ledger.entries import RULE_TYP
from ledger.governance import rule_payload
from ledger.jws import sign_general
from ledger.matterlist import ListChange, MatterChange
from tests.entropy import signer_of
from tests.graphs import empty
from tests.offerings import MATTER, offering
from tests.small_catalogue import small_tables
from tests.statements import NOW, County, MemoryLog, genesis

CHENGYANG: Final = "370214"
NEW: Final = "000117009000"


def list_change(*changes: MatterChange, begin: Sequence[str] = ()) -> bytes:
    """Make a rule entry, signed by nobody in particular: whoever projects it has seen it admitted."""
    payload = rule_payload(iat=NOW, prev=bytes(32), matters=ListChange(begin=tuple(begin), changes=changes),
                           documents={"matters": bytes(32)} if begin else {})  # fmt: skip
    return sign_general(RULE_TYP, payload, [("370214#1", signer_of("370214#1"))])


def _listing(act: str, code: str, since: str, name: str, mode: str = "全程网办") -> MatterChange:
    return MatterChange(act=act, code=code, since=since, mode=mode, name=name)


def _removal(code: str, since: str) -> MatterChange:
    return MatterChange(act="remove", code=code, since=since)


CHANGES: Final = (
    list_change(_listing("add", NEW, "2026-07-15", "新事项"), begin=[MATTER]),
    list_change(_listing("change", MATTER, "2026-08-01", "资质认定（新）", "多地联办")),
    list_change(_removal(MATTER, "2026-10-01"), _removal(NEW, "2026-09-01")),
    list_change(_listing("add", MATTER, "2026-12-01", "资质认定（再）")),
)


def _logs(changes: Sequence[bytes] = CHANGES) -> tuple[MemoryLog, MemoryLog, County]:
    ledger, journal = MemoryLog([genesis(CHENGYANG), *changes]), MemoryLog()
    return ledger, journal, County(CHENGYANG, ledger, journal)


async def test_every_decision_is_a_version_that_ends_where_the_next_begins(driver: BoltDriver) -> None:
    ledger, journal, _ = _logs()
    await load_catalogue(driver, small_tables(), "v1")
    await Projector(driver, ledger, journal).catch_up()
    rows = await driver.rows(
        "MATCH (m:Matter)-[:HAS_VERSION]->(v:MatterVersion) "
        "RETURN m.code, v.code, v.act, v.since, v.until, v.name, v.mode, v.type, v.logIndex ORDER BY v.code"
    )
    assert rows == [
        [MATTER, f"{MATTER}@00000000", "TABLE", None, "2026-08-01", "资质认定", "全程网办", "01", None],
        [MATTER, f"{MATTER}@20260801", "CHANGE", "2026-08-01", "2026-10-01", "资质认定（新）", "多地联办", "01", 2],
        [MATTER, f"{MATTER}@20261001", "REMOVE", "2026-10-01", "2026-12-01", None, None, "01", 3],
        [MATTER, f"{MATTER}@20261201", "ADD", "2026-12-01", None, "资质认定（再）", "全程网办", "01", 4],
        [NEW, f"{NEW}@20260715", "ADD", "2026-07-15", "2026-09-01", "新事项", "全程网办", "01", 1],
        [NEW, f"{NEW}@20260901", "REMOVE", "2026-09-01", None, None, None, "01", 3],
    ]
    shown = await driver.rows("MATCH (m:Matter) RETURN m.code, m.name, m.mode, m.type, m.listedFrom, m.listedUntil, "
                              "m.source, m.confidence ORDER BY m.code")  # fmt: skip
    assert shown == [
        [MATTER, "资质认定（再）", "全程网办", "01", "2026-12-01", None, "sample", "sample"],
        [NEW, "新事项", "全程网办", "01", "2026-07-15", "2026-09-01", "rule entry 1 of the ledger", "S"],
    ]


@pytest.mark.parametrize("first", ["ledger", "journal"])
async def test_an_offering_ends_when_its_matter_leaves_the_list(driver: BoltDriver, first: str) -> None:
    """Whichever of the two is read first; one for a day off the list never comes into force."""
    ledger, journal, county = _logs()
    for day in ("2026-07-01", "2026-09-15", "2026-11-01", "2026-12-24"):
        county.offer(offering(planEffectiveDate=day))
    for day in ("2026-07-20", "2026-10-10"):
        county.offer(offering(matter=NEW, planEffectiveDate=day))
    await load_catalogue(driver, small_tables(), "v1")
    ledger.open_to = len(ledger.entries) if first == "ledger" else 1
    await Projector(driver, ledger, journal).catch_up()
    ledger.open_to = None
    await Projector(driver, ledger, journal).catch_up()
    rows = await driver.rows(
        "MATCH (m:Matter)<-[:IMPLEMENTS]-(o:Offering) RETURN m.code, o.planEffectiveDate, o.supersededOn ORDER BY o.code"
    )
    assert rows == [
        [MATTER, "2026-07-01", "2026-09-15"],
        [MATTER, "2026-09-15", "2026-10-01"],
        [MATTER, "2026-11-01", "2026-11-01"],
        [MATTER, "2026-12-24", None],
        [NEW, "2026-07-20", "2026-09-01"],
        [NEW, "2026-10-10", "2026-10-10"],
    ]


@pytest.mark.parametrize("seed", range(2))
async def test_the_list_is_the_same_after_a_replay(driver: BoltDriver, seed: int) -> None:
    """Catalogue before, between and after; another version of its table in between; batches of every size."""
    rng = random.Random(seed)
    ledger, journal, county = _logs()
    for number in range(6):
        matter = rng.choice((MATTER, NEW))
        county.offer(offering(matter=matter, planEffectiveDate=f"2026-{rng.randint(6, 12):02d}-{number + 1:02d}"))
    for size in range(len(ledger.entries) + 1):
        ledger.open_to = size
        if size == rng.randint(0, 3):
            await load_catalogue(driver, small_tables() | {"matters": []}, "v0")
        await Projector(driver, ledger, journal, batch=rng.randint(1, 4)).catch_up()
    await load_catalogue(driver, small_tables(), "v1")
    grown = await dump_graph(driver)
    await empty(driver)
    await load_catalogue(driver, small_tables(), "v1")
    await Projector(driver, ledger, journal).catch_up()
    assert await dump_graph(driver) == grown
