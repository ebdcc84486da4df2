"""By which clock an auditor dates what comes: its own, at the time of its last cosignature or now."""

from __future__ import annotations

from typing import Final

import pytest

from tests.audits import BookSource, MemoryAuditStore, add_checkpoint, auditor_of
from tests.logbook import LogBook
from tests.ports import FakeClock
from tests.small_log import GENESIS, LOG, T0, issue_at

NOW: Final = T0 + 10 * 86_400


def seal(iat: int) -> bytes:
    return issue_at(iat).partition("~")[0].encode()


def book_of(*iats: int) -> LogBook:
    """Give a log of a seal, and then one a batch, dated so."""
    book = LogBook(GENESIS, LOG)
    for iat in (NOW, *iats):
        book.add(seal(iat))
        book.close()
    return book


@pytest.mark.parametrize(("ahead", "status"), [(300, 200), (301, 422)])
def test_what_the_log_admits_at_the_edge_is_cosigned_where_the_clock_lags_by_a_minute(ahead: int, status: int) -> None:
    """The log admits 240 s ahead of its clock: 300 s ahead of one that lags by 60."""
    book = book_of(NOW + ahead)
    auditor = auditor_of(MemoryAuditStore(), BookSource(book), FakeClock(NOW))
    assert add_checkpoint(auditor, book, 0).status == status


@pytest.mark.parametrize("jump_s", [-86_400, 0])
@pytest.mark.parametrize(("age", "status"), [(86_400 + 300, 200), (86_400 + 301, 422)])
def test_what_comes_is_dated_from_the_last_cosignature(jump_s: int, age: int, status: int) -> None:
    """And not where the clock has been put back since: then nothing that comes is too old."""
    clock, source = FakeClock(NOW), BookSource(book_of())
    auditor = auditor_of(MemoryAuditStore(), source, clock)
    assert add_checkpoint(auditor, source.book, 0).status == 200
    clock.now = NOW + jump_s
    source.book.add(seal(NOW - age))
    source.book.close()
    assert add_checkpoint(auditor, source.book, 3).status == (200 if jump_s else status)
