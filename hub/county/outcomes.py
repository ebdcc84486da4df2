"""What a county node answers to those who use it: a license that is sealed, and where everything stands."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CountyStatus", "Sealed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A license that is sealed. leaf: of its log entry, 32 bytes. fresh: False if it had been sealed before."""

    identifier: str
    leaf: bytes
    fresh: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CountyStatus:
    """Counts of a county. sealed: licenses. The others: outbox items (seals and status entries).

    witnessed: verified in a checkpoint with a quorum. stated: of those, all done, the journal record included.
    overdue: unfinished for more than 5 minutes. failed: refused for good, count by stable code. deposited: status
    entries without proof that an auditor took, since the hub did not log them in time. keys: what is wrong with this
    node's view of the members' keys, if anything is (hub/county/keyview.py).
    """

    sealed: int
    pending: int
    witnessed: int
    stated: int
    overdue: int
    failed: dict[str, int]
    deposited: int
    keys: str | None = None
