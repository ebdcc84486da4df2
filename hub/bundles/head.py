r"""The head of a bundle: two lines before its chunks, of which the second is signed and binds all that follows.

    tongban-bundle 1\n
    <compact JWS>\n
    <chunk><chunk>…                                       to the end of the file (hub/bundles/sealed.py)

    {"alg":"Ed25519","typ":"bundle+jws","kid":"370214#4"}
    {"kind":"outbox","county":"370214","number":7,"previous":"<b64u>"|null,"iat":1780304400,
     "to":"<thumbprint>","bytes":123456,"sum":"<b64u>","answerKey":"<b64u>"}
    {"kind":"answer","county":"370214","number":7,"previous":"<b64u>","iat":1780304400,
     "to":"<thumbprint>","bytes":123456,"sum":"<b64u>","answerKey":null}

An outbox goes from a county to the hub, signed by the county's `journal` key that the ledger lists; `previous` is the
digest of its bundle before, null for number 1, so a lost one is noticed. An answer goes back, signed by the hub's token
key, and `previous` is the digest of the outbox that it answers. `to`: RFC 7638 thumbprint of the X25519 key that it is
encrypted to. bytes: of the plaintext. sum: SHA-256 over the SHA-256 of each chunk as it stands in the file. answerKey:
X25519 key for the answer. The digest of a bundle is SHA-256 over its two lines. All members, in this order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from ledger.closed import COUNTY, closed, digest, integer, text
from ledger.encoding import JsonValue, b64u_encode
from ledger.errors import Malformed, NotVerified
from ledger.jws import MAX_ENTRY_BYTES, Jws, compact_jws, parse_compact, payload_part
from ledger.suites import PublicKey, verify

if TYPE_CHECKING:
    from ledger.signers import Signer

__all__ = [
    "MAGIC",
    "MAX_BYTES",
    "MAX_HEAD_BYTES",
    "BundleHead",
    "Kind",
    "SignedHead",
    "build_head",
    "check_signature",
    "parse_head",
]

MAGIC: Final = b"tongban-bundle 1\n"
MAX_BYTES: Final = 256 << 20
"""Most bytes of a bundle's plaintext. Nothing in a bundle is compressed: it holds no more than its size."""

MAX_HEAD_BYTES: Final = len(MAGIC) + MAX_ENTRY_BYTES + 1
_TYP: Final = "bundle+jws"
_MAX_NUMBER: Final = 999_999
_THUMBPRINT: Final = re.compile(r"[0-9A-Za-z_-]{43}")
_KIND: Final = re.compile(r"outbox|answer")
_MEMBERS: Final = ("kind", "county", "number", "previous", "iat", "to", "bytes", "sum", "answerKey")

Kind: TypeAlias = Literal["outbox", "answer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleHead:
    """What the signed line says. number: 1..999,999, counted by the county. iat: POSIX seconds.

    length: `bytes` of the plaintext. total: the `sum`, 32 bytes.
    """

    kind: Kind
    county: str
    number: int
    previous: bytes | None
    iat: int
    to: str
    length: int
    total: bytes
    answer_key: bytes | None

    def payload(self) -> dict[str, JsonValue]:
        """Give the members as they stand in the signed line."""
        return {
            "kind": self.kind,
            "county": self.county,
            "number": self.number,
            "previous": None if self.previous is None else b64u_encode(self.previous),
            "iat": self.iat,
            "to": self.to,
            "bytes": self.length,
            "sum": b64u_encode(self.total),
            "answerKey": None if self.answer_key is None else b64u_encode(self.answer_key),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedHead:
    """A head as it was read. digest: of its two lines, 32 bytes. size: of both, bytes. kid: unverified."""

    head: BundleHead
    jws: Jws
    digest: bytes
    size: int

    @property
    def kid(self) -> str:
        """Who is said to have signed it."""
        return self.jws.signatures[0].kid


def build_head(head: BundleHead, kid: str, signer: Signer) -> bytes:
    """Write the two lines."""
    header = {"alg": signer.public_key.alg, "typ": _TYP, "kid": kid}
    return MAGIC + compact_jws(header, head.payload(), signer) + b"\n"


def parse_head(data: bytes) -> SignedHead:
    """Read the two lines at the beginning of `data`; whether the signature holds is `check_signature`'s.

    Raises Malformed bad_bundle (no bundle of this version, or its members break the form), too_large (it says that it
    has more than 256 MiB), and what parse_compact raises.
    """
    if not data.startswith(MAGIC):
        raise Malformed("bad_bundle", "this is no bundle of version 1")
    line, end, _ = data[len(MAGIC) : MAX_HEAD_BYTES].partition(b"\n")
    if not end:
        raise Malformed("bad_bundle", f"the head does not end within {MAX_HEAD_BYTES} bytes")
    jws = parse_compact(line, _TYP)
    whole, head = MAGIC + line + b"\n", _head(jws.payload)
    if payload_part(head.payload()).encode() != line.split(b".")[1]:
        raise Malformed("bad_bundle", "the head is not canonical JSON")
    return SignedHead(head=head, jws=jws, digest=sha256(whole).digest(), size=len(whole))


def check_signature(signed: SignedHead, key: PublicKey) -> None:
    """Check the signature of a head. Raises NotVerified bad_signature."""
    (signature,) = signed.jws.signatures
    if key.alg != signature.alg:
        raise NotVerified("bad_signature", f"key {signature.kid} is of suite {key.alg}, the head says another")
    verify(key, signature.message, signature.signature)


def _head(payload: dict[str, JsonValue]) -> BundleHead:
    obj = closed(payload, "head", frozenset(_MEMBERS), code="bad_bundle")
    if tuple(obj) != _MEMBERS:
        raise Malformed("bad_bundle", "the members of the head stand in another order")
    kind: Kind = "outbox" if text(obj, "kind", _KIND, code="bad_bundle") == "outbox" else "answer"
    number = integer(obj, "number", minimum=1, maximum=_MAX_NUMBER)
    previous = None if obj["previous"] is None else digest(obj, "previous")
    answer_key = None if obj["answerKey"] is None else digest(obj, "answerKey")
    first = kind == "outbox" and number == 1
    if (previous is None) != first or (answer_key is None) != (kind == "answer"):
        raise Malformed("bad_bundle", "only number 1 has no previous, and an answer alone has no answerKey")
    size = integer(obj, "bytes", minimum=1)
    if size > MAX_BYTES:
        raise Malformed("too_large", f"a bundle holds at most {MAX_BYTES} bytes")
    return BundleHead(
        kind=kind,
        county=text(obj, "county", COUNTY, code="bad_bundle"),
        number=number,
        previous=previous,
        iat=integer(obj, "iat"),
        to=text(obj, "to", _THUMBPRINT, code="bad_bundle"),
        length=size,
        total=digest(obj, "sum"),
        answer_key=answer_key,
    )
