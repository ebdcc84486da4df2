"""An auditor far behind: it accuses the log of nothing but what lies in the tree that the log signed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from hub.county.auditing import SqliteAuditStore
from hub.county.auditor import Auditor
from ledger.errors import Unavailable
from tests.audits import BookSource, add_checkpoint, auditor_of, refusal_in
from tests.logbook import LogBook
from tests.sequenced import seals
from tests.small_log import GENESIS, LOG, T0

BATCH: Final = 200
"""Seals under each head: a run each, and four of them before the checkpoint is reached."""
SIZE: Final = 1 + 4 * (BATCH + 1)
WRONG: Final = 7


def unsigned(raw: bytes) -> bytes:
    """Give an entry with a signature that fails."""
    return raw[:-86] + b"A" * 86


def book_of(wrong: int | None = None) -> LogBook:
    book = LogBook(GENESIS, LOG)
    for number in range(4):
        for raw in seals(BATCH, start=BATCH * number):
            book.append(unsigned(raw) if book.size == wrong else raw)
        book.close()
    assert book.size == SIZE
    return book


@dataclass
class World:
    """An auditor that has seen nothing yet of a log of four batches."""

    book: LogBook
    source: BookSource
    auditor: Auditor

    def ask(self) -> tuple[int, str | None, int | None]:
        """Ask once, and let it catch up; gives status, code and index of the answer."""
        try:
            decision = add_checkpoint(self.auditor, self.book, 0)
        except Unavailable as error:
            return error.http_status, error.code, None
        finally:
            if (thread := self.auditor._catching_up) is not None:
                thread.join()
        refusal = refusal_in(decision) if decision.status == 422 else None
        return (decision.status, None, None) if refusal is None else (422, refusal.code, refusal.index)


@pytest.fixture
def world_of(tmp_path: Path) -> Iterator[Callable[[LogBook], World]]:
    opened: list[World] = []

    def make(book: LogBook) -> World:
        source = BookSource(book)
        auditor = auditor_of(SqliteAuditStore(tmp_path / "auditor.sqlite"), source, lambda: T0 + 3600)
        opened.append(World(book, source, auditor))
        return opened[-1]

    yield make
    for each in opened:
        each.auditor.stop()
        assert isinstance(each.auditor.store, SqliteAuditStore)
        each.auditor.store.close()


def test_what_lies_in_the_signed_tree_is_refused_at_its_index(world_of: Callable[[LogBook], World]) -> None:
    """In the first of four runs: the fault is told once all that follows it makes the tree that was signed."""
    world = world_of(book_of(WRONG))
    assert [world.ask() for _ in range(2)] == [(503, "not_ready", None), (422, "bad_signature", WRONG)]
    assert world.source.asked[-1][1] == SIZE


@pytest.mark.parametrize("at", [WRONG, BATCH + WRONG])
def test_what_the_log_served_and_did_not_sign_is_no_reason_to_refuse_for_ever(
    world_of: Callable[[LogBook], World], at: int
) -> None:
    """One wrong answer: the log may have nothing to do with it, and the right entries come next."""
    world = world_of(book_of())
    world.source.served = lambda entries: [*entries[:at], unsigned(entries[at]), *entries[at + 1 :]]
    assert world.ask() == (503, "not_ready", None)
    assert [each.refusal.code for each in world.auditor.store.refusals(9)] == ["bad_inclusion"]
    assert world.auditor.replay.size == 0
    world.source.served = list
    answers = [world.ask() for _ in range(2)]
    assert answers == [(422, "bad_inclusion", None), (200, None, None)]


def test_what_was_mirrored_unproven_before_a_fault_is_forgotten_with_it(
    world_of: Callable[[LogBook], World],
) -> None:
    """A seal that holds and that the log has not signed comes first, and a fault that it has signed after it."""
    world = world_of(book_of(BATCH + WRONG))
    (other,) = seals(1, start=1_000)
    world.source.served = lambda entries: [*entries[:3], other, *entries[4:]]
    assert world.ask() == (503, "not_ready", None)
    assert [each.refusal.code for each in world.auditor.store.refusals(9)] == ["bad_inclusion"]
    world.source.served = list
    assert [world.ask() for _ in range(2)] == [(422, "bad_inclusion", None), (422, "bad_signature", BATCH + WRONG)]


def test_a_fault_that_nothing_can_be_fetched_behind_is_told_later(world_of: Callable[[LogBook], World]) -> None:
    world = world_of(book_of(WRONG))
    fetch, world.source.entries = world.source.entries, lambda start, stop: _only(fetch, start, stop)  # type: ignore[method-assign]
    assert [world.ask() for _ in range(2)] == [(503, "not_ready", None)] * 2
    assert list(world.auditor.store.refusals(9)) == []
    world.source.entries = fetch  # type: ignore[method-assign]
    assert [world.ask() for _ in range(2)] == [(503, "not_ready", None), (422, "bad_signature", WRONG)]


def _only(fetch: Callable[[int, int], Sequence[bytes]], start: int, stop: int) -> Sequence[bytes]:
    if start:
        raise Unavailable("no_log", "the log does not answer")
    return fetch(start, stop)


def test_one_that_is_stopped_does_not_fetch_the_rest_first(world_of: Callable[[LogBook], World]) -> None:
    world = world_of(book_of(WRONG))

    def served(entries: list[bytes]) -> list[bytes]:
        world.auditor._stopping.set()
        return entries

    world.source.served = served
    assert world.ask() == (503, "not_ready", None)
    assert world.source.asked == [(0, 250)]
    assert list(world.auditor.store.refusals(9)) == []
