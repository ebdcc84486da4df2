"""Offerings on both engines: exact nodes and links, versions that end where the next begins, the same after a replay."""

from __future__ import annotations

import random

import pytest

from hub.graph.catalogue import load_catalogue
from hub.graph.driver import BoltDriver
from hub.graph.dump import dump_graph
from hub.graph.projection import Position, Projector
from tests.graphs import empty
from tests.offerings import MATTER, OTHER_TYPE, material, offering
from tests.small_catalogue import small_tables
from tests.statements import TYPE_CODE, County, MemoryLog, genesis

CHENGYANG = "370214"
FIRST = f"{MATTER}@{CHENGYANG}@20260701"


def _logs() -> tuple[MemoryLog, MemoryLog, County]:
    ledger, journal = MemoryLog([genesis(CHENGYANG)]), MemoryLog()
    return ledger, journal, County(CHENGYANG, ledger, journal)


async def test_an_offering_has_exactly_these_nodes_and_links(driver: BoltDriver) -> None:
    ledger, journal, county = _logs()
    await load_catalogue(driver, small_tables(), "v1")
    plain = await dump_graph(driver)
    county.offer(offering())
    await Projector(driver, ledger, journal).catch_up()
    graph = await dump_graph(driver)
    added = {name: node for name, node in graph.nodes.items() if name.split(":")[0] in {"Offering", "Material"}}
    assert added == {
        f"Offering:{FIRST}": {
            "code": FIRST, "service": f"{MATTER}@{CHENGYANG}", "matterCode": MATTER, "countyCode": CHENGYANG,
            "planEffectiveDate": "2026-07-01", "statutoryDays": 20, "promisedDays": 5, "dayUnit": "working",
            "mode": "异地代收代办", "visits": 1, "onSiteReason": "现场核查", "fee": 0, "flow": ["申请", "受理", "办结"],
            "produces": [TYPE_CODE], "source": "sample", "confidence": "sample",
            "statedAt": "2026-06-01T09:00:00.000Z",
        },
        f"Material:{FIRST}.01": {
            "code": f"{FIRST}.01", "name": "操作证", "kind": "电子", "certificateTypeCodes": [TYPE_CODE],
        },
        f"Material:{FIRST}.02": {"code": f"{FIRST}.02", "name": "申请表", "kind": "表格", "certificateTypeCodes": []},
        f"Material:{FIRST}.03": {
            "code": f"{FIRST}.03", "name": "营业执照", "kind": "电子", "certificateTypeCodes": [OTHER_TYPE],
        },
    }  # fmt: skip
    links = [link for link in graph.relationships if link not in plain.relationships]
    assert links == [
        (f"Material:{FIRST}.01", "SATISFIED_BY", f"LicenseType:{TYPE_CODE}", {}),
        (f"Offering:{FIRST}", "IMPLEMENTS", f"Matter:{MATTER}", {}),
        (f"Offering:{FIRST}", "IN", f"Jurisdiction:{CHENGYANG}", {}),
        (f"Offering:{FIRST}", "PRODUCES", f"LicenseType:{TYPE_CODE}", {}),
        (f"Offering:{FIRST}", "REQUIRES", f"Material:{FIRST}.01", {"need": True, "order": 1}),
        (f"Offering:{FIRST}", "REQUIRES", f"Material:{FIRST}.02", {"need": False, "order": 2}),
        (f"Offering:{FIRST}", "REQUIRES", f"Material:{FIRST}.03", {"need": True, "order": 3, "toleranceDays": 5}),
    ]


async def _ends(driver: BoltDriver) -> list[list[str | None]]:
    return await driver.rows("MATCH (o:Offering) RETURN o.planEffectiveDate, o.supersededOn ORDER BY o.code")


@pytest.mark.parametrize("batch", [1, 10])
async def test_a_version_ends_where_the_next_one_begins(driver: BoltDriver, batch: int) -> None:
    """Whichever was stated first; and another county's versions end nothing here."""
    ledger, journal, county = _logs()
    for day in ("2026-09-01", "2026-07-01", "2026-12-01", "2026-08-01"):
        county.offer(offering(planEffectiveDate=day))
    County("130207", ledger, journal).offer(offering(planEffectiveDate="2026-07-15"))
    await Projector(driver, ledger, journal, batch=batch).catch_up()
    assert await _ends(driver) == [
        ["2026-07-15", None],
        ["2026-07-01", "2026-08-01"],
        ["2026-08-01", "2026-09-01"],
        ["2026-09-01", "2026-12-01"],
        ["2026-12-01", None],
    ]


@pytest.mark.parametrize("seed", range(2))
async def test_offerings_among_licenses_give_the_same_graph_after_a_replay(driver: BoltDriver, seed: int) -> None:
    """Read as it grew, in batches of every size, while licenses waited for their seals; and anew from empty."""
    rng = random.Random(seed)
    ledger, journal, county = _logs()
    counties = [county, County("130207", ledger, journal)]
    for serial in range(12):
        one = rng.choice(counties)
        one.state(one.seal(serial), serial)
        day = f"2026-{rng.randint(6, 12):02d}-{serial + 1:02d}"
        one.offer(offering(planEffectiveDate=day, materials=[material(name=f"材料{serial}")]))
    await load_catalogue(driver, small_tables(), "v1")
    ledger.open_to = 0
    while ledger.open_to < len(ledger.entries):
        ledger.open_to = min(ledger.open_to + rng.randint(1, 5), len(ledger.entries))
        await Projector(driver, ledger, journal, batch=rng.randint(1, 6)).catch_up()
    whole = Position(ledger=len(ledger.entries), journal=len(journal.entries))
    assert await Projector(driver, ledger, journal).catch_up() == whole
    grown = await dump_graph(driver)
    await empty(driver)
    await load_catalogue(driver, small_tables(), "v1")
    await Projector(driver, ledger, journal).catch_up()
    assert await dump_graph(driver) == grown
    assert sum(name.startswith("Offering:") for name in grown.nodes) == 12
