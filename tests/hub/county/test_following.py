"""A node that follows the key state: a log that says "nothing new" is believed for five minutes, and no longer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hub.county.following import KeyFollower
from hub.county.rotation import rotate
from hub.drafts import MemberWishes, draft_members
from hub.governing import joined
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
    hub.clock.advance(300)
    with pytest.raises(NotVerified, match="keys_behind"):
        await asyncio.to_thread(follower.follow)
