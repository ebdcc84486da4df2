"""A county's offerings: signed once, delivered to a real journal, refused with a code, mended, signed again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hub.county.offerings import Offered, PublishedOffering
from hub.journal.offerings import OfferingRecord
from hub.journal.records import parse_record
from ledger.errors import Conflict, Malformed, Unavailable
from ledger.status import Status
from schema.context import Standing
from tests.alliance import NOW, found_alliance, identifier_of, license_of
from tests.governed import GovernedHub
from tests.offerings import MATTER, material, offering
from tests.ports import FakeClock

HOME = "370214"
CODE = f"{MATTER}@{HOME}@20260701"


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[GovernedHub]:
    founded = found_alliance(tmp_path)
    async with GovernedHub.running(founded, tmp_path, FakeClock(NOW)) as running:
        yield running
    founded.close()


def _states(hub: GovernedHub) -> list[tuple[str, str, str | None]]:
    found = hub.alliance.nodes[HOME].offerings.all()
    return [(each.code, each.state, each.refusal) for each in found]


async def test_an_offering_reaches_the_journal_by_itself(hub: GovernedHub) -> None:
    """Without a license and before any seal; counts of licenses do not know of it."""
    home = hub.alliance.nodes[HOME]
    assert home.offerings.publish(offering(), NOW) == Offered(code=CODE, fresh=True)
    assert home.offerings.all() == [PublishedOffering(code=CODE, effective="2026-07-01", state="waiting", refusal=None)]
    assert await hub.deliver(home) == 1
    assert _states(hub) == [(CODE, "stated", None)]
    status = home.status(NOW)
    assert (status.pending, status.witnessed, status.stated, status.overdue) == (0, 0, 0, 0)


async def test_a_version_is_published_once(hub: GovernedHub) -> None:
    home = hub.alliance.nodes[HOME]
    home.offerings.publish(offering(), NOW)
    assert home.offerings.publish(offering(), NOW + 60) == Offered(code=CODE, fresh=False)
    with pytest.raises(Conflict, match=r"^duplicate_identifier: this version is published"):
        home.offerings.publish(offering(fee=5), NOW)
    assert home.offerings.publish(offering(fee=5, planEffectiveDate="2026-07-02"), NOW).fresh
    assert await hub.deliver(home) == 2


async def test_what_the_hub_refuses_is_kept_with_its_code_and_may_be_published_anew(hub: GovernedHub) -> None:
    home = hub.alliance.nodes[HOME]
    home.offerings.publish(offering(produces=["11100000MB0143028R999"]), NOW)
    await hub.deliver(home)
    assert _states(hub) == [(CODE, "refused", "not_listed")]
    assert home.outbox.retry_failed() == 1
    assert _states(hub) == [(CODE, "waiting", None)]
    await hub.deliver(home)
    assert home.offerings.publish(offering(), NOW) == Offered(code=CODE, fresh=True)
    await hub.deliver(home)
    assert _states(hub) == [(CODE, "stated", None)]


def test_a_faulty_offering_leaves_nothing_behind(hub: GovernedHub) -> None:
    home = hub.alliance.nodes[HOME]
    for broken, code in (
        (offering(visits=0), "bad_payload"),
        (offering(planEffectiveDate="2026-05-31"), "bad_payload"),
        (offering(materials=[material(toleranceDays=0)]), "bad_number"),
    ):
        with pytest.raises(Malformed) as caught:
            home.offerings.publish(broken, NOW)
        assert caught.value.code == code
    assert home.offerings.all() == []


async def test_an_offering_is_signed_again_unless_its_first_day_has_passed(hub: GovernedHub) -> None:
    home = hub.alliance.nodes[HOME]
    home.offerings.publish(offering(), NOW)
    (item,) = home.outbox.offerings()
    home.renew(item, NOW + 86_400)
    (again,) = home.outbox.offerings()
    found = parse_record(again.entry)
    assert isinstance(found, OfferingRecord)
    assert (found.iat, found.claims, again.journal) == (NOW + 86_400, offering(), again.entry)
    with pytest.raises(Malformed, match=r"^bad_payload: planEffectiveDate"):
        home.renew(again, NOW + 40 * 86_400)


async def test_the_ledger_tells_the_statuses_of_published_seals(hub: GovernedHub) -> None:
    """What a checklist asks: of several seals at once, under one checkpoint."""
    home = hub.alliance.nodes[HOME]
    home.seal_many([license_of(number) for number in (1, 2)], NOW)
    await hub.deliver(home)
    indexes = [home.log_index(str(identifier_of(number))) for number in (1, 2)]
    home.change_status(str(identifier_of(2)), Status.SUSPENDED, "02", NOW)
    await hub.deliver(home)
    shown = hub.registry.published()
    assert shown is not None
    expected = Standing(size=shown.size, time=shown.time, statuses=(Status.SUSPENDED, Status.VALID))
    assert await hub.registry.statuses(indexes[::-1]) == expected
    assert (await hub.registry.statuses([])).statuses == ()
    with pytest.raises(Unavailable, match=r"^no_log: "):
        await hub.registry.statuses([shown.size])
