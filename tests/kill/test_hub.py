"""`kill -9` of the hub under write load: nothing acknowledged is lost, nothing is there twice."""

from __future__ import annotations

import time
from contextlib import closing
from random import Random
from typing import Final

import pytest

from hub.database import open_reader
from tests.kill.invariants import check
from tests.kill.load import Load
from tests.kill.rounds import seeded, sleep_until_the_moment
from tests.kill.stored import is_between_commits, steps_in
from tests.kill.world import World, wait_until

pytestmark = [pytest.mark.kill, pytest.mark.engine, pytest.mark.timeout(1800)]

_LONGEST_S: Final = 3.0


def test_a_killed_hub_has_lost_nothing_it_acknowledged(world_on_neo4j: World, seeds: list[int]) -> None:
    """At a random moment, or between a commit and what follows it: a batch's publication, the answer to a case's step.

    Now and then the next hub is killed, too, while it starts and mends what the first one left. The first one has
    acknowledged something of each kind.
    """
    world = world_on_neo4j
    for seed in seeds:
        with seeded(seed) as chance:
            with world.load(seed) as load:
                if seed == seeds[0]:
                    wait_until(load.account.has_some_of_each, "something of each kind is acknowledged")
                _kill_at_the_moment(world, load, chance)
            if chance.random() < 0.2:
                world.kill_while_starting("hub", chance.uniform(0.3, 1.5))
            world.start("hub")
            check(world, load.account, seed)
    assert min(world.counts[f"{kind} acknowledged"] for kind in ("entries", "journal records", "look-ups")) > 0


def _kill_at_the_moment(world: World, load: Load, chance: Random) -> None:
    moment = chance.random()
    sleep_until_the_moment(chance)
    if moment < 0.3:
        _wait_until_half_done(world)
    elif moment < 0.6:
        _wait_until_unanswered(world, load)
    load.hub_may_fail.set()
    world.kill("hub")


def _wait_until_half_done(world: World) -> None:
    """Catch a batch that is durable and not yet published; under load there is one every few milliseconds."""
    end = time.monotonic() + _LONGEST_S
    with closing(open_reader(world.alliance.data("hub") / "ledger.sqlite")) as connection:
        while not is_between_commits(connection) and time.monotonic() < end:
            pass


def _wait_until_unanswered(world: World, load: Load) -> None:
    """Catch a case's step that stands in the journal, and whose county has no answer yet."""
    end, steps = time.monotonic() + _LONGEST_S, world.casework.steps
    answered = sum(position is not None for raw, position in world.past.records.items() if raw in steps)
    with closing(open_reader(world.alliance.data("hub") / "journal.sqlite")) as connection:
        while time.monotonic() < end:
            now = sum(position is not None for raw, position in list(load.account.records.items()) if raw in steps)
            if steps_in(connection) > answered + now:
                return
