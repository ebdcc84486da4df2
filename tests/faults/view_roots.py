"""Roots of a list of entries that only grows, by size, each made once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ledger.transparency.merkle import leaf_hash, root_of

__all__ = ["ViewRoots"]


class ViewRoots:
    """One view of a log. entries: the list itself, which grows."""

    def __init__(self, entries: Sequence[bytes]) -> None:
        self._entries: Final = entries
        self._leaves: Final[list[bytes]] = []
        self._roots: Final[dict[int, bytes]] = {}

    def at(self, size: int) -> bytes | None:
        """Give the root of the first `size` entries; None if there are fewer."""
        if size > len(self._entries):
            return None
        self._leaves += [leaf_hash(raw) for raw in self._entries[len(self._leaves) :]]
        if size not in self._roots:
            self._roots[size] = root_of(self._leaves[:size])
        return self._roots[size]
