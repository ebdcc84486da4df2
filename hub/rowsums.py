"""A sum beside every row, so that a byte which changed on the disk is found in a file whose rows nothing else binds.

    row_sum   name   of the table          row   rowid          sum   first 8 bytes of SHA-256 over the row's values

A log's rows follow from its entries and need no sums. The rows of a `Database` (records, outbox, vault, what a witness
holds) do not, nor those that an auditor keeps beside its mirror, and SQLite itself keeps no sum over a page. Triggers
keep the sums, in the transaction of the change and whoever makes it; they call a function that every connection of ours
defines, so that a program without it can read the file and not write it. This finds damage, not an attacker: who can
write the file can write the sum.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Collection, Sequence
from contextlib import closing
from typing import Final

from ledger.errors import NotVerified
from ledger.transparency.sqlite import UNREADABLE, unreadable
from ledger.transparency.tables import check_file

__all__ = ["check_sums", "install_sums"]

_TABLE: Final = """CREATE TABLE IF NOT EXISTS row_sum (
  name TEXT, row INTEGER, sum BLOB NOT NULL, PRIMARY KEY (name, row)) WITHOUT ROWID"""
# No `INSERT OR REPLACE` in a trigger: the conflict clause of the statement that fires it would take its place.
_ADDED: Final = """CREATE TRIGGER IF NOT EXISTS {t}_added AFTER INSERT ON {t} BEGIN
  DELETE FROM row_sum WHERE name = '{t}' AND row = NEW.rowid;
  INSERT INTO row_sum VALUES ('{t}', NEW.rowid, row_sum({new})); END"""
_CHANGED: Final = """CREATE TRIGGER IF NOT EXISTS {t}_changed AFTER UPDATE ON {t} BEGIN
  DELETE FROM row_sum WHERE name = '{t}' AND row IN (OLD.rowid, NEW.rowid);
  INSERT INTO row_sum VALUES ('{t}', NEW.rowid, row_sum({new})); END"""
_REMOVED: Final = """CREATE TRIGGER IF NOT EXISTS {t}_removed AFTER DELETE ON {t} BEGIN
  DELETE FROM row_sum WHERE name = '{t}' AND row = OLD.rowid; END"""
_FILL: Final = "INSERT INTO row_sum SELECT '{t}', rowid, row_sum({columns}) FROM {t}"
_WRONG: Final = """SELECT rowid FROM {t} LEFT JOIN row_sum ON row_sum.name = '{t}' AND row_sum.row = {t}.rowid
  WHERE row_sum.sum IS NOT row_sum({columns}) ORDER BY rowid LIMIT 1"""
_NAMES: Final = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
_SUM_BYTES: Final = 8


def install_sums(connection: sqlite3.Connection, only: Collection[str] = ()) -> None:
    """Sum the rows of every table from now on; those of a file that had no sums are summed as they are.

    only: names of the tables that are summed, where others need no sums. Call in a write transaction, with all tables
    made; each that is summed has a rowid. A row that `REPLACE` removes is told of, too.
    """
    _define(connection)
    is_new = ("row_sum",) not in connection.execute(_NAMES).fetchall()
    connection.execute(_TABLE)
    for table, columns in _tables(connection, only).items():
        for trigger in (_ADDED, _CHANGED, _REMOVED):
            new = ", ".join(f"NEW.{column}" for column in columns)
            connection.execute(trigger.format(t=table, new=new))
        if is_new:
            connection.execute(_FILL.format(t=table, columns=", ".join(columns)))


def check_sums(connection: sqlite3.Connection, schema: Sequence[str], only: Collection[str] = ()) -> int:
    """Check the file, that it holds the tables of `schema` and no others, and every row; give the count of rows.

    connection: for reading. only: as they were installed. Raises NotVerified corrupt_store.
    """
    _define(connection)
    check_file(connection, _with_sums(schema, only))
    try:
        return _check_rows(connection, only)
    except UNREADABLE as error:
        raise unreadable(error) from error


def _check_rows(connection: sqlite3.Connection, only: Collection[str]) -> int:
    rows = 0
    for table, columns in _tables(connection, only).items():
        wrong = connection.execute(_WRONG.format(t=table, columns=", ".join(columns))).fetchone()
        if wrong is not None:
            raise NotVerified("corrupt_store", f"row {wrong[0]} of {table} is not what was written")
        rows += int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608  # a name of ours
    (sums,) = connection.execute("SELECT count(*) FROM row_sum").fetchone()
    if sums != rows:
        raise NotVerified("corrupt_store", f"there are {rows} rows, and sums of {sums}: rows are missing")
    return rows


def _with_sums(schema: Sequence[str], only: Collection[str]) -> str:
    """Write the statements that make the tables with their triggers."""
    with closing(sqlite3.connect(":memory:")) as pattern:
        for statement in schema:
            pattern.execute(statement)
        install_sums(pattern, only)
        made = pattern.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid").fetchall()
    return ";\n".join(statement for (statement,) in made) + ";"


def _tables(connection: sqlite3.Connection, only: Collection[str]) -> dict[str, list[str]]:
    """Give the tables that are summed, with their columns."""
    names = [name for (name,) in connection.execute(_NAMES).fetchall() if name != "row_sum"]
    names = [name for name in names if not only or name in only]
    return {
        name: [row[0] for row in connection.execute("SELECT name FROM pragma_table_info(?)", (name,)).fetchall()]
        for name in names
    }


def _define(connection: sqlite3.Connection) -> None:
    connection.create_function("row_sum", -1, _sum, deterministic=True)
    connection.execute("PRAGMA recursive_triggers=ON")


def _sum(*values: bytes | str | float | None) -> bytes:
    """Sum the values of a row with their types."""
    parts: list[bytes] = []
    for value in values:
        data = value if isinstance(value, bytes) else repr(value).encode("utf-8", "surrogatepass")
        parts += (b"%s %d " % (type(value).__name__.encode(), len(data)), data)
    return hashlib.sha256(b"".join(parts)).digest()[:_SUM_BYTES]
