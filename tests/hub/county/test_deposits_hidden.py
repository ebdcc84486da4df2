"""Deposits against a hub that plays with them: what was shown once is not logged, and what was refused comes again."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path
from typing import Final

import httpx2
import pytest

from hub.county.auditing import SqliteAuditStore
from hub.county.deposits import PassingOn, take_deposit
from ledger.deposits import Deposit
from ledger.entries import RULE_TYP
from ledger.errors import Conflict, NotVerified
from ledger.governance import rule_payload
from ledger.jws import sign_general
from tests.audits import BookSource, MemoryAuditStore, add_checkpoint, auditor_of
from tests.logbook import LogBook
from tests.ports import FakeClock
from tests.sequenced import seals
from tests.small_log import COUNTIES, GENESIS, LOG, T0, revocation

NOW: Final = T0 + 10 * 86_400


def book_of(*entries: bytes) -> LogBook:
    """Give a log of two seals under a head, and what follows them under another."""
    book = LogBook(GENESIS, LOG)
    for raw in seals(2):
        book.add(raw)
    book.close()
    for raw in entries:
        book.add(raw)
    if entries:
        book.close()
    return book


def test_an_entry_in_a_tree_that_was_refused_is_watched_as_if_it_were_not_there() -> None:
    """The log shows R in tree A, which it loses by hiding another entry, and would go on with tree B without R."""
    clock, base = FakeClock(NOW), book_of()
    source = BookSource(base)
    auditor = auditor_of(MemoryAuditStore(), source, clock)
    assert add_checkpoint(auditor, base, 0).status == 200
    hidden = revocation(base, iat=NOW)
    shown = revocation(base, of=2, iat=NOW)
    assert isinstance(take_deposit(auditor, hidden, NOW), tuple)
    clock.advance(301)
    source.book = book_of(shown)
    assert add_checkpoint(auditor, source.book, 4).status == 422
    deposit, fresh = take_deposit(auditor, shown, clock())  # type: ignore[misc]
    assert (deposit.raw, fresh) == (shown, True)
    source.book = book_of(hidden)
    assert add_checkpoint(auditor, source.book, 4).status == 422  # another tree than the one that was mirrored
    source.book.close()
    assert add_checkpoint(auditor, source.book, 4).status == 200  # the deposit of `shown` is not due yet
    clock.advance(301)
    source.book.close()
    assert add_checkpoint(auditor, source.book, source.book.size - 1).status == 422
    assert auditor.store.refusals(1)[0].refusal.code == "deposit_left_out"


def test_a_forged_copy_of_what_is_mirrored_and_not_cosigned_is_not_watched() -> None:
    """It would take a place of the county's hundred, and anyone could take them all."""
    clock, source = FakeClock(NOW), BookSource(book_of())
    auditor = auditor_of(MemoryAuditStore(), source, clock)
    assert add_checkpoint(auditor, source.book, 0).status == 200
    hidden, shown = revocation(source.book, iat=NOW), revocation(source.book, of=2, iat=NOW)
    take_deposit(auditor, hidden, NOW)
    clock.advance(301)
    source.book = book_of(shown)
    assert add_checkpoint(auditor, source.book, 4).status == 422
    with pytest.raises(NotVerified, match="bad_signature"):
        take_deposit(auditor, shown[:-86] + b"A" * 86, clock())
    assert [each.raw for each in auditor.store.deposits()] == [hidden]
    take_deposit(auditor, shown, clock())
    assert [each.raw for each in auditor.store.deposits()] == [hidden, shown]


@pytest.mark.parametrize("asked_again", [False, True])
def test_a_clock_that_was_ahead_puts_no_deadline_off(tmp_path: Path, *, asked_again: bool) -> None:
    """From the first moment on at which its clock is right again, whoever it hears of then, county or log."""
    book, clock = book_of(), FakeClock(NOW + 43_200)
    with closing(SqliteAuditStore(tmp_path / "auditor.sqlite")) as store:
        auditor = auditor_of(store, BookSource(book), clock)
        assert add_checkpoint(auditor, book, 0).status == 200
        raw = revocation(book, iat=NOW)
        assert take_deposit(auditor, raw, clock()) == (Deposit(raw=raw, deposited_at=NOW + 43_200), True)
        clock.now = NOW
        if asked_again:
            assert take_deposit(auditor, raw, NOW) == (Deposit(raw=raw, deposited_at=NOW), False)
        else:
            assert add_checkpoint(auditor, book, book.size).status == 200
    with closing(SqliteAuditStore(tmp_path / "auditor.sqlite")) as store:
        auditor = auditor_of(store, BookSource(book), clock)
        for age, status in ((300, 200), (301, 422)):
            clock.now = NOW + age
            assert add_checkpoint(auditor, book, book.size).status == status
        assert store.refusals(1)[0].refusal.code == "deposit_left_out"


