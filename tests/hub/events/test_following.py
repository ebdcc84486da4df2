"""Who follows: nothing missed and nothing twice over any cut, from the tail or from the store; bounds that hold."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.events.following import Followers, FollowLimits
from hub.events.store import EventReader
from ledger.errors import Malformed, Unavailable
from schema.feed import FeedEvent
from tests.casefile import CHENGYANG, DAY, CaseFile, case_number, whole_case
from tests.event_world import EventWorld, until
from tests.statements import NOW

T = TypeVar("T")

BEGINNING = "A" * 43


async def taken(world: EventWorld, after: str | None, count: int) -> list[FeedEvent]:
    """Follow for so many events, and go."""
    found: list[FeedEvent] = []
    async with asyncio.timeout(20), aclosing(world.followers.follow(CHENGYANG, after=after)) as events:  # type: ignore[type-var]
        async for event in events:
            found.append(event)
            if len(found) == count:
                break
    return found


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(1, 9), min_size=1, max_size=4), tail=st.integers(1, 20))
async def test_over_any_reconnects_nothing_is_missed_and_nothing_comes_twice(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], tail: int
) -> None:
    case, now = whole_case(), NOW + 14 * DAY
    async with EventWorld.opened(tmp_path_factory.mktemp("follow"), now=now, tail=tail) as world:
        await world.state(*case.raws)
        await world.feed.catch_up()
        wanted = [event.id for event in await world.stored(CHENGYANG)]
        cursor, seen = BEGINNING, list[str]()
        for count in [*cuts, len(wanted)]:
            left = min(count, len(wanted) - len(seen))
            part = await taken(world, cursor, left) if left else []
            seen += [event.id for event in part]
            cursor = part[-1].cursor if part else cursor
        assert seen == wanted


async def test_who_names_no_cursor_gets_what_comes_and_who_names_the_newest_too(tmp_path: Path) -> None:
    first, second = CaseFile(), CaseFile(number=case_number(2))
    first.apply()
    second.apply()
    async with EventWorld.opened(tmp_path) as world:
        await world.state(*first.raws)
        await world.feed.catch_up()
        newest = await world.followers.newest()
        waiting = [asyncio.create_task(taken(world, after, 1)) for after in (None, newest)]
        await until(lambda: world.followers.live == 2)
        await world.state(*second.raws)
        await world.feed.catch_up()
        for found in await asyncio.gather(*waiting):
            assert [event.case for event in found] == [second.number]
        assert world.followers.live == 0


class _Overtaken:
    """A feed whose first page is read empty, and overtaken by a county's first events before the read returns."""

    def __init__(self, world: EventWorld, raws: list[bytes]) -> None:
        self._world, self._raws = world, raws

    async def ask(self, question: Callable[[EventReader], T]) -> T:
        """Read, and let the events come before the answer does."""
        found = await self._world.feed.ask(question)
        if found == [] and self._raws:
            raws, self._raws = self._raws, []
            await self._world.state(*raws)
            await self._world.feed.catch_up()
        return found


async def test_an_event_that_comes_while_an_empty_page_is_read_is_not_slept_through(tmp_path: Path) -> None:
    """The tail does not reach back to it: only the store has it."""
    first, second = CaseFile(), CaseFile(number=case_number(2))
    first.apply()
    second.apply()
    async with EventWorld.opened(tmp_path) as world:
        overtaken = _Overtaken(world, [*first.raws, *second.raws])
        world.followers = Followers(overtaken, FollowLimits(total=1, county=1), tail=1)
        found = await taken(world, BEGINNING, 2)
        assert [event.case for event in found] == [first.number, second.number]


async def test_one_commit_wakes_a_hundred_followers(tmp_path: Path) -> None:
    """They share one tail: the store is read once to start, and never again."""
    case = CaseFile()
    case.apply()
    async with EventWorld.opened(tmp_path, limits=FollowLimits(total=100, county=100)) as world:
        waiting = [asyncio.create_task(taken(world, None, 1)) for _ in range(100)]
        await until(lambda: world.followers.live == 100)
        await world.feed.ask(lambda reader: None)
        await world.state(*case.raws)
        await world.feed.catch_up()
        found = await asyncio.gather(*waiting)
        assert {event.id for part in found for event in part} == {world.events[0].id}


@pytest.mark.parametrize("limits", [FollowLimits(total=1, county=9), FollowLimits(total=9, county=1)])
async def test_no_more_may_follow_than_there_are_places(tmp_path: Path, limits: FollowLimits) -> None:
    async with EventWorld.opened(tmp_path, limits=limits) as world:
        first = asyncio.create_task(taken(world, BEGINNING, 1))
        await until(lambda: world.followers.live)
        with pytest.raises(Unavailable, match="pushback"):
            await taken(world, BEGINNING, 1)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert world.followers.live == 0


async def test_a_cursor_that_is_none_is_refused(tmp_path: Path) -> None:
    async with EventWorld.opened(tmp_path) as world:
        with pytest.raises(Malformed, match="bad_cursor"):
            await taken(world, "cursor", 1)
        assert world.followers.live == 0
