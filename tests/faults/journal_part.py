"""The journal: appends of statements and accesses, each one transaction for several rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, cast

from hub.database import create_database, open_writer
from hub.journal.store import JournalRow, JournalStore
from ledger.transparency.merkle import leaf_hash, root_of, verify_consistency
from tests.faults.parts import Finding, Tell, Told
from tests.faults.points import FailingConnection, FailPoints
from tests.hub_folder import statement

__all__ = ["JOURNAL", "JournalPart", "check_journal", "journal_row"]

FILE: Final = "journal.sqlite"
_BEFORE: Final = 3
_FIRST: Final = range(3, 6)
_SECOND: Final = range(5, 8)  # one of them again


def journal_row(number: int) -> JournalRow:
    """Give the statement of the license of a number, always the same bytes."""
    return statement(number, leaf_hash(b"seal %d" % number))


class JournalPart:
    """`journal`: its store over its file."""

    name = "journal"

    def prepare(self, folder: Path) -> None:
        """Make a journal of three records."""
        with closing(create_database(folder / FILE)) as connection:
            JournalStore.create(connection).append([journal_row(number) for number in range(_BEFORE)])

    def work(self, folder: Path, points: FailPoints, tell: Tell) -> None:
        """Open; append three statements, then one of them again with two more; close."""
        inner = FailingConnection(open_writer(folder / FILE), "journal", points)
        connection = cast("sqlite3.Connection", inner)
        store = JournalStore(connection)
        for numbers in (_FIRST, _SECOND):
            rows = [journal_row(number) for number in numbers]
            for row in rows:
                tell("record", row.raw.hex())
            positions = store.append(rows)
            for row, position in zip(rows, positions, strict=True):
                tell_one = lambda row=row, position=position: tell("position", row.raw.hex(), position)  # noqa: E731
                points.around("answer: position", tell_one, OSError())
            tell("journal", store.head.n, store.head.root.hex())
        connection.close()

    def check(self, folder: Path, told: Told) -> Finding:
        """Recover, check in whole, compare, repeat, compare."""
        with closing(open_writer(folder / FILE)) as connection:
            store = JournalStore(connection)
            finding = check_journal(store, told)
            raws = [bytes.fromhex(raw) for (raw,) in told.of("record")]
            again = [_positions(store, raws) for _ in range(2)]
            assert again[0] == again[1]
            assert again[0] | told.each("position") == again[0]
            assert check_journal(store, told).lost == 0
            return finding


def check_journal(store: JournalStore, told: Told) -> Finding:
    """Compare a journal with what was told: root over the records, growth, positions, each statement once."""
    head = store.head
    records = store.reader.records(0, head.n + 1)
    assert root_of([leaf_hash(raw) for raw in records]) == head.root
    assert len(records) == head.n
    for count, root in told.of("journal"):
        assert count <= head.n, "the journal has fewer records than were told"
        path = store.reader.consistency(count, head.n)
        verify_consistency(count, head.n, bytes.fromhex(root), head.root, path)
    positions, sent = told.each("position"), {bytes.fromhex(raw) for (raw,) in told.of("record")}
    return Finding(
        acknowledged=len(positions),
        unknown=len(sent - positions.keys()),
        stored=sum(raw in records for raw in sent),
        lost=sum(records[position : position + 1] != [raw] for raw, position in positions.items()),
        twice=len(records) - len(set(records)),
    )


def _positions(store: JournalStore, raws: Sequence[bytes]) -> dict[bytes, int]:
    if not raws:
        return {}
    rows = {journal_row(number).raw: journal_row(number) for number in (*_FIRST, *_SECOND)}
    answers = store.append([rows[raw] for raw in raws])
    assert all(isinstance(each, int) for each in answers), answers
    return dict(zip(raws, cast("list[int]", answers), strict=True))


JOURNAL: Final = JournalPart()
