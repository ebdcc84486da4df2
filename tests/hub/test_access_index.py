"""The index of access records against a list of them, over several of its segments."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.journal.accessindex import ACCESS_SCHEMA, find_accesses, first_recent, is_indexed, keep_accesses
from ledger.errors import NotVerified

NAMES = ("a", "b", "holder/a")
DIGESTS = {"a": "ca978112ca1bbdcafac231b39a23dc4d", "b": "3e23e8160039594a33894f6564e1b134"}
SEGMENT = 1024
SIZE = 4 * SEGMENT
#: First and last places of segments, and places between them.
PLACES = st.sampled_from([0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 2 * SEGMENT - 1, 2 * SEGMENT, 3 * SEGMENT, SIZE - 1])
RECORDS = st.dictionaries(PLACES, st.sets(st.sampled_from(NAMES), min_size=1))


def kept(connection: sqlite3.Connection, records: dict[int, set[str]], sizes: list[int]) -> None:
    """Index records in commits after which the journal has these sizes."""
    connection.executescript(ACCESS_SCHEMA)
    old = 0
    for new in sizes:
        group = [(place, [*records[place], *records[place]]) for place in sorted(records) if old <= place < new]
        keep_accesses(connection, group, old=old, new=new)
        old = new


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """An empty database."""
    with closing(sqlite3.connect(":memory:")) as opened:
        yield opened


def test_a_record_is_recent_until_its_segment_is_full(connection: sqlite3.Connection) -> None:
    kept(connection, {0: {"a"}, SEGMENT - 2: {"a", "b"}}, [1, SEGMENT - 1])
    recent = "SELECT i, hex(names) FROM recent"
    first, second = DIGESTS["a"].upper(), DIGESTS["b"].upper()
    assert connection.execute(recent).fetchall() == [(0, first), (SEGMENT - 2, second + first)]
    keep_accesses(connection, [(SEGMENT, ["a"])], old=SEGMENT - 1, new=SEGMENT + 1)
    assert connection.execute(recent).fetchall() == [(SEGMENT, first)]
    rows = connection.execute("SELECT segment, hex(name), i FROM access ORDER BY i, name").fetchall()
    assert rows == [(0, first, 0), (0, second, SEGMENT - 2), (0, first, SEGMENT - 2)]


@pytest.mark.parametrize(("size", "first"), [(0, 0), (1023, 0), (1024, 1024), (2049, 2048)])
def test_what_is_recent_begins_with_a_segment(size: int, first: int) -> None:
    assert first_recent(size) == first


@given(
    records=RECORDS,
    sizes=st.lists(PLACES, max_size=4),
    asked=st.lists(st.sampled_from([*NAMES, "c"]), max_size=4),
    first=st.integers(1, 4),
    after=st.just(-1) | PLACES,
)
def test_it_finds_what_a_walk_over_all_records_finds(
    records: dict[int, set[str]], sizes: list[int], asked: list[str], first: int, after: int
) -> None:
    size = max(records, default=0) + 1
    with closing(sqlite3.connect(":memory:")) as connection:
        kept(connection, records, sorted({size, *(each for each in sizes if each < size)}))
        walked = [place for place in sorted(records) if place > after and records[place] & set(asked)]
        assert find_accesses(connection, asked, first=first, after=after, size=size) == walked[:first]
        for place, names in records.items():
            assert is_indexed(connection, sorted(names), place, size=size)
            assert not is_indexed(connection, [*names, "c"], place, size=size)


def test_one_name_less_or_more_is_found_while_it_is_recent(connection: sqlite3.Connection) -> None:
    kept(connection, {3: {"a", "b"}}, [5])
    assert is_indexed(connection, ["b", "a"], 3, size=5)
    assert not any(is_indexed(connection, names, 3, size=5) for names in (["a"], [], ["a", "b", "c"]))
    assert not is_indexed(connection, ["a"], 4, size=5)


def test_a_damaged_table_is_told_as_such(connection: sqlite3.Connection) -> None:
    with pytest.raises(NotVerified, match="no such table") as caught:
        find_accesses(connection, ["a"], first=1, after=-1, size=1)
    assert caught.value.code == "corrupt_store"
