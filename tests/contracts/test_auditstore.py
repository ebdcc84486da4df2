"""One suite for every auditor's store: what its methods promise, in memory and in a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from hub.county.auditing import SqliteAuditStore
from ledger.deposits import MAX_PENDING, Deposit
from ledger.entries import build_status
from ledger.errors import Conflict, Unavailable
from ledger.refusal import Refusal, sign_refusal
from ledger.status import Status
from ledger.transparency.auditstore import AuditStore, StoredRefusal
from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.merkle import leaf_hash
from ledger.transparency.store import Appended
from ledger.transparency.witness import Latest
from tests.audits import MemoryAuditStore
from tests.small_log import COUNTIES, ORIGIN, T0

LATEST: Final = Latest(size=2, root=bytes(32), time=T0, note=b"cosigned")
REFUSAL: Final = Refusal(origin=ORIGIN, size=9, root=bytes(32), code="bad_head", iat=T0, index=8)


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AuditStore]:
    opened = MemoryAuditStore() if request.param == "memory" else SqliteAuditStore(tmp_path / "auditor.sqlite")
    yield opened
    opened.close()


def text(size: int) -> bytes:
    return Checkpoint(origin=ORIGIN, size=size, root=bytes(32)).text()


def batch(first: int, size: int) -> Appended:
    entries = [b"entry %d" % index for index in range(first, size)]
    return Appended(
        first=first,
        entries=entries,
        leaves=[leaf_hash(raw) for raw in entries],
        statements=[leaf_hash(b"statement" + raw) for raw in entries],
        tiles={(0, 0): b"".join(leaf_hash(b"entry %d" % index) for index in range(size))},
        status={0: bytes(64)},
        changes=[],
        old_note=text(first) if first else b"",
        note=text(size),
    )


def deposit(number: int, *, county: str = "370214", at: int = T0) -> Deposit:
    raw = build_status(
        of=number, leaf=bytes(32), to=Status.REVOKED, reason="04", iat=T0, kid=f"{county}#1", signer=COUNTIES[county]
    )
    return Deposit(raw=raw, deposited_at=at)


def refused(refusal: Refusal) -> StoredRefusal:
    return StoredRefusal(refusal=refusal, jws=sign_refusal(refusal, kid="370214#1", signer=COUNTIES["370214"]))


def test_nothing_is_there_at_first(store: AuditStore) -> None:
    assert (store.state(), store.latest(), list(store.deposits()), list(store.refusals(9))) == (None, None, [], [])
    assert store.reader().find([bytes(32)], [bytes(32)]) == ({}, {})


def test_entries_and_what_was_cosigned_come_together(store: AuditStore) -> None:
    store.keep(batch(0, 2), LATEST)
    store.keep(batch(2, 5))
    state = store.state()
    assert state is not None
    assert (state.origin, state.size, state.note, state.genesis_leaf) == (ORIGIN, 5, text(5), leaf_hash(b"entry 0"))
    assert store.latest() == LATEST
    assert list(store.reader().entries(1, 4)) == [b"entry 1", b"entry 2", b"entry 3"]
    store.keep(None, replace(LATEST, size=5, time=T0 + 60))
    assert store.latest() == replace(LATEST, size=5, time=T0 + 60)


def test_a_batch_that_does_not_fit_changes_nothing(store: AuditStore) -> None:
    """Neither the entries nor what would have been cosigned with them."""
    store.keep(batch(0, 2), LATEST)
    with pytest.raises(Conflict, match="store_moved"):
        store.keep(batch(3, 5), replace(LATEST, size=5))
    state = store.state()
    assert (None if state is None else state.size, store.latest()) == (2, LATEST)


def test_a_forgotten_mirror_takes_nothing_else_with_it(store: AuditStore) -> None:
    store.keep(batch(0, 2), LATEST)
    store.deposit(deposit(1))
    store.refuse(refused(REFUSAL))
    store.forget()
    assert store.state() is None
    assert (store.latest(), len(store.deposits()), len(store.refusals(9))) == (LATEST, 1, 1)
    store.keep(batch(0, 2))


def test_a_deposit_is_watched_once_from_its_first_time_on(store: AuditStore) -> None:
    assert store.deposit(deposit(1)) == (deposit(1), True)
    assert store.deposit(deposit(1, at=T0 + 9)) == (deposit(1), False)
    assert store.deposit(deposit(2, at=T0 - 9)) == (deposit(2, at=T0 - 9), True)
    assert list(store.deposits()) == [deposit(2, at=T0 - 9), deposit(1)]
    store.keep(None, LATEST, [deposit(1).entry.leaf])
    assert list(store.deposits()) == [deposit(2, at=T0 - 9)]


def test_a_county_has_a_hundred_deposits_at_most(store: AuditStore) -> None:
    for number in range(MAX_PENDING):
        store.deposit(deposit(number))
    with pytest.raises(Unavailable, match="pushback"):
        store.deposit(deposit(MAX_PENDING))
    assert store.deposit(deposit(5)) == (deposit(5), False)
    assert store.deposit(deposit(5, county="320583"))[1]


def test_deposits_are_passed_on_until_that_is_done(store: AuditStore) -> None:
    for number in (3, 1, 2):
        store.deposit(deposit(number, at=T0 + number))
    assert list(store.to_pass_on(2)) == [deposit(1).raw, deposit(2).raw]
    store.passed_on(deposit(1).entry.leaf)
    assert list(store.to_pass_on(9)) == [deposit(2).raw, deposit(3).raw]


def test_a_refusal_is_kept_once_and_given_again(store: AuditStore) -> None:
    first, later = refused(REFUSAL), refused(replace(REFUSAL, iat=T0 + 60))
    other = refused(replace(REFUSAL, size=12, index=None))
    assert store.refuse(first) == first
    assert store.refuse(later) == first
    assert store.refuse(other) == other
    assert list(store.refusals(9)) == [other, first]
    assert list(store.refusals(1)) == [other]


def test_a_file_is_gone_on_with(tmp_path: Path) -> None:
    one = SqliteAuditStore(tmp_path / "auditor.sqlite")
    one.keep(batch(0, 2), LATEST)
    one.deposit(deposit(1))
    one.keep_evidence(b"a request", bytes(32))
    one.close()
    two = SqliteAuditStore(tmp_path / "auditor.sqlite")
    assert (two.latest(), list(two.deposits())) == (LATEST, [deposit(1)])
    assert list(two.reader().entries(0, 2)) == [b"entry 0", b"entry 1"]
    two.close()
    assert (tmp_path / "auditor.sqlite").stat().st_mode & 0o777 == 0o600
