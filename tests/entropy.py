"""Randomness and keys that are the same in every run."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256, shake_128

from ledger.signers import SoftwareSigner

__all__ = ["seeded", "signer_of", "vector_signer"]


def seeded(label: str) -> Callable[[int], bytes]:
    """Give a source of bytes that looks random and depends on the label alone."""
    draws = 0

    def random(size: int) -> bytes:
        nonlocal draws
        draws += 1
        return shake_128(f"{label}/{draws}".encode()).digest(size)

    return random


def signer_of(label: str, alg: str = "Ed25519") -> SoftwareSigner:
    """Give the key of that label."""
    return SoftwareSigner.generate(alg, seeded(label))


def vector_signer(label: str) -> SoftwareSigner:
    """Give an Ed25519 key of the complete small log: seed = H("tongban test vector: " + label)."""
    return SoftwareSigner.generate("Ed25519", lambda _: sha256(f"tongban test vector: {label}".encode()).digest())
