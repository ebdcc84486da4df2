"""Refusal: an auditor's signed reason not to cosign a checkpoint; both sides keep it.

A compact JWS by a `govern` key of the auditor's county, the body of a 422 (`application/jose`):

    {"alg":"Ed25519","typ":"lic-refusal+jwt","kid":"370214#1"}
    {"origin":"hub.example/ledger","size":812,"root":"<b64u>","code":"bad_head","index":811,"iat":1780304400}

index: the log index at fault, where there is one. leaf: only with the code `deposit_left_out`, the leaf hash of the
deposited entry that the tree does not hold; index is then that of the seal that the entry speaks of.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ledger.closed import closed, county_of, digest, integer, text
from ledger.encoding import MAX_INTEGER, JsonValue, b64u_encode
from ledger.errors import Malformed, NotVerified
from ledger.jws import compact_jws, parse_compact
from ledger.members import KeyState
from ledger.signers import Signer
from ledger.suites import verify

__all__ = ["REFUSAL_TYP", "Refusal", "parse_refusal", "sign_refusal", "verify_refusal"]

REFUSAL_TYP: Final = "lic-refusal+jwt"
_REQUIRED: Final = frozenset({"origin", "size", "root", "code", "iat"})
_OPTIONAL: Final = frozenset({"index", "leaf"})
_CODE: Final = re.compile(r"[a-z0-9_]{1,64}")
_ORIGIN: Final = re.compile(r"[^\x00-\x20\x7f+]{1,512}")
_LEFT_OUT: Final = "deposit_left_out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why one checkpoint (origin, size, root of 32 bytes) was not cosigned. iat: POSIX seconds.

    code: stable, of `ledger.errors`; a later auditor may know more of them.
    """

    origin: str
    size: int
    root: bytes
    code: str
    iat: int
    index: int | None = None
    leaf: bytes | None = None

    def payload(self) -> dict[str, JsonValue]:
        """Write the payload's members, in their order."""
        index: dict[str, JsonValue] = {} if self.index is None else {"index": self.index}
        leaf: dict[str, JsonValue] = {} if self.leaf is None else {"leaf": b64u_encode(self.leaf)}
        root = b64u_encode(self.root)
        return {
            "origin": self.origin, "size": self.size, "root": root, "code": self.code, **index, **leaf, "iat": self.iat,
        }  # fmt: skip


def sign_refusal(refusal: Refusal, *, kid: str, signer: Signer) -> bytes:
    """Sign with the `govern` key of that kid. Raises Malformed if the refusal breaks the form."""
    header = {"alg": signer.public_key.alg, "typ": REFUSAL_TYP, "kid": kid}
    raw = compact_jws(header, refusal.payload(), signer)
    parse_refusal(raw)
    return raw


def parse_refusal(raw: bytes) -> Refusal:
    """Read the form of a refusal of at most 16,384 bytes. Raises Malformed as parse_compact, bad_payload."""
    obj = closed(parse_compact(raw, REFUSAL_TYP).payload, "refusal", _REQUIRED, _OPTIONAL)
    code = text(obj, "code", _CODE)
    if ("leaf" in obj) != (code == _LEFT_OUT):
        raise Malformed("bad_payload", f"leaf stands only and always with the code {_LEFT_OUT}")
    return Refusal(
        origin=text(obj, "origin", _ORIGIN),
        size=integer(obj, "size"),
        root=digest(obj, "root"),
        code=code,
        iat=integer(obj, "iat"),
        index=integer(obj, "index") if "index" in obj else None,
        leaf=digest(obj, "leaf") if "leaf" in obj else None,
    )


def verify_refusal(raw: bytes, state: KeyState) -> tuple[str, Refusal]:
    """Read a refusal and check that a county's active `govern` key signed it; give the county with it.

    state: the newest key state. Raises Malformed (form), NotVerified unknown_kid, key_not_active, key_use,
    bad_signature.
    """
    refusal = parse_refusal(raw)
    (signature,) = parse_compact(raw, REFUSAL_TYP).signatures
    key = state.key_for(signature.kid, index=MAX_INTEGER, use="govern")
    if key.alg != signature.alg or refusal.origin != state.origin:
        raise NotVerified("bad_signature", "the refusal is of another log, or its header names another suite")
    verify(key, signature.message, signature.signature)
    return county_of(signature.kid), refusal
