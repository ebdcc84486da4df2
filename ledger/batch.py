"""Many receipts under one policy: verdicts in their order, on as many cores as the caller's pool has.

    settings = BatchSettings(policy, genesis, now=now, max_age=3600)
    with workers(cores(), partial(start_worker, settings)) as in_order:      # hub.workers, or `one_by_one`
        for verdict in verify_many(receipts, settings, in_order=in_order):

Threads do not do: SM2 is verified in Python, which runs one thread at a time. So receipts go to processes in groups,
and each process is given what is trusted once, and keeps one verifier: checkpoints, heads and keys that came once are
not checked again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from ledger.qr_verifier import FieldVerifier
from ledger.sync_files import SyncFiles
from ledger.transparency.spans import InOrder, one_by_one
from ledger.verdict import Verdict
from ledger.verifier import Verifier

__all__ = ["BatchSettings", "start_worker", "verify_many"]

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
        verifier = Verifier.of_files(self.policy, self.genesis)
        return verifier if self.sync is None else FieldVerifier(verifier, self.sync.check(verifier, now=self.now))


def verify_many(
    receipts: Iterable[bytes], settings: BatchSettings, *, in_order: InOrder = one_by_one
) -> Iterator[Verdict]:
    """Give one verdict a receipt, in order; receipts are taken as they are needed, so that memory stays bounded.

    in_order: this process, or others in each of which `start_worker` was called with the same settings. Raises as
    `BatchSettings.open`, before the first verdict; no receipt raises anything.
    """
    for verdicts in in_order(_Judge(settings), _groups(receipts)):
        yield from verdicts


def _groups(receipts: Iterable[bytes]) -> Iterator[Sequence[bytes]]:
    rest = iter(receipts)
    while group := list(islice(rest, _GROUP)):
        yield group


class _Judge:
    """Judges groups by one verifier. What is sent to another process says no more than: the one you started with."""

    def __init__(self, settings: BatchSettings) -> None:
        self._settings: Final = settings
        self._verifier: Final = settings.open()

    def __call__(self, group: Sequence[bytes]) -> list[Verdict]:
        now, max_age = self._settings.now, self._settings.max_age
        return [self._verifier.verify(receipt, now=now, max_age=max_age) for receipt in group]

    def __reduce__(self) -> tuple[Callable[[], _Judge], tuple[()]]:
        return _of_this_worker, ()


_started: list[_Judge] = []


def start_worker(settings: BatchSettings) -> None:
    """Open the verifier of a worker process, before its first group. Raises as `BatchSettings.open`."""
    _started[:] = [_Judge(settings)]


def _of_this_worker() -> _Judge:
    return _started[0]
