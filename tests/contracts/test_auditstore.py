"""One suite for every auditor's store: what its methods promise, in memory and in a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
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
from ledger.transparency.checkpoint import Checkpoint, sign_checkpoint
from ledger.transparency.evidence import Offer
from ledger.transparency.merkle import leaf_hash
from ledger.transparency.sqlite import transaction
from ledger.transparency.store import Appended
from ledger.transparency.witness import AddCheckpoint, Latest
from tests.audits import MemoryAuditStore
from tests.small_log import COUNTIES, LOG, ORIGIN, T0


def signed(size: int, root: bytes = bytes(32)) -> bytes:
    return sign_checkpoint(Checkpoint(origin=ORIGIN, size=size, root=root), ORIGIN, LOG)


LATEST: Final = Latest(size=2, root=bytes(32), time=T0, note=signed(2))
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


def test_a_mirror_is_cut_back_to_a_checkpoint_and_grows_again(store: AuditStore) -> None:
    store.keep(batch(0, 2), LATEST)
    store.keep(batch(2, 5))
    store.keep(batch(5, 9))
    store.forget(Checkpoint(origin=ORIGIN, size=2, root=bytes(32)))
    state = store.state()
    assert state is not None
    assert (state.size, state.note, store.latest()) == (2, text(2), LATEST)
    assert store.reader().tile(0, 0) == leaf_hash(b"entry 0") + leaf_hash(b"entry 1")
    gone, statement = leaf_hash(b"entry 2"), leaf_hash(b"statemententry 2")
    assert store.reader().find([gone, leaf_hash(b"entry 1")], [statement]) == ({leaf_hash(b"entry 1"): 1}, {})
    store.keep(batch(2, 9))
    assert list(store.reader().entries(1, 3)) == [b"entry 1", b"entry 2"]


def test_a_deposit_is_watched_once_from_its_first_time_on(store: AuditStore) -> None:
    assert store.deposit(deposit(1)) == (deposit(1), True)
    assert store.deposit(deposit(1, at=T0 + 9)) == (deposit(1), False)
    assert store.deposit(deposit(2, at=T0 - 9)) == (deposit(2, at=T0 - 9), True)
    assert list(store.deposits()) == [deposit(2, at=T0 - 9), deposit(1)]
    store.keep(None, LATEST, [deposit(1).entry.leaf])
    assert list(store.deposits()) == [deposit(2, at=T0 - 9)]


def test_a_statement_is_watched_once_whatever_its_signature(store: AuditStore) -> None:
    store.deposit(deposit(1))
    head, payload, _ = deposit(1).raw.split(b".")
    again = Deposit(raw=b".".join((head, payload, b"A" * 86)), deposited_at=T0 + 9)
    assert again.entry.leaf != deposit(1).entry.leaf
    assert store.deposit(again) == (deposit(1), False)
    assert list(store.deposits()) == [deposit(1)]


def test_the_time_of_a_deposit_is_lowered_where_it_lies_ahead(store: AuditStore) -> None:
    """The clock was ahead when it came."""
    store.deposit(deposit(1, at=T0 + 86_400))
    assert store.deposit(deposit(1)) == (deposit(1), False)
    assert list(store.deposits()) == [deposit(1)]


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


def test_two_deposits_left_out_of_one_tree_are_two_refusals(store: AuditStore) -> None:
    """Both are about the same seal."""
    one, other = (
        refused(replace(REFUSAL, code="deposit_left_out", index=1, leaf=leaf_hash(name))) for name in (b"one", b"other")
    )
    assert store.refuse(one) == one
    assert store.refuse(other) == other
    assert store.refuse(one) == one
    assert list(store.refusals(9)) == [other, one]


def test_the_first_refusal_of_each_code_outlasts_a_flood(tmp_path: Path) -> None:
    with closing(SqliteAuditStore(tmp_path / "auditor.sqlite")) as store:
        first, second = refused(REFUSAL), refused(replace(REFUSAL, code="iat_too_old"))
        store.refuse(first)
        store.refuse(second)
        flood = [(size, bytes(32), "bad_head", -1, b"", first.jws) for size in range(100, 10_099)]
        with transaction(store._connection):
            store._connection.executemany(
                "INSERT INTO refusal (size, root, code, place, leaf, jws) VALUES (?, ?, ?, ?, ?, ?)", flood
            )
        for size in (10_099, 10_100, 10_101):
            store.refuse(refused(replace(REFUSAL, size=size)))
        kept = [size for (size,) in store._connection.execute("SELECT size FROM refusal ORDER BY id LIMIT 4")]
        assert kept == [9, 9, 102, 103]


def test_a_file_is_gone_on_with(tmp_path: Path) -> None:
    one = SqliteAuditStore(tmp_path / "auditor.sqlite")
    one.keep(batch(0, 2), LATEST)
    one.deposit(deposit(1))
    one.keep_offer(Offer(request=AddCheckpoint.of(0, (), signed(9)), held=LATEST.note))
    one.close()
    two = SqliteAuditStore(tmp_path / "auditor.sqlite")
    assert (two.latest(), list(two.deposits())) == (LATEST, [deposit(1)])
    assert list(two.reader().entries(0, 2)) == [b"entry 0", b"entry 1"]
    assert [each.request.checkpoint.size for each in two.offers()] == [9]
    two.close()
    assert (tmp_path / "auditor.sqlite").stat().st_mode & 0o777 == 0o600
