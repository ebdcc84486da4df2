"""Check of a SQLite store as a file: sound, made as we make it, and without a row beside those of its entries.

`ledger.transparency.fsck` compares every row that the entries call for; a row beyond them would lie unseen, and a
leaf hash with a wrong index, say, would be answered to whoever submits that entry. So rows are counted here. A table,
index or trigger that is not ours is refused, too: a trigger would change what is written later.

    check_file(connection, SCHEMA)          # any store
    check_tables(connection, read_state(connection))
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Final

from ledger.errors import NotVerified
from ledger.status import TILE_ENTRIES
from ledger.transparency.sqlite import read_rows
from ledger.transparency.store import StoreState
from ledger.transparency.tiles import tile_paths

__all__ = ["check_counts", "check_file", "check_tables"]

_OBJECTS: Final = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name"
_ORPHANS: Final = "SELECT count(*) FROM cosig WHERE size NOT IN (SELECT size FROM checkpoint)"


def check_file(connection: sqlite3.Connection, schema: str) -> None:
    """Check the pages of the file, and that it holds exactly the tables of `schema`. Raises NotVerified corrupt_store.

    Reads the whole file once.
    """
    with closing(sqlite3.connect(":memory:")) as pattern:
        pattern.executescript(schema)
        expected = read_rows(pattern, _OBJECTS)
    if read_rows(connection, _OBJECTS) != expected:
        raise NotVerified("corrupt_store", "the file holds other tables, indexes or triggers than a store has")
    ((verdict,),) = read_rows(connection, "PRAGMA integrity_check(1)")
    if verdict != "ok":
        raise NotVerified("corrupt_store", f"SQLite finds the file damaged: {verdict}")


def check_tables(connection: sqlite3.Connection, state: StoreState) -> None:
    """Count the rows of a log's tables. Raises NotVerified corrupt_store: a table has more rows, or fewer."""
    size = state.size
    expected = {
        "meta": 3,
        "entry": size,
        "leaf": size,
        "statement": size,
        "tile": sum(1 for _ in tile_paths(size)),
        "status": -(-(size - 1) // TILE_ENTRIES),
        "head": 1,
    }
    check_counts(connection, expected)
    if read_rows(connection, _ORPHANS) != [(0,)]:
        raise NotVerified("corrupt_store", "a cosignature is kept for a size that was never published")


def check_counts(connection: sqlite3.Connection, expected: dict[str, int]) -> None:
    """Compare counts of rows by table name, a literal of the caller. Raises NotVerified corrupt_store."""
    for table, count in expected.items():
        ((found,),) = read_rows(connection, f"SELECT count(*) FROM {table}")  # noqa: S608  # a name of our schema
        if found != count:
            raise NotVerified("corrupt_store", f"table {table} has {found} rows, its entries call for {count}")
