"""Which access records were a read of a license, of a case, or of a holder: the journal's largest index.

    access (segment, name, i)      i        position of the record
                                   segment  i >> 13: 8,192 records
                                   name     the first 16 bytes of SHA-256 of the name's UTF-8

Names come in no order. In one tree over all of them nearly every row would touch a page of its own, and a commit of 500
records would write megabytes; the tree of one segment stays small, and only the newest one is written. A question asks
segment by segment, 122 of them in a million records. 128 bits of SHA-256: nobody finds two names with one digest, so a
row needs no second look (NIST SP 800-107, 5.1).
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from ledger.transparency.sqlite import read_rows

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

__all__ = ["ACCESS_SCHEMA", "access_rows", "find_accesses", "has_access"]

ACCESS_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS access (segment INTEGER, name BLOB, i INTEGER, PRIMARY KEY (segment, name, i)) WITHOUT ROWID;
"""
_SEGMENT_BITS: Final = 13
_FOUND: Final = """
WITH RECURSIVE part(segment) AS (SELECT ? UNION ALL SELECT segment + 1 FROM part WHERE segment < ?)
SELECT a.i FROM part CROSS JOIN access a ON a.segment = part.segment AND a.name = ?
WHERE a.i > ? ORDER BY a.i LIMIT ?"""
_ONE: Final = "SELECT 1 FROM access WHERE segment = ? AND name = ? AND i = ?"


def access_rows(names: Sequence[str], position: int) -> Iterator[tuple[int, bytes, int]]:
    """Give the rows of one access record, one a name."""
    segment = position >> _SEGMENT_BITS
    return ((segment, _digest(name), position) for name in set(names))


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


def has_access(connection: sqlite3.Connection, name: str, position: int) -> bool:
    """Tell whether the index has a record under a name. Raises NotVerified corrupt_store."""
    rows: list[Any] = read_rows(connection, _ONE, position >> _SEGMENT_BITS, _digest(name), position)
    return bool(rows)


def _digest(name: str) -> bytes:
    return sha256(name.encode()).digest()[:16]
