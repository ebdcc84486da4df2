"""`kill -9` of a county's node under write load, and of its `tongban ingest feed` in the middle of a feed.

The outbox goes on where it was, the witness forgets nothing, and a feed that is run again seals nothing twice.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest

from hub.ingest.generate import FeedPlan, feed_lines, feed_rows
from tests.kill.account import Account
from tests.kill.invariants import check
from tests.kill.rounds import seeded, sleep_until_the_moment
from tests.kill.world import COUNTIES, OUTBOX, World, wait_until

pytestmark = [pytest.mark.kill, pytest.mark.engine, pytest.mark.timeout(1800)]

_ROWS: Final = 1_100  # three transactions
_PATIENCE_S: Final = 300.0


def test_a_killed_node_delivers_the_rest_and_stays_an_honest_witness(world_on_arcade: World, seeds: list[int]) -> None:
    """Meanwhile its people go on sealing, and two provinces still make a quorum: the hub's callers notice nothing."""
    world = world_on_arcade
    for seed in seeds:
        with seeded(seed) as chance:
            victim = chance.choice([OUTBOX, *COUNTIES])
            with world.load(seed) as load:
                sleep_until_the_moment(chance)
                world.kill(victim)
                time.sleep(chance.uniform(0.0, 0.5))
                world.start(victim)
            check(world, load.account, seed, graph=seed == seeds[-1])
    assert world.counts["outbox items acknowledged"] > 0


@dataclass(frozen=True)
class Feed:
    """One feed of the outbox county, and the command that takes it in."""

    world: World
    plan: FeedPlan

    @cached_property
    def file(self) -> Path:
        """The feed as a file."""
        file = self.world.alliance.folder / f"feed-{self.plan.seed}.csv"
        file.write_text("".join(feed_lines(self.plan)), encoding="utf-8")
        return file

    def ingest(self) -> subprocess.Popen[bytes]:
        """Start the command."""
        alliance = self.world.alliance
        folder = ["--data", str(alliance.data(OUTBOX)), "--passphrase-file", str(alliance.passphrase_file(OUTBOX))]
        command = [sys.executable, "-m", "hub", "ingest", "feed", str(self.file), "--county", OUTBOX, *folder, "--json"]
        return subprocess.Popen(command, stdout=subprocess.PIPE)

    def account(self) -> Account:
        """Say what the county's node has taken: one seal for each license of the feed."""
        account = Account()
        for row in feed_rows(self.plan):
            (item,) = self.world.node.outbox.of(row["ZZBS"])
            account.outbox[item.leaf] = item.identifier
        return account


def test_a_killed_ingest_is_run_again_and_doubles_nothing(world_on_arcade: World, seeds: list[int]) -> None:
    """Killed with it is the node, which is delivering the first batches already."""
    for seed in seeds[: max(1, len(seeds) // 20)]:
        with seeded(seed) as chance:
            today = datetime.now(UTC).date()
            feed = Feed(world_on_arcade, FeedPlan(county=OUTBOX, count=_ROWS, as_of=today, seed=2 + seed % 998))
            _kill_in_the_middle(feed, chance)
            with feed.ingest() as again:
                world_on_arcade.start(OUTBOX)
                report: dict[str, Any] = json.loads(again.communicate(timeout=_PATIENCE_S)[0])
            assert (again.returncode, report["rows"], report["rejects"]) == (0, _ROWS, {})
            assert report["sealed"] + report["already"] == _ROWS
            check(world_on_arcade, feed.account(), seed)


def _kill_in_the_middle(feed: Feed, chance: Random) -> None:
    """Kill the command when a part of the feed, which may be nothing or all, is sealed."""
    records = feed.world.node.records
    enough = records.count() + chance.randrange(_ROWS)
    with feed.ingest() as first:
        wait_until(lambda: records.count() >= enough or first.poll() is not None, "rows are sealed")
        first.kill()
        feed.world.kill(OUTBOX)
