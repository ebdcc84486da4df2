"""Appeals: what the hub does not log within a minute is deposited with every auditor; none answers for another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import astuple
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

from hub.county.appeals import APPEAL_AFTER_S, Appeals
from hub.county.outbox import OUTBOX_SCHEMA, Appeal, Outbox, Settled
from hub.database import Database
from ledger.transparency.note import COSIGNATURE_ED25519, VerifierKey
from ledger.transparency.policy import PolicyWitness
from tests.entropy import signer_of
from tests.ports import NOW, FakeClock

Answer = tuple[int, dict[str, Any]] | None
TAKEN: Final = (202, {"leaf": "x", "deposited_at": NOW, "deadline": NOW + 300})
IMPOSSIBLE: Final = (409, {"error": {"code": "final_status", "message": "revoked for good"}})
NOT_YET: Final = (
    (503, {}), (429, {}), (404, {"error": {"code": "wrong_target", "message": "m"}}),
    (409, {"error": {"code": "iat_in_future", "message": "m"}}), (409, {"error": {"code": "of_2031", "message": "m"}}),
)  # fmt: skip


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    """Give an outbox with a seal and two status entries, signed a minute ago."""
    database = Database(tmp_path / "outbox.sqlite", OUTBOX_SCHEMA)
    made = Outbox(database)
    with database.transaction() as connection:
        for kind, name in (("seal", "a"), ("status", "a"), ("status", "b")):
            made.put(
                connection, kind, name, leaf=f"{kind} {name}".encode(), entry=f"entry {name}".encode(), journal=None,  # type: ignore[arg-type]
                now=NOW - APPEAL_AFTER_S,
            )  # fmt: skip
    yield made
    database.close()


def add_changes(outbox: Outbox, count: int) -> None:
    """Put further status entries behind those of `outbox`: of as many licenses, by number."""
    with outbox._database.transaction() as connection:
        for number in range(count):
            outbox.put(
                connection, "status", str(number), leaf=b"leaf %d" % number, entry=b"entry %d" % number, journal=None,
                now=NOW - APPEAL_AFTER_S,
            )  # fmt: skip


class Auditors:
    """Auditors as the county meets them. answers: what each says, None for nothing; heard: (who, body).

    taken: an entry that all of them take, whatever they answer else.
    """

    taken: bytes | None = None

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {"one": TAKEN, "two": TAKEN}
        self.heard: list[tuple[str, bytes]] = []
        self.client = httpx2.AsyncClient(transport=httpx2.MockTransport(self._answer))

    async def _answer(self, request: httpx2.Request) -> httpx2.Response:
        assert request.url.path == "/auditor/deposit"
        entry = await request.aread()
        self.heard.append((request.url.host, entry))
        answer = TAKEN if entry == self.taken else self.answers[request.url.host]
        if answer is None:
            raise httpx2.ConnectError("no route", request=request)
        return httpx2.Response(answer[0], json=answer[1])

    def named(self) -> list[PolicyWitness]:
        return [
            PolicyWitness(
                name=name,
                key=VerifierKey.of(f"{name}.example/auditor", COSIGNATURE_ED25519, signer_of(name)),
                url=f"http://{name}/auditor",
            )
            for name in self.answers
        ]


@pytest.fixture
async def auditors() -> AsyncIterator[Auditors]:
    auditors = Auditors()
    yield auditors
    await auditors.client.aclose()


def appeals_of(outbox: Outbox, auditors: Auditors, clock: FakeClock | None = None) -> Appeals:
    return Appeals(outbox, auditors.named(), auditors.client, clock=clock or FakeClock(NOW))


def told(appeals: Iterable[Appeal]) -> list[tuple[str, str, int | None, str | None]]:
    """Give what auditors answered: license, auditor, deadline, code; in order."""
    heard = [each for each in appeals if each.at is not None]
    return sorted((each.identifier, each.auditor.partition(".")[0], each.deadline, each.code) for each in heard)


async def test_status_entries_are_deposited_after_a_minute_and_seals_are_not(
    outbox: Outbox, auditors: Auditors
) -> None:
    assert await appeals_of(outbox, auditors, FakeClock(NOW - 1)).appeal() == []
    made = await appeals_of(outbox, auditors).appeal()
    assert told(made) == [(each, name, NOW + 300, None) for each in ("a", "b") for name in ("one", "two")]
    assert sorted(auditors.heard) == [(name, body) for name in ("one", "two") for body in (b"entry a", b"entry b")]
    assert sorted(outbox.appeals(), key=astuple) == sorted(made, key=astuple)
    assert outbox.counts(0).deposited == 2
    assert await appeals_of(outbox, auditors).appeal() == []


async def test_one_license_may_be_deposited_at_once(outbox: Outbox, auditors: Auditors) -> None:
    clock = FakeClock(NOW - APPEAL_AFTER_S)
    for _ in range(2):
        made = await appeals_of(outbox, auditors, clock).appeal_for("b")
        assert told(made) == [("b", "one", clock.now + 360, None), ("b", "two", clock.now + 360, None)]


@pytest.mark.parametrize("other", [None, *NOT_YET])
async def test_what_one_auditor_took_is_asked_of_the_others_until_they_answer(
    outbox: Outbox, auditors: Auditors, other: Answer
) -> None:
    """One that says 202 and tells nobody must not silence an appeal."""
    clock = FakeClock(NOW)
    appeals = appeals_of(outbox, auditors, clock)
    auditors.answers["two"] = other
    assert told(await appeals.appeal()) == [("a", "one", NOW + 300, None), ("b", "one", NOW + 300, None)]
    assert [(each.auditor[:3], each.asked, each.at) for each in outbox.appeals()] == [
        ("one", NOW, NOW), ("two", NOW, None),
    ] * 2  # fmt: skip
    auditors.heard.clear()
    clock.advance(5)
    auditors.answers["two"] = TAKEN
    assert told(await appeals.appeal()) == [("a", "two", NOW + 300, None), ("b", "two", NOW + 300, None)]
    assert {name for name, _ in auditors.heard} == {"two"}
    assert told(outbox.appeals()) == [(each, name, NOW + 300, None) for each in ("a", "b") for name in ("one", "two")]
    assert outbox.counts(0).deposited == 2


async def test_an_answer_dated_by_a_clock_that_was_ahead_silences_nothing(outbox: Outbox, auditors: Auditors) -> None:
    clock = FakeClock(NOW + 43_200)
    appeals = appeals_of(outbox, auditors, clock)
    assert len(told(await appeals.appeal())) == 4
    clock.now = NOW
    assert told(await appeals.appeal()) == [(each, name, NOW + 300, None) for each in "ab" for name in ("one", "two")]
    assert {(each.asked, each.at) for each in outbox.appeals()} == {(NOW, NOW)}
    assert await appeals.appeal() == []


async def test_an_answer_stands_for_five_minutes_and_the_last_word_of_each_counts(
    outbox: Outbox, auditors: Auditors
) -> None:
    clock = FakeClock(NOW)
    appeals = appeals_of(outbox, auditors, clock)
    await appeals.appeal()
    clock.advance(299)
    assert await appeals.appeal() == []
    clock.advance(1)
    auditors.answers = {"one": IMPOSSIBLE, "two": None}
    assert told(await appeals.appeal()) == [("a", "one", None, "final_status"), ("b", "one", None, "final_status")]
    assert told(outbox.appeals())[:2] == [("a", "one", None, "final_status"), ("a", "two", NOW + 300, None)]
    assert outbox.counts(0).deposited == 2


async def test_what_every_auditor_refuses_is_not_asked_again(outbox: Outbox, auditors: Auditors) -> None:
    auditors.answers = {"one": IMPOSSIBLE, "two": IMPOSSIBLE}
    made = await appeals_of(outbox, auditors).appeal()
    assert [(each.code, each.deadline) for each in made] == [("final_status", None)] * 4
    assert await appeals_of(outbox, auditors).appeal() == []
    assert outbox.counts(0).deposited == 0


async def test_who_cannot_be_reached_is_left_alone_until_the_next_time(outbox: Outbox, auditors: Auditors) -> None:
    """A hundred requests that hang would take a minute, and the connections that carry entries to the hub."""
    add_changes(outbox, 20)
    auditors.answers = {"one": None}
    clock = FakeClock(NOW)
    for _ in range(3):
        await appeals_of(outbox, auditors, clock).appeal()
        clock.advance(5)
    assert len(auditors.heard) == 24
    assert len(set(auditors.heard)) == 22


@pytest.mark.parametrize("answer", [IMPOSSIBLE, *NOT_YET])
async def test_no_change_waits_for_ever_behind_others(outbox: Outbox, auditors: Auditors, answer: Answer) -> None:
    """Of 150 changes that an auditor does not take and a newer one that it would, all are asked about in two rounds."""
    add_changes(outbox, 151)
    auditors.answers = {"one": answer}
    auditors.taken = b"entry 150"
    clock = FakeClock(NOW)
    appeals = appeals_of(outbox, auditors, clock)
    assert len(await appeals.appeal()) == 100
    clock.advance(5)
    made = await appeals.appeal()
    assert ("150", "one", NOW + 300, None) in told(made)
    assert len(set(auditors.heard)) == 153


async def test_what_the_log_holds_needs_no_deadline(outbox: Outbox, auditors: Auditors) -> None:
    auditors.answers = {"one": (200, {"index": 812}), "two": (200, {"index": 812})}
    made = await appeals_of(outbox, auditors).appeal()
    assert {(each.deadline, each.code) for each in made} == {(None, None)}


async def test_the_hubs_refusal_is_appealed_and_its_proof_is_not(outbox: Outbox, auditors: Auditors) -> None:
    """A hub that would hide a revocation could as well call it impossible."""
    seal, first, second = outbox.due("pending", NOW, 9)
    assert seal.kind == "seal"
    outbox.settle([
        Settled(item=first, state="failed", code="final_status", message="m"),
        Settled(item=second, state="done", log_index=7, evidence=b"proof"),
    ])  # fmt: skip
    assert {each.identifier for each in await appeals_of(outbox, auditors).appeal()} == {"a"}


async def test_an_auditor_that_answers_nonsense_is_not_believed(outbox: Outbox, auditors: Auditors) -> None:
    auditors.answers = {"one": (202, {"deadline": "soon"}), "two": (202, {"deadline": "soon"})}
    assert told(await appeals_of(outbox, auditors).appeal()) == []
    assert [each.at for each in outbox.appeals()] == [None] * 4
    assert outbox.give_up("a") == 0
    assert outbox.counts(0).deposited == 0


async def test_its_workers_go_on_after_a_fault(outbox: Outbox, auditors: Auditors) -> None:
    faults = [OSError("no disk"), OSError("no disk")]

    def clock() -> int:
        if faults:
            raise faults.pop()
        return NOW

    worker = asyncio.create_task(Appeals(outbox, auditors.named(), auditors.client, clock=clock, poll_s=0).run())
    async with asyncio.timeout(60):
        while sum(each.at is not None for each in outbox.appeals()) < 4:  # noqa: ASYNC110  # a table has no event
            await asyncio.sleep(0.001)
    worker.cancel()
    await asyncio.wait([worker])
    assert faults == []
    assert sorted(auditors.heard) == [(host, entry) for host in ("one", "two") for entry in (b"entry a", b"entry b")]
