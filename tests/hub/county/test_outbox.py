"""The outbox's table: in order, one commit a batch, and found by index however many rows are done."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.county.outbox import _DUE, _OF, _OVERDUE, OUTBOX_SCHEMA, Outbox, Settled
from hub.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "outbox.sqlite", OUTBOX_SCHEMA)
    yield opened
    opened.close()


@pytest.fixture
def outbox(database: Database) -> Outbox:
    """Give an outbox with a seal of each of three licenses, created at 100, 101 and 102."""
    made = Outbox(database)
    for number in range(3):
        _put(database, made, number)
    return made


def _put(database: Database, outbox: Outbox, number: int) -> None:
    with database.transaction() as connection:
        outbox.put(
            connection, "seal", f"license {number}", leaf=b"leaf %d" % number, entry=b"e", journal=b"j", now=100 + number
        )  # fmt: skip


def test_items_come_in_the_order_they_were_put(outbox: Outbox) -> None:
    assert [item.identifier for item in outbox.due("pending", 0, 2)] == ["license 0", "license 1"]
    assert outbox.due("logged", 0, 2) == []


def test_an_item_that_is_not_due_lets_the_next_one_pass(outbox: Outbox) -> None:
    first = outbox.due("pending", 0, 1)[0]
    outbox.settle([Settled(item=first, state="pending", due=50, code="no_log")])
    assert [item.identifier for item in outbox.due("pending", 49, 9)] == ["license 1", "license 2"]
    waiting = outbox.due("pending", 50, 9)[-1]
    assert (waiting.identifier, waiting.attempts, waiting.code) == ("license 0", 1, "no_log")


def test_attempts_are_counted_anew_in_the_next_state_and_evidence_stays(outbox: Outbox) -> None:
    item = outbox.due("pending", 0, 1)[0]
    outbox.settle([Settled(item=item, state="pending", due=1)] * 3)
    outbox.settle([Settled(item=item, state="logged", log_index=7, evidence=b"receipt")])
    outbox.settle([Settled(item=item, state="logged", code="wrong_target")])
    (logged,) = outbox.due("logged", 0, 9)
    assert (logged.attempts, logged.log_index, logged.evidence) == (1, 7, b"receipt")


def test_an_item_signed_again_meanwhile_is_not_settled_by_the_old_answer(database: Database, outbox: Outbox) -> None:
    item = outbox.due("pending", 0, 1)[0]
    with database.transaction() as connection:
        outbox.renew(connection, item, leaf=b"new", entry=b"new", journal=b"new", due=0)
    outbox.settle([Settled(item=item, state="failed", code="iat_too_old")])
    renewed = next(each for each in outbox.due("pending", 0, 9) if each.id == item.id)
    assert (renewed.leaf, renewed.entry, renewed.attempts) == (b"new", b"new", 1)


def test_one_entry_is_put_once(database: Database, outbox: Outbox) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        _put(database, outbox, 0)


def test_counts_say_where_everything_stands(outbox: Outbox) -> None:
    items = outbox.due("pending", 0, 9)
    outbox.settle([Settled(item=items[0], state="done"), Settled(item=items[1], state="failed", code="bad_signature")])
    counts = outbox.counts(103)
    assert (counts.pending, counts.witnessed, counts.stated, counts.overdue) == (1, 1, 1, 1)
    assert counts.failed == {"bad_signature": 1}
    assert outbox.counts(102).overdue == 0
    assert outbox.retry_failed() == 1
    assert outbox.counts(0).failed == {}


@pytest.mark.parametrize(
    ("statement", "values"), [(_DUE, ("pending", 0, 9)), (_OF, ("license 1",)), (_OVERDUE, (5,))]
)  # fmt: skip
def test_no_question_walks_through_what_is_done(database: Database, statement: str, values: tuple[object, ...]) -> None:
    with database.reading() as connection:
        plan = [str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
    assert all(step.startswith("SEARCH outbox USING INDEX") for step in plan)
