"""The deposit rule, read a second time and slowly: what an auditor that acknowledged a deposit owes to the county.

acknowledged    stays stored, with its time, until a tree is cosigned that holds it, or to which it says nothing new
                or, overdue, became impossible; where the clock was ahead, the time is lowered, and never raised
overdue         `deposit_s` after its time, by the auditor's clock, no tree without it is cosigned any more, unless
                the tree's entries make it impossible
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from ledger.deposits import Deposit
from ledger.entries import StatusChange, parse_entry
from ledger.status import Status
from ledger.transparency.merkle import leaf_hash

__all__ = ["DEPOSIT_S", "DepositWatch", "change_in", "is_possible"]

DEPOSIT_S: Final = 300
_FINAL: Final = {Status.REVOKED, Status.SUPERSEDED}


class DepositWatch:
    """Deposits of one auditor. acknowledged: bytes of the entry -> the time that was told, until it is settled."""

    def __init__(self) -> None:
        self.acknowledged: Final[dict[bytes, int]] = {}

    def take(self, deposit: Deposit) -> None:
        """Take down what was answered with 202; the same again has no later time."""
        known = self.acknowledged.get(deposit.raw, deposit.deposited_at)
        assert deposit.deposited_at <= known, "the same deposit has a later time"
        self.acknowledged[deposit.raw] = deposit.deposited_at

    def check_kept(self, stored: Sequence[Deposit]) -> None:
        """Nothing was settled: all that was acknowledged is stored, as it was told."""
        times = {each.raw: each.deposited_at for each in stored}
        kept = all(raw in times and times[raw] <= at for raw, at in self.acknowledged.items())
        assert kept, "an acknowledged deposit is gone"

    def check_answer(
        self, stored: Sequence[Deposit], tree: Sequence[bytes], *, stands: bool, cosigned: bool, now: int
    ) -> None:
        """Judge what an auditor made of a request to cosign `tree`.

        stands: it is what was cosigned last, as stored. cosigned: by this very request.
        """
        times = {each.raw: each.deposited_at for each in stored}
        held = set(tree)
        for raw, deposited_at in [*self.acknowledged.items()]:
            is_due = now > deposited_at + DEPOSIT_S
            settled = raw in held or is_moot(raw, tree) or (is_due and not is_possible(raw, tree))
            assert settled or not (cosigned and is_due), "a tree was cosigned without a deposit that is due"
            if raw in times and times[raw] <= deposited_at:
                self.acknowledged[raw] = times[raw]
            else:
                assert settled, "an acknowledged deposit is gone"
                assert stands, "a deposit was settled with a tree that was not cosigned"
                del self.acknowledged[raw]


def is_possible(raw: bytes, tree: Sequence[bytes]) -> bool:
    """Tell whether a status entry of the county that sealed could be the next one behind these entries."""
    change = change_in(raw)
    assert change is not None
    is_there = change.of < len(tree) and leaf_hash(tree[change.of]) == change.target
    return is_there and not is_moot(raw, tree)


def is_moot(raw: bytes, tree: Sequence[bytes]) -> bool:
    """Tell whether these entries have given the license the same status, or one for good."""
    change = change_in(raw)
    assert change is not None
    if change.of >= len(tree) or leaf_hash(tree[change.of]) != change.target:
        return False
    status = Status.VALID
    for each in tree[change.of :]:
        earlier = change_in(each)
        if earlier is not None and earlier.of == change.of:
            status = earlier.to
    return status in _FINAL or status is change.to


@lru_cache(maxsize=4096)
def change_in(raw: bytes) -> StatusChange | None:
    """Give the status change that an entry is, if it is one."""
    entry = parse_entry(raw)
    return entry if isinstance(entry, StatusChange) else None
