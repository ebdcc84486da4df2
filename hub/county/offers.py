"""Refused requests that a log has signed, kept as possible proof of a fork: one table of witness and auditor alike.

    offer    origin, size, root    of the refused checkpoint, which is kept once
             request               under the log's line     held, path    what stood against it (`Offer`)
             proven                1: it proves a fork, by itself or with another row; 0: it may one day

Anyone may send checkpoints that a log has published, at a wrong moment or with a wrong proof, as many as there are. So
what proves nothing yet lies in a ring, the newest 256 of each log, and never takes the place of a proof: of these the
first 1,000 of a log are kept for good, and only who holds the log's key can make one. When a checkpoint is cosigned,
a witness settles what it keeps of that size: the same one was the log's own growth and goes, another one is proven. An
auditor, who holds the tree, settles what it keeps of any size up to there.

Whether a row proves something is told by sizes, roots and paths alone. Both notes were verified before they came here,
and the refused one is cut to the log's own signature line: under it anyone may write as much as a note may hold.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.evidence import Offer
from ledger.transparency.note import Note
from ledger.transparency.proof import format_hashes, parse_hashes
from ledger.transparency.witness import AddCheckpoint

__all__ = [
    "MAX_PROVEN",
    "MAX_UNPROVEN",
    "OFFER_SCHEMA",
    "drop_offer",
    "keep_offer",
    "read_offers",
    "settle_offers",
    "unproven_requests",
]

OFFER_SCHEMA: Final = """CREATE TABLE IF NOT EXISTS offer (
  id INTEGER PRIMARY KEY, origin TEXT NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL, proven INTEGER NOT NULL,
  request BLOB NOT NULL, held BLOB, path BLOB NOT NULL, UNIQUE (origin, size, root))"""
MAX_PROVEN: Final = 1_000
MAX_UNPROVEN: Final = 256

_RIVALS: Final = "SELECT count(*) FROM offer WHERE origin = ? AND size = ? AND root <> ?"
_PROVEN: Final = "SELECT count(*) FROM offer WHERE origin = ? AND proven"
# What proves a fork takes the place of the same checkpoint with less beside it, or a wrong proof sent first would win.
_KEEP: Final = """INSERT INTO offer (origin, size, root, proven, request, held, path) VALUES (?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (origin, size, root) DO UPDATE SET proven = 1, request = excluded.request, held = excluded.held,
  path = excluded.path WHERE excluded.proven AND NOT offer.proven"""
_PROVE_RIVALS: Final = "UPDATE offer SET proven = 1 WHERE origin = ? AND size = ? AND root <> ? AND NOT proven"
_TRIM: Final = """DELETE FROM offer WHERE origin = :origin AND NOT proven AND id NOT IN (
  SELECT id FROM offer WHERE origin = :origin AND NOT proven ORDER BY id DESC LIMIT :limit)"""
_OWN: Final = "DELETE FROM offer WHERE origin = ? AND size = ? AND root = ? AND NOT proven"
_OTHERS: Final = """UPDATE offer SET proven = 1, held = ?, path = x''
  WHERE origin = ? AND size = ? AND root <> ? AND NOT proven"""
_UNPROVEN: Final = "SELECT request FROM offer WHERE size <= ? AND NOT proven ORDER BY id"
_READ: Final = "SELECT request, held, path FROM offer ORDER BY id"


def keep_offer(connection: sqlite3.Connection, offer: Offer) -> None:
    """Keep a refused request, in the caller's write transaction; nothing where it is what was held already."""
    claimed = offer.request.checkpoint
    at = (claimed.origin, claimed.size, claimed.root)
    if offer.is_held:
        return
    proven = offer.fork is not None or _count(connection, _RIVALS, *at) > 0
    if proven and _count(connection, _PROVEN, claimed.origin) >= MAX_PROVEN:
        return
    row = (*at, proven, offer.request.format(), offer.held, format_hashes(offer.path))
    connection.execute(_KEEP, row)
    connection.execute(_PROVE_RIVALS, at)
    connection.execute(_TRIM, {"origin": claimed.origin, "limit": MAX_UNPROVEN})


def settle_offers(connection: sqlite3.Connection, note: bytes) -> None:
    """Settle what is kept of the size of a checkpoint that is cosigned now, in the same transaction."""
    held = Checkpoint.parse(Note.parse(note).text)
    drop_offer(connection, held)
    connection.execute(_OTHERS, (note, held.origin, held.size, held.root))


def drop_offer(connection: sqlite3.Connection, checkpoint: Checkpoint) -> None:
    """Give up a checkpoint that is the log's own, in a write transaction; one that proves a fork stays."""
    connection.execute(_OWN, (checkpoint.origin, checkpoint.size, checkpoint.root))


def unproven_requests(connection: sqlite3.Connection, size: int) -> list[AddCheckpoint]:
    """Give the requests of checkpoints up to a size that prove nothing yet, oldest first."""
    return [AddCheckpoint.parse(request) for (request,) in connection.execute(_UNPROVEN, (size,))]


def read_offers(connection: sqlite3.Connection) -> list[Offer]:
    """Give what is kept, oldest first."""
    return [
        Offer(request=AddCheckpoint.parse(request), held=held, path=parse_hashes(path.split(b"\n")[:-1]))
        for request, held, path in connection.execute(_READ)
    ]


def _count(connection: sqlite3.Connection, text: str, *values: str | int | bytes) -> int:
    return int(connection.execute(text, values).fetchone()[0])
