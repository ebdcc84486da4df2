"""Bad steps at the hub's own door, over HTTP, before a running ledger and journal: each is refused by its code."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from hub.journal.casebook import NO_LICENSE
from hub.journal.offerings import build_offering
from ledger.identifiers import holder_key
from ledger.transparency.tiles import encode_bundle
from tests.alliance import Alliance, found_alliance, identifier_of, license_of
from tests.casefile import CHENGYANG, DAY, FENGNAN, KUANCHENG, OFFERED, CaseFile, case_number
from tests.entropy import seeded
from tests.governed import GovernedHub
from tests.offerings import offering
from tests.ports import FakeClock
from tests.statements import NOW

LICENSE: Final = str(identifier_of(1))
OTHER: Final = str(identifier_of(2))
HOLDER: Final = holder_key(seeded("holder key")(32), "001", license_of().holders[0].code)
"""Who holds both, as the nodes of the alliance hash it."""


@pytest.fixture
def alliance(tmp_path: Path) -> Iterator[Alliance]:
    founded = found_alliance(tmp_path, (FENGNAN, CHENGYANG))
    yield founded
    founded.close()


@pytest.fixture
async def hub(alliance: Alliance, tmp_path: Path) -> AsyncIterator[GovernedHub]:
    """Give a hub whose journal has two licenses of Chengyang, and its offering since 1 May and from 1 June on."""
    async with GovernedHub.running(alliance, tmp_path, FakeClock(NOW)) as running:
        node = alliance.nodes[CHENGYANG]
        for number in (1, 2):
            node.seal(license_of(number), NOW)
        assert await running.deliver(node) == 4
        key = node.keys.key("journal")
        for day, at in (("2026-05-01", OFFERED), ("2026-06-01", NOW - DAY)):
            claims = offering(planEffectiveDate=day)
            raw = build_offering(claims, iat=at, kid=key.kid, signer=key.signer)
            assert isinstance(await state(running, raw), int)
        yield running


async def state(hub: GovernedHub, raw: bytes) -> int | str:
    """Send a record to the hub; give its position, or code and message of the refusal."""
    headers = {"Content-Type": "application/octet-stream"}
    (answer,) = (await hub.http.post("/journal/records", content=encode_bundle([raw]), headers=headers)).json()
    error = answer.get("error")
    return int(answer["position"]) if error is None else f"{error['code']}: {error['message']}"


def case_of(alliance: Alliance, serial: int = 1, **members: Any) -> CaseFile:
    """Make a file that is signed with the nodes' own keys, its case under the offering of June."""
    keys = {county: node.keys.key("journal") for county, node in alliance.nodes.items()}
    return CaseFile(
        number=case_number(serial), pick_up=FENGNAN, offering=f"000117001000@{CHENGYANG}@20260601",
        keys={county: (key.kid, key.signer) for county, key in keys.items()}, **members,
    )  # fmt: skip


async def test_steps_out_of_order_by_the_wrong_county_twice_or_in_the_future(
    hub: GovernedHub, alliance: Alliance
) -> None:
    case = case_of(alliance)
    opened = await state(hub, case.apply())
    assert opened == await state(hub, case.raws[0]) == 4
    wrong = [
        case.draft("PICK_UP", FENGNAN),
        case.draft("CORRECTION_NOTICE", CHENGYANG),
        case.draft("PRE_REVIEW", FENGNAN, outcome="PASSED", at=NOW + 301),
        case.draft("PRE_REVIEW", FENGNAN, outcome="PASSED", at=NOW - DAY - 1),
        case_of(alliance, 1).apply(at=NOW + 1),
    ]
    standing = "the case is APPLIED after step 1; legal: "
    legal = f"CORRECTION_NOTICE by {FENGNAN}, PRE_REVIEW PASSED by {FENGNAN}, PRE_REVIEW RETURNED by {FENGNAN}"
    assert [await state(hub, raw) for raw in wrong] == [
        f"illegal_step: PICK_UP is not next; {standing}{legal}",
        f"not_party: CORRECTION_NOTICE is another county's; {standing}{legal}",
        "iat_in_future: iat is ahead of the clock",
        "iat_too_old: the step comes too late for its time: state it again, with the time of now",
        "already_exists: the case number is in use: take another serial",
    ]
    assert await state(hub, case.add("PRE_REVIEW", FENGNAN, outcome="PASSED")) == 5
    fewer = case.draft("HAND_OVER_RECEIPT", CHENGYANG, items=1, limits={"statutory": 5, "promised": None})
    assert await state(hub, fewer) == "items_differ: 2 pieces were handed over, the receipt is for 1"


async def test_an_application_under_a_stale_version_or_for_no_member(hub: GovernedHub, alliance: Alliance) -> None:
    stale = case_of(alliance)
    old = f"000117001000@{CHENGYANG}@20260501"
    assert await state(hub, stale.apply(offering=old)) == (
        f"stale_version: {old} is not in force on 2026-06-01; in force: {stale.offering}"
    )
    strange = case_of(alliance).apply(pickedUpAt=KUANCHENG)
    assert await state(hub, strange) == f"not_member: {KUANCHENG} is no member of the alliance"
    assert await state(hub, case_of(alliance).apply()) == 4


async def test_a_license_that_fell_is_used_by_no_step_and_stays_in_those_that_used_it(
    hub: GovernedHub, alliance: Alliance
) -> None:
    node, before = alliance.nodes[CHENGYANG], case_of(alliance)
    assert await state(hub, before.apply(licenses=[LICENSE], holder=HOLDER)) == 4
    node.revoke(LICENSE, "04", NOW)
    assert await hub.deliver(node) == 1
    after = case_of(alliance, 2)
    assert (
        await state(hub, after.apply(licenses=[OTHER, LICENSE], holder=HOLDER))
        == f"not_valid: {LICENSE} is not in force"
    )
    assert await state(hub, before.raws[0]) == 4
    missing = str(identifier_of(3))
    assert await state(hub, case_of(alliance, 2).apply(licenses=[missing], holder=HOLDER)) == (
        f"wrong_target: {NO_LICENSE}"
    )
    assert await state(hub, case_of(alliance, 2).apply(licenses=[OTHER], holder=HOLDER)) == 5


async def test_a_case_names_no_license_of_another_than_its_applicant(hub: GovernedHub, alliance: Alliance) -> None:
    """Whoever may open cases could else read anybody's face through one."""
    assert await state(hub, case_of(alliance).apply(licenses=[LICENSE])) == (f"wrong_target: {NO_LICENSE}")
    assert await state(hub, case_of(alliance).apply(licenses=[LICENSE], holder=HOLDER)) == 4


async def test_of_two_handlers_at_once_one_wins_and_the_other_is_told_the_new_state(
    hub: GovernedHub, alliance: Alliance
) -> None:
    case = case_of(alliance)
    assert await state(hub, case.apply()) == 4
    drafts = [
        case.draft("PRE_REVIEW", FENGNAN, outcome="RETURNED"), case.draft("CORRECTION_NOTICE", FENGNAN),
    ]  # fmt: skip
    found = await asyncio.gather(*(state(hub, raw) for raw in drafts))
    (won,) = [each for each in found if isinstance(each, int)]
    (lost,) = [each for each in found if isinstance(each, str)]
    stage = "CLOSED" if isinstance(found[0], int) else "CORRECTING_APPLIED"
    assert won == 5
    assert lost.startswith(f"stale_prev: another step came before; the case is {stage} after step 2; legal: ")
