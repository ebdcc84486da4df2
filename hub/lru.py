"""A mapping of bounded size, and what a cache has given."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import ItemsView
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["CacheCount", "Lru"]

Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(slots=True)
class CacheCount:
    """How often a cache had what was asked for since start, and how often not."""

    hits: int = 0
    misses: int = 0


class Lru(Generic[Key, Value]):
    """A mapping of bounded size that forgets what was used longest ago."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[Key, Value] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def items(self) -> ItemsView[Key, Value]:
        """Give all that is kept, what was used longest ago first; marks nothing as used."""
        return self._kept.items()

    def get(self, key: Key) -> Value | None:
        """Give what is kept under a key, and mark it as used."""
        value = self._kept.get(key)
        if value is not None:
            self._kept.move_to_end(key)
        return value

    def put(self, key: Key, value: Value) -> None:
        """Keep a value; the one used longest ago goes when there is no room."""
        self._kept[key] = value
        if len(self._kept) > self._size:
            self._kept.popitem(last=False)
