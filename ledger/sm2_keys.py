"""Private keys of SM2: signing through GmSSL, and how such a key stands in a file.

    PrivateKeyInfo ::= SEQUENCE { INTEGER 0, SEQUENCE { id-ecPublicKey, sm2p256v1 }, OCTET STRING ECPrivateKey }
    ECPrivateKey   ::= SEQUENCE { INTEGER 1, OCTET STRING scalar, [1] { BIT STRING 04 || x || y } }

Sources: RFC 5958, 2; RFC 5915, 3; GB/T 32918.2-2016, 6. `ledger.pkcs8` encrypts it; `openssl pkey` reads the file.

Once made, the scalar is bytes here and no number: Python's arithmetic takes a time that depends on the numbers. Even
the public half is computed from two signatures, and GmSSL alone calculates with the scalar. GmSSL draws the nonce of a
signature from the operating system, so one message has many signatures.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from gmssl_pyx import GmsslInnerError, rand_bytes, sm2_sign_sm3_digest

from ledger.errors import Malformed, Unavailable
from ledger.pkcs8 import INTEGER, OCTET_STRING, SEQUENCE, decrypt_key, element, encrypt_key
from ledger.sm2 import Sm2PublicKey, raw_from_der
from ledger.sm2_curve import ORDER, PointMultiples, affine, points_at

__all__ = ["Sm2PrivateKey"]

_SCALAR_BYTES: Final = 32
_ZERO: Final = bytes(_SCALAR_BYTES)
_LEAST_UNFIT: Final = (ORDER - 1).to_bytes(_SCALAR_BYTES, "big")  # with d = n - 1, 1 + d would have no inverse
_PROBES: Final = (bytes(32), b"\x01" * 32)
_ALGORITHM: Final = bytes.fromhex("301306072a8648ce3d020106082a811ccf5501822d")
_BIT_STRING: Final = 0x03
_PUBLIC: Final = 0xA1
_SCALAR_AT: Final = slice(36, 36 + _SCALAR_BYTES)  # what stands before it has one size


class Sm2PrivateKey:
    """Signs with one private scalar d, 32 bytes big-endian, 1 <= d <= n - 2. Raises Malformed weak_key."""

    __slots__ = ("_public_key", "_scalar", "x", "y")

    def __init__(self, scalar: bytes) -> None:
        if len(scalar) != _SCALAR_BYTES or not _ZERO < scalar < _LEAST_UNFIT:
            raise Malformed("weak_key", "SM2 key is not in 1..n-2")
        self._scalar: Final = scalar
        self.x, self.y = _public_half(scalar)
        self._public_key: Final = Sm2PublicKey(self.x, self.y)

    def sign(self, message: bytes) -> bytes:
        """Sign the message: 64 bytes r || s. Raises Unavailable not_ready (the system gives no random bytes)."""
        return _sign_digest(self._scalar, self._public_key.message_digest(message))

    @classmethod
    def generate(cls, random: Callable[[int], bytes]) -> Sm2PrivateKey:
        """Make a key; `random(n)` gives n fresh random bytes: 40, reduced to a scalar in 1..n-2 (FIPS 186-5, A.2.1)."""
        scalar = int.from_bytes(random(40), "big") % (ORDER - 2) + 1
        return cls(scalar.to_bytes(_SCALAR_BYTES, "big"))

    @classmethod
    def from_pkcs8(cls, pem: bytes, passphrase: bytes) -> Sm2PrivateKey:
        """Read an encrypted PKCS#8 PEM file. Raises Malformed bad_file."""
        info = decrypt_key(pem, passphrase)
        try:
            key = cls(info[_SCALAR_AT])
        except Malformed as error:
            raise Malformed("bad_file", "expected an SM2 key") from error
        if info != key._info():
            raise Malformed("bad_file", "SM2 key has another form, or a public half that is not its own")
        return key

    def to_pkcs8(self, passphrase: bytes) -> bytes:
        """Write the key as encrypted PKCS#8 PEM; salt and vector come from GmSSL, so two writes differ."""
        return encrypt_key(self._info(), passphrase, rand_bytes)

    def _info(self) -> bytes:
        public = element(_PUBLIC, element(_BIT_STRING, b"\x00\x04", self.x, self.y))
        key = element(SEQUENCE, element(INTEGER, b"\x01"), element(OCTET_STRING, self._scalar), public)
        return element(SEQUENCE, element(INTEGER, b"\x00"), _ALGORITHM, element(OCTET_STRING, key))


def _sign_digest(scalar: bytes, digest: bytes) -> bytes:
    try:
        return raw_from_der(sm2_sign_sm3_digest(scalar, digest))
    except GmsslInnerError as error:
        raise Unavailable("not_ready", "GmSSL made no signature") from error


def _public_half(scalar: bytes) -> tuple[bytes, bytes]:
    """Compute the point of a scalar from what everyone who sees two of its signatures can compute."""
    (point,) = set.intersection(*(_possible_signers(digest, _sign_digest(scalar, digest)) for digest in _PROBES))
    x, y = (number.to_bytes(_SCALAR_BYTES, "big") for number in point)
    return x, y


def _possible_signers(digest: bytes, signature: bytes) -> set[tuple[int, int]]:
    """Give the two keys that a signature of a digest fits: P = (R - s*G) / t for both points R with x1 = r - e."""
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    inverse = pow(r + s, -1, ORDER)
    nonce_points = points_at((r - int.from_bytes(digest, "big")) % ORDER)
    keys = [affine(PointMultiples(point).plus_base(-s * inverse % ORDER, inverse)) for point in nonce_points]
    return {key for key in keys if key}
