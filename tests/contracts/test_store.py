"""One suite for every store of a log: what its methods promise, in memory and in SQLite."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ledger.errors import Conflict, NotVerified, Unavailable
from ledger.transparency.store import (
    Appended,
    Change,
    Landmark,
    Publication,
    Store,
    StoredCheckpoint,
    StoredCosignature,
)
from tests.stores import MemoryStore, sqlite_store


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return MemoryStore() if request.param == "memory" else sqlite_store(tmp_path / "log.sqlite")


def digest(number: int) -> bytes:
    return number.to_bytes(32, "big")


def batch(first: int, count: int, *, old: bytes, note: bytes) -> Appended:
    indexes = range(first, first + count)
    return Appended(
        first=first,
        entries=[b"{genesis" if index == 0 else b"entry %d" % index for index in indexes],
        leaves=[digest(index) for index in indexes],
        statements=[digest(1000 + index) for index in indexes],
        tiles={(0, 0): b"".join(digest(index) for index in range(first + count))},
        status={0: bytes(64)},
        changes=[],
        old_note=old,
        note=note,
    )


FIRST = batch(0, 2, old=b"", note=b"note 2")
SECOND = batch(2, 3, old=b"note 2", note=b"note 5")


def publication(size: int, *, note: bytes = b"cosigned", time: int = 10, day: str = "2026-06-01") -> Publication:
    line = StoredCosignature(name="w1", time=time, line=b"line at %d" % time)
    return Publication(size=size, note=note, cosignatures=[line], landmark=Landmark(day=day, size=size, root=digest(9)))


def test_an_empty_store_has_no_log(store: Store) -> None:
    """Nothing is created implicitly."""
    with pytest.raises(Unavailable, match="no_log"):
        store.state()


def test_a_created_log_stands_where_its_first_batch_ends(store: Store) -> None:
    store.create("hub.example/ledger", FIRST)
    state = store.state()
    assert (state.origin, state.genesis_leaf, state.size) == ("hub.example/ledger", digest(0), 2)
    assert (state.note, state.published) == (b"note 2", 0)


def test_a_log_is_created_once(store: Store) -> None:
    store.create("hub.example/ledger", FIRST)
    with pytest.raises(Conflict, match="already_exists"):
        store.create("other.example/ledger", FIRST)
    assert store.state().origin == "hub.example/ledger"


def test_a_commit_appends_everything_of_its_batch(store: Store) -> None:
    store.create("hub.example/ledger", FIRST)
    changed = replace(
        SECOND, changes=[Change(index=3, target=1, was=0, now=2), Change(index=4, target=1, was=2, now=1)]
    )
    store.commit(replace(changed, status={0: b"\x04" + bytes(63)}))
    assert store.reader.entries(1, 5) == [b"entry 1", b"entry 2", b"entry 3", b"entry 4"]
    assert store.reader.tile(0, 0) == b"".join(map(digest, range(5)))
    assert store.reader.statuses(4) == ([b"\x04" + bytes(63)], [changed.changes[1]])
    assert store.reader.statuses(0) == ([], [changed.changes[1], changed.changes[0]])
    assert store.state().size == 5


def test_a_commit_on_another_note_changes_nothing(store: Store) -> None:
    """The compare-and-swap: another writer was here."""
    store.create("hub.example/ledger", FIRST)
    with pytest.raises(Conflict, match="store_moved"):
        store.commit(replace(SECOND, old_note=b"note 1"))
    assert store.state().note == b"note 2"
    assert store.reader.find(SECOND.leaves, SECOND.statements) == ({}, {})
    with pytest.raises(NotVerified, match="corrupt_store"):
        store.reader.entries(2, 3)


def test_hashes_are_found_with_their_index(store: Store) -> None:
    store.create("hub.example/ledger", FIRST)
    store.commit(SECOND)
    many = [digest(number) for number in range(5000, 6200)]
    found = store.reader.find([*many, digest(1), digest(4)], [digest(1003)])
    assert found == ({digest(1): 1, digest(4): 4}, {digest(1003): 3})


def test_what_is_missing_is_corruption(store: Store) -> None:
    store.create("hub.example/ledger", FIRST)
    for read in (
        lambda: store.reader.entries(0, 3),
        lambda: store.reader.tile(1, 0),
        lambda: store.reader.statuses(257),
    ):
        with pytest.raises(NotVerified, match="corrupt_store"):
            read()


def test_governance_is_found_by_its_form(store: Store) -> None:
    store.create("hub.example/ledger", FIRST)
    store.commit(replace(SECOND, entries=[b"entry 2", b"{rule", b"entry 4"]))
    assert list(store.reader.governance(0)) == [(0, b"{genesis"), (3, b"{rule")]
    assert list(store.reader.governance(1)) == [(3, b"{rule")]


def test_a_published_size_keeps_its_first_note(store: Store) -> None:
    store.create("hub.example/ledger", FIRST)
    store.publish(publication(2, note=b"first"))
    store.publish(publication(2, note=b"second", time=20))
    assert store.reader.checkpoints(0, 9) == [StoredCheckpoint(size=2, note=b"first")]
    assert store.state().published == 2


def test_a_cosigner_keeps_its_newest_line(store: Store) -> None:
    store.create("hub.example/ledger", FIRST)
    for time in (10, 30, 20):
        store.publish(publication(2, time=time))
    assert store.reader.cosignatures(2) == [StoredCosignature(name="w1", time=30, line=b"line at 30")]
    assert store.reader.cosignatures(5) == []


def test_published_never_falls(store: Store) -> None:
    """A late cosignature of an older size is kept, and changes nothing else."""
    store.create("hub.example/ledger", FIRST)
    store.commit(SECOND)
    store.publish(publication(5))
    store.publish(publication(2))
    assert store.state().published == 5
    assert [each.size for each in store.reader.checkpoints(0, 9)] == [2, 5]
    assert [each.size for each in store.reader.checkpoints(3, 9)] == [5]
    assert [each.size for each in store.reader.checkpoints(0, 1)] == [2]


def test_nothing_is_published_that_is_not_there(store: Store) -> None:
    store.create("hub.example/ledger", FIRST)
    with pytest.raises(Conflict, match="store_moved"):
        store.publish(publication(5))
    assert store.state().published == 0
    assert store.reader.checkpoints(0, 9) == []


def test_the_last_checkpoint_of_a_day_is_its_landmark(store: Store) -> None:
    store.create("hub.example/ledger", FIRST)
    store.commit(SECOND)
    store.publish(publication(5, day="2026-06-01"))
    store.publish(publication(2, day="2026-06-01"))
    store.publish(publication(5, day="2026-06-02"))
    assert [(each.day, each.size) for each in store.reader.landmarks()] == [("2026-06-01", 5), ("2026-06-02", 5)]
