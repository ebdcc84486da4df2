"""Token Status List: the statuses of the whole log as wallets read them, without the witnesses.

    header   {"alg":"Ed25519","typ":"statuslist+jwt","kid":"…"}
    payload  {"sub":"https://hub.example/ledger/statuslist","iat":1780304461,"exp":1780390861,"ttl":3600,
              "status_list":{"bits":2,"lst":"<b64u of zlib, level 9>"}}

    statuses 1 2 0 3 0 1 0 1 1 2 3 3    array c944f9    zlib 78da3be9f2130003df0207

The array is the log's own (`ledger.status`): the status of an attestation is at `idx` = its log index. Values: 0 VALID,
1 INVALID (revoked), 2 SUSPENDED, 3 application specific (superseded). `iat` is the quorum time T of the checkpoint, so
that its age is that of the witnesses; but the token carries the word of its one signer only.

Source: IETF OAuth Token Status List, 4 (compressed byte array), 5.1 (JWT).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ledger.deflated import inflate
from ledger.encoding import JsonValue, b64u_decode, b64u_encode
from ledger.errors import Malformed

__all__ = ["LIST_LIFETIME_S", "LIST_TTL_S", "MAX_LIST_BYTES", "STATUS_LIST_TYP", "status_list_claims", "statuses_of"]

STATUS_LIST_TYP: Final = "statuslist+jwt"
LIST_TTL_S: Final = 3600  # how long a copy may be kept: what a counter does with its sync
LIST_LIFETIME_S: Final = 86_400  # as long as a sync is good in the field
MAX_LIST_BYTES: Final = 64 * 1024 * 1024  # inflated: 256 million entries
_BITS: Final = 2


def status_list_claims(compressed: bytes, *, uri: str, time: int) -> dict[str, JsonValue]:
    """Write the payload. compressed: zlib stream of the array, ceil(n / 4) bytes. uri: where the token is served.

    time: quorum time of the checkpoint whose head binds these statuses, POSIX seconds.
    """
    return {
        "sub": uri,
        "iat": time,
        "exp": time + LIST_LIFETIME_S,
        "ttl": LIST_TTL_S,
        "status_list": {"bits": _BITS, "lst": b64u_encode(compressed)},
    }


def statuses_of(claims: Mapping[str, JsonValue]) -> bytes:
    """Read the array out of a payload. Raises Malformed bad_payload, bad_base64, bad_encoding, too_large."""
    listed = claims.get("status_list")
    if not isinstance(listed, dict) or listed.get("bits") != _BITS or not isinstance(listed.get("lst"), str):
        raise Malformed("bad_payload", f"expected a status_list of {_BITS} bits and its lst")
    return inflate(b64u_decode(str(listed["lst"])), max_bytes=MAX_LIST_BYTES)
