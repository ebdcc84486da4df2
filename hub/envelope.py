"""Envelope encryption of license faces at rest: one random data key a license, wrapped by a key-encryption key.

    data key   32 random bytes, AES-256-GCM                                       one a license
    wrapped    nonce (12) || AES-256-GCM(key-encryption key, data key, AAD "tongban-data-key/v1" 0x00 identifier)
    body       nonce (12) || AES-256-GCM(data key, face,               AAD "tongban-face/v1" 0x00 identifier)

Both parts are bound to the certificateIdentifier, so a row moved to another license does not open. Where every copy of
`wrapped` is deleted, the face is erased: no copy of the body opens again, not even with the key-encryption key.

The content digest is keyed (HMAC-SHA-256 under a key derived from the key-encryption key): a plain hash over a name and
an identity number could be guessed.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger.errors import Malformed, NotVerified

__all__ = ["KEY_BYTES", "Envelope", "FaceCipher"]

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_WRAP_LABEL: Final = b"tongban-data-key/v1\x00"
_FACE_LABEL: Final = b"tongban-face/v1\x00"
_DIGEST_LABEL: Final = b"tongban-content-digest/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One encrypted face: the wrapped data key (60 bytes) and the body."""

    wrapped: bytes
    body: bytes


class FaceCipher:
    """Encrypts and opens faces under one key-encryption key of 32 bytes; `random(n)` gives n fresh random bytes."""

    __slots__ = ("_digest_key", "_random", "_wrapping")

    def __init__(self, key: bytes, random: Callable[[int], bytes]) -> None:
        if len(key) != KEY_BYTES:
            raise Malformed("bad_file", f"expected a key-encryption key of {KEY_BYTES} bytes")
        self._wrapping = AESGCM(key)
        self._digest_key = hmac.digest(key, _DIGEST_LABEL, hashlib.sha256)
        self._random = random

    def encrypt(self, identifier: str, face: bytes) -> Envelope:
        """Encrypt a face under a new data key, bound to its identifier."""
        data_key = self._random(KEY_BYTES)
        name = identifier.encode()
        return Envelope(
            wrapped=self._boxed(self._wrapping, data_key, _WRAP_LABEL + name),
            body=self._boxed(AESGCM(data_key), face, _FACE_LABEL + name),
        )

    def decrypt(self, identifier: str, envelope: Envelope) -> bytes:
        """Open a face. Raises NotVerified corrupt_store (changed bytes, another license, another key)."""
        name = identifier.encode()
        data_key = _opened(self._wrapping, envelope.wrapped, _WRAP_LABEL + name)
        return _opened(AESGCM(data_key), envelope.body, _FACE_LABEL + name)

    def digest(self, content: bytes) -> bytes:
        """Give the keyed digest of a record's content, 32 bytes: equal for equal content only."""
        return hmac.digest(self._digest_key, content, hashlib.sha256)

    def _boxed(self, cipher: AESGCM, plain: bytes, label: bytes) -> bytes:
        nonce = self._random(_NONCE_BYTES)
        return nonce + cipher.encrypt(nonce, plain, label)


def _opened(cipher: AESGCM, boxed: bytes, label: bytes) -> bytes:
    try:
        return cipher.decrypt(boxed[:_NONCE_BYTES], boxed[_NONCE_BYTES:], label)
    except (InvalidTag, ValueError) as error:
        raise NotVerified("corrupt_store", "an encrypted face does not open with this key") from error
