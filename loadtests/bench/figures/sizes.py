"""Bytes that travel, at a log of a million entries: a status proof, a whole receipt, the whole status list.

The receipt is a real one, with the two claims of the demo and five cosignatures; its three paths are made as long as
they are in a tree of 1,000,000 entries (a hash more costs 44 bytes and says nothing about the license). The status list
is real, too: 1 % of a million entries revoked, by a seeded choice.
"""

from __future__ import annotations

import random
import secrets
import time
import zlib
from dataclasses import replace
from math import ceil, log2
from pathlib import Path
from typing import Final

from ledger.attestation import present
from ledger.receipt import format_receipt, parse_receipt, with_presentation
from ledger.status import TILE_BYTES, TILE_ENTRIES, Status, StatusArray
from loadtests.bench.measuring import Gate, Pair, Reading
from loadtests.bench.shelf import COUNTY, Shelf, sealed_licenses

__all__ = ["measure"]

_ENTRIES: Final = 1_000_000
_REVOKED: Final = _ENTRIES // 100
_SHOWN: Final = ("certificateTypeName", "certificateHolderName")
_HASH_BYTES: Final = 32


def measure(folder: Path) -> list[Reading]:
    """Give the figures `status-proof`, `receipt-size` and `status-list`. They are counted, not timed: one pair each."""
    statuses = _statuses()
    listed = len(zlib.compress(statuses.to_bytes(), 9))
    tile, path = statuses.proof(_ENTRIES // 2)
    receipt = _receipt(folder)
    return [
        _reading("status-proof", "proof of one status", len(tile) + _HASH_BYTES * len(path), listed, 600),
        _reading("receipt-size", "a whole receipt, 2 claims, 5 cosignatures", len(receipt), listed, 6 * 1024),
        _reading("status-list", "the statuses of all, 1 % revoked, zlib", listed, _ENTRIES // 4, 16 * 1024),
    ]


def _reading(name: str, title: str, ours: int, beside: int, bound: int) -> Reading:
    return Reading(
        name=name,
        title=f"{title}, at {_ENTRIES:,} entries",
        unit="bytes",
        beside="the array of statuses, as it is" if name == "status-list" else "the statuses of all, compressed",
        pairs=(Pair(ours, beside),),
        gate=Gate(of="ours", sign="<=", bound=bound),
    )


def _statuses() -> StatusArray:
    statuses = StatusArray()
    statuses.extend_to(_ENTRIES)
    for index in random.Random(1).sample(range(_ENTRIES), _REVOKED):
        statuses.set(index, Status.REVOKED)
    return statuses


def _receipt(folder: Path) -> bytes:
    """Make a receipt whose paths are as long as in a tree of a million entries."""
    shelf, now = Shelf.found(folder), int(time.time())
    with shelf.alliance.node(COUNTY) as node:
        (sealed,) = sealed_licenses(node, 1, now=now)
    (plain,) = shelf.publish([sealed.entry], now).receipts
    receipt = parse_receipt(with_presentation(plain, present(sealed.sd_jwt, _SHOWN)))
    hashes = [secrets.token_bytes(_HASH_BYTES) for _ in range(ceil(log2(_ENTRIES)))]
    tiles = ceil(_ENTRIES / TILE_ENTRIES)
    return format_receipt(
        replace(
            receipt,
            proof=replace(receipt.proof, path=tuple(hashes)),
            head_path=tuple(hashes),
            tile=bytes(TILE_BYTES),
            status_path=tuple(hashes[: ceil(log2(tiles))]),
        )
    )
