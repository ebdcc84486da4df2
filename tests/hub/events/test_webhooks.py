"""Webhooks to a real receiver: in order, at least once, given up and sent again; crashes, bounds, borders of counties."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from hub.events.hooks import MAX_DEAD, MAX_OF_COUNTY, DeadLetter, HookStore
from ledger.errors import Conflict, Malformed, Unavailable
from tests.casefile import CHENGYANG, DAY, CaseFile
from tests.event_world import EventWorld, until
from tests.statements import NOW
from tests.webhook_receiver import QUICK, Receiver, delivering

OTHER: Final = "320583"


async def _told(world: EventWorld) -> list[str]:
    """Let a case begin and its lamps turn; gives the ids of its three events."""
    case = CaseFile()
    case.apply()
    await world.state(*case.raws)
    world.clock.now = NOW + 9 * DAY
    await world.feed.catch_up()
    return [event.id for event in world.events]


async def test_events_come_in_order_signed_and_without_a_word_about_a_person(tmp_path: Path) -> None:
    async with EventWorld.opened(tmp_path) as world, Receiver().running() as receiver:
        ids = await _told(world)
        async with delivering(world, tmp_path, receiver.hook()):
            await until(lambda: len(receiver.taken) == 3)
        assert receiver.taken == ids
        body = json.loads(receiver.bodies[0])
        assert body == {
            "cursor": world.events[0].cursor, "id": ids[0], "kind": "STEP", "caseNumber": CaseFile().number, "time": NOW,
            "step": {"sequence": 1, "kind": "APPLICATION", "outcome": None, "county": "130207"},
        }  # fmt: skip


async def test_only_the_kinds_that_were_asked_for_come(tmp_path: Path) -> None:
    async with EventWorld.opened(tmp_path) as world, Receiver().running() as receiver:
        ids = await _told(world)
        async with delivering(world, tmp_path, receiver.hook(kinds=("LAMP",))):
            await until(lambda: len(receiver.taken) == 2)
        assert receiver.taken == ids[1:]


async def test_what_fails_is_sent_again_before_anything_that_follows(tmp_path: Path) -> None:
    """A redirect is no delivery, and is not followed; the next event waits."""
    async with EventWorld.opened(tmp_path) as world, Receiver(statuses=[500, 302, 204, 503]).running() as receiver:
        ids = await _told(world)
        async with delivering(world, tmp_path, receiver.hook()):
            await until(lambda: len(receiver.taken) == 3)
        assert receiver.seen == [ids[0]] * 3 + [ids[1]] * 2 + [ids[2]]


async def test_what_is_given_up_is_dead_until_its_county_wants_it_again(tmp_path: Path) -> None:
    async with EventWorld.opened(tmp_path) as world, Receiver(statuses=[500, 500, 500]).running() as receiver:
        ids = await _told(world)
        async with delivering(world, tmp_path, receiver.hook()) as delivery:
            await until(lambda: len(receiver.taken) == 2)
            (letter,) = delivery.store.dead(CHENGYANG, "h")
            assert (letter.event, letter.fault, letter.again) == (ids[0], "http_500", False)
            receiver.statuses.append(404)
            assert delivery.store.redeliver(CHENGYANG, "h") == 1
            delivery.wake()
            await until(lambda: delivery.store.dead(CHENGYANG, "h")[0].fault == "http_404")
            delivery.store.redeliver(CHENGYANG, "h")
            delivery.wake()
            await until(lambda: delivery.store.dead(CHENGYANG, "h") == [])
        assert receiver.taken == [*ids[1:], ids[0]]


class _Crashing(HookStore):
    """Dies between a delivery and its record, once."""

    crashed = False

    def done(self, name: str, cursor: str) -> None:
        if not self.crashed:
            self.crashed = True
            raise Unavailable("store_stopped", "the disk is full")
        super().done(name, cursor)


async def test_a_crash_between_delivery_and_record_sends_the_same_id_again(tmp_path: Path) -> None:
    async with EventWorld.opened(tmp_path) as world, Receiver().running() as receiver:
        ids = await _told(world)
        store = _Crashing(tmp_path / "webhooks.sqlite")
        async with delivering(world, tmp_path, receiver.hook(), store=store):
            await until(lambda: store.crashed and len(receiver.taken) == 4)
            await until(lambda: store.hooks()[0].cursor == world.events[-1].cursor)
        assert receiver.taken == [ids[0], *ids]
        async with delivering(world, tmp_path) as delivery:
            await until(lambda: delivery._carrying)
        assert len(receiver.seen) == 4  # what is done with is not sent again


async def test_a_webhook_that_hangs_holds_up_itself_alone(tmp_path: Path) -> None:
    async with (
        EventWorld.opened(tmp_path) as world,
        Receiver(statuses=[0] * 9).running() as slow,
        Receiver().running() as quick,
    ):
        ids = await _told(world)
        async with delivering(world, tmp_path, slow.hook(id="slow"), quick.hook(id="quick")):
            await until(lambda: quick.taken == ids)
            await until(lambda: slow.seen)
        assert slow.taken == []


async def test_private_addresses_are_not_asked_unless_a_setting_says_so(tmp_path: Path) -> None:
    async with EventWorld.opened(tmp_path) as world, Receiver().running() as receiver:
        await _told(world)
        async with delivering(world, tmp_path, receiver.hook(), private=False) as delivery:
            await until(lambda: len(delivery.store.dead(CHENGYANG, "h")) == 3)
            assert {letter.fault for letter in delivery.store.dead(CHENGYANG, "h")} == {"address_refused"}
        assert receiver.seen == []


async def test_a_webhook_that_was_removed_gets_nothing_more(tmp_path: Path) -> None:
    async with EventWorld.opened(tmp_path) as world, Receiver().running() as receiver:
        async with delivering(world, tmp_path, receiver.hook()) as delivery:
            await until(lambda: delivery._carrying)
            delivery.store.remove(CHENGYANG, "h")
            delivery.wake()
            await until(lambda: not delivery._carrying)
            await _told(world)
        assert receiver.seen == []


def _bury(store: HookStore, hook: str, event: str) -> None:
    letter = DeadLetter(hook=hook, event=event, body=b"{}", since=NOW, fault="http_500", again=False)
    assert store.give_up(letter, "A" * 43)
    assert store.redeliver(CHENGYANG, hook) == 1


async def test_dead_letters_of_a_webhook_that_hangs_hold_up_nobody_and_end_with_it(tmp_path: Path) -> None:
    async with (
        EventWorld.opened(tmp_path) as world,
        Receiver(statuses=[0] * 9).running() as slow,
        Receiver().running() as quick,
    ):
        limits = replace(QUICK, timeout_s=60)
        async with delivering(world, tmp_path, slow.hook(id="slow"), limits=limits) as delivery:
            _bury(delivery.store, "slow", "1" * 22)
            await until(lambda: slow.seen == ["1" * 22])
            delivery.store.add(quick.hook(id="quick"), private=True)
            _bury(delivery.store, "quick", "2" * 22)
            ids = await _told(world)
            await until(lambda: set(quick.taken) == {*ids, "2" * 22})
            assert set(delivery._resending) >= {"slow"}
            delivery.store.remove(CHENGYANG, "slow")
            delivery.wake()
            await until(lambda: not delivery._resending)
        assert slow.taken == []


async def test_a_clock_that_was_set_back_makes_no_pause_longer(tmp_path: Path) -> None:
    async with EventWorld.opened(tmp_path) as world, Receiver().running() as receiver:
        ids = await _told(world)
        store = HookStore(tmp_path / "webhooks.sqlite")
        store.add(receiver.hook(), private=True)
        store.failed("h", attempts=1, retry_at=NOW + DAY, fault="http_500")
        async with delivering(world, tmp_path, store=store):
            await until(lambda: receiver.taken == ids)


def _letter(number: int) -> DeadLetter:
    return DeadLetter(hook="h", event=f"e{number}", body=b"{}", since=NOW, fault="http_500", again=False)


def test_a_county_sees_and_changes_its_own_webhooks_alone(tmp_path: Path) -> None:
    store = HookStore(tmp_path / "webhooks.sqlite")
    hook = Receiver(url="https://counter.example/events").hook()
    store.add(hook, private=False)
    assert (store.hooks(CHENGYANG), store.hooks(OTHER)) == ([hook], [])
    for act in (store.remove, store.dead, store.redeliver):
        for county, name in ((OTHER, "h"), (CHENGYANG, "x")):
            with pytest.raises(Conflict, match="wrong_target: there is no such webhook of this county"):
                act(county, name)
    assert store.hooks(CHENGYANG) == [hook]
    store.close()


def test_what_is_kept_is_bounded(tmp_path: Path) -> None:
    store = HookStore(tmp_path / "webhooks.sqlite")
    for number in range(MAX_OF_COUNTY):
        store.add(Receiver(url=f"https://a.example/{number}").hook(id=f"h{number}" if number else "h"), private=False)
    with pytest.raises(Conflict, match="already_exists"):
        store.add(Receiver(url="https://a.example/0").hook(id="n"), private=False)
    with pytest.raises(Unavailable, match="pushback"):
        store.add(Receiver(url="https://a.example/n").hook(id="n"), private=False)
    with store._database.transaction() as connection:
        rows = ((f"e{number}",) for number in range(MAX_DEAD))
        connection.executemany("INSERT INTO dead VALUES ('h', ?, x'', 0, 'http_500', 0)", rows)
    assert store.give_up(_letter(MAX_DEAD), "B" * 43) is False
    assert store.hooks()[0].cursor == "A" * 43
    assert store.count_dead(["h", "h1"]) == {"h": MAX_DEAD, "h1": 0}
    store.close()


@pytest.mark.parametrize(
    "members",
    [
        {"kinds": ()}, {"kinds": ("STEP", "STEP")}, {"kinds": ("CASE",)}, {"url": "http://a.example/x"},
        {"url": "https://a.example"}, {"url": "https://user@a.example/x"}, {"url": "https://a.example/x?y"},
        {"url": "https://a.example:0/"}, {"url": "https://a.example:99999/"}, {"url": "https://a.example/" + "x" * 512},
        {"url": "ftp://a.example/x"}, {"url": "https://a.example/é"}, {"url": "http://127.0.0.1/x"},
    ],
)  # fmt: skip
def test_what_is_no_webhook_is_refused(tmp_path: Path, members: dict[str, Any]) -> None:
    store = HookStore(tmp_path / "webhooks.sqlite")
    with pytest.raises(Malformed, match="bad_request"):
        store.add(Receiver(url="https://a.example/x").hook(**members), private=False)
    with pytest.raises(Malformed, match="bad_cursor"):
        store.add(Receiver(url="https://a.example/x").hook(cursor="x"), private=False)
    assert store.hooks() == []
    store.close()
