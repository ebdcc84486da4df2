"""A mirror cut back to a checkpoint: the entries above it are forgotten, with every row that follows from them.

    entry, leaf, statement, change    the rows of the entries above
    tile                              grows at its end only: what it was at a smaller size is its beginning
    status                            the changes that the forgotten entries made are undone, newest first
    head                              the bare text of the checkpoint

What is left is, row by row, what a mirror of that size holds.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from ledger.status import TILE_ENTRIES
from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.merkle import HASH_BYTES
from ledger.transparency.recovery import load_statuses
from ledger.transparency.sqlite import SqliteReader
from ledger.transparency.tiles import TILE_HEIGHT, TILE_WIDTH

__all__ = ["cut_back"]

_BY_INDEX: Final = ("entry", "leaf", "statement", "change")
_CUT_TILE: Final = "UPDATE tile SET h = substr(h, 1, ?) WHERE l = ? AND n = ?"
_TOUCHED: Final = "SELECT DISTINCT target / ? FROM change WHERE i >= ?"


def cut_back(connection: sqlite3.Connection, kept: Checkpoint) -> None:
    """Forget what lies above `kept`, in the caller's write transaction.

    kept: of the mirrored log; its last entry is a head, and the mirror holds all of its entries. Raises NotVerified
    corrupt_store.
    """
    _cut_statuses(connection, kept.size)
    _cut_tiles(connection, kept.size)
    for table in _BY_INDEX:
        connection.execute(f"DELETE FROM {table} WHERE i >= ?", (kept.size,))  # noqa: S608  # one of our tables
    connection.execute("UPDATE head SET size = ?, body = ? WHERE id = 1", (kept.size, kept.text()))


def _cut_statuses(connection: sqlite3.Connection, size: int) -> None:
    count = size - 1  # the head has no status
    statuses, tiles = load_statuses(SqliteReader(connection), count), -(-count // TILE_ENTRIES)
    touched = {number for (number,) in connection.execute(_TOUCHED, (TILE_ENTRIES, size))}
    connection.execute("DELETE FROM status WHERE n >= ?", (tiles,))
    rows = [(statuses.tile(number), number) for number in touched if number < tiles]
    connection.executemany("UPDATE status SET t = ? WHERE n = ?", rows)


def _cut_tiles(connection: sqlite3.Connection, size: int) -> None:
    (top,) = connection.execute("SELECT max(l) FROM tile").fetchone()
    for level in range(top + 1):
        full, width = divmod(size >> (TILE_HEIGHT * level), TILE_WIDTH)
        connection.execute("DELETE FROM tile WHERE l = ? AND n >= ?", (level, full + bool(width)))
        connection.execute(_CUT_TILE, (width * HASH_BYTES, level, full))
