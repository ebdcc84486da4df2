"""A hub that is killed between any two events tells each of them once, in the order of one that was not."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.casefile import CHENGYANG, DAY, whole_case
from tests.event_world import EventWorld
from tests.statements import NOW

ROOT = Path(__file__).parents[3]


def _killed_after(folder: Path, steps: int, delay: int) -> str:
    """Run the feed, kill it after so many steps and some more work; gives its last line."""
    command = [sys.executable, "-m", "tests.event_child", str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        line = ""
        for _ in range(steps):
            line = child.stdout.readline().strip() or line
        for _ in range(delay):
            pass
        child.kill()
    return line


@pytest.mark.kill
async def test_a_killed_hub_tells_every_event_once(tmp_path: Path) -> None:
    case, chance = whole_case(), random.Random(5)
    for _ in range(40):
        if _killed_after(tmp_path, chance.randint(1, 6), chance.randrange(400_000)) == "done":
            break
    else:
        pytest.fail("it never came to the end")
    (tmp_path / "whole").mkdir()
    async with EventWorld.opened(tmp_path / "whole", now=NOW + 14 * DAY) as world:
        await world.state(*case.raws)
        await world.feed.catch_up()
        wanted = [event.id for event in world.events]
    async with EventWorld.opened(tmp_path, now=NOW + 14 * DAY) as world:
        await world.feed.catch_up()
        assert [event.id for event in await world.stored(CHENGYANG)] == wanted
