"""`kill -9` of a county's node under write load: its outbox goes on where it was, its witness forgets nothing."""

from __future__ import annotations

import time

import pytest

from tests.kill.invariants import check
from tests.kill.rounds import seeded, sleep_until_the_moment
from tests.kill.world import COUNTIES, OUTBOX, World

pytestmark = [pytest.mark.kill, pytest.mark.engine, pytest.mark.timeout(1800)]


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
