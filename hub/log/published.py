"""The ledger as the projection reads it: published entries alone, by index and by leaf hash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from hub.log.registry import LedgerRegistry
    from ledger.transparency.snapshot import LogReads

__all__ = ["PublishedEntries"]


class PublishedEntries:
    """`hub.graph.projection.Ledger` over the hub's registry."""

    def __init__(self, registry: LedgerRegistry) -> None:
        self._registry: Final = registry

    async def size(self) -> int:
        """Give the count of published entries."""
        shown = self._registry.snapshot
        return 0 if shown is None else shown.size

    async def read(self, start: int, limit: int) -> Sequence[bytes]:
        """Give up to `limit` entries from index `start` on; none beyond the published size."""
        stop = min(start + limit, await self.size())
        return await self._registry.file.read(lambda reads: reads.entries(start, stop)) if start < stop else ()

    async def sequenced(self, index: int) -> bytes | None:
        """Give the entry at an index, published or not; None: the ledger has none there."""
        if index >= self._registry.size:
            return None
        return (await self._registry.file.read(lambda reads: reads.entries(index, index + 1)))[0]

    async def seals(self, leaves: Sequence[bytes]) -> Mapping[bytes, tuple[int, bytes]]:
        """Give index and entry of each leaf hash that is published."""
        size = await self.size()
        return await self._registry.file.read(lambda reads: _found(reads, leaves, size))


def _found(reads: LogReads, leaves: Sequence[bytes], size: int) -> dict[bytes, tuple[int, bytes]]:
    found = reads.find(leaves)
    return {leaf: (at, reads.entries(at, at + 1)[0]) for leaf, at in found.items() if at < size}
