"""Delivery: an item leaves the outbox with proof in hand, or with the code of its refusal; whatever the hub does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx2
import pytest
from structlog.testing import capture_logs

from hub.county import CountyNode
from hub.county.delivery import Delivery
from hub.county.evidence import EvidenceCheck
from hub.county.outbox import Counts, Item, Settled
from hub.journal.records import parse_license_record
from ledger.entries import parse_seal
from ledger.errors import Conflict
from ledger.status import Status
from ledger.verdict import Outcome
from tests.alliance import HUB_URL, NOW, Alliance, identifier_of, license_of
from tests.entropy import seeded
from tests.fake_hub import FakeHub
from tests.ports import FakeClock

DONE = Counts(pending=0, witnessed=3, stated=3, overdue=0, failed={})
WAITING = Counts(pending=3, witnessed=0, stated=0, overdue=0, failed={})


def _delivery(node: CountyNode, client: httpx2.AsyncClient, clock: FakeClock) -> Delivery:
    check = EvidenceCheck(node.verifier)
    return Delivery(node.outbox, client, check=check, renew=node.renew, clock=clock, random=seeded("jitter"))


@pytest.fixture
async def client(fake_hub: FakeHub) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=fake_hub.app())
    async with httpx2.AsyncClient(transport=transport, base_url=HUB_URL) as opened:
        yield opened


@pytest.fixture
def delivery(node: CountyNode, client: httpx2.AsyncClient, clock: FakeClock) -> Delivery:
    return _delivery(node, client, clock)


@pytest.fixture(autouse=True)
def _three_sealed(node: CountyNode) -> None:
    node.seal_many([license_of(number) for number in (1, 2, 3)], NOW)


def _counts(node: CountyNode, now: int = NOW) -> Counts:
    return node.outbox.counts(now - 300)


async def test_seals_go_first_and_their_journal_records_after_the_receipt(
    node: CountyNode, delivery: Delivery, fake_hub: FakeHub
) -> None:
    assert await delivery.deliver() == 6
    assert fake_hub.requests == [("entries", 3), ("records", 3)]
    assert _counts(node) == DONE
    stated = [parse_license_record(record).identifier for record in fake_hub.journal]
    assert stated == [str(identifier_of(number)) for number in (1, 2, 3)]
    assert await delivery.deliver() == 0
    assert len(fake_hub.requests) == 2


async def test_the_kept_receipt_verifies_offline_and_shows_what_is_chosen(node: CountyNode, delivery: Delivery) -> None:
    await delivery.deliver()
    receipt = node.present(str(identifier_of(2)), ["certificateHolderName", "KZ_ADDRESS"])
    verdict = node.verifier.verify(receipt, now=NOW + 60, max_age=3600)
    assert verdict.outcome is Outcome.VALID
    shown = {name for name in verdict.claims if name[:2] in {"ce", "KZ"}}
    assert shown == {"certificateHolderName", "KZ_ADDRESS"}


@pytest.mark.parametrize("mode", ["down", "broken", "short", "unwitnessed", "other_receipt", "no_quorum"])
async def test_what_brings_no_proof_leaves_every_item_pending_and_is_tried_again(
    node: CountyNode, delivery: Delivery, fake_hub: FakeHub, clock: FakeClock, mode: str
) -> None:
    fake_hub.mode = mode
    assert await delivery.deliver() == 0
    assert _counts(node) == WAITING
    if mode == "no_quorum":
        return  # this hub gives the same receipt ever after, and that never becomes good
    fake_hub.mode = "honest"
    clock.advance(2)
    await delivery.deliver()
    assert _counts(node) == DONE


async def test_an_unreachable_hub_leaves_every_item_pending(node: CountyNode, clock: FakeClock) -> None:
    def dead(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused", request=request)

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(dead), base_url=HUB_URL) as client:
        assert await _delivery(node, client, clock).deliver() == 0
    assert _counts(node) == WAITING


async def test_a_hub_that_is_away_is_logged_once_until_it_is_back(
    delivery: Delivery, fake_hub: FakeHub, clock: FakeClock
) -> None:
    with capture_logs() as logs:
        for mode in ("down", "down", "honest", "honest"):
            fake_hub.mode = mode
            await delivery.deliver()
            clock.advance(60)
    assert logs == [
        {
            "event": "hub_unreachable", "log_level": "warning", "url": HUB_URL,
            "reason": "the hub answered with status 503",
        },
        {"event": "hub_reachable", "log_level": "info", "url": HUB_URL},
    ]  # fmt: skip


async def test_a_refusal_for_good_names_the_license_in_the_log(delivery: Delivery, fake_hub: FakeHub) -> None:
    fake_hub.refuse = "not_issuer"
    with capture_logs() as logs:
        await delivery.deliver()
    assert logs == [
        {
            "event": "entry_refused", "log_level": "error", "code": "not_issuer", "kind": "seal",
            "identifier": str(identifier_of(number)),
        }
        for number in (1, 2, 3)
    ]  # fmt: skip


async def test_an_answer_that_was_lost_costs_a_repeated_request_and_gives_the_same_index(
    node: CountyNode, delivery: Delivery, fake_hub: FakeHub, clock: FakeClock
) -> None:
    fake_hub.mode = "lost"
    await delivery.deliver()
    size = fake_hub.book.size
    fake_hub.mode = "honest"
    clock.advance(2)
    await delivery.deliver()
    assert _counts(node) == DONE
    assert fake_hub.book.size == size
    assert [item.log_index for number in (1, 2, 3) for item in node.outbox.of(str(identifier_of(number)))] == [1, 2, 3]


async def test_a_crash_between_receipt_and_store_is_healed_by_the_next_round(
    node: CountyNode, delivery: Delivery, fake_hub: FakeHub, client: httpx2.AsyncClient, clock: FakeClock
) -> None:
    """Kill -9 after the hub's answer and before `settle`: another process finds the item pending and asks again."""
    items = node.outbox.due("pending", NOW, 10)
    await client.post("/ledger/entries", params={"wait": "receipt"}, content=_bundle(items))
    await _delivery(node, client, clock).deliver()
    assert _counts(node) == DONE
    assert fake_hub.book.size == 1 + 3 + 1


