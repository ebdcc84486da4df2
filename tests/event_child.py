"""A hub's feed in a process of its own, to be killed: states one step after the other, and says when each is told.

python -m tests.event_child <folder>        prints `told <journal size>` after every step, `done` at the end
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.casefile import DAY, whole_case
from tests.event_world import EventWorld
from tests.statements import NOW

__all__: list[str] = []


async def _work(folder: Path) -> None:
    case = whole_case()
    async with EventWorld.opened(folder) as world:
        while (size := await world.journal.size() - 1) < len(case.raws):  # behind the offering
            world.clock.now = NOW + size * DAY
            await world.state(case.raws[size])
            await world.feed.catch_up()
            print("told", size, flush=True)
        await world.feed.catch_up()
    print("done", flush=True)


if __name__ == "__main__":
    asyncio.run(_work(Path(sys.argv[1])))
