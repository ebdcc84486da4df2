"""JWS as the ledger writes and reads it: compact with one signature, general with one a member.

    compact  b64u(header) "." b64u(payload) "." b64u(signature)                                    RFC 7515, 7.1
    general  {"payload":"<b64u>","signatures":[{"protected":"<b64u>","signature":"<b64u>"},...]}   RFC 7515, 7.2.1
    header   {"alg":"Ed25519","typ":"dc+sd-jwt","kid":"370214#1"}      exactly these members

The signature covers the ASCII text `b64u(header) "." b64u(payload)` as it came; nothing is encoded again before it is
checked. Reading checks the form alone: whether the key may sign, and whether the signature holds, is decided against
the key state (`ledger.members`). Journal records are compact JWS of this same form.

Two hashes name what was read: `leaf` = SHA-256(0x00 || bytes), the RFC 6962 leaf hash, and `statement` =
SHA-256(typ || 0x0A || payload part). Other signatures over one payload make another leaf but the same statement, so a
log that takes each statement once cannot be given a second copy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Final

from ledger.closed import closed, county_of
from ledger.encoding import JsonValue, b64u_decode, b64u_encode, canonical_json, parse_json
from ledger.errors import Malformed
from ledger.signers import Signer
from ledger.suites import SIGNATURE_BYTES, SUITES, check_low_s
from ledger.transparency.merkle import leaf_hash

__all__ = [
    "MAX_ENTRY_BYTES",
    "MAX_SIGNATURES",
    "EntrySignature",
    "Jws",
    "SignedEntry",
    "compact_jws",
    "join_general",
    "parse_compact",
    "parse_jws",
    "payload_part",
    "sign_general",
    "sign_protected",
    "unsigned_jws",
]

MAX_ENTRY_BYTES: Final = 16_384
MAX_SIGNATURES: Final = 64  # of a general JWS
_MAX_HEADER_CHARS: Final = 1_024
_MAX_NAME_CHARS: Final = 512
_HEADER: Final = frozenset({"alg", "typ", "kid"})
_GENERAL: Final = frozenset({"payload", "signatures"})
_SIGNATURE: Final = frozenset({"protected", "signature"})


@dataclass(frozen=True, slots=True, kw_only=True)
class EntrySignature:
    """One signature, not yet verified: who is said to have signed which bytes, and the 64 signature bytes."""

    kid: str
    alg: str
    message: bytes
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Jws:
    """A JWS whose form is right and whose signatures are not yet verified.

    raw: the bytes as they came. leaf, statement: 32 bytes each. payload: its JSON object. signatures: one for a compact
    JWS, 1..64 sorted by kid for a general one.
    """

    raw: bytes
    leaf: bytes
    statement: bytes
    typ: str
    general: bool
    payload: dict[str, JsonValue]
    signatures: tuple[EntrySignature, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedEntry:
    """What all entry types share: the JWS that they were read from, signatures not yet verified."""

    jws: Jws

    @property
    def raw(self) -> bytes:
        """The entry, byte for byte."""
        return self.jws.raw

    @property
    def leaf(self) -> bytes:
        """RFC 6962 leaf hash of the entry, 32 bytes."""
        return self.jws.leaf

    @property
    def statement(self) -> bytes:
        """Statement hash, 32 bytes: unique in a log."""
        return self.jws.statement

    @property
    def typ(self) -> str:
        """`typ` of the protected header."""
        return self.jws.typ

    @property
    def signatures(self) -> tuple[EntrySignature, ...]:
        """One signature of a compact entry; those of a general one sorted by kid."""
        return self.jws.signatures


def parse_jws(raw: bytes) -> Jws:
    """Read a compact or a general JWS of 1..16,384 bytes; one whose first byte is `{` is general.

    Raises Malformed too_large, bad_encoding, bad_base64, bad_json, duplicate_member, bad_number, bad_header,
    unknown_alg, bad_payload, es256_high_s.
    """
    if not 1 <= len(raw) <= MAX_ENTRY_BYTES:
        raise Malformed("too_large", f"expected 1..{MAX_ENTRY_BYTES} bytes, got {len(raw)}")
    return _parse_general(raw) if raw.startswith(b"{") else _parse_compact(raw)


def parse_compact(raw: bytes, typ: str) -> Jws:
    """Read a compact JWS of the given `typ`. Raises as parse_jws, and Malformed unknown_typ."""
    jws = parse_jws(raw)
    if jws.typ != typ or jws.general:
        raise Malformed("unknown_typ", f"expected a compact JWS of typ {typ}")
    return jws


def _parse_compact(raw: bytes) -> Jws:
    parts = _ascii(raw).split(".")
    if len(parts) != 3:
        raise Malformed("bad_encoding", "expected three parts with two dots between them")
    header, payload, signature = parts
    typ, signed = _signature(header, payload, signature)
    return _jws(raw, typ, payload, (signed,), general=False)


def _parse_general(raw: bytes) -> Jws:
    document = closed(parse_json(raw, max_bytes=MAX_ENTRY_BYTES), "general JWS", _GENERAL)
    payload, rows = document["payload"], document["signatures"]
    if not isinstance(payload, str) or not isinstance(rows, list) or not 1 <= len(rows) <= MAX_SIGNATURES:
        raise Malformed("bad_encoding", f"expected a payload and 1..{MAX_SIGNATURES} signatures")
    pairs = [_signature_row(row) for row in rows]
    if raw != _general_bytes(payload, pairs):
        raise Malformed("bad_encoding", "general JWS is not in canonical form")
    read = [_signature(protected, payload, signature) for protected, signature in pairs]
    if len({typ for typ, _ in read}) != 1:
        raise Malformed("bad_header", "the signatures name different types")
    signatures = tuple(signature for _, signature in read)
    _check_order([signature.kid for signature in signatures])
    return _jws(raw, read[0][0], payload, signatures, general=True)


def _signature_row(row: JsonValue) -> tuple[str, str]:
    obj = closed(row, "signature", _SIGNATURE)
    protected, signature = obj["protected"], obj["signature"]
    if not isinstance(protected, str) or not isinstance(signature, str):
        raise Malformed("bad_encoding", "protected and signature are texts")
    return protected, signature


def _check_order(kids: Sequence[str]) -> None:
    counties = [county_of(kid) for kid in kids]
    if counties != sorted(set(counties)):
        raise Malformed("bad_header", "signatures are sorted by kid, at most one a member")


def _ascii(raw: bytes) -> str:
    try:
        return raw.decode("ascii")
    except UnicodeDecodeError as error:
        raise Malformed("bad_encoding", "expected ASCII") from error


def _signature(header: str, payload: str, signature: str) -> tuple[str, EntrySignature]:
    if len(header) > _MAX_HEADER_CHARS:
        raise Malformed("bad_header", f"header has more than {_MAX_HEADER_CHARS} characters")
    alg, typ, kid = _parse_header(header)
    blob = b64u_decode(signature, size=SIGNATURE_BYTES)
    check_low_s(alg, blob)
    return typ, EntrySignature(kid=kid, alg=alg, message=f"{header}.{payload}".encode(), signature=blob)


@lru_cache(maxsize=1024)  # few keys sign many entries
def _parse_header(part: str) -> tuple[str, str, str]:
    header = parse_json(b64u_decode(part), max_bytes=_MAX_HEADER_CHARS)
    if not isinstance(header, dict) or header.keys() != _HEADER:
        # `crit`, `jwk`, `jku`, `x5c`, `b64`: a key or a rule that the signer would choose for the verifier.
        raise Malformed("bad_header", "protected header is not exactly alg, typ, kid")
    alg, typ, kid = header["alg"], header["typ"], header["kid"]
    if not isinstance(alg, str) or alg not in SUITES:
        raise Malformed("unknown_alg", f"expected one of {', '.join(SUITES)}")
    if not isinstance(typ, str) or not isinstance(kid, str) or max(len(typ), len(kid)) > _MAX_NAME_CHARS:
        raise Malformed("bad_header", f"typ and kid are texts of at most {_MAX_NAME_CHARS} characters")
    return alg, typ, kid


def unsigned_jws(typ: str, payload: str) -> Jws:
    """Read a payload part that nobody has signed yet: what members are asked to sign, with no bytes and no leaf.

    Raises Malformed too_large, bad_base64, bad_json, duplicate_member, bad_number, bad_payload.
    """
    if len(payload) > MAX_ENTRY_BYTES:
        raise Malformed("too_large", f"expected at most {MAX_ENTRY_BYTES} bytes, got {len(payload)}")
    return _jws(b"", typ, payload, (), general=True)


def _jws(raw: bytes, typ: str, payload: str, signatures: tuple[EntrySignature, ...], *, general: bool) -> Jws:
    value = parse_json(b64u_decode(payload), max_bytes=MAX_ENTRY_BYTES)
    if not isinstance(value, dict):
        raise Malformed("bad_payload", "payload is no JSON object")
    statement = sha256(f"{typ}\n{payload}".encode()).digest()
    return Jws(
        raw=raw,
        leaf=leaf_hash(raw),
        statement=statement,
        typ=typ,
        general=general,
        payload=value,
        signatures=signatures,
    )


def compact_jws(header: Mapping[str, str], payload: Mapping[str, JsonValue], signer: Signer) -> bytes:
    """Sign a compact JWS; header holds alg, typ, kid and payload its members, both in the order they shall stand."""
    signing_input = f"{b64u_encode(canonical_json(header))}.{payload_part(payload)}"
    return f"{signing_input}.{b64u_encode(signer.sign(signing_input.encode()))}".encode()


def payload_part(payload: Mapping[str, JsonValue]) -> str:
    """Encode a payload as the JWS part that several members then sign."""
    return b64u_encode(canonical_json(payload))


def sign_protected(typ: str, payload: str, kid: str, signer: Signer) -> tuple[str, str]:
    """Sign a payload part for one member: (protected, signature), both base64url."""
    header = {"alg": signer.public_key.alg, "typ": typ, "kid": kid}
    protected = b64u_encode(canonical_json(header))
    return protected, b64u_encode(signer.sign(f"{protected}.{payload}".encode()))


def join_general(payload: str, signatures: Sequence[tuple[str, str]]) -> bytes:
    """Put a payload part and the pairs of sign_protected together as one general JWS, sorted by kid.

    Raises Malformed if the result breaks the form, as parse_jws does.
    """
    raw = _general_bytes(payload, sorted(signatures, key=lambda pair: _parse_header(pair[0])[2]))
    parse_jws(raw)
    return raw


def sign_general(typ: str, payload: str, signers: Sequence[tuple[str, Signer]]) -> bytes:
    """Sign a payload part with the key of each (kid, signer) and join the signatures."""
    return join_general(payload, [sign_protected(typ, payload, kid, signer) for kid, signer in signers])


def _general_bytes(payload: str, signatures: Sequence[tuple[str, str]]) -> bytes:
    rows = [{"protected": protected, "signature": signature} for protected, signature in signatures]
    return canonical_json({"payload": payload, "signatures": rows})
