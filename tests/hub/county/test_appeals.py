"""Appeals: what the hub does not log within a minute is deposited with the auditors, once one of them takes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

from hub.county.appeals import APPEAL_AFTER_S, Appeals
from hub.county.outbox import OUTBOX_SCHEMA, Outbox, Settled
from hub.database import Database
from ledger.transparency.note import COSIGNATURE_ED25519, VerifierKey
from ledger.transparency.policy import PolicyWitness
from tests.entropy import signer_of
from tests.ports import NOW, FakeClock

Answer = tuple[int, dict[str, Any]] | None
TAKEN: Final = (202, {"leaf": "x", "deposited_at": NOW, "deadline": NOW + 300})
IMPOSSIBLE: Final = (409, {"error": {"code": "final_status", "message": "revoked for good"}})


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


class Auditors:
    """Two auditors as the county meets them. answers: what each says, None for nothing; heard: (who, body)."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {"one": TAKEN, "two": TAKEN}
        self.heard: list[tuple[str, bytes]] = []
        self.client = httpx2.AsyncClient(transport=httpx2.MockTransport(self._answer))

    async def _answer(self, request: httpx2.Request) -> httpx2.Response:
        assert request.url.path == "/auditor/deposit"
        self.heard.append((request.url.host, await request.aread()))
        answer = self.answers[request.url.host]
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


async def test_status_entries_are_deposited_after_a_minute_and_seals_are_not(
    outbox: Outbox, auditors: Auditors
) -> None:
    assert await appeals_of(outbox, auditors, FakeClock(NOW - 1)).appeal() == []
    made = await appeals_of(outbox, auditors).appeal()
    assert [(each.identifier, each.deadline, each.code) for each in made] == [
        ("a", NOW + 300, None),
        ("b", NOW + 300, None),
    ]
    assert {body for _, body in auditors.heard} == {b"entry a", b"entry b"}
    assert outbox.appeals() == made
    assert outbox.counts(0).deposited == 2
    assert await appeals_of(outbox, auditors).appeal() == []


async def test_one_license_may_be_deposited_at_once(outbox: Outbox, auditors: Auditors) -> None:
    clock = FakeClock(NOW - APPEAL_AFTER_S)
    made = await appeals_of(outbox, auditors, clock).appeal(after_s=0, identifier="b")
    assert [each.identifier for each in made] == ["b"]


@pytest.mark.parametrize("other", [None, (503, {}), (404, {"error": {"code": "wrong_target", "message": "m"}}), TAKEN])
async def test_one_auditor_that_took_it_is_enough(outbox: Outbox, auditors: Auditors, other: Answer) -> None:
    auditors.answers["one"] = other
    made = await appeals_of(outbox, auditors).appeal()
    assert {(each.deadline, each.code) for each in made} == {(NOW + 300, None)}


@pytest.mark.parametrize("other", [None, (503, {}), (429, {}), (404, {})])
async def test_it_is_tried_again_while_one_auditor_cannot_say(
    outbox: Outbox, auditors: Auditors, other: Answer
) -> None:
    auditors.answers = {"one": IMPOSSIBLE, "two": other}
    appeals = appeals_of(outbox, auditors)
    assert await appeals.appeal() == []
    auditors.answers["two"] = TAKEN
    assert len(await appeals.appeal()) == 2


async def test_what_every_auditor_refuses_is_not_asked_again(outbox: Outbox, auditors: Auditors) -> None:
    auditors.answers = {"one": IMPOSSIBLE, "two": IMPOSSIBLE}
    made = await appeals_of(outbox, auditors).appeal()
    assert [(each.code, each.deadline) for each in made] == [("final_status", None)] * 2
    assert await appeals_of(outbox, auditors).appeal() == []
    assert outbox.counts(0).deposited == 0


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
    assert [each.identifier for each in await appeals_of(outbox, auditors).appeal()] == ["a"]


async def test_an_auditor_that_answers_nonsense_is_not_believed(outbox: Outbox, auditors: Auditors) -> None:
    auditors.answers = {"one": (202, {"deadline": "soon"}), "two": (202, {"deadline": "soon"})}
    assert await appeals_of(outbox, auditors).appeal() == []
    assert outbox.appeals() == []


async def test_its_worker_goes_on_after_a_fault(outbox: Outbox, auditors: Auditors) -> None:
    worker = asyncio.create_task(appeals_of(outbox, auditors).run())
    async with asyncio.timeout(20):
        while outbox.counts(0).deposited < 2:  # noqa: ASYNC110  # a table has no event
            await asyncio.sleep(0.001)
    worker.cancel()
    assert len(auditors.heard) == 4
