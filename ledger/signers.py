"""Signers: what holds a private key and signs. In production an HSM or a seal machine; here a key in memory.

A signer answers with the 64 bytes that `ledger.suites.verify` takes; ES256 signs with s <= n/2. Signing draws no
randomness of ours. Ed25519 (RFC 8032) and ES256 (nonce of RFC 6979) give one message one signature, so that a statement
that is signed again after a crash is the same bytes. For SM2 GmSSL draws the nonce from the system: a second signature
is other bytes, and the log knows the statement by its statement hash.

On disk a key is a PEM file, PKCS#8 encrypted with PBES2 (RFC 5958, RFC 8018):

    -----BEGIN ENCRYPTED PRIVATE KEY-----
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol, TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from ledger.errors import Malformed
from ledger.pkcs8 import ENCRYPTED_PEM, check_derivation
from ledger.sm2_keys import Sm2PrivateKey
from ledger.suites import COORDINATE_BYTES, P256_ORDER, SUITES, PublicKey, load_public_key, low_s_from_der

__all__ = ["MAX_PEM_BYTES", "Signer", "SoftwareSigner"]

MAX_PEM_BYTES: Final = 4096
_DETERMINISTIC: Final = ec.ECDSA(SHA256(), deterministic_signing=True)

PrivateKey: TypeAlias = "Ed25519PrivateKey | Sm2PrivateKey | ec.EllipticCurvePrivateKey"


class Signer(Protocol):
    """Holds one private key. `sign` returns 64 bytes in the form of the key's suite, ES256 with s <= n/2."""

    @property
    def public_key(self) -> PublicKey:
        """The public half."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Sign the message (not its digest)."""
        ...


class SoftwareSigner:
    """A signer whose private key lies in this process's memory."""

    __slots__ = ("_private_key", "_public_key")

    def __init__(self, private_key: PrivateKey) -> None:
        self._private_key: Final = private_key
        self._public_key: Final = _public_key_of(private_key)

    def __repr__(self) -> str:
        return f"SoftwareSigner({self._public_key!r})"

    @property
    def public_key(self) -> PublicKey:
        """The public half."""
        return self._public_key

    def sign(self, message: bytes) -> bytes:
        """Sign the message; 64 bytes, the same for the same message but for SM2.

        Raises Unavailable not_ready (SM2: the system gives no random bytes).
        """
        if isinstance(self._private_key, Ed25519PrivateKey | Sm2PrivateKey):
            return self._private_key.sign(message)
        return low_s_from_der(self._private_key.sign(message, _DETERMINISTIC))

    @classmethod
    def generate(cls, alg: str, random: Callable[[int], bytes]) -> SoftwareSigner:
        """Make a key of the suite `alg`; `random(n)` gives n fresh random bytes.

        Ed25519: the 32 bytes are the seed (RFC 8032, 5.1.5). ES256: 40 bytes reduced to a scalar in 1..n-1 (FIPS 186-5,
        A.2.1). SM2: the same, in 1..n-2. Raises Malformed unknown_alg.
        """
        if alg == "Ed25519":
            return cls(Ed25519PrivateKey.from_private_bytes(random(32)))
        if alg == "ES256":
            scalar = int.from_bytes(random(40), "big") % (P256_ORDER - 1) + 1
            return cls(ec.derive_private_key(scalar, ec.SECP256R1()))
        if alg == "SM2":
            return cls(Sm2PrivateKey.generate(random))
        raise Malformed("unknown_alg", f"expected one of {', '.join(SUITES)}")

    @classmethod
    def from_pkcs8(cls, pem: bytes, passphrase: bytes) -> SoftwareSigner:
        """Read an encrypted PKCS#8 PEM file; a key in the clear is refused, so that none is left lying about.

        Raises Malformed too_large, bad_file (form, passphrase, rounds), unknown_alg (a key of another kind).
        """
        if len(pem) > MAX_PEM_BYTES:
            raise Malformed("too_large", f"key file has more than {MAX_PEM_BYTES} bytes")
        if not pem.startswith(ENCRYPTED_PEM):
            raise Malformed("bad_file", "expected a PEM file with an encrypted PKCS#8 key")
        check_derivation(pem)
        try:
            private_key = load_pem_private_key(pem, passphrase)
        except UnsupportedAlgorithm:  # decrypted, but of a curve that only we know
            return cls(Sm2PrivateKey.from_pkcs8(pem, passphrase))
        except (TypeError, ValueError) as error:
            raise Malformed("bad_file", "the passphrase does not open the key file, or the file is damaged") from error
        if isinstance(private_key, Ed25519PrivateKey | ec.EllipticCurvePrivateKey):
            return cls(private_key)
        raise Malformed("unknown_alg", f"expected a key of one of {', '.join(SUITES)}")

    def to_pkcs8(self, passphrase: bytes) -> bytes:
        """Write the key as encrypted PKCS#8 PEM; salt and vector come from OpenSSL or GmSSL, so two writes differ.

        The file rests on PBKDF2, with few rounds where OpenSSL writes it: `passphrase` (not empty, at most 1,023 bytes)
        should itself be random.
        """
        encryption = BestAvailableEncryption(passphrase)
        if isinstance(self._private_key, Sm2PrivateKey):
            return self._private_key.to_pkcs8(passphrase)
        return self._private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def _public_key_of(private_key: PrivateKey) -> PublicKey:
    if isinstance(private_key, Ed25519PrivateKey):
        return load_public_key("Ed25519", private_key.public_key().public_bytes_raw())
    if isinstance(private_key, Sm2PrivateKey):
        return load_public_key("SM2", private_key.x, private_key.y)
    if not isinstance(private_key.curve, ec.SECP256R1):
        raise Malformed("unknown_alg", "expected an EC key on P-256")
    numbers = private_key.public_key().public_numbers()
    x, y = (number.to_bytes(COORDINATE_BYTES, "big") for number in (numbers.x, numbers.y))
    return load_public_key("ES256", x, y)
