"""Synced statuses: a checkpoint that a verifier fetched before it went offline, with the status of every entry.

The parts come from the log (`checkpoint`, `head`, `status.zlib` inflated, `keys`), all of one size. They are checked as
those of a receipt, and the status root is rebuilt from the whole array, so that one sync answers for every receipt:

    synced = check_sync(anchor, checkpoint, head, head_path, statuses, keys=keys, now=now)
    verifier.verify(receipt, now=now, max_age=3600, synced=synced)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ledger.anchor import TrustAnchor
from ledger.errors import Malformed, NotVerified
from ledger.status import Status, StatusArray

__all__ = ["Synced", "check_sync"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """Checked statuses of the entries 0..size-1, as of `time` (quorum time T, POSIX seconds)."""

    size: int
    time: int
    statuses: StatusArray

    def status_of(self, index: int) -> Status:
        """Return the status of entry `index`, below size."""
        return self.statuses.get(index)

    def time_after(self, size: int, time: int | None) -> int:
        """Return T for a receipt whose head covers `size` entries and whose own T is `time`."""
        return self.time if self.size > size or time is None else max(self.time, time)


def check_sync(
    anchor: TrustAnchor,
    checkpoint: bytes,
    head: bytes,
    head_path: tuple[bytes, ...],
    statuses: bytes,
    *,
    keys: Sequence[tuple[int, bytes]] = (),
    now: int,
) -> Synced:
    """Check the parts of a sync folder against each other and the anchor.

    checkpoint: the note. head: its last leaf; head_path: from the sibling up. statuses: the array, ceil(n / 4) bytes.
    keys: (index, entry) of member and rule entries after the genesis. Raises Malformed, NotVerified, Conflict.
    """
    signed = anchor.checkpoint(checkpoint)
    time = anchor.quorum_time(checkpoint, now)
    verified = anchor.head(checkpoint, head, head_path)
    anchor.bound_keys(verified, signed.checkpoint.origin, (), dict(keys))
    try:
        array = StatusArray.from_bytes(statuses, verified.n)
    except Malformed as error:
        raise NotVerified("bad_status_proof", "status array is not of this head's size") from error
    if array.root() != verified.root:
        raise NotVerified("bad_status_proof", "status array does not give the head's status root")
    return Synced(size=verified.n, time=time, statuses=array)
