"""Status heads: the last leaf of every published checkpoint; binds statuses, keys and the journal to the tree.

A compact JWS by the log key, whose kid is the origin:

    {"alg":"Ed25519","typ":"lic-head+jwt","kid":"hub.example/ledger"}
    {"n":2,"root":"<b64u>","keys":"<b64u>","journal":{"n":0,"root":"<b64u>"}}

n is the head's own index: it covers the entries 0..n-1. As a leaf it stands under the quorum's cosignatures, so an
operator who hides a revocation or a key change must show every witness another tree.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from ledger.closed import closed, digest, integer
from ledger.encoding import JsonValue, b64u_encode
from ledger.errors import NotVerified
from ledger.jws import Jws, SignedEntry, compact_jws, parse_compact
from ledger.signers import Signer
from ledger.suites import PublicKey, verify

__all__ = ["EMPTY_JOURNAL_ROOT", "HEAD_TYP", "Head", "build_head", "parse_head", "verify_head"]

HEAD_TYP: Final = "lic-head+jwt"
EMPTY_JOURNAL_ROOT: Final = sha256(b"").digest()
_HEAD: Final = frozenset({"n", "root", "keys", "journal"})
_JOURNAL: Final = frozenset({"n", "root"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Head(SignedEntry):
    """A status head.

    n: entries covered = the head's own index. root: status root over them. keys: SHA-256 of the key state text.
    journal_n, journal_root: count of journal records and their RFC 6962 root. Roots and hash are 32 bytes.
    """

    n: int
    root: bytes
    keys: bytes
    journal_n: int
    journal_root: bytes


def parse_head(jws: Jws) -> Head:
    """Read the payload of a head. Raises Malformed bad_payload, unknown_member, bad_number, bad_base64."""
    obj = closed(jws.payload, "head", _HEAD)
    journal = closed(obj["journal"], "journal", _JOURNAL)
    return Head(
        jws=jws,
        n=integer(obj, "n", minimum=1),
        root=digest(obj, "root"),
        keys=digest(obj, "keys"),
        journal_n=integer(journal, "n"),
        journal_root=digest(journal, "root"),
    )


def build_head(
    *, n: int, root: bytes, keys: bytes, journal_n: int, journal_root: bytes, origin: str, signer: Signer
) -> bytes:
    """Sign a head with the log key; the arguments are the fields of Head."""
    payload: dict[str, JsonValue] = {
        "n": n,
        "root": b64u_encode(root),
        "keys": b64u_encode(keys),
        "journal": {"n": journal_n, "root": b64u_encode(journal_root)},
    }
    return compact_jws({"alg": signer.public_key.alg, "typ": HEAD_TYP, "kid": origin}, payload, signer)


def verify_head(raw: bytes, *, origin: str, key: PublicKey, size: int) -> Head:
    """Read a head and check that the log of `origin` signed it as the last leaf of a tree of `size` leaves.

    That it stands in the tree is a separate check (inclusion at size - 1). Raises Malformed (form), NotVerified
    bad_head (another log, another size), bad_signature.
    """
    head = parse_head(parse_compact(raw, HEAD_TYP))
    (signature,) = head.signatures
    if signature.kid != origin or signature.alg != key.alg:
        raise NotVerified("bad_head", "head is not signed by the log of this checkpoint")
    if head.n != size - 1:
        raise NotVerified("bad_head", f"head covers {head.n} entries, a tree of {size} leaves needs {size - 1}")
    verify(key, signature.message, signature.signature)
    return head
