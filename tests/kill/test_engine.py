"""`kill -9` of the graph engine, alone and with its hub: the hub brings it back by itself, and the graph is whole."""

from __future__ import annotations

import os
import signal
from functools import partial

import pytest

from hub.partner import ask
from ledger.errors import TongbanError
from tests.kill.invariants import check
from tests.kill.load import Load
from tests.kill.processes import Process
from tests.kill.rounds import seeded, sleep_until_the_moment
from tests.kill.world import World, wait_until

pytestmark = [pytest.mark.kill, pytest.mark.engine, pytest.mark.timeout(1800)]


def test_a_killed_engine_comes_back_under_a_hub_that_never_stops(world_on_arcade: World, seeds: list[int]) -> None:
    """Seals, status changes and journal records are taken all the while; look-ups are refused until it is back."""
    world = world_on_arcade
    hub = Process.of(world.alliance.children["hub"].pid)
    for seed in seeds:
        with seeded(seed) as chance:
            with world.load(seed) as load:
                sleep_until_the_moment(chance)
                _kill_engine(world, see_it_back=chance.random() < 0.5)
            check(world, load.account, seed)
    assert hub.runs
    assert world.counts["look-ups acknowledged"] > 0


def _kill_engine(world: World, *, see_it_back: bool) -> None:
    """Kill it; see_it_back: the load goes on until the hub is ready with another one, and not only when it ends."""
    world.note_processes()
    victim = _engine_of(world)
    os.kill(victim.pid, signal.SIGKILL)
    if see_it_back:
        wait_until(partial(_is_replaced, world, victim), "the hub has another engine, and is ready")


def _engine_of(world: World) -> Process:
    wait_until(lambda: world.engine_process() is not None, "the hub has an engine")
    engine = world.engine_process()
    assert engine is not None
    return engine


def _is_replaced(world: World, victim: Process) -> bool:
    if world.engine_process() in {None, victim}:
        return False
    try:
        ask("GET", f"{world.url}/readyz")
    except TongbanError:
        return False
    return True


def test_a_killed_hub_takes_its_engine_with_it_and_both_come_back(world_on_arcade: World, seeds: list[int]) -> None:
    """The engine may be in the middle of a write when the kernel tells it to end; the next hub waits for its folder."""
    for seed in seeds[: max(1, len(seeds) // 5)]:
        with seeded(seed) as chance:
            with world_on_arcade.load(seed) as load:
                sleep_until_the_moment(chance)
                _kill_hub(world_on_arcade, load, see_it_end=chance.random() < 0.5)
            check(world_on_arcade, load.account, seed)


def _kill_hub(world: World, load: Load, *, see_it_end: bool) -> None:
    """Kill the hub and start it anew, at once or when its engine has ended."""
    engine = _engine_of(world)
    load.hub_may_fail.set()
    world.kill("hub")
    if see_it_end:
        wait_until(lambda: not engine.runs, "the engine of a killed hub ends")
    world.start("hub")
    assert not engine.runs
