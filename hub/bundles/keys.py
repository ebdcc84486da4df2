"""The X25519 keys that bundles are encrypted to: the hub's own, and one that a county derives for each answer.

    keys/bundle.key      32 secret bytes as base64url and a newline, mode 0600
    hub-bundle.json      {"kty":"OKP","crv":"X25519","x":"…","kid":"<RFC 7638 thumbprint>","use":"enc"} and a newline

The public file is handed to the counties that no network reaches, and pinned there like `hub-jwks.json`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hub.folderfiles import all_or_nothing
from hub.keyfiles import create_secret, read_secret, write_private
from ledger.closed import closed, digest
from ledger.encoding import b64u_encode, canonical_json, parse_json
from ledger.errors import Malformed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["BundleKey", "answer_key", "make_bundle_key", "open_bundle_key", "parse_public_key", "public_file"]

PUBLIC_FILE: Final = "hub-bundle.json"
MAX_PUBLIC_BYTES: Final = 1024
_SECRET: Final = "bundle.key"  # noqa: S105  # a file's name
_MEMBERS: Final = frozenset({"kty", "crv", "x", "kid", "use"})


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleKey:
    """A public X25519 key, 32 bytes, and, where it is ours, the secret one."""

    public: bytes
    secret: X25519PrivateKey | None = field(default=None, repr=False)

    @classmethod
    def of_secret(cls, secret: bytes) -> BundleKey:
        """Give the key of 32 secret bytes."""
        key = X25519PrivateKey.from_private_bytes(secret)
        return cls(public=key.public_key().public_bytes_raw(), secret=key)

    @property
    def thumbprint(self) -> str:
        """The RFC 7638 thumbprint, 43 characters: by it a bundle names its recipient."""
        members = {"crv": "X25519", "kty": "OKP", "x": b64u_encode(self.public)}
        return b64u_encode(sha256(canonical_json(members)).digest())

    def recipient(self) -> X25519PublicKey:
        """Give the key to encrypt to."""
        return X25519PublicKey.from_public_bytes(self.public)


def make_bundle_key(data: Path, random: Callable[[int], bytes]) -> BundleKey:
    """Make the hub's key in its data folder, secret and public file. Raises Conflict already_exists."""
    with all_or_nothing(data, (PUBLIC_FILE, f"keys/{_SECRET}")):
        secret = random(32)
        create_secret(data / "keys" / _SECRET, secret)
        key = BundleKey.of_secret(secret)
        write_private(data / PUBLIC_FILE, public_file(key))
    return key


def open_bundle_key(data: Path) -> BundleKey:
    """Open the hub's key. Raises Malformed bad_file: there is none, or others can read it."""
    return BundleKey.of_secret(read_secret(data / "keys" / _SECRET))


def public_file(key: BundleKey) -> bytes:
    """Write the file that counties pin."""
    row = {"kty": "OKP", "crv": "X25519", "x": b64u_encode(key.public), "kid": key.thumbprint, "use": "enc"}
    return canonical_json(row) + b"\n"


def parse_public_key(data: bytes) -> BundleKey:
    """Read the file that counties pin. Raises Malformed bad_file."""
    try:
        obj = closed(parse_json(data, max_bytes=MAX_PUBLIC_BYTES), "JWK", _MEMBERS, code="bad_file")
        key = BundleKey(public=digest(obj, "x"))
    except Malformed as error:
        raise Malformed("bad_file", "this is no public key for bundles") from error
    if public_file(key).rstrip(b"\n") != data.rstrip(b"\n"):
        raise Malformed("bad_file", "this is no X25519 key for encryption with its thumbprint as kid")
    return key


def answer_key(secret: bytes, county: str, number: int) -> BundleKey:
    """Derive the county's key for the answer to one bundle: HKDF-SHA-256 (RFC 5869) over its own 32 secret bytes.

    So nothing is stored for an answer that may never come, and a key opens the answers to one bundle only.
    """
    info = f"tongban bundle answer 1\n{county} {number}".encode()
    return BundleKey.of_secret(HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(secret))