BACK_S: Final = 86_400
"""The rule `iat_back_s` of the genesis; `deposit_s` is 300."""


@pytest.mark.parametrize(("iat", "code"), [(NOW - BACK_S + 599, "iat_too_old"), (NOW + 1, "iat_in_future")])
def test_a_deposit_that_an_honest_log_could_not_take_in_time_is_not_watched(iat: int, code: str) -> None:
    book = book_of()
    auditor = auditor_of(MemoryAuditStore(), BookSource(book), FakeClock(NOW))
    assert add_checkpoint(auditor, book, 0).status == 200
    with pytest.raises(Conflict) as caught:
        take_deposit(auditor, revocation(book, iat=iat), NOW)
    assert caught.value.code == code
    assert auditor.store.deposits() == []


@pytest.mark.parametrize("iat", [NOW - BACK_S + 600, NOW])
def test_a_deposit_that_leaves_the_log_time_is_watched(iat: int) -> None:
    book = book_of()
    auditor = auditor_of(MemoryAuditStore(), BookSource(book), FakeClock(NOW))
    assert add_checkpoint(auditor, book, 0).status == 200
    raw = revocation(book, iat=iat)
    assert take_deposit(auditor, raw, NOW) == (Deposit(raw=raw, deposited_at=NOW), True)


@pytest.mark.parametrize(("back_s", "age"), [(1_200, 600), (600, 300), (100, 50)])
def test_however_short_the_window_half_of_it_is_left_to_deposit_in(back_s: int, age: int) -> None:
    """A rule of the members must not end all deposits."""
    book = book_of()
    payload = rule_payload(iat=NOW, prev=book.state.digest(), rules={"iat_back_s": back_s})
    book.add(sign_general(RULE_TYP, payload, [(f"{county}#1", signer) for county, signer in COUNTIES.items()]))
    book.close()
    auditor = auditor_of(MemoryAuditStore(), BookSource(book), FakeClock(NOW))
    assert add_checkpoint(auditor, book, 0).status == 200
    raw = revocation(book, iat=NOW - age)
    with pytest.raises(Conflict, match="iat_too_old"):
        take_deposit(auditor, revocation(book, iat=NOW - age - 1), NOW)
    assert take_deposit(auditor, raw, NOW) == (Deposit(raw=raw, deposited_at=NOW), True)


async def test_the_log_is_reminded_of_what_is_watched_whatever_it_said_before() -> None:
    book, submitted = book_of(), list[bytes]()

    async def log(request: httpx2.Request) -> httpx2.Response:
        submitted.append(await request.aread())
        return httpx2.Response(409)

    auditor = auditor_of(MemoryAuditStore(), BookSource(book), FakeClock(NOW))
    raw = revocation(book, iat=NOW)
    auditor.store.deposit(Deposit(raw=raw, deposited_at=NOW))
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(log)) as client:
        passing = PassingOn(auditor, [], client, log_url="http://log/ledger")
        for _ in range(2):
            await passing.remind("http://log/ledger/entries")
    assert submitted == [raw, raw]


async def test_a_log_that_never_ends_its_answer_is_not_waited_for() -> None:
    """It would keep the connections by which the other auditors hear of a deposit."""
    asked = list[bytes]()

    async def log(request: httpx2.Request) -> httpx2.Response:
        asked.append(await request.aread())
        await asyncio.Event().wait()
        return httpx2.Response(202)

    book = book_of()
    auditor = auditor_of(MemoryAuditStore(), BookSource(book), FakeClock(NOW))
    raw = revocation(book, iat=NOW)
    auditor.store.deposit(Deposit(raw=raw, deposited_at=NOW))
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(log)) as client:
        passing = PassingOn(auditor, [], client, log_url="http://log/ledger", timeout_s=0.01)
        async with asyncio.timeout(20):
            await passing.remind("http://log/ledger/entries")
    assert asked == [raw]
