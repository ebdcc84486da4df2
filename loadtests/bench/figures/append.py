"""Append per entry, beside raw hashing of the very bytes that an append has to hash.

Ours: leaf hashes of 256 entries, `TileEdge.append`, the tiles to store and the root, as the sequencer does for a
batch. Beside it: SHA-256 over the same leaf bytes (`0x00 || entry`) and node bytes (`0x01 || left || right`), prepared
beforehand. Entries of 256 bytes: larger ones only make the hashing weigh more.
"""

from __future__ import annotations

import hashlib
import random
from typing import Final

from ledger.transparency.edge import EMPTY_EDGE, TileEdge
from ledger.transparency.merkle import leaf_hash
from loadtests.bench.measuring import Effort, Gate, Reading, cpu_pairs

__all__ = ["measure"]

BATCH: Final = 256
_ENTRY_BYTES: Final = 256
_START: Final = 53_191  # a ragged tree, so that every level has an edge
_ENTRIES: Final = 64 * BATCH


def measure(effort: Effort) -> list[Reading]:
    """Measure the figure `append`."""
    chance = random.Random(1)
    entries = [chance.randbytes(_ENTRY_BYTES) for _ in range(effort.amount(_ENTRIES, least=4 * BATCH))]
    batches = [entries[start : start + BATCH] for start in range(0, len(entries), BATCH)]
    edge = EMPTY_EDGE.append([leaf_hash(b"%d" % number) for number in range(_START)]).edge
    messages = _hashed_bytes(edge, entries)
    return [
        Reading(
            name="append",
            title=f"append per entry, batches of {BATCH}, tiles and root included",
            unit="us an entry",
            beside="raw SHA-256 of the same leaf and node bytes",
            pairs=cpu_pairs(lambda: _append_all(edge, batches), lambda: _hash_all(messages), len(entries), effort),
            gate=Gate(of="ratio", sign="<=", bound=2),
        )
    ]


def _append_all(edge: TileEdge, batches: list[list[bytes]]) -> None:
    for batch in batches:
        edge = edge.append([leaf_hash(entry) for entry in batch]).edge
        edge.root()


def _hash_all(messages: list[bytes]) -> None:
    sha256 = hashlib.sha256
    for message in messages:
        sha256(message).digest()


def _hashed_bytes(edge: TileEdge, entries: list[bytes]) -> list[bytes]:
    """Give what a tree must hash for these entries at the least: every leaf, and every node that they complete."""
    growth = edge.frontier.append([leaf_hash(entry) for entry in entries])
    nodes = sum(len(hashes) for _, hashes in growth.levels[1:])
    return [b"\x00" + entry for entry in entries] + [b"\x01" + bytes(64)] * nodes
