"""Signed deliveries: HTTP Message Signatures (RFC 9421) by the hub's token key, over a Content-Digest (RFC 9530).

    Content-Type: application/json
    Content-Digest: sha-256=:<base64 of 32 bytes>:
    Webhook-Id: <id of the event, 22 characters>
    Signature-Input: tongban=("@method" "@target-uri" "content-type" "content-digest" "webhook-id");
        created=1780304400;expires=1780304700;keyid="<thumbprint>";alg="ed25519"             (one line)
    Signature: tongban=:<base64 of 64 bytes>:

The standard of the IETF, and no shared secret: a partner checks with the hub's JWK set (`/.well-known/jwks.json`,
keyid = kid), and holds nothing that could forge. The id is that of the event, so that a receiver knows what it has had;
`expires` bounds how long a delivery can be played again. A signature base begins with a quote, which no token of the
same key contains: neither can pass for the other.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Final

from ledger.encoding import b64_decode, b64_encode
from ledger.errors import Malformed, NotVerified
from ledger.suites import PublicKey, verify

__all__ = ["DELIVERY_LIFETIME_S", "check_delivery", "signed_headers"]

DELIVERY_LIFETIME_S: Final = 300
_AHEAD_S: Final = 60
_TYPE: Final = "application/json"
_ID: Final = re.compile(r"[0-9A-Za-z_-]{22}")
_COVERED: Final = '("@method" "@target-uri" "content-type" "content-digest" "webhook-id")'
_PARAMETERS: Final = re.compile(
    re.escape(_COVERED) + r';created=([0-9]{1,16});expires=([0-9]{1,16});keyid="([0-9A-Za-z_-]{43})";alg="ed25519"'
)


def signed_headers(
    url: str, body: bytes, event_id: str, *, now: int, kid: str, sign: Callable[[bytes], bytes]
) -> dict[str, str]:
    """Give the headers of one delivery. url: as the county registered it. sign: Ed25519, by the key of `kid`."""
    parameters = f'{_COVERED};created={now};expires={now + DELIVERY_LIFETIME_S};keyid="{kid}";alg="ed25519"'
    digest = _digest(body)
    signature = sign(_base(url, digest, event_id, parameters))
    return {
        "Content-Type": _TYPE,
        "Content-Digest": digest,
        "Webhook-Id": event_id,
        "Signature-Input": f"tongban={parameters}",
        "Signature": f"tongban=:{b64_encode(signature)}:",
    }


def check_delivery(
    url: str, headers: Mapping[str, str], body: bytes, *, now: int, key_of: Callable[[str], PublicKey]
) -> str:
    """Check a delivery as its receiver does, and give the event's id. headers: by lower-case names.

    url: at which the receiver is registered. key_of: key of a kid from the hub's JWK set. Raises Malformed bad_header,
    NotVerified bad_signature (also: another body, url or time), and as key_of does.
    """
    given = {
        name: headers.get(name, "") for name in ("content-type", "content-digest", "webhook-id", "signature-input")
    }
    parameters = given["signature-input"].removeprefix("tongban=")
    found = _PARAMETERS.fullmatch(parameters)
    signature = re.fullmatch(r"tongban=:([0-9A-Za-z+/=]{88}):", headers.get("signature", ""))
    named = _ID.fullmatch(given["webhook-id"])
    if found is None or signature is None or named is None or given["content-type"] != _TYPE:
        raise Malformed("bad_header", "expected the signature of a delivery")
    created, expires, kid = int(found[1]), int(found[2]), found[3]
    if given["content-digest"] != _digest(body) or not created - _AHEAD_S <= now < expires:
        raise NotVerified("bad_signature", "the delivery is of another body, or of another time")
    base = _base(url, given["content-digest"], given["webhook-id"], parameters)
    verify(key_of(kid), base, b64_decode(signature[1], size=64))
    return given["webhook-id"]


def _digest(body: bytes) -> str:
    return f"sha-256=:{b64_encode(hashlib.sha256(body).digest())}:"


def _base(url: str, digest: str, event_id: str, parameters: str) -> bytes:
    """Write the signature base (RFC 9421, 2.5)."""
    lines = (
        '"@method": POST',
        f'"@target-uri": {url}',
        f'"content-type": {_TYPE}',
        f'"content-digest": {digest}',
        f'"webhook-id": {event_id}',
        f'"@signature-params": {parameters}',
    )
    return "\n".join(lines).encode("ascii")
