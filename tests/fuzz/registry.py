"""Every fuzz target by its name."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from types import MappingProxyType
from typing import Final
from zlib import crc32

from tests.fuzz.campaign import Target
from tests.fuzz.targets import (
    callers,
    documents,
    entries,
    eseals,
    events,
    federation,
    field,
    governing,
    graphql,
    journal,
    keys,
    receipts,
    texts,
)

__all__ = ["TARGETS", "seed_of"]

_MODULES: Final = (
    texts, entries, receipts, keys, field, eseals, governing, journal, federation, events, documents, callers, graphql,
)  # fmt: skip

TARGETS: Final[Mapping[str, Target]] = MappingProxyType(
    {target.name: target for target in chain.from_iterable(module.targets() for module in _MODULES)}
)


def seed_of(name: str, seed: int) -> int:
    """Give each target a seed of its own, so that two with one corpus see different inputs."""
    return seed << 32 | crc32(name.encode())
