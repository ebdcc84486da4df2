"""Which access records were a read of a license, of a case, or of a holder: the journal's largest index.

    recent (i, names)              i        position of a record of the segment that is not full yet
                                   names    the digests of its names one after the other, ascending
    access (segment, name, i)      segment  i >> 10: 1,024 records, all there
                                   name     the digest: first 16 bytes of SHA-256 of the name's UTF-8

Names come in no order. In a tree over all of them nearly every row would touch a page of its own, and the commit of a
few records would write hundreds of kilobytes. So a record is put behind the one before it, and a segment that is full
goes into its own tree at once, in the tree's order: each page is written once. A question asks segment by segment, 976
of them in a million records, and looks through what is recent. 128 bits of SHA-256: nobody finds two names with one
digest, nor two whose digests hold a third one between them, so a row needs no second look (NIST SP 800-107, 5.1).
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from ledger.transparency.sqlite import read_rows

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

__all__ = ["ACCESS_SCHEMA", "find_accesses", "first_recent", "is_indexed", "keep_accesses"]

ACCESS_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS access (segment INTEGER, name BLOB, i INTEGER, PRIMARY KEY (segment, name, i)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS recent (i INTEGER PRIMARY KEY, names BLOB NOT NULL);
"""
_SEGMENT_BITS: Final = 10
_DIGEST_BYTES: Final = 16
_FOUND: Final = """
WITH RECURSIVE part(segment) AS (SELECT ?1 UNION ALL SELECT segment + 1 FROM part WHERE segment < ?2)
SELECT a.i FROM part CROSS JOIN access a ON a.segment = part.segment AND a.name = ?3 WHERE a.i > ?4
UNION ALL SELECT i FROM recent WHERE i > ?4 AND instr(names, ?3) ORDER BY 1 LIMIT ?5"""
_ONE: Final = "SELECT 1 FROM access WHERE segment = ? AND name = ? AND i = ?"


def first_recent(size: int) -> int:
    """Give the first position of the segment that is not full, in a journal of this size."""
    return size >> _SEGMENT_BITS << _SEGMENT_BITS


def keep_accesses(
    connection: sqlite3.Connection, records: Sequence[tuple[int, Sequence[str]]], *, old: int, new: int
) -> None:
    """Index access records, as (position, names), by which the journal grows, in the transaction under way.

    old, new: its size before and after.
    """
    rows = [(position, _names(names)) for position, names in records]
    connection.executemany("INSERT INTO recent VALUES (?, ?)", rows)
    if (end := first_recent(new)) > old:
        full = connection.execute("SELECT i, names FROM recent WHERE i < ?", (end,))
        segments = sorted((i >> _SEGMENT_BITS, name, i) for i, names in full for name in _digests(names))
        connection.executemany("INSERT INTO access VALUES (?, ?, ?)", segments)
        connection.execute("DELETE FROM recent WHERE i < ?", (end,))


def find_accesses(
    connection: sqlite3.Connection, names: Sequence[str], *, first: int, after: int, size: int
) -> list[int]:
    """Give the positions of the records with any of these names, ascending, above `after`, at most `first`.

    size: of the journal. Raises NotVerified corrupt_store.
    """
    lowest, highest = max(after, 0) >> _SEGMENT_BITS, size >> _SEGMENT_BITS
    found: set[int] = set()
    for name in names:
        found.update(row[0] for row in read_rows(connection, _FOUND, lowest, highest, _digest(name), after, first))
    return sorted(found)[:first]


def is_indexed(connection: sqlite3.Connection, names: Sequence[str], position: int, *, size: int) -> bool:
    """Tell whether the index has a record under these names. size: of the journal. Raises NotVerified corrupt_store."""
    if position >= first_recent(size):
        rows: list[Any] = read_rows(connection, "SELECT names FROM recent WHERE i = ?", position)
        return rows == [(_names(names),)]
    segment = position >> _SEGMENT_BITS
    return all(read_rows(connection, _ONE, segment, _digest(name), position) for name in names)


def _names(names: Sequence[str]) -> bytes:
    return b"".join(sorted(map(_digest, set(names))))


def _digests(names: bytes) -> list[bytes]:
    return [names[at : at + _DIGEST_BYTES] for at in range(0, len(names), _DIGEST_BYTES)]


def _digest(name: str) -> bytes:
    return sha256(name.encode()).digest()[:_DIGEST_BYTES]
