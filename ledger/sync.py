"""Synced state: a checkpoint that a verifier fetched before it went offline, and all that its head binds.

The parts come from the log (`checkpoint`, `head`, `status.zlib` inflated, `keys`), all of one size. They are checked as
those of a receipt, and the status root is rebuilt from the whole array, so that one sync answers for every receipt, and
for the QR codes, which bring no proof of their own:

    synced = check_sync(anchor, checkpoint, head, head_path, statuses, keys=keys, now=now)
    verifier.verify(receipt, now=now, max_age=3600, synced=synced)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from ledger.anchor import BoundKeys, KeyEntries, TrustAnchor
from ledger.errors import Malformed, NotVerified
from ledger.status import Status, StatusArray
from ledger.transparency.checkpoint import Checkpoint

__all__ = ["Synced", "SyncedLog", "check_sync"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """Checked statuses of the entries 0..size-1, as of `time` (quorum time T, POSIX seconds).

    roots: of the tree at the sizes where it is known: root by size.
    """

    size: int
    time: int
    statuses: StatusArray
    roots: Mapping[int, bytes] = field(default_factory=dict)

    def status_of(self, index: int) -> Status:
        """Return the status of entry `index`, below size."""
        return self.statuses.get(index)

    def time_after(self, size: int, time: int | None) -> int:
        """Return T for a receipt whose head covers `size` entries and whose own T is `time`."""
        return self.time if self.size > size or time is None else max(self.time, time)

    def check_root(self, size: int, root: bytes) -> None:
        """Check that the tree of a size is the one that was synced, if it was. Raises NotVerified bad_consistency."""
        if self.roots.get(size, root) != root:
            raise NotVerified("bad_consistency", f"another tree of size {size} was synced: the log has forked")


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncedLog(Synced):
    """Beside the statuses: the checkpoint, the key state that its head binds, and the entries that lead to it."""

    checkpoint: Checkpoint
    keys: BoundKeys
    key_entries: KeyEntries

    def with_roots(self, roots: Mapping[int, bytes]) -> SyncedLog:
        """Know the tree at more sizes."""
        return replace(self, roots={**self.roots, **roots})


def check_sync(
    anchor: TrustAnchor,
    checkpoint: bytes,
    head: bytes,
    head_path: tuple[bytes, ...],
    statuses: bytes,
    *,
    keys: Sequence[tuple[int, bytes]] = (),
    now: int,
) -> SyncedLog:
    """Check the parts of a sync folder against each other and the anchor.

    checkpoint: the note. head: its last leaf; head_path: from the sibling up. statuses: the array, ceil(n / 4) bytes.
    keys: (index, entry) of member and rule entries after the genesis. Raises Malformed, NotVerified, Conflict.
    """
    signed = anchor.checkpoint(checkpoint).checkpoint
    time = anchor.quorum_time(checkpoint, now)
    verified = anchor.head(checkpoint, head, head_path)
    bound = anchor.bound_keys(verified, signed.origin, (), dict(keys))
    try:
        array = StatusArray.from_bytes(statuses, verified.n)
    except Malformed as error:
        raise NotVerified("bad_status_proof", "status array is not of this head's size") from error
    if array.root() != verified.root:
        raise NotVerified("bad_status_proof", "status array does not give the head's status root")
    return SyncedLog(
        size=verified.n,
        time=time,
        statuses=array,
        roots={signed.size: signed.root},
        checkpoint=signed,
        keys=bound,
        key_entries=tuple((index, raw) for index, raw in keys if index < verified.n),
    )
