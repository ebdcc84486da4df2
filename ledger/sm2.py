"""SM2 with SM3: what is signed, the two forms of a signature, and its verification.

    Z = SM3(0080 || ID || a || b || Gx || Gy || x || y)     ID = "1234567812345678", numbers in 32 bytes, big-endian
    e = SM3(Z || message)
    signature      raw: r || s, 32 bytes each               in JWS
                   DER: SEQUENCE { INTEGER r, INTEGER s }   in certificates, seals, and what GmSSL gives
    verification   1 <= r, s < n;  t = (r + s) mod n != 0;  (x1, y1) = s*G + t*P;  (e + x1) mod n = r

Sources: GB/T 32918.2-2016, GB/T 32918.5-2017, GB/T 32905-2016; private JOSE name `SM2`.

e is always computed here. Whoever takes it from the other side can be given a signature for any key: choose s and t,
compute the point and r = t - s, and take e = r - x1 for the digest. Verification is pure Python: no bytes of a stranger
reach the C code that signs (`ledger.sm2_keys`).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SM3, Hash

from ledger.errors import Malformed, NotVerified
from ledger.sm2_curve import COEFFICIENTS, GENERATOR, ORDER, PRIME, PointMultiples, is_on_curve

__all__ = ["SM2_ID", "Sm2PublicKey", "der_from_raw", "raw_from_der", "signer_digest", "sm3"]

SM2_ID: Final = b"1234567812345678"
_NUMBER_BYTES: Final = 32
_DER_BYTES: Final = range(8, 73)
_KEYS_WITH_TABLES: Final = 32  # 1.4 MB each
_CURVE: Final = b"".join(number.to_bytes(_NUMBER_BYTES, "big") for number in (*COEFFICIENTS, *GENERATOR))


def sm3(data: bytes) -> bytes:
    """Hash with SM3: 32 bytes. Source: GB/T 32905-2016."""
    digest = Hash(SM3())
    digest.update(data)
    return digest.finalize()


def signer_digest(x: bytes, y: bytes) -> bytes:
    """Compute Z, which binds a signature to curve, key and the ID of all signers; x, y: 32 bytes each."""
    bits = 8 * len(SM2_ID)
    return sm3(bits.to_bytes(2, "big") + SM2_ID + _CURVE + x + y)


class Sm2PublicKey:
    """A point of the curve that verifies signatures. x, y: 32 bytes each. Raises Malformed weak_key (no such point).

    The group has prime order, so that every point on the curve generates all of it; infinity has no coordinates.
    """

    __slots__ = ("_point", "_signer_digest")

    def __init__(self, x: bytes, y: bytes) -> None:
        self._point: Final = (int.from_bytes(x, "big"), int.from_bytes(y, "big"))
        if len(x) != _NUMBER_BYTES or len(y) != _NUMBER_BYTES or not is_on_curve(self._point):
            raise Malformed("weak_key", "SM2 key is no point of sm2p256v1")
        self._signer_digest: Final = signer_digest(x, y)

    def message_digest(self, message: bytes) -> bytes:
        """Compute e, which a signature by this key is made over: 32 bytes."""
        return sm3(self._signer_digest + message)

    def verify(self, message: bytes, signature: bytes) -> None:
        """Check a raw signature of 64 bytes. Raises InvalidSignature."""
        r, s = int.from_bytes(signature[:_NUMBER_BYTES], "big"), int.from_bytes(signature[_NUMBER_BYTES:], "big")
        t = (r + s) % ORDER
        if len(signature) != 2 * _NUMBER_BYTES or not (0 < r < ORDER and 0 < s < ORDER and t):
            raise InvalidSignature
        e = int.from_bytes(self.message_digest(message), "big")
        if not _has_x(_multiples(self._point).plus_base(s, t), (r - e) % ORDER):
            raise InvalidSignature


@lru_cache(maxsize=_KEYS_WITH_TABLES)
def _multiples(point: tuple[int, int]) -> PointMultiples:
    """Keep the tables of the keys used last; a key that comes back later counts its uses anew."""
    return PointMultiples(point)


def _has_x(point: tuple[int, int, int], x1: int) -> bool:
    """Tell whether x of a Jacobian point is x1 mod n, without a division; never so for the point at infinity."""
    x, _, z = point
    zz = z * z % PRIME
    if not z or x == x1 * zz % PRIME:
        return bool(z)
    return x1 + ORDER < PRIME and x == (x1 + ORDER) * zz % PRIME


def raw_from_der(der: bytes) -> bytes:
    """Turn the DER form of a signature into 64 bytes r || s, 1 <= r, s < n.

    One signature has one DER form: any other spelling is refused. Raises NotVerified bad_signature.
    """
    try:
        r, s = decode_dss_signature(der) if len(der) in _DER_BYTES else (0, 0)
    except ValueError as error:
        raise NotVerified("bad_signature", "expected an SM2 signature in DER") from error
    if not (0 < r < ORDER and 0 < s < ORDER) or encode_dss_signature(r, s) != der:
        raise NotVerified("bad_signature", "expected an SM2 signature in canonical DER")
    return r.to_bytes(_NUMBER_BYTES, "big") + s.to_bytes(_NUMBER_BYTES, "big")


def der_from_raw(signature: bytes) -> bytes:
    """Turn 64 bytes r || s into DER. Raises NotVerified bad_signature (another size, a number out of range)."""
    der = encode_dss_signature(*(int.from_bytes(part, "big") for part in (signature[:32], signature[32:])))
    if raw_from_der(der) != signature:
        raise NotVerified("bad_signature", f"expected an SM2 signature of {2 * _NUMBER_BYTES} bytes")
    return der
