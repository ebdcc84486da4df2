"""The journal as mirrors carry it: every record in its place, readable by the hub alone.

    journal/sealed/<N>[.p/<W>]     records N * 256 .. N * 256 + W - 1, W 256 without `.p`

    nonce (12) || AES-256-GCM(key, records, AAD "tongban-journal/v1" 0x00 || uint64 N || uint16 W)
    records    each `uint32 big-endian length || bytes`
    key        HMAC-SHA-256(vault key, "tongban-journal-mirror/v1")

A head of the ledger binds the journal's root, so a hub that lost its journal cannot go on, however many mirrors have
its ledger. But members must not read one another's access records, nor which holder has which license. So a mirror
keeps the records sealed under a key that only the hub has. That they are the right ones is found when they are opened:
they must lead to the root that the head binds. A fresh nonce goes into every answer; two answers are never alike.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger.errors import NotVerified

__all__ = ["JournalSeal"]

_NONCE_BYTES: Final = 12
_LENGTH_BYTES: Final = 4
_LABEL: Final = b"tongban-journal/v1\x00"
_KEY_LABEL: Final = b"tongban-journal-mirror/v1"


class JournalSeal:
    """Seals and opens runs of records under a key that follows from the hub's vault key of 32 bytes."""

    __slots__ = ("_cipher", "_random")

    def __init__(self, vault_key: bytes, random: Callable[[int], bytes]) -> None:
        self._cipher: Final = AESGCM(hmac.digest(vault_key, _KEY_LABEL, hashlib.sha256))
        self._random: Final = random

    def seal(self, number: int, records: Sequence[bytes]) -> bytes:
        """Seal the 1..256 records of bundle `number`."""
        plain = b"".join([len(record).to_bytes(_LENGTH_BYTES, "big") + record for record in records])
        nonce = self._random(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, _bound(number, len(records)))

    def open(self, number: int, width: int, sealed: bytes) -> list[bytes]:
        """Open bundle `number` of `width` records. Raises NotVerified corrupt_store: changed, or under another key."""
        try:
            plain = self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _bound(number, width))
        except (InvalidTag, ValueError) as error:
            raise NotVerified("corrupt_store", f"sealed journal bundle {number} does not open with this key") from error
        records: list[bytes] = []
        start = 0
        while start < len(plain):
            end = start + _LENGTH_BYTES + int.from_bytes(plain[start : start + _LENGTH_BYTES], "big")
            records.append(plain[start + _LENGTH_BYTES : end])
            start = end
        if start != len(plain) or len(records) != width:
            raise NotVerified("corrupt_store", f"sealed journal bundle {number} does not hold {width} records")
        return records


def _bound(number: int, width: int) -> bytes:
    return _LABEL + number.to_bytes(8, "big") + width.to_bytes(2, "big")
