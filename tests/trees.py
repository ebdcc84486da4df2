"""Merkle trees by their recursive definition, slow and plain, and the vectors of the transparency log."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from ledger.signers import SoftwareSigner

__all__ = ["VECTORS", "RecursiveTree", "made_leaves", "small_log", "vector_signer"]

VECTORS: Final = Path(__file__).parent / "vectors" / "transparency"


class RecursiveTree:
    """RFC 6962, 2.1, word for word, over leaf hashes; sub-trees are remembered."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self._leaves = leaves
        self._known: dict[tuple[int, int], bytes] = {}

    def root(self, start: int, stop: int) -> bytes:
        """MTH of the leaves start..stop-1."""
        if stop == start:
            return hashlib.sha256(b"").digest()
        if stop == start + 1:
            return self._leaves[start]
        if (start, stop) not in self._known:
            middle = start + _split(stop - start)
            pair = self.root(start, middle) + self.root(middle, stop)
            self._known[start, stop] = hashlib.sha256(b"\x01" + pair).digest()
        return self._known[start, stop]

    def node(self, level: int, index: int) -> bytes:
        """A complete node, as storage gives it; a node that is not complete is an error of the caller."""
        assert index + 1 << level <= len(self._leaves)
        return self.root(index << level, index + 1 << level)

    def inclusion(self, index: int, start: int, stop: int) -> list[bytes]:
        """PATH(index, D[start:stop])."""
        if stop - start == 1:
            return []
        middle = start + _split(stop - start)
        if start + index < middle:
            return [*self.inclusion(index, start, middle), self.root(middle, stop)]
        return [*self.inclusion(start + index - middle, middle, stop), self.root(start, middle)]

    def consistency(self, old: int, size: int) -> list[bytes]:
        """PROOF(old, D[0:size]), 0 < old <= size."""
        return self._sub_proof(old, 0, size, known=True)

    def _sub_proof(self, old: int, start: int, stop: int, *, known: bool) -> list[bytes]:
        if old == stop - start:
            return [] if known else [self.root(start, stop)]
        split = _split(stop - start)
        middle = start + split
        if old <= split:
            return [*self._sub_proof(old, start, middle, known=known), self.root(middle, stop)]
        return [*self._sub_proof(old - split, middle, stop, known=False), self.root(start, middle)]


def _split(size: int) -> int:
    """The largest power of two below size."""
    return 1 << (size - 1).bit_length() - 1


def made_leaves(count: int) -> list[bytes]:
    """Make `count` distinct leaf hashes."""
    return [hashlib.sha256(b"\x00leaf %d" % index).digest() for index in range(count)]


def small_log() -> dict[str, Any]:
    """Read the small log of the vectors."""
    return dict(json.loads((VECTORS / "small-log.json").read_text("utf-8")))


def vector_signer(label: str) -> SoftwareSigner:
    """Make the signer whose seed the vectors derive from a label."""
    seed = hashlib.sha256(b"tongban test vector: " + label.encode()).digest()
    return SoftwareSigner.generate("Ed25519", lambda _size: seed)
