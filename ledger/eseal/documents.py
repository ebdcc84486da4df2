"""The document under a seal: anything whose SM3 can be taken, from memory or from a file.

A document is asked for a digest with bytes before it, because some makers hash Z || document: to say that a seal was
made so, and not over another document, its verifier has to compute that, too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from cryptography.hazmat.primitives.hashes import SM3, Hash

from ledger.encoding import b64u_encode

__all__ = ["E_SEAL_HASH", "Document", "DocumentBytes", "eseal_hash", "sm3_of"]


E_SEAL_HASH: Final = "eSealHash"
"""Name of the disclosure that binds a seal signature over a file to an attestation."""


class Document(Protocol):
    """Bytes that a seal stands on."""

    def sm3(self, before: bytes = b"") -> bytes:
        """Give SM3(before || document), 32 bytes."""
        ...


@dataclass(frozen=True, slots=True)
class DocumentBytes:
    """A document in memory; without a license file, the issuer-signed JWT of an attestation."""

    data: bytes

    def sm3(self, before: bytes = b"") -> bytes:
        """Give SM3(before || document), 32 bytes."""
        return sm3_of((before, self.data))


def eseal_hash(data: bytes) -> str:
    """Give the value of eSealHash for a seal signature, DER: b64u(SM3(DER)), 43 characters."""
    return b64u_encode(sm3_of((data,)))


def sm3_of(parts: Iterable[bytes]) -> bytes:
    """Hash parts, one after the other, with SM3: 32 bytes. Source: GB/T 32905-2016."""
    digest = Hash(SM3())
    for part in parts:
        digest.update(part)
    return digest.finalize()
