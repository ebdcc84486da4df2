"""The catalogue: rows from tables, loaded on both engines, again, changed, and before or after the licenses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pytest

from hub.graph.catalogue import load_catalogue
from hub.graph.driver import BoltDriver
from hub.graph.dump import dump_graph
from hub.graph.listing import listed
from hub.graph.projection import Projector
from hub.ingest.data import TABLES, catalogue_digest, read_table
from ledger.errors import Malformed
from tests.graphs import empty
from tests.offerings import OTHER_TYPE, offering
from tests.small_catalogue import small_tables
from tests.statements import ISSUER, TYPE_CODE, County, MemoryLog, genesis

_ORIGIN: Final = {"source": "sample", "confidence": "sample", "release": "v1"}


async def test_every_row_and_link_is_loaded_exactly(driver: BoltDriver) -> None:
    assert await load_catalogue(driver, small_tables(), "v1")
    graph = await dump_graph(driver)
    place = {"member": False, **_ORIGIN}
    assert graph.nodes == {
        f"Authority:{ISSUER}": {"code": ISSUER, "name": "城阳区行政审批服务局", **_ORIGIN},
        "Cursor:catalogue": {"digest": "v1", "id": "catalogue"},
        "Jurisdiction:120000": {"code": "120000", "name": "天津市", "level": "PROVINCE", **place},
        "Jurisdiction:120223": {
            "code": "120223", "name": "静海县", "level": "COUNTY", "validTo": "2014-12-31", **place,
        },
        "Jurisdiction:370000": {"code": "370000", "name": "山东省", "level": "PROVINCE", **place},
        "Jurisdiction:370200": {"code": "370200", "name": "青岛市", "level": "CITY", **place},
        "Jurisdiction:370214": {
            "code": "370214", "name": "城阳区", "level": "COUNTY", "validFrom": "1994-04-23", **place,
        },
        f"LicenseType:{TYPE_CODE}": {
            "code": TYPE_CODE, "name": "建筑施工特种作业人员操作资格证书", "definerCode": "11100000000013338W",
            "definerName": "住建部", "holderCategory": "自然人", "validityYears": 6, "provisional": False, **_ORIGIN,
        },
        "Matter:000117001000": {
            "code": "000117001000", "name": "资质认定", "number": 1, "mode": "全程网办", "type": "01",
            "statutoryDays": 20, "dayUnit": "working", **_ORIGIN,
        },
        "MatterVersion:000117001000@00000000": {
            "code": "000117001000@00000000", "matterCode": "000117001000", "name": "资质认定", "mode": "全程网办",
            "type": "01", "act": "TABLE", "listed": True, "release": "v1",
        },
    }  # fmt: skip
    assert graph.relationships == [
        (f"Authority:{ISSUER}", "OF", "Jurisdiction:370214", {}),
        ("Jurisdiction:120223", "WITHIN", "Jurisdiction:120000", {}),
        ("Jurisdiction:370200", "WITHIN", "Jurisdiction:370000", {}),
        ("Jurisdiction:370214", "WITHIN", "Jurisdiction:370200", {}),
        ("Matter:000117001000", "HAS_VERSION", "MatterVersion:000117001000@00000000", {}),
    ]


async def test_the_same_version_is_loaded_once(driver: BoltDriver) -> None:
    assert [await load_catalogue(driver, small_tables(), "v1") for _ in range(2)] == [True, False]


async def test_a_new_version_leaves_nothing_of_the_old_one(driver: BoltDriver) -> None:
    """Renamed, removed and moved rows: the graph is the one that the new version alone would give."""
    newer = small_tables()
    newer["matters"][0] |= {"name": "资质认定（新）", "statutory_days": ""}
    await load_catalogue(driver, small_tables(), "v1")
    await load_catalogue(driver, newer, "v2")
    changed = await dump_graph(driver)
    await empty(driver)
    await load_catalogue(driver, newer, "v2")
    assert await dump_graph(driver) == changed


async def test_licenses_are_linked_whichever_comes_first(driver: BoltDriver) -> None:
    """Membership, type and authority of a license do not depend on when the catalogue came."""
    ledger, journal = MemoryLog([genesis("370214")]), MemoryLog()
    county = County("370214", ledger, journal)
    for serial in range(3):
        county.state(county.seal(serial), serial)
    await load_catalogue(driver, small_tables(), "v1")
    await Projector(driver, ledger, journal).catch_up()
    before = await dump_graph(driver)
    await empty(driver)
    await Projector(driver, ledger, journal).catch_up()
    await load_catalogue(driver, small_tables(), "v1")
    assert await dump_graph(driver) == before
    assert before.nodes["Jurisdiction:370214"]["member"] is True
    assert [kind for start, kind, _, _ in before.relationships if start == "License:1"] == [
        "HELD_BY",
        "ISSUED_BY",
        "OF_TYPE",
    ]


async def test_offerings_are_linked_whichever_comes_first(driver: BoltDriver) -> None:
    """Also to a matter that a version of the catalogue lacked, and the next one has again."""
    ledger, journal = MemoryLog([genesis("370214")]), MemoryLog()
    county = County("370214", ledger, journal)
    county.offer(offering())
    county.offer(offering(planEffectiveDate="2026-09-01", produces=[TYPE_CODE, OTHER_TYPE]))
    await load_catalogue(driver, small_tables(), "v1")
    await Projector(driver, ledger, journal).catch_up()
    before = await dump_graph(driver)
    for tables, digest in ((small_tables() | {"matters": []}, "v0"), (small_tables(), "v1")):
        await load_catalogue(driver, tables, digest)
    assert await dump_graph(driver) == before
    await empty(driver)
    await Projector(driver, ledger, journal).catch_up()
    await load_catalogue(driver, small_tables(), "v1")
    assert await dump_graph(driver) == before
    assert {kind for _, kind, _, _ in before.relationships} == {
        "HAS_VERSION", "IMPLEMENTS", "IN", "OF", "PRODUCES", "REQUIRES", "SATISFIED_BY", "WITHIN",
    }  # fmt: skip


async def test_the_project_s_own_tables_load(driver: BoltDriver) -> None:
    tables = {name: read_table(name) for name in TABLES}
    await load_catalogue(driver, tables, catalogue_digest())
    for label, name in (("Matter", "matters"), ("LicenseType", "license_types")):
        found = await driver.rows("MATCH (n:$($label)) RETURN count(n)", {"label": label})
        assert found == [[len(tables[name])]]


def _changed(name: str, **cells: str) -> Mapping[str, Sequence[dict[str, str]]]:
    tables = small_tables()
    tables[name][0] |= cells
    return tables


@pytest.mark.parametrize(
    ("name", "cells", "reason"),
    [
        ("matters", {"code": ""}, "matters: a row lacks its code"),
        ("license_types", {"code": ""}, "license_types: a row lacks its code"),
        ("license_types", {"validity_years": "six"}, "expected a number, got 'six'"),
        ("license_types", {"provisional": "yes"}, "expected true or false, got 'yes'"),
        ("roster", {"code": "370215"}, "jurisdictions: 370215 is named but not listed"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(name: str, cells: dict[str, str], reason: str) -> None:
    with pytest.raises(Malformed) as caught:
        listed(_changed(name, **cells), "v1")
    assert (caught.value.code, caught.value.message) == ("bad_row", reason)


def test_a_code_that_occurs_twice_is_refused() -> None:
    tables: dict[str, Any] = small_tables()
    tables["license_types"] *= 2
    with pytest.raises(Malformed, match=r"^bad_row: license_types: a code occurs twice$"):
        listed(tables, "v1")