def _bundle(items: list[Item]) -> bytes:
    return b"".join(len(item.entry).to_bytes(2, "big") + item.entry for item in items)


@pytest.mark.parametrize(
    ("code", "kept"),
    [("bad_signature", True), ("unknown_kid", True), ("too_large", True), ("forbidden", True), ("final_status", True),
     ("pushback", False), ("unwitnessed_backlog", False), ("store_moved", False), ("iat_in_future", False),
     ("a code of tomorrow", False)],
)  # fmt: skip
async def test_a_refusal_for_good_is_kept_with_its_code_and_any_other_is_tried_again(
    node: CountyNode, delivery: Delivery, fake_hub: FakeHub, clock: FakeClock, code: str, kept: bool
) -> None:
    fake_hub.refuse = code
    await delivery.deliver()
    expected = replace(WAITING, pending=0, failed={code: 3}) if kept else WAITING
    assert _counts(node) == expected
    fake_hub.refuse = None
    if kept:
        assert node.outbox.retry_failed() == 3
    clock.advance(2)
    await delivery.deliver()
    assert _counts(node) == DONE


async def test_an_error_text_that_cannot_be_stored_holds_nothing_up(
    node: CountyNode, delivery: Delivery, fake_hub: FakeHub
) -> None:
    """A lone surrogate in the first message of either answer: that item fails with its code, the others go on."""
    fake_hub.mode = "unwritable"
    await delivery.deliver()
    assert _counts(node) == Counts(pending=0, witnessed=1, stated=1, overdue=0, failed={"bad_signature": 2})


async def test_an_error_that_is_not_known_is_tried_again(
    node: CountyNode, delivery: Delivery, fake_hub: FakeHub, clock: FakeClock
) -> None:
    fake_hub.refuse = "\x1b[31munheard_of"
    await delivery.deliver()
    assert {item.code for item in node.outbox.due("pending", NOW + 60, 9)} == {"not_ready"}
    fake_hub.refuse = None
    clock.advance(2)
    await delivery.deliver()
    assert _counts(node) == DONE


