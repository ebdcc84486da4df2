"""The feed: steps, lamps and licenses told once, in one order; whatever is cut off, killed, lost or put back."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.events.facts import START, parse_cursor, write_cursor
from ledger.errors import Malformed, Unavailable
from ledger.status import Status
from schema.feed import FeedEvent
from tests.casefile import CHENGYANG, DAY, FENGNAN, KUANCHENG, CaseFile, case_number, whole_case
from tests.event_world import EventWorld, told
from tests.statements import NOW, MemoryLog

# NOW is 17:00 on Monday, 1 June 2026 in China.
MIDNIGHT: Final = NOW - 17 * 3600
FOREIGN: Final = "320583"


async def test_a_step_is_told_to_the_parties_of_its_case_and_to_nobody_else(tmp_path: Path) -> None:
    async with EventWorld.opened(tmp_path) as world:
        case = CaseFile()
        case.apply()
        await world.state(*case.raws)
        await world.feed.catch_up()
        step = ("STEP", NOW, 1, "APPLICATION", None, FENGNAN)
        for county in (FENGNAN, CHENGYANG, KUANCHENG):
            assert told(await world.stored(county)) == [step]
        assert await world.stored(FOREIGN) == []
        assert (world.events[0].case, len(world.events[0].id)) == (case.number, 22)


async def test_lamps_turn_with_the_time_and_say_when_they_did(tmp_path: Path) -> None:
    """A promise of two days from Monday: yellow on Tuesday, red on Thursday; told late, it says the same."""
    async with EventWorld.opened(tmp_path) as world:
        case = CaseFile()
        case.apply()
        await world.state(*case.raws)
        await world.feed.catch_up()
        assert world.feed.lag == 0
        world.clock.now = MIDNIGHT + DAY - 1
        await world.feed.catch_up()
        assert len(world.events) == 1
        world.clock.now = MIDNIGHT + 30 * DAY
        assert world.feed.lag == 29 * DAY
        await world.feed.catch_up()
        await world.feed.catch_up()
        assert told(world.events[1:]) == [
            ("LAMP", MIDNIGHT + DAY, "INTAKE", FENGNAN, "PROMISED", 2, "YELLOW"),
            ("LAMP", MIDNIGHT + 3 * DAY, "INTAKE", FENGNAN, "PROMISED", 2, "RED"),
        ]


async def test_a_clock_that_ends_in_time_turns_no_lamp(tmp_path: Path) -> None:
    async with EventWorld.opened(tmp_path) as world:
        case = CaseFile()
        case.apply()
        case.add("PRE_REVIEW", FENGNAN, at=NOW + 60, outcome="RETURNED")
        await world.state(*case.raws)
        world.clock.now = NOW + 90 * DAY
        await world.feed.catch_up()
        assert [event.kind for event in world.events] == ["STEP", "STEP"]


async def test_a_step_that_comes_behind_a_lamp_is_told_behind_it(tmp_path: Path) -> None:
    """Read in one go, after a hub was away: a lamp that turned before the step stands before it."""
    async with EventWorld.opened(tmp_path) as world:
        case = CaseFile()
        case.apply()
        case.add("PRE_REVIEW", FENGNAN, at=MIDNIGHT + DAY + 60, outcome="RETURNED")
        await world.state(*case.raws)
        world.clock.now = NOW + 90 * DAY
        await world.feed.catch_up()
        assert [(event.kind, event.time) for event in world.events] == [
            ("STEP", NOW), ("LAMP", MIDNIGHT + DAY), ("STEP", MIDNIGHT + DAY + 60),
        ]  # fmt: skip


async def test_a_clock_that_ran_ahead_once_turns_no_lamp_of_a_later_case(tmp_path: Path) -> None:
    """The lamps that it turned are told of too early; those of a case that begins behind it come in their time."""
    async with EventWorld.opened(tmp_path) as world:
        first, second = CaseFile(), CaseFile(number=case_number(2))
        first.apply()
        second.apply(at=NOW + 60)
        await world.state(*first.raws)
        await world.feed.catch_up()
        world.clock.now = NOW + 900 * DAY
        await world.feed.catch_up()
        world.clock.now, early = NOW + 60, len(world.events)
        await world.state(*second.raws)
        await world.feed.catch_up()
        assert [event.kind for event in world.events[early:]] == ["STEP"]
        world.clock.now = MIDNIGHT + DAY
        await world.feed.catch_up()
        assert told(world.events[early + 1 :]) == [
            ("LAMP", MIDNIGHT + DAY, "INTAKE", FENGNAN, "PROMISED", 2, "YELLOW"),
        ]


async def test_a_limit_of_a_day_is_told_with_the_step(tmp_path: Path) -> None:
    async with EventWorld.opened(tmp_path) as world:
        case = CaseFile()
        case.apply(limits={"statutory": 1, "promised": 1})
        await world.state(*case.raws)
        await world.feed.catch_up()
        assert told(world.events[1:]) == [
            ("LAMP", NOW, "INTAKE", FENGNAN, "PROMISED", 1, "YELLOW"),
            ("LAMP", NOW, "INTAKE", FENGNAN, "STATUTORY", 1, "YELLOW"),
        ]


async def _with_license(world: EventWorld) -> tuple[int, str, CaseFile]:
    index, identifier = await world.license()
    case = CaseFile()
    case.apply(licenses=[identifier], limits={"statutory": 900, "promised": None})
    return index, identifier, case


async def test_a_license_that_is_used_in_an_open_case_is_told_of_when_it_falls(tmp_path: Path) -> None:
    async with EventWorld.opened(tmp_path) as world:
        index, identifier, case = await _with_license(world)
        await world.state(*case.raws)
        await world.feed.catch_up()
        at = world.county(MemoryLog()).change(index, Status.SUSPENDED, "02")
        await world.feed.catch_up()
        again = world.county(MemoryLog()).change(index, Status.VALID, "01")
        await world.feed.catch_up()
        assert told(world.events[1:]) == [
            ("LICENSE", NOW, identifier, "SUSPENDED", "02", at), ("LICENSE", NOW, identifier, "VALID", "01", again),
        ]  # fmt: skip


async def test_a_license_that_fell_before_the_step_was_read_is_told_of_with_it(tmp_path: Path) -> None:
    """The ledger was read first: whoever took the step had seen the license valid."""
    async with EventWorld.opened(tmp_path) as world:
        index, identifier, case = await _with_license(world)
        at = world.county(MemoryLog()).change(index, Status.REVOKED, "04")
        await world.feed.catch_up()
        await world.state(*case.raws)
        await world.feed.catch_up()
        assert told(world.events[1:]) == [("LICENSE", NOW, identifier, "REVOKED", "04", at)]


async def test_a_seal_that_is_published_after_its_case_is_still_watched(tmp_path: Path) -> None:
    async with EventWorld.opened(tmp_path) as world:
        index, _, case = await _with_license(world)
        world.ledger.open_to = 0
        await world.state(*case.raws)
        await world.feed.catch_up()
        world.county(MemoryLog()).change(index, Status.REVOKED, "04")
        world.ledger.open_to = None
        await world.feed.catch_up()
        assert [event.kind for event in world.events] == ["STEP", "LICENSE"]


async def test_a_license_of_a_closed_case_is_watched_no_longer(tmp_path: Path) -> None:
    async with EventWorld.opened(tmp_path) as world:
        index, _, case = await _with_license(world)
        case.add("PRE_REVIEW", FENGNAN, at=NOW - 1, outcome="RETURNED")
        await world.state(*case.raws)
        world.county(MemoryLog()).change(index, Status.REVOKED, "04")
        await world.feed.catch_up()
        assert [event.kind for event in world.events] == ["STEP", "STEP"]


def _facts(world: EventWorld) -> list[str]:
    return [event.id for event in world.events]


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 15), max_size=6), batch=st.sampled_from([1, 2, 512]))
async def test_however_it_is_cut_the_feed_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], batch: int
) -> None:
    """Stopped and opened anew between any steps, read in batches of any size: the same events in the same order."""
    case, folder = whole_case(), tmp_path_factory.mktemp("cut")
    parts = sorted({0, *cuts, len(case.raws)})
    seen: list[str] = []
    for start, stop in pairwise(parts):
        async with EventWorld.opened(folder, now=NOW + (stop - 1) * DAY, batch=batch) as world:
            await world.state(*case.raws[start:stop])
            await world.feed.catch_up()
            seen += _facts(world)
    async with EventWorld.opened(tmp_path_factory.mktemp("whole"), now=NOW + (len(case.raws) - 1) * DAY) as world:
        await world.state(*case.raws)
        await world.feed.catch_up()
        assert seen == _facts(world)
        assert len(set(seen)) == len(seen) > 15


async def test_a_feed_that_is_made_again_loses_nothing_behind_any_old_cursor(tmp_path: Path) -> None:
    """Its file is lost, and journal, ledger and time come in another order: some events come twice, under their ids."""
    ledger = MemoryLog()
    async with EventWorld.opened(tmp_path, ledger=ledger) as world:
        index, _, case = await _with_license(world)
        await world.state(*case.raws)
        await world.feed.catch_up()
        world.clock.advance(3 * DAY)
        world.county(MemoryLog()).change(index, Status.REVOKED, "04")
        await world.feed.catch_up()
        other = CaseFile(number=case_number(2))
        other.apply(at=NOW + 3 * DAY, limits={"statutory": 2, "promised": 1})
        await world.state(*other.raws)
        world.clock.advance(9 * DAY)
        await world.feed.catch_up()
        first, now = list(world.events), world.clock.now
    (tmp_path / "events.sqlite").unlink()
    async with EventWorld.opened(tmp_path, ledger=ledger, now=now) as world:
        await world.feed.catch_up()
        again = list(world.events)
        assert {event.id for event in again} == {event.id for event in first}
        assert [event.kind for event in again] != [event.kind for event in first]
        for known, event in enumerate(first, start=1):
            cursor = parse_cursor(event.cursor)
            behind = await world.feed.ask(lambda reader, cursor=cursor: reader.find(cursor))  # type: ignore[misc]
            seen = {each.id for each in first[:known]} | {each.id for each in again if each.number > behind}
            assert len(seen) == len(first)


async def test_a_feed_of_another_journal_is_made_anew(tmp_path: Path) -> None:
    case, other = CaseFile(), CaseFile(number=case_number(2))
    case.apply()
    other.apply()
    for folder, file in (("one", case), ("other", other)):
        (tmp_path / folder).mkdir()
        async with EventWorld.opened(tmp_path / folder) as world:
            await world.state(*file.raws)
            await world.feed.catch_up()
    shutil.copy(tmp_path / "one" / "events.sqlite", tmp_path / "other" / "events.sqlite")
    async with EventWorld.opened(tmp_path / "other") as world:
        await world.feed.catch_up()
        assert [event.case for event in await world.stored(CHENGYANG)] == [other.number]


@pytest.mark.parametrize("cursor", ["", "A" * 42, "A" * 44, "=" * 43, "A" * 42 + "B", "é" * 43])
def test_a_cursor_is_read_strictly(cursor: str) -> None:
    with pytest.raises(Malformed, match="bad_cursor"):
        parse_cursor(cursor)


def test_a_cursor_is_what_it_was() -> None:
    assert write_cursor(START) == "A" * 43
    assert parse_cursor("A" * 43) == START


async def test_a_feed_whose_write_failed_stops(tmp_path: Path) -> None:
    """Nobody knows what reached the disk: nothing more is told until the feed is opened anew."""
    case = CaseFile()
    case.apply()
    async with EventWorld.opened(tmp_path) as world:
        await world.state(*case.raws)
        await world.feed.ask(lambda reader: None)
        store = world.feed._file.store
        store._connection.execute("DROP TABLE party")
        for _ in range(2):
            with pytest.raises(Unavailable, match="store_stopped"):
                await world.feed.catch_up()
        assert world.events == []


async def test_the_feed_reads_by_itself_when_it_is_woken(tmp_path: Path) -> None:
    case = CaseFile()
    case.apply()
    async with EventWorld.opened(tmp_path) as world:
        world.feed.run()
        await world.state(*case.raws)
        world.feed.wake()
        async with asyncio.timeout(10):
            found = [event async for event in _first(world, 1)]
        assert [event.kind for event in found] == ["STEP"]
        assert world.feed.fault is None


async def _first(world: EventWorld, count: int) -> AsyncIterator[FeedEvent]:
    async for event in world.followers.follow(CHENGYANG, after="A" * 43):
        yield event
        count -= 1
        if not count:
            return
