"""Signature suites: rows of one table; a name that is not in it is refused.

    alg      public key            signature                  source
    Ed25519  x = 32 bytes          64 bytes R || S            RFC 8032, 5.1; JOSE name of RFC 9864
    ES256    x, y = 32 bytes each  64 bytes r || s            RFC 7518, 3.4; FIPS 186-5; P-256 with SHA-256
    SM2      x, y = 32 bytes each  64 bytes r || s            GB/T 32918.2, 32905: SM2 with SM3 (`ledger.sm2`)

A PublicKey that exists is sound: its coordinates have the right size, it lies on the curve of its suite as far as the
suite asks, and it is no point of small order. Numbers of ES256 and SM2 are big-endian; the DER form that `cryptography`
and GmSSL speak is made and read at their border only.

Ed25519 is verified by libsodium, which takes about half of OpenSSL's time (`make bench`, `ed25519`). Where libraries
differ, the stricter rule is stated here and kept before either is asked, so that the verdict is the same everywhere:
S < the group's order, and neither the key nor R is a point of small order.

    key = load_public_key("Ed25519", x)
    verify(key, message, signature)        # returns None, or raises NotVerified bad_signature
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicNumbers
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from nacl.bindings import crypto_sign_open
from nacl.exceptions import BadSignatureError

from ledger.errors import Malformed, NotVerified
from ledger.sm2 import Sm2PublicKey

__all__ = [
    "COORDINATE_BYTES",
    "P256_ORDER",
    "SIGNATURE_BYTES",
    "SUITES",
    "PublicKey",
    "Suite",
    "check_low_s",
    "load_public_key",
    "low_s_from_der",
    "verify",
]

COORDINATE_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_P256_PRIME: Final = 2**256 - 2**224 + 2**192 + 2**96 - 1
_ED25519_ORDER: Final = 2**252 + 27742317777372353535851937790883648493
_ED25519_PRIME: Final = 2**255 - 19
_SHA256: Final = ECDSA(SHA256())

# Every encoding, canonical or not, of the eight points whose order divides 8: under such a key one signature can fit
# many messages.
_SMALL_ORDER: Final = frozenset(
    bytes.fromhex(text)
    for text in (
        "01" + "00" * 31,
        "01" + "00" * 30 + "80",
        "ec" + "ff" * 30 + "7f",
        "ec" + "ff" * 31,
        "00" * 32,
        "00" * 31 + "80",
        "ed" + "ff" * 30 + "7f",
        "ed" + "ff" * 31,
        "ee" + "ff" * 30 + "7f",
        "ee" + "ff" * 31,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    )
)

SignatureCheck: TypeAlias = Callable[[bytes, bytes], None]
"""Takes message and signature of 64 bytes; raises InvalidSignature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """One row: the JOSE name, whether a key has a second coordinate, and how a key becomes its signature check.

    load: takes x and y (empty where the suite has none), 32 bytes each; raises Malformed weak_key.
    """

    alg: str
    has_y: bool
    load: Callable[[bytes, bytes], SignatureCheck]


def _load_ed25519(x: bytes, _y: bytes) -> SignatureCheck:
    if x in _SMALL_ORDER:
        raise Malformed("weak_key", "Ed25519 key is a point of small order")
    if int.from_bytes(x, "little") & (2**255 - 1) >= _ED25519_PRIME:
        raise Malformed("weak_key", "Ed25519 key is not encoded canonically")  # RFC 8032, 5.1.3: y < p

    def check(message: bytes, signature: bytes) -> None:
        # RFC 8032, 5.1.7: with S + order in place of S the same statement would have a second signature.
        if int.from_bytes(signature[32:], "little") >= _ED25519_ORDER:
            raise InvalidSignature
        # OpenSSL and Go take such an R, libsodium does not; only who gives the private key away can make one that fits.
        if signature[:32] in _SMALL_ORDER:
            raise InvalidSignature
        try:
            crypto_sign_open(signature + message, x)
        except BadSignatureError as error:
            raise InvalidSignature from error

    return check


