"""The log as its newest publication shows it: what is read of it, in whichever process reads.

The hub's own registry has it, and each reader process (hub/readers) over the same file, opened for reading only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from ledger.encoding import MAX_INTEGER
from ledger.errors import Conflict, Unavailable
from schema.context import Published, Standing

if TYPE_CHECKING:
    from ledger.transparency.snapshot import LogReads, Snapshot

__all__ = ["ShownLog"]

T = TypeVar("T")


class ShownLog(ABC):
    """The reading half of the port `schema.context.Registry`."""

    @property
    @abstractmethod
    def snapshot(self) -> Snapshot | None:
        """The newest published checkpoint with what receipts need; None before the first."""

    @property
    @abstractmethod
    def reads(self) -> LogReads:
        """Reads for the calling thread."""

    @abstractmethod
    async def ask(self, question: Callable[[LogReads], T]) -> T:
        """Run a read in a reading thread."""

    def published(self) -> Published | None:
        """Give the newest published checkpoint, or None before the first."""
        shown = self.snapshot
        if shown is None:
            return None
        return Published(note=shown.note, size=shown.size, root=shown.root, time=shown.time, cosigners=shown.cosigners)

    async def receipt(self, index: int) -> bytes:
        """Make a fresh receipt (no disclosures) of the seal at `index` under the newest published checkpoint.

        Raises Conflict wrong_target if there is no published seal at `index`, Unavailable no_log before the first.
        """
        shown = self.snapshot
        if shown is None:
            raise Unavailable("no_log", "nothing is published yet")
        if not 0 <= index < min(shown.size, MAX_INTEGER):
            raise Conflict("wrong_target", f"there is no published seal at index {index}")
        return await self.ask(lambda reads: reads.receipt(index, size=shown.size, note=shown.quorum_note))

    async def statuses(self, indexes: Sequence[int]) -> Standing:
        """Give the status of the seals at these indexes under the newest published checkpoint, in order.

        Raises Unavailable no_log before the first, and when a seal is not published (any more, under a new policy).
        """
        shown = self.snapshot
        if shown is None or not all(0 <= index < shown.size for index in indexes):
            raise Unavailable("no_log", "not all of these seals are published now")
        array = await self.ask(lambda reads: reads.statuses(shown.size))
        return Standing(size=shown.size, time=shown.time, statuses=tuple(array.get(index) for index in indexes))
