"""What an auditor keeps of a fork: every checkpoint that the log signed and that is not cosigned, whatever the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from hub.county.auditing import SqliteAuditStore
from hub.county.auditor import Auditor
from hub.county.deposits import take_deposit
from ledger.errors import Unavailable
from ledger.transparency.evidence import SAME_SIZE, UNPROVEN, find_forks
from ledger.transparency.note import keyring
from tests.audits import LOG_KEY, NEAR_BY, BookSource, add_checkpoint, auditor_of
from tests.logbook import LogBook
from tests.ports import FakeClock
from tests.sequenced import seals
from tests.small_log import GENESIS, LOG, T0, revocation

NOW: Final = T0 + 3600
LOGS: Final = keyring([LOG_KEY])
FAR: Final = NEAR_BY + 50
COSIGNED: Final = 4
"""Entries that were cosigned before the log forks."""


def book_of(count: int = 0, *, start: int = 100) -> LogBook:
    """Give a log of two seals under a head, and of so many more under another."""
    book = LogBook(GENESIS, LOG)
    for first, number in ((0, 2), (start, count)):
        for raw in seals(number, start=first):
            book.append(raw)
        if number:
            book.close()
    return book


def grown(book: LogBook, *entries: bytes) -> LogBook:
    """Give a log that goes on from another one, which has seals alone, with a batch of entries."""
    longer = LogBook(GENESIS, LOG)
    for raw in book.entries[1:]:
        longer.append(raw)
    for raw in entries:
        longer.add(raw)
    longer.close()
    return longer


@dataclass
class World:
    """An auditor that has cosigned the beginning of a log."""

    auditor: Auditor
    source: BookSource
    clock: FakeClock

    def ask(self, book: LogBook) -> int:
        """Ask about a book, and let what it starts in the background end; gives the status."""
        try:
            return add_checkpoint(self.auditor, book, COSIGNED).status
        except Unavailable as error:
            return error.http_status
        finally:
            if (thread := self.auditor._catching_up) is not None:
                thread.join()

    def cosign(self, book: LogBook) -> None:
        """Ask until it is cosigned, as a log does."""
        self.source.book = book
        assert any(self.ask(book) == 200 for _ in range(9))

    def forks(self) -> list[str]:
        """Give the kinds of what proves a fork to anyone."""
        return [each.kind for each in find_forks(self.auditor.store.offers(), [], LOGS)]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    source, clock = BookSource(book_of()), FakeClock(NOW)
    store = SqliteAuditStore(tmp_path / "auditor.sqlite")
    auditor = auditor_of(store, source, clock)
    assert add_checkpoint(auditor, source.book, 0).status == 200
    yield World(auditor, source, clock)
    auditor.stop()
    store.close()


@pytest.mark.parametrize("count", [20, FAR])
def test_one_tree_served_and_another_signed(world: World, count: int) -> None:
    """Near by, and far ahead: there the refusal that catching up led to, and its repetition, keep it as well."""
    forked, world.source.book = book_of(count, start=1_000), book_of(count)
    statuses = [world.ask(forked) for _ in range(2)]
    assert statuses == ([422, 422] if count == 20 else [503, 422])
    world.cosign(world.source.book)
    assert world.forks() == [SAME_SIZE]


@pytest.mark.parametrize("count", [20, FAR])
def test_entries_withheld(world: World, count: int) -> None:
    world.source.down = True
    assert world.ask(book_of(count, start=1_000)) == 503
    world.source.down = False
    world.cosign(book_of(count))
    assert world.forks() == [SAME_SIZE]


def test_a_checkpoint_that_comes_while_the_auditor_is_busy(world: World) -> None:
    with world.auditor._busy:
        assert world.ask(book_of(20, start=1_000)) == 503
    world.cosign(book_of(20))
    assert world.forks() == [SAME_SIZE]


def hiding(world: World) -> bytes:
    """Deposit what the log leaves out; the entries around it are mirrored, and not cosigned."""
    hidden = revocation(world.source.book, iat=NOW)
    take_deposit(world.auditor, hidden, NOW)
    world.clock.advance(301)
    world.source.book = book_of(9)
    assert world.ask(world.source.book) == 422
    assert world.auditor.replay.size == 14
    return hidden


def test_a_checkpoint_smaller_than_the_mirror(world: World) -> None:
    """It is no reason to refuse: the mirror is ahead of what was cosigned, and stays."""
    hidden = hiding(world)
    assert world.ask(book_of(4, start=1_000)) == 503
    assert world.auditor.replay.size == 14
    assert [each.refusal.code for each in world.auditor.store.refusals(9)] == ["deposit_left_out"]
    world.cosign(grown(world.source.book, hidden))
    assert world.forks() == [UNPROVEN]


def test_an_older_checkpoint_of_the_same_tree_is_no_fault_of_the_log(world: World) -> None:
    """What was asked for late is no reason to refuse, nor to forget what is mirrored already."""
    hidden = hiding(world)
    early, later = world.source.book, grown(world.source.book, seals(1, start=900)[0])
    world.source.book = later
    assert [world.ask(later), world.ask(early)] == [422, 503]
    assert world.auditor.replay.size == later.size
    assert [each.refusal.code for each in world.auditor.store.refusals(9)] == ["deposit_left_out"] * 2
    world.cosign(grown(later, hidden))
    assert (world.auditor.store.offers(), world.forks()) == ([], [])


def test_the_log_s_own_checkpoints_are_gone_when_it_is_cosigned(world: World) -> None:
    world.source.down = True
    books = [book_of(5)]
    for number in (200, 201):
        books.append(grown(books[-1], seals(1, start=number)[0]))
    assert [world.ask(book) for book in books] == [503] * 3
    assert len(world.auditor.store.offers()) == 3
    world.source.down = False
    world.cosign(books[-1])
    assert (world.auditor.store.offers(), world.forks()) == ([], [])


def damaged(world: World, change: str) -> Callable[[], int]:
    """Damage the mirror behind a store that is open."""
    store = world.auditor.store
    assert isinstance(store, SqliteAuditStore)
    store._connection.execute(change)
    return lambda: add_checkpoint(world.auditor, world.source.book, COSIGNED).status


def test_a_damaged_mirror_is_no_fault_of_the_log_wherever_it_is_found(world: World) -> None:
    """Here when it is cut back: a tree other than the mirrored one is refused otherwise."""
    hiding(world)
    ask = damaged(world, "UPDATE entry SET d = x'00' WHERE i = 3")
    world.source.book = book_of(9, start=500)
    for _ in range(2):
        with pytest.raises(Unavailable, match="store_stopped"):
            ask()
    assert [each.refusal.code for each in world.auditor.store.refusals(9)] == ["deposit_left_out"]
