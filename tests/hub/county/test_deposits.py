"""Deposits over HTTP: each answer to the letter, and how an entry goes round the auditors once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import httpx2
import pytest
from starlette.applications import Starlette

from hub.county.auditor import Auditor
from hub.county.deposits import PassingOn, auditors_of, deposit_routes
from ledger.encoding import b64u_encode
from ledger.entries import build_status
from ledger.status import Status
from ledger.transparency.merkle import leaf_hash
from ledger.transparency.note import COSIGNATURE_ED25519, VerifierKey
from ledger.transparency.policy import Policy
from tests.audits import BookSource, MemoryAuditStore, add_checkpoint, auditor_of
from tests.logbook import LogBook
from tests.ports import FakeClock
from tests.sequenced import seals
from tests.small_log import AUDITORS, COUNTIES, GENESIS, LOG, T0, revocation

NOW: Final = T0 + 3600
NAMES: Final = ("320583", "370214")


def policy() -> Policy:
    """Name both auditors, and a witness that is none."""
    keys = {name: VerifierKey.of(AUDITORS[name].name, COSIGNATURE_ED25519, AUDITORS[name].signer) for name in NAMES}
    witness = VerifierKey.of("130283.example/witness", COSIGNATURE_ED25519, LOG)
    lines = [f"witness a{name} {key.vkey()} http://{name}/auditor" for name, key in keys.items()]
    return Policy.parse("\n".join([*lines, f"witness w {witness.vkey()} http://w/witness", "quorum w", ""]).encode())


@dataclass
class World:
    """Two auditors behind one client, who have both replayed a log of two seals. down: who does not answer, how often."""

    book: LogBook = field(default_factory=lambda: LogBook(GENESIS, LOG))
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOW))
    auditors: dict[str, Auditor] = field(default_factory=dict)
    apps: dict[str, Starlette] = field(default_factory=dict)
    passing: dict[str, PassingOn] = field(default_factory=dict)
    down: Counter[str] = field(default_factory=Counter)
    heard: Counter[str] = field(default_factory=Counter)
    submitted: list[bytes] = field(default_factory=list)
    client: httpx2.AsyncClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = httpx2.AsyncClient(transport=httpx2.MockTransport(self._route))
        for raw in seals(2):
            self.book.add(raw)
        self.book.close()
        for name in NAMES:
            auditor = auditor_of(MemoryAuditStore(), BookSource(self.book), self.clock, county=name)
            peers = auditors_of(policy(), without=AUDITORS[name].name)
            self.passing[name] = PassingOn(auditor, peers, self.client, log_url="http://log/ledger", first_wait_s=0.0)
            self.apps[name] = Starlette(routes=deposit_routes(auditor, self.passing[name], self.clock))
            self.auditors[name] = auditor
        self.audit()

    def audit(self) -> None:
        """Let both auditors cosign the book as it stands."""
        for auditor in self.auditors.values():
            latest = auditor.store.latest()
            assert add_checkpoint(auditor, self.book, latest.size if latest else 0).status == 200

    async def _route(self, request: httpx2.Request) -> httpx2.Response:
        name = request.url.host
        self.heard[name] += 1
        if name == "log":
            assert request.url.path == "/ledger/entries"
            self.submitted.append(await request.aread())
            return httpx2.Response(202)
        if self.down[name]:
            self.down[name] -= 1
            raise httpx2.ConnectError("no route", request=request)
        return await httpx2.ASGITransport(app=self.apps[name]).handle_async_request(request)

    async def deposit(self, raw: bytes, name: str = "370214") -> httpx2.Response:
        return await self.client.post(f"http://{name}/auditor/deposit", content=raw)

    def watched(self, name: str) -> list[bytes]:
        return [each.raw for each in self.auditors[name].store.deposits()]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    await world.client.aclose()


def change(world: World, of: int = 1, *, kid: str = "370214#1", iat: int = NOW, leaf: bytes | None = None) -> bytes:
    signer = COUNTIES[kid[:6]]
    target = leaf_hash(world.book.entries[of]) if leaf is None else leaf
    return build_status(of=of, leaf=target, to=Status.REVOKED, reason="04", iat=iat, kid=kid, signer=signer)


async def test_a_deposit_is_taken_with_its_deadline_and_the_same_again(world: World) -> None:
    raw = change(world)
    expected = {"leaf": b64u_encode(leaf_hash(raw)), "deposited_at": NOW, "deadline": NOW + 300}
    first = await world.deposit(raw)
    world.clock.advance(60)
    again = await world.deposit(raw)
    assert [(answer.status_code, answer.json()) for answer in (first, again)] == [(202, expected)] * 2
    assert first.headers["cache-control"] == "no-store"
    assert world.watched("370214") == [raw]


async def test_what_the_log_holds_is_answered_with_its_index(world: World) -> None:
    raw = revocation(world.book, iat=NOW)
    world.book.add(raw)
    world.book.close()
    world.audit()
    answer = await world.deposit(raw)
    assert (answer.status_code, answer.json()) == (200, {"index": 4})


async def test_what_is_not_taken(world: World) -> None:
    raw = change(world)
    cases = {
        "no entry": (b"x", 400, "bad_encoding"),
        "a seal": (seals(1)[0], 400, "unknown_typ"),
        "too large": (b"x" * 16_385, 413, "too_large"),
        "bad signature": (raw[:-4] + b"AAAA", 403, "bad_signature"),
        "another county": (change(world, kid="320583#1"), 403, "not_issuer"),
        "no such seal": (change(world, 9, leaf=bytes(32)), 404, "wrong_target"),
        "another leaf": (change(world, leaf=bytes(32)), 404, "wrong_target"),
        "too old": (change(world, iat=NOW - 86_401), 409, "iat_too_old"),
        "from the future": (change(world, iat=NOW + 301), 409, "iat_in_future"),
    }
    for name, (body, status, code) in cases.items():
        answer = await world.deposit(body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), name
    world.book.add(revocation(world.book, iat=NOW - 9))
    world.book.close()
    world.audit()
    answer = await world.deposit(raw)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "final_status")
    assert world.watched("370214") == []


async def test_the_hundred_and_first_of_a_county_has_to_wait(world: World) -> None:
    for second in range(100):
        assert (await world.deposit(change(world, iat=NOW - second))).status_code == 202
    answer = await world.deposit(change(world, iat=NOW - 100))
    assert (answer.status_code, answer.headers["retry-after"], answer.json()["error"]["code"]) == (
        429,
        "60",
        "pushback",
    )


async def test_before_anything_is_replayed_there_is_nothing_to_judge_by(world: World) -> None:
    auditor = auditor_of(MemoryAuditStore(), BookSource(world.book), world.clock)
    world.apps["370214"] = Starlette(routes=deposit_routes(auditor, world.passing["370214"], world.clock))
    assert (await world.deposit(change(world))).status_code == 503


async def passed(world: World) -> None:
    """Let both pass on until nothing is left to do."""
    workers = [asyncio.create_task(each.run()) for each in world.passing.values()]
    async with asyncio.timeout(60):
        while any(each.store.to_pass_on(1) for each in world.auditors.values()):  # noqa: ASYNC110  # a store has no event
            await asyncio.sleep(0.001)
    for worker in workers:
        worker.cancel()
        with suppress(asyncio.CancelledError):
            await worker


async def test_a_deposit_goes_round_the_auditors_once(world: World) -> None:
    """The second one hears of it, tells the first, who knows it: no more requests than that. Both tell the log."""
    raw = change(world)
    await world.deposit(raw)
    await passed(world)
    assert world.watched("320583") == world.watched("370214") == [raw]
    assert world.heard == {"370214": 2, "320583": 1, "log": 2}
    assert world.submitted == [raw, raw]


async def test_an_auditor_that_does_not_answer_is_told_later(world: World) -> None:
    world.down["320583"] = 3
    await world.deposit(raw := change(world))
    await passed(world)
    assert world.watched("320583") == [raw]


async def test_one_that_is_away_holds_up_no_other_deposit(world: World) -> None:
    world.down["320583"] = 99
    world.passing["370214"] = PassingOn(
        world.auditors["370214"], auditors_of(policy(), without=AUDITORS["370214"].name), world.client,
        log_url="http://log/ledger", first_wait_s=3_600.0,
    )  # fmt: skip
    world.apps["370214"] = Starlette(
        routes=deposit_routes(world.auditors["370214"], world.passing["370214"], world.clock)
    )
    worker = asyncio.create_task(world.passing["370214"].run())
    for number in (1, 2):
        await world.deposit(change(world, number))
        async with asyncio.timeout(60):
            while len(world.submitted) < number:  # noqa: ASYNC110  # a list has no event
                await asyncio.sleep(0.001)
    worker.cancel()
    with suppress(asyncio.CancelledError):
        await worker
    assert len(world.auditors["370214"].store.to_pass_on(9)) == 2


async def test_passing_on_ends_where_an_auditor_stays_away(world: World) -> None:
    """The county deposits with every auditor by itself; nothing is tried for ever."""
    world.down["320583"] = 99
    await world.deposit(change(world))
    await passed(world)
    assert (world.heard["320583"], world.watched("320583")) == (8, [])


async def test_each_auditor_refuses_what_it_was_told_by_another(world: World) -> None:
    """So a hub that hides a revocation from one county's eyes loses every auditor."""
    await world.deposit(change(world))
    await passed(world)
    world.book.close()
    world.clock.advance(301)
    for auditor in world.auditors.values():
        decision = add_checkpoint(auditor, world.book, 4)
        assert (decision.status, decision.content_type) == (422, "application/jose")
