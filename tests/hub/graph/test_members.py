"""Member entries in the graph: who joins and leaves, and seals that fall with a compromised key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from hub.graph.catalogue import load_catalogue
from hub.graph.driver import BoltDriver
from hub.graph.dump import dump_graph
from hub.graph.facts import ledger_facts
from hub.graph.projection import Projector
from ledger.governance import KeyAddition, KeyRevocation, MemberRow
from ledger.status import Status
from tests.entropy import signer_of
from tests.graphs import empty
from tests.small_catalogue import small_tables
from tests.statements import NOW, County, MemoryLog, genesis, member_change

_COUNTY = "370214"
_OTHER = "130207"


def _void(kid: str, void_from: int) -> bytes:
    return member_change(MemberRow(county=kid[:6], revoke=(KeyRevocation(kid=kid, void_from=void_from),)))


def _compromised() -> tuple[MemoryLog, MemoryLog]:
    """Give logs in which the key of the seals at 1..4 is void from 2 on, 6 is sealed later by another county's.

    Seal 3 was revoked before, 4 suspended; 7 and 8 come after the void.
    """
    ledger, journal = MemoryLog([genesis(_COUNTY, _OTHER)]), MemoryLog()
    county, other = County(_COUNTY, ledger, journal), County(_OTHER, ledger, journal)
    for serial in (1, 2, 3, 4):
        county.state(county.seal(serial), serial)  # indexes 1..4
    county.change(3, Status.REVOKED, "04")  # 5
    other.state(other.seal(1), 1)  # 6
    county.change(4, Status.SUSPENDED, "02")  # 7
    ledger.entries.append(_void(f"{_COUNTY}#2", 2))  # 8
    other.state(other.seal(2), 2)  # 9
    return ledger, journal


async def _statuses(driver: BoltDriver) -> list[list[Any]]:
    return await driver.rows(
        "MATCH (l:License) RETURN l.logIndex, l.status, l.statusReason, l.statusIndex ORDER BY l.logIndex"
    )


@pytest.mark.parametrize("batch", [1, 2, 3, 100])
async def test_seals_of_a_compromised_key_are_revoked_from_its_index_on(driver: BoltDriver, batch: int) -> None:
    """One that was revoked before keeps its reason, a suspended one falls, too; the batches make no difference."""
    ledger, journal = _compromised()
    await Projector(driver, ledger, journal, batch=batch).catch_up()
    assert await _statuses(driver) == [
        [1, "VALID", None, None],
        [2, "REVOKED", "99", 8],
        [3, "REVOKED", "04", 5],
        [4, "REVOKED", "99", 8],
        [6, "VALID", None, None],
        [9, "VALID", None, None],
    ]


async def test_a_void_that_was_written_before_the_cursor_moved_is_written_again_to_no_effect(
    driver: BoltDriver,
) -> None:
    ledger, journal = _compromised()
    ledger.open_to = 8
    projector = Projector(driver, ledger, journal)
    await projector.catch_up()
    ledger.open_to = None
    facts = ledger_facts(8, ledger.entries[8:])
    await projector._void(8, facts)  # and then the hub is killed
    await Projector(driver, ledger, journal).catch_up()
    grown = await dump_graph(driver)
    await empty(driver)
    await Projector(driver, ledger, journal).catch_up()
    assert await dump_graph(driver) == grown


@dataclass(slots=True)
class LosingLog(MemoryLog):
    """A log that empties the graph, once, while the seals are read that fall."""

    graph: BoltDriver | None = None

    async def read(self, start: int, limit: int) -> Sequence[bytes]:
        if start == 2 and self.graph is not None:
            await empty(self.graph)
            self.graph = None
        return await MemoryLog.read(self, start, limit)


async def test_a_graph_that_is_emptied_while_a_key_falls_is_filled_from_the_beginning(driver: BoltDriver) -> None:
    """What was revoked before the key fell keeps its reason."""
    whole, journal = _compromised()
    ledger = LosingLog(whole.entries, open_to=8)
    projector = Projector(driver, ledger, journal)
    await projector.catch_up()
    ledger.open_to, ledger.graph = None, driver
    await projector.catch_up()
    grown = await dump_graph(driver)
    assert ledger.graph is None
    await empty(driver)
    await Projector(driver, whole, journal).catch_up()
    assert await dump_graph(driver) == grown


def test_rows_end_before_an_entry_by_which_seals_fall() -> None:
    ledger, _ = _compromised()
    before, after = ledger_facts(0, ledger.entries), ledger_facts(8, ledger.entries[8:])
    assert (before.count, before.voids, before.ended) == (8, {}, [])
    assert (after.count, after.voids, after.ended) == (2, {f"{_COUNTY}#2": 2}, [f"{_COUNTY}#2"])


async def _members(driver: BoltDriver) -> list[list[Any]]:
    return await driver.rows("MATCH (j:Jurisdiction) WHERE j.member RETURN j.code ORDER BY j.code")


@pytest.mark.parametrize("batch", [1, 100])
@pytest.mark.parametrize("listed_first", [True, False])
async def test_a_county_is_a_member_while_it_has_a_govern_key(
    driver: BoltDriver, batch: int, *, listed_first: bool
) -> None:
    """It changes its key, and leaves with the last one; another kind of key makes no member."""
    first, second = f"{_COUNTY}#1", f"{_COUNTY}#5"
    added = KeyAddition(kid=second, public_key=signer_of(second).public_key, uses=("govern",), valid_from=NOW)
    ledger = MemoryLog([genesis(_COUNTY, _OTHER)])
    ledger.entries.append(member_change(MemberRow(county=_COUNTY, keys=(added,))))
    ledger.entries.append(member_change(MemberRow(county=_COUNTY, revoke=(KeyRevocation(kid=first),))))
    ledger.entries.append(member_change(MemberRow(county=_COUNTY, revoke=(KeyRevocation(kid=second),))))
    found = []
    for size in (1, 2, 3, 4):
        ledger.open_to = size
        await empty(driver)
        if listed_first:
            await load_catalogue(driver, small_tables(), "v1")
        await Projector(driver, ledger, MemoryLog(), batch=batch).catch_up()
        if not listed_first:
            await load_catalogue(driver, small_tables(), "v1")
        found.append(await _members(driver))
    assert found == [[[_COUNTY]], [[_COUNTY]], [[_COUNTY]], []]
