"""The small files of one size, checked as those of a sync folder: checkpoint, head, keys, statuses, landmarks.

What is checked rests on a policy and a genesis alone: the log signed the checkpoint, a quorum cosigned it, the head is
its last leaf, and keys and statuses are those that the head binds.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from ledger.deflated import inflate
from ledger.entries import Head, parse_entry
from ledger.errors import Conflict, Malformed, NotVerified
from ledger.landmarks import format_landmarks, parse_landmarks
from ledger.sync import SyncedLog, check_sync
from ledger.sync_files import MAX_STATUS_BYTES, SYNC_FILES, format_keys, parse_head, parse_keys
from ledger.transparency.sequencer import landmark_day
from ledger.transparency.store import Landmark

if TYPE_CHECKING:
    from hub.logclient import HttpLog
    from ledger.anchor import TrustAnchor
    from ledger.transparency.checkpoint import Checkpoint

__all__ = ["Parts", "check_parts", "fetch_parts", "landmarks_at", "parse_landmark_lines"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Checked files of one size, as bytes, and what they say. time: quorum time T, POSIX seconds."""

    note: bytes
    head: bytes
    keys: bytes
    status: bytes
    synced: SyncedLog
    bound: Head

    @property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint that all of them are of."""
        return self.synced.checkpoint

    @property
    def time(self) -> int:
        """Quorum time T of the checkpoint, POSIX seconds."""
        return self.synced.time


def fetch_parts(log: HttpLog, note: bytes, anchor: TrustAnchor, now: int) -> Parts:
    """Fetch what belongs to a checkpoint from a log that may move on meanwhile.

    Raises Conflict log_changed (read the checkpoint again), and as `HttpLog.get`, `check_parts`.
    """
    size = anchor.checkpoint(note).checkpoint.size
    head = log.at("head", size, SYNC_FILES["head.json"])
    status = log.at("status.zlib", size, SYNC_FILES["status.zlib"])
    keys = log.get("keys", SYNC_FILES["keys.json"])
    if head is None or status is None or keys is None:
        raise Conflict("log_changed", f"the log has no head or statuses of size {size}")
    try:
        rows = [row for row in parse_keys(keys) if row[0] < size]
        return check_parts(note, head, format_keys(rows), status, anchor=anchor, now=now)
    except (Malformed, NotVerified):
        again = log.get("checkpoint", SYNC_FILES["checkpoint"])
        if again is not None and anchor.checkpoint(again).checkpoint.size != size:
            raise Conflict("log_changed", "the log moved on between two answers") from None
        raise


def check_parts(note: bytes, head: bytes, keys: bytes, status: bytes, *, anchor: TrustAnchor, now: int) -> Parts:
    """Check the parts against each other and the anchor.

    keys: genesis first, nothing at or above the head. Raises Malformed, NotVerified, Conflict.
    """
    (first, genesis), *rows = parse_keys(keys)
    entry = parse_entry(genesis)
    if first != 0 or entry.leaf != anchor.genesis.genesis_leaf:
        raise NotVerified("bad_head", "keys do not begin with the pinned genesis", index=0)
    jws, path = parse_head(head)
    statuses = inflate(status, max_bytes=MAX_STATUS_BYTES)
    synced = check_sync(anchor, note, jws, path, statuses, keys=rows, now=now)
    bound = parse_entry(jws)
    if not isinstance(bound, Head) or (rows and rows[-1][0] >= synced.size):
        raise NotVerified("bad_head", "a key entry is not below the head")
    return Parts(note=note, head=head, keys=keys, status=status, synced=synced, bound=bound)


def landmarks_at(listed: bytes | None, parts: Parts) -> list[Landmark]:
    """Give the landmarks of a log as of one checkpoint, which is the last one of its own day.

    listed: the log's list, which may have gone on since.
    """
    day, checkpoint = landmark_day(parts.time), parts.checkpoint
    rows = [] if listed is None else parse_landmark_lines(listed)
    kept = [row for row in rows if row.size <= checkpoint.size and row.day < day]
    return [*kept, Landmark(day=day, size=checkpoint.size, root=checkpoint.root)]


def parse_landmark_lines(data: bytes) -> list[Landmark]:
    """Read a list of landmarks: days ascend, sizes never fall; a quiet day has the size of the day before.

    Raises Malformed too_large, bad_file, bad_encoding, bad_number, bad_base64.
    """
    rows = list(parse_landmarks(data))
    in_order = all(one.day < other.day and one.size <= other.size for one, other in pairwise(rows))
    if not in_order or format_landmarks(rows) != data:
        raise Malformed("bad_file", "landmarks are not in their one form, or do not ascend")
    return rows
