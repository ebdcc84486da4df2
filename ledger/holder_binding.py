"""Holder binding: the holder proves, for one verifier and one nonce, to have the key that the county confirmed.

    header   {"alg":"Ed25519","typ":"kb+jwt"}                                                    RFC 9901, 4.3
    payload  {"iat":1780301000,"aud":"<verifier>","nonce":"<verifier's>","sd_hash":"<b64u SHA-256>"}

`sd_hash` covers the presentation up to and including its last `~`: neither a disclosure more nor one less fits. Whether
binding is required is the verifier's policy; it is never read from the presentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from ledger.attestation import SdJwt
from ledger.closed import closed, integer
from ledger.confirmation import confirmed_key
from ledger.encoding import JsonValue, b64u_decode, b64u_encode, parse_json
from ledger.errors import Malformed, NotVerified
from ledger.jws import compact_jws
from ledger.signers import Signer
from ledger.suites import SIGNATURE_BYTES, PublicKey, verify

__all__ = ["KEY_BINDING_TYP", "MAX_AGE_S", "bind_holder", "check_holder", "holder_statement"]

KEY_BINDING_TYP: Final = "kb+jwt"
MAX_AGE_S: Final = 300
_MAX_PART_BYTES: Final = 4096
_HEADER: Final = frozenset({"alg", "typ"})
_PAYLOAD: Final = frozenset({"iat", "aud", "nonce", "sd_hash"})


def bind_holder(text: str, *, aud: str, nonce: str, iat: int, signer: Signer) -> str:
    """Sign a presentation for one verifier with the holder's key: the text, and the key binding JWT after it.

    aud, nonce: as the verifier gave them. iat: POSIX seconds. Raises Malformed bad_disclosure_form if the presentation
    is bound already, and what SdJwt.parse raises.
    """
    sd_jwt = SdJwt.parse(text)
    if sd_jwt.key_binding is not None:
        raise Malformed("bad_disclosure_form", "the presentation is bound already")
    payload: dict[str, JsonValue] = {"iat": iat, "aud": aud, "nonce": nonce, "sd_hash": _sd_hash(sd_jwt)}
    key_binding = compact_jws({"alg": signer.public_key.alg, "typ": KEY_BINDING_TYP}, payload, signer)
    return text + key_binding.decode("ascii")


def check_holder(sd_jwt: SdJwt, payload: Mapping[str, JsonValue], *, aud: str, nonce: str, now: int) -> None:
    """Check that the presentation was bound, at most 5 minutes from `now`, by the key in `cnf` of the verified payload.

    aud, nonce: as the verifier gave them to the holder. now: POSIX seconds.
    Raises NotVerified holder_binding; Malformed when the JWT or `cnf` breaks its form. Source: RFC 9901, 7.3.
    """
    if sd_jwt.key_binding is None or "cnf" not in payload:
        raise NotVerified("holder_binding", "holder binding is asked for, and there is none")
    key = confirmed_key(payload["cnf"])
    bound = holder_statement(sd_jwt.key_binding, key, typ=KEY_BINDING_TYP, members=_PAYLOAD)
    if bound["aud"] != aud or bound["nonce"] != nonce:
        raise NotVerified("holder_binding", "the presentation was bound for another verifier or another nonce")
    if bound["sd_hash"] != _sd_hash(sd_jwt):
        raise NotVerified("holder_binding", "the holder bound another choice of claims")
    if abs(now - integer(bound, "iat")) > MAX_AGE_S:
        raise NotVerified("holder_binding", f"the presentation was not bound within {MAX_AGE_S} s of now")


def holder_statement(jwt: str, key: PublicKey, *, typ: str, members: frozenset[str]) -> dict[str, JsonValue]:
    """Read a holder's compact JWS of three parts: type, signature, and exactly these members of the payload.

    Raises NotVerified holder_binding (the key did not sign it); Malformed bad_header, bad_payload, unknown_member,
    bad_base64, bad_json, too_large.
    """
    header_part, payload_part, signature = jwt.split(".")
    header = closed(_object(header_part), "header of the holder's JWT", _HEADER, code="bad_header")
    if header != {"alg": key.alg, "typ": typ}:
        raise Malformed("bad_header", f"expected alg {key.alg} and typ {typ}")
    blob = b64u_decode(signature, size=SIGNATURE_BYTES)
    try:
        verify(key, f"{header_part}.{payload_part}".encode("ascii"), blob)
    except NotVerified as error:
        raise NotVerified("holder_binding", "the holder's signature does not verify") from error
    return closed(_object(payload_part), "payload of the holder's JWT", members)


def _object(part: str) -> JsonValue:
    return parse_json(b64u_decode(part), max_bytes=_MAX_PART_BYTES)


def _sd_hash(sd_jwt: SdJwt) -> str:
    return b64u_encode(sha256(sd_jwt.unbound.encode("ascii")).digest())