async def test_the_pause_between_attempts_doubles_up_to_a_minute_with_jitter_on_top(
    node: CountyNode, delivery: Delivery, fake_hub: FakeHub, clock: FakeClock
) -> None:
    others = [item for number in (2, 3) for item in node.outbox.of(str(identifier_of(number)))]
    node.outbox.settle([Settled(item=item, state="failed", code="bad_signature") for item in others])
    fake_hub.mode = "down"
    pauses = []
    for _ in range(9):
        await delivery.deliver()
        start = clock.now
        while not node.outbox.due("pending", clock.now, 1):
            clock.advance(1)
        pauses.append(clock.now - start)
    shortest = [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert all(low <= pause <= low * 1.5 for low, pause in zip(shortest, pauses, strict=True))


async def test_an_entry_that_waited_too_long_is_signed_anew_with_other_salts(
    node: CountyNode, delivery: Delivery, fake_hub: FakeHub, clock: FakeClock
) -> None:
    (item,) = node.outbox.of(str(identifier_of(1)))
    before = node.records.face(item.identifier)
    clock.advance(86_401)
    fake_hub.refuse = "iat_too_old"
    await delivery.deliver()
    (renewed,) = node.outbox.of(item.identifier)
    old, new = parse_seal(item.entry), parse_seal(renewed.entry)
    assert (new.iat, new.vct, new.expires) == (clock.now, old.vct, old.expires)
    assert set(new.digests).isdisjoint(old.digests)
    fake_hub.refuse = None
    clock.advance(1)
    await delivery.deliver()
    assert _counts(node, clock.now) == DONE
    after = node.records.face(item.identifier)
    assert before is not None
    assert after is not None
    assert after.values() == before.values()
    assert after.sd_jwt.partition("~")[0] == renewed.entry.decode()


@pytest.mark.parametrize(("code", "waited"), [("iat_too_old", 86_400), ("key_not_active", 0)])
async def test_a_hub_that_refuses_what_an_honest_one_would_take_gets_no_second_seal(
    node: CountyNode, delivery: Delivery, fake_hub: FakeHub, clock: FakeClock, code: str, waited: int
) -> None:
    """It may have logged the first: two seals of one license, of which the county would revoke one."""
    (item,) = node.outbox.of(str(identifier_of(1)))
    clock.advance(waited)
    fake_hub.refuse = code
    await delivery.deliver()
    (kept,) = node.outbox.of(item.identifier)
    assert (kept.leaf, kept.state, kept.code) == (item.leaf, "pending", "not_ready")
    with pytest.raises(Conflict, match=r"^wrong_target: no seal of this license is logged yet$"):
        node.attestation(item.identifier)
    fake_hub.refuse = None
    clock.advance(3)
    await delivery.deliver()
    assert _counts(node, clock.now) == DONE


async def test_a_journal_record_whose_seal_is_not_there_yet_waits(
    node: CountyNode, delivery: Delivery, fake_hub: FakeHub, clock: FakeClock
) -> None:
    await delivery.deliver()
    node.outbox.settle([_back_to_logged(node, number) for number in (1, 2, 3)])
    fake_hub.refuse = "wrong_target"
    await delivery.deliver()
    assert _counts(node) == Counts(pending=0, witnessed=3, stated=0, overdue=0, failed={})
    fake_hub.refuse = None
    clock.advance(2)
    await delivery.deliver()
    assert _counts(node) == DONE
    assert len(fake_hub.journal) == 3


def _back_to_logged(node: CountyNode, number: int) -> Settled:
    (item,) = node.outbox.of(str(identifier_of(number)))
    return Settled(item=item, state="logged")


async def test_a_revocation_is_done_when_its_proof_leads_to_a_quorum(
    node: CountyNode, delivery: Delivery, fake_hub: FakeHub
) -> None:
    await delivery.deliver()
    node.revoke(str(identifier_of(1)), "04", NOW)
    await delivery.deliver()
    assert _counts(node) == Counts(pending=0, witnessed=4, stated=4, overdue=0, failed={})
    assert fake_hub.book.statuses.get(1) is Status.REVOKED


async def test_a_proof_without_quorum_leaves_the_revocation_pending(
    node: CountyNode, delivery: Delivery, fake_hub: FakeHub
) -> None:
    await delivery.deliver()
    node.revoke(str(identifier_of(1)), "04", NOW)
    fake_hub.mode = "no_quorum"
    await delivery.deliver()
    assert _counts(node).pending == 1


async def test_a_license_that_is_not_logged_cannot_be_revoked_yet(node: CountyNode) -> None:
    with pytest.raises(Conflict) as caught:
        node.revoke(str(identifier_of(1)), "04", NOW)
    assert caught.value.code == "wrong_target"


async def test_what_is_overdue_is_counted(node: CountyNode, alliance: Alliance) -> None:
    assert _counts(node, NOW + 300).overdue == 0
    assert _counts(node, NOW + 301).overdue == 3
