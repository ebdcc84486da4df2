"""Many receipts under one policy: the same verdicts as one by one, in order, taken as they are needed."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator

import pytest

from ledger.batch import BatchSettings, start_worker, verify_many
from ledger.errors import Malformed, NotVerified
from ledger.verdict import Outcome
from ledger.verifier import Verifier
from tests.cases.case import later_receipt, receipt
from tests.small_log import GENESIS, POLICY, T0
from tests.synced_log import NOW, synced_files

SETTINGS = BatchSettings(POLICY, GENESIS, T0 + 150, 60)


def test_verdicts_come_in_the_order_of_the_receipts() -> None:
    receipts = [receipt, b"", later_receipt, receipt[:-1]] * 40
    verdicts = list(verify_many(receipts, SETTINGS))
    verifier = Verifier(SETTINGS.open().anchor.policy, GENESIS)  # type: ignore[union-attr]
    assert [each.outcome for each in verdicts] == [
        verifier.verify(each, now=T0 + 150, max_age=60).outcome for each in receipts
    ]


def test_receipts_are_taken_as_they_are_needed() -> None:
    taken: list[int] = []

    def endless() -> Iterator[bytes]:
        while True:
            taken.append(len(taken))
            yield receipt

    verdicts = verify_many(endless(), SETTINGS)
    assert next(verdicts).outcome is Outcome.VALID
    assert len(taken) == 64


def test_a_pool_gets_groups_and_nothing_that_it_cannot_send() -> None:
    groups: list[int] = []

    def in_order(function: Callable[[object], object], items: Iterable[object], /) -> Iterator[object]:
        for item in items:
            groups.append(len(item))  # type: ignore[arg-type]
            yield function(item)

    assert len(list(verify_many([receipt] * 130, SETTINGS, in_order=in_order))) == 130  # type: ignore[arg-type]
    assert groups == [64, 64, 2]


def test_what_is_trusted_is_sent_to_a_worker_once_and_not_with_every_group() -> None:
    """A sync folder may have 31 MB."""
    settings, sent = BatchSettings(POLICY, GENESIS, NOW, 86_400, synced_files()), list[int]()

    def in_order(function: Callable[[object], object], items: Iterable[object], /) -> Iterator[object]:
        start_worker(settings)
        for item in items:
            data = pickle.dumps(function)
            sent.append(len(data))
            yield pickle.loads(data)(item)  # noqa: S301  # our own bytes

    (first, *_, last) = verify_many([receipt] * 65, settings, in_order=in_order)  # type: ignore[arg-type]
    assert (first.outcome, last.time, max(sent) < 100) == (Outcome.VALID, NOW - 600, True)


def test_what_is_trusted_is_checked_before_the_first_receipt() -> None:
    with pytest.raises(Malformed, match=r"^bad_policy: "):
        next(verify_many([], BatchSettings(b"", GENESIS, T0, 60)))
    early = BatchSettings(POLICY, GENESIS, T0, 60, synced_files())
    with pytest.raises(NotVerified, match=r"^no_quorum: "):
        next(verify_many([receipt], early))


def test_a_sync_decides_in_a_batch_too() -> None:
    (verdict,) = verify_many([receipt], BatchSettings(POLICY, GENESIS, NOW, 86_400, synced_files()))
    assert (verdict.outcome, verdict.time) == (Outcome.VALID, NOW - 600)
