"""A node that follows the key state: a log that says "nothing new" is believed for five minutes, and no longer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from hub.county.following import KeyFollower
from hub.county.keyview import KEY_VIEW_SCHEMA, KeyView
from hub.county.rotation import rotate
from hub.database import Database
from hub.governance.drafts import MemberWishes, draft_members
from hub.governance.governing import joined
from hub.logclient import HttpLog
from ledger.errors import NotVerified
from tests.alliance import HUB_URL, NOW, found_alliance
from tests.governed import GovernedHub
from tests.in_loop import reaching
from tests.ports import FakeClock


class HidingLog(HttpLog):
    """A log that tells one node of no change of keys."""

    asked: list[str]

    def need(self, path: str, max_bytes: int) -> bytes:
        """Answer "nothing new" for keys, and the truth for all else."""
        self.asked.append(path.partition("?")[0])
        return b"[]" if path.startswith("keys?") else super().need(path, max_bytes)


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[GovernedHub]:
    """Run a hub of three counties."""
    alliance = found_alliance(tmp_path, ("130283", "320583", "370214"), k=2, silent=1)
    async with GovernedHub.running(alliance, tmp_path, FakeClock(NOW)) as running:
        yield running
    alliance.close()


def hiding(hub: GovernedHub) -> HidingLog:
    """Give the hub's log as a node sees it from which the changes are hidden."""
    log = HidingLog(f"{HUB_URL}/ledger", reaching(hub.app))
    log.asked = []
    return log


async def test_a_hidden_change_of_keys_is_found_by_the_head_that_binds_them(hub: GovernedHub) -> None:
    home, log = hub.alliance.nodes["370214"], hiding(hub)
    follower = KeyFollower(home, log, hub.clock)
    assert await asyncio.to_thread(follower.follow) is False
    chain, made = await hub.chain(), rotate(home, "seal", now=NOW)
    draft = draft_members(chain.state, MemberWishes(add=[made.file]), iat=NOW)
    raw = joined(draft, await hub.sign(draft, ("320583", "370214")), chain)
    await hub.submitted(raw, chain, home)
    log.asked.clear()
    assert await asyncio.to_thread(follower.follow) is False
    assert log.asked == ["keys"]
    hub.clock.advance(299)
    assert await asyncio.to_thread(follower.follow) is False
    hub.clock.advance(1)
    with pytest.raises(NotVerified, match="keys_behind"):
        await asyncio.to_thread(follower.follow)


async def test_the_age_of_the_keys_is_that_of_the_head_and_not_of_the_look(hub: GovernedHub) -> None:
    """A log that shows an old head, or none, is found out after ten minutes and a heartbeat; the alarm is raised once."""
    home, log = hub.alliance.nodes["370214"], hiding(hub)
    follower = KeyFollower(home, log, hub.clock)
    assert home.keys_fault(NOW) == "no witnessed head has confirmed the members' keys so far"
    await asyncio.to_thread(follower.follow)
    hub.clock.advance(660)
    log.asked.clear()
    await asyncio.to_thread(follower.follow)
    assert (log.asked, home.keys_fault(NOW + 660)) == (["checkpoint", "head", "keys"], None)
    hub.clock.advance(1)
    with capture_logs() as logs:
        for _ in range(2):
            await asyncio.to_thread(follower.alarm)
    assert logs == [{"event": "keys_stale", "log_level": "warning", "reason": home.status(NOW + 661).keys}]


def test_the_newest_head_counts_whoever_writes_it_down(tmp_path: Path) -> None:
    database = Database(tmp_path / "records.sqlite", KEY_VIEW_SCHEMA, summed=True)
    view = KeyView(database)
    for at in (NOW, NOW - 500):
        view.seen(at)
    faults = [view.fault(NOW + age, heartbeat_s) for age, heartbeat_s in ((660, 60), (661, 60), (661, 61))]
    database.close()
    said = "no witnessed head has confirmed the members' keys for 661 s: others may be in force"
    assert faults == [None, said, None]
