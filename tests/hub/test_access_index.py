"""The index of access records against a list of them, over several of its segments."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.journal.accessindex import ACCESS_SCHEMA, access_rows, find_accesses, has_access
from ledger.errors import NotVerified

NAMES = ("a", "b", "holder/a")
SEGMENT = 8192
SIZE = 4 * SEGMENT
#: First and last places of segments, and places between them.
PLACES = st.sampled_from([0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 2 * SEGMENT - 1, 2 * SEGMENT, 3 * SEGMENT, SIZE - 1])
RECORDS = st.dictionaries(PLACES, st.sets(st.sampled_from(NAMES), min_size=1))


def test_a_row_is_segment_name_and_place() -> None:
    assert list(access_rows(["a", "a"], SEGMENT)) == [(1, bytes.fromhex("ca978112ca1bbdcafac231b39a23dc4d"), SEGMENT)]


@given(
    records=RECORDS,
    asked=st.lists(st.sampled_from([*NAMES, "c"]), max_size=4),
    first=st.integers(1, 4),
    after=st.just(-1) | PLACES,
)
def test_it_finds_what_a_walk_over_all_records_finds(
    records: dict[int, set[str]], asked: list[str], first: int, after: int
) -> None:
    rows = sorted(row for place, names in records.items() for row in access_rows(sorted(names), place))
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(ACCESS_SCHEMA)
        connection.executemany("INSERT INTO access VALUES (?, ?, ?)", rows)
        walked = [place for place in sorted(records) if place > after and records[place] & set(asked)]
        assert find_accesses(connection, asked, first=first, after=after, size=SIZE) == walked[:first]
        for place in (0, SEGMENT, SIZE - 1):
            for name in NAMES:
                assert has_access(connection, name, place) == (name in records.get(place, ()))


def test_a_damaged_table_is_told_as_such() -> None:
    with (
        closing(sqlite3.connect(":memory:")) as connection,
        pytest.raises(NotVerified, match="no such table") as caught,
    ):
        find_accesses(connection, ["a"], first=1, after=-1, size=1)
    assert caught.value.code == "corrupt_store"
