"""A mirror cut back holds, row by row, what a mirror of that size holds, and grows again."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from hub.county.auditing import SqliteAuditStore
from hub.county.mirroring import MirroredLog
from ledger.heads import HEAD_TYP
from ledger.jws import parse_jws
from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.merkle import root_of
from ledger.transparency.spans import one_by_one
from tests.audits import GENESIS_STATE, LOG_KEY, BookSource
from tests.logbook import LogBook
from tests.sequenced import seals
from tests.small_log import GENESIS, LOG, ORIGIN, T0, revocation

NOW: Final = T0 + 3600
TABLES: Final = ("entry", "leaf", "statement", "tile", "status", "change", "head", "meta")


@pytest.fixture(scope="module")
def book() -> LogBook:
    """Give a log of more than two tiles, two heads at whole ones, and a revocation in every batch but the first."""
    book = LogBook(GENESIS, LOG)
    for number, (count, revoked) in enumerate(((3, 0), (249, 1), (0, 2), (1, 3), (249, 100), (40, 300))):
        for raw in seals(count, start=300 * number):
            book.add(raw)
        if revoked:
            book.add(revocation(book, of=revoked, iat=NOW))
        book.close()
    return book


def heads(book: LogBook) -> list[Checkpoint]:
    leaves = book.leaves()
    sizes = [at for at in range(2, book.size + 1) if parse_jws(book.entries[at - 1]).typ == HEAD_TYP]
    return [Checkpoint(origin=ORIGIN, size=size, root=root_of(leaves[:size])) for size in sizes]


def mirrored(store: SqliteAuditStore, book: LogBook, goals: list[Checkpoint]) -> None:
    mirror = MirroredLog(store, BookSource(book), genesis=GENESIS_STATE, log_key=LOG_KEY, clock=lambda: NOW)
    for goal in goals:
        mirror.run_to(goal, one_by_one)


def rows(store: SqliteAuditStore) -> list[list[tuple[object, ...]]]:
    connection = store._connection
    return [connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in TABLES]  # noqa: S608  # our names


def test_a_mirror_cut_back_is_a_smaller_mirror(book: LogBook, tmp_path: Path) -> None:
    """To every head, from the end, one after the other, and over several at once."""
    goals = heads(book)
    assert [each.size for each in goals] == [5, 256, 258, 261, 512, 554]
    with closing(SqliteAuditStore(tmp_path / "long")) as long, closing(SqliteAuditStore(tmp_path / "short")) as short:
        mirrored(long, book, goals)
        sizes: list[list[list[tuple[object, ...]]]] = []
        for goal in goals:
            mirrored(short, book, [goal])
            sizes.append(rows(short))
        assert rows(long) == sizes[-1]
        for goal, expected in reversed(list(zip(goals, sizes, strict=True))):
            long.forget(goal)
            assert rows(long) == expected
        mirrored(long, book, goals[1:])
        assert rows(long) == sizes[-1]
        long.forget(goals[1])
        assert rows(long) == sizes[1]
