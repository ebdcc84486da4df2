"""What an auditor asks of its storage: the mirrored log, what it cosigned and refused, and what was deposited with it.

The mirror is a log's store (`ledger.transparency.store`) whose notes are bare checkpoint texts. One call to `keep` is
one durable step: the entries of a checkpoint, and the cosignature that is about to be sent, are there together or not
at all. Whatever an auditor says was made durable first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ledger.deposits import Deposit
from ledger.refusal import Refusal
from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.evidence import Offer
from ledger.transparency.store import Appended, Reader, StoreState
from ledger.transparency.witness import AddCheckpoint, Latest

__all__ = ["AuditStore", "StoredRefusal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRefusal:
    """A refusal, and the JWS that says so."""

    refusal: Refusal
    jws: bytes


class AuditStore(Protocol):
    """Storage of one auditor of one log. Thread-safe; writes are durable on return.

    They raise Unavailable store_stopped, after which the store must be opened anew.
    """

    def reader(self) -> Reader:
        """Give the calling thread's reads of the mirrored log, as of the last commit."""
        ...

    def state(self) -> StoreState | None:
        """Say where the mirror stands; None: nothing is mirrored. Raises NotVerified corrupt_store."""
        ...

    def latest(self) -> Latest | None:
        """Give the checkpoint that was cosigned last."""
        ...

    def keep(self, batch: Appended | None, latest: Latest | None = None, settled: Sequence[bytes] = ()) -> None:
        """Store entries that hold and the checkpoint cosigned with them, and drop settled deposits: all or nothing.

        Raises Conflict store_moved: the mirror does not stand where the batch begins.
        """
        ...

    def forget(self, kept: Checkpoint | None = None) -> None:
        """Forget the mirrored entries above `kept`, all of them by default, and nothing that stands beside the mirror.

        kept: of the mirrored log, ends in a head, and is no larger than the mirror. Raises NotVerified corrupt_store.
        """
        ...

    def deposits(self) -> Sequence[Deposit]:
        """Give the deposits that are watched, oldest first."""
        ...

    def deposit(self, deposit: Deposit) -> tuple[Deposit, bool]:
        """Watch a deposit, once a statement, and pass it on; give it as it was left first, and whether that is now.

        A time that lies ahead of that of `deposit` was that of a wrong clock: it is lowered to it, durably. Raises
        Unavailable pushback: 100 of its county are watched already.
        """
        ...

    def to_pass_on(self, limit: int) -> Sequence[bytes]:
        """Give up to `limit` deposited entries that the other auditors do not have yet, oldest first."""
        ...

    def passed_on(self, leaf: bytes) -> None:
        """Note that a deposit need not be passed on any more."""
        ...

    def refuse(self, refused: StoredRefusal) -> StoredRefusal:
        """Keep a refusal; one that says the same of the same checkpoint is kept, and given, instead."""
        ...

    def refusals(self, limit: int) -> Sequence[StoredRefusal]:
        """Give the newest refusals, newest first."""
        ...

    def keep_offer(self, offer: Offer) -> None:
        """Keep a signed request that was refused, once a checkpoint: it may prove that the log forked.

        One that proves it takes the place of another of the same checkpoint, and is never given up for what proves
        nothing yet.
        """
        ...

    def drop_offer(self, checkpoint: Checkpoint) -> None:
        """Give up a refused checkpoint that has proved to be the log's own; one that proves a fork stays."""
        ...

    def unproven_requests(self, size: int) -> Sequence[AddCheckpoint]:
        """Give the refused requests up to a size that prove nothing yet, oldest first."""
        ...

    def offers(self) -> Sequence[Offer]:
        """Give the signed requests that were refused and are kept, oldest first."""
        ...
