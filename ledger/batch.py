"""Many receipts under one policy: verdicts in their order, on as many cores as the caller's pool has.

    with workers(cores()) as in_order:                                       # hub.workers, or `one_by_one`
        for verdict in verify_many(receipts, BatchSettings(policy, genesis, now=now, max_age=3600), in_order=in_order):

Threads do not do: SM2 is verified in Python, which runs one thread at a time. So receipts go to processes in groups,
and each process keeps one verifier: checkpoints, heads and keys that came once are not checked again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from hashlib import sha256
from itertools import islice
from typing import Final

from ledger.qr_verifier import FieldVerifier
from ledger.sync_files import SyncFiles
from ledger.transparency.policy import Policy
from ledger.transparency.spans import InOrder, one_by_one
from ledger.verdict import Verdict
from ledger.verifier import Verifier

__all__ = ["BatchSettings", "verify_many"]

_GROUP: Final = 64  # receipts that go to a process at once: some 20 ms of work


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """What every receipt of a batch is judged by. now: POSIX seconds. max_age: seconds. sync: newer statuses."""

    policy: bytes
    genesis: bytes
    now: int
    max_age: int
    sync: SyncFiles | None = None

    def open(self) -> Verifier | FieldVerifier:
        """Give the verifier. Raises Malformed, NotVerified, Conflict: policy, genesis or sync do not hold."""
        verifier = Verifier(Policy.parse(self.policy), self.genesis, policy_digest=sha256(self.policy).digest())
        return verifier if self.sync is None else FieldVerifier(verifier, self.sync.check(verifier, now=self.now))


def verify_many(
    receipts: Iterable[bytes], settings: BatchSettings, *, in_order: InOrder = one_by_one
) -> Iterator[Verdict]:
    """Give one verdict a receipt, in order; receipts are taken as they are needed, so that memory stays bounded.

    Raises as `BatchSettings.open`, before the first verdict; no receipt raises anything.
    """
    _opened(settings)
    for verdicts in in_order(partial(_verify_group, settings), _groups(receipts)):
        yield from verdicts


def _groups(receipts: Iterable[bytes]) -> Iterator[Sequence[bytes]]:
    rest = iter(receipts)
    while group := list(islice(rest, _GROUP)):
        yield group


def _verify_group(settings: BatchSettings, group: Sequence[bytes]) -> list[Verdict]:
    verifier = _opened(settings)
    return [verifier.verify(receipt, now=settings.now, max_age=settings.max_age) for receipt in group]


@lru_cache(maxsize=2)
def _opened(settings: BatchSettings) -> Verifier | FieldVerifier:
    return settings.open()