def _load_es256(x: bytes, y: bytes) -> SignatureCheck:
    numbers = EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), SECP256R1())
    if max(numbers.x, numbers.y) >= _P256_PRIME:
        raise Malformed("weak_key", "ES256 key has a coordinate above the prime")  # OpenSSL would reduce it: two names
    try:
        native = numbers.public_key()
    except ValueError as error:
        raise Malformed("weak_key", "ES256 key is no point of P-256") from error

    def check(message: bytes, signature: bytes) -> None:
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        if not (0 < r < P256_ORDER and 0 < s < P256_ORDER):
            raise InvalidSignature
        native.verify(encode_dss_signature(r, s), message, _SHA256)

    return check


def _load_sm2(x: bytes, y: bytes) -> SignatureCheck:
    return Sm2PublicKey(x, y).verify


SUITES: Final[Mapping[str, Suite]] = MappingProxyType(
    {
        suite.alg: suite
        for suite in (
            Suite(alg="Ed25519", has_y=False, load=_load_ed25519),
            Suite(alg="ES256", has_y=True, load=_load_es256),
            Suite(alg="SM2", has_y=True, load=_load_sm2),
        )
    }
)


@lru_cache(maxsize=4096)
def _signature_check(alg: str, x: bytes, y: bytes | None) -> SignatureCheck:
    """Parse a key once. Bounded: keys also come from presentations (`cnf`), where a stranger chooses them."""
    suite = SUITES.get(alg)
    if suite is None:
        raise Malformed("unknown_alg", f"expected one of {', '.join(SUITES)}")
    sizes = (len(x), None if y is None else len(y))
    if sizes != (COORDINATE_BYTES, COORDINATE_BYTES if suite.has_y else None):
        raise Malformed("weak_key", f"{alg} key has coordinates of another number or size")
    return suite.load(x, y or b"")


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key of one suite: `alg`, `x` and, for ES256 and SM2, `y`, 32 bytes each.

    Raises Malformed unknown_alg, weak_key.
    """

    alg: str
    x: bytes
    y: bytes | None = None

    def __post_init__(self) -> None:
        _signature_check(self.alg, self.x, self.y)


def load_public_key(alg: str, x: bytes, y: bytes | None = None) -> PublicKey:
    """Take a public key as its suite names it: x, and y where the suite has one, 32 bytes each.

    Raises Malformed unknown_alg (not in the table), weak_key (another size, off the curve, of small order).
    """
    return PublicKey(alg, x, y)


def verify(key: PublicKey, message: bytes, signature: bytes) -> None:
    """Check that `signature` (64 bytes) was made over `message` by the holder of `key`.

    Raises NotVerified bad_signature.
    """
    if len(signature) != SIGNATURE_BYTES:
        raise NotVerified("bad_signature", f"expected a signature of {SIGNATURE_BYTES} bytes, got {len(signature)}")
    try:
        _signature_check(key.alg, key.x, key.y)(message, signature)
    except InvalidSignature as error:
        raise NotVerified("bad_signature", f"{key.alg} signature does not verify") from error


def check_low_s(key_alg: str, signature: bytes) -> None:
    """Check that an ES256 signature has s <= n/2, as log entries need; other suites need no such rule.

    With (r, s) also (r, n - s) verifies: without this rule anyone could put one statement into the log as other bytes.
    Of SM2 no second signature follows from a first one: t = r + s is part of what r must fit.
    Raises Malformed es256_high_s.
    """
    if key_alg == "ES256" and int.from_bytes(signature[32:], "big") > P256_ORDER // 2:
        raise Malformed("es256_high_s", "ES256 signature has s > n/2: normalise it before submitting")


def low_s_from_der(der: bytes) -> bytes:
    """Turn the DER form of an ES256 signature into 64 bytes r || s with s <= n/2.

    Raises NotVerified bad_signature (no DER signature, or numbers that do not fit).
    """
    try:
        r, s = decode_dss_signature(der)
        return r.to_bytes(32, "big") + min(s, P256_ORDER - s).to_bytes(32, "big")
    except (ValueError, OverflowError) as error:
        raise NotVerified("bad_signature", "expected an ES256 signature in DER") from error
