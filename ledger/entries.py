"""The five entry types of the log: read, and (seals apart) written.

    typ              class         form     signed by
    dc+sd-jwt        Seal          compact  a `seal` key of the county
    lic-status+jwt   StatusChange  compact  a `seal` key of the county or of its supervisor
    lic-member+jwt   MemberChange  general  k members
    lic-rule+jwt     RuleChange    general  k members
    lic-head+jwt     Head          compact  the log key

A seal is the issuer-signed part of an SD-JWT (RFC 9901, flat profile), byte for byte; `ledger.attestation` writes it.
A status entry changes the status of the seal at index `of`:

    {"iss":"370214","of":1,"leaf":"<b64u leaf hash of that entry>","to":1,"by":9,"reason":"04","iat":1780304400}

Reading an entry proves its form and nothing else. Who may sign is decided by `ledger.members`, whether it may enter the
log by `ledger.admission`.

    entry = parse_entry(raw)
    match entry:
        case Seal(iss=county): ...
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from operator import lt
from types import MappingProxyType
from typing import Final, TypeAlias

from ledger.attestation import SEAL_TYP
from ledger.closed import COUNTY, KID, closed, county_of, digest, integer, list_of, text
from ledger.confirmation import confirmed_key
from ledger.encoding import JsonValue, b64u_decode, b64u_encode, parse_json
from ledger.errors import Malformed
from ledger.governance import MemberChange, RuleChange, parse_member, parse_rule
from ledger.heads import HEAD_TYP, Head, parse_head
from ledger.jws import MAX_ENTRY_BYTES, EntrySignature, Jws, SignedEntry, compact_jws, parse_jws
from ledger.signers import Signer
from ledger.status import Status
from ledger.suites import PublicKey

__all__ = [
    "MEMBER_TYP",
    "REASONS",
    "RULE_TYP",
    "SEAL_TYP",
    "STATUS_TYP",
    "Entry",
    "EntrySignature",
    "Head",
    "MemberChange",
    "RuleChange",
    "Seal",
    "StatusChange",
    "build_status",
    "is_seal",
    "parse_entry",
    "parse_seal",
]

STATUS_TYP: Final = "lic-status+jwt"
MEMBER_TYP: Final = "lic-member+jwt"
RULE_TYP: Final = "lic-rule+jwt"

REASONS: Final[Mapping[Status, frozenset[str]]] = MappingProxyType(
    {
        Status.VALID: frozenset({"01"}),
        Status.REVOKED: frozenset({"03", "04", "05", "07", "99"}),
        Status.SUSPENDED: frozenset({"02", "06", "99"}),
        Status.SUPERSEDED: frozenset({"01"}),
    }
)
"""Codes of the housing ministry's exchange that may stand as reason of a change to a status."""

_VCT: Final = re.compile(r"urn:tongban:license:[0-9A-Z]{21}")
_SHA256_NAME: Final = re.compile(r"sha-256")
_DIGEST_CHARS: Final = 43
_DIGESTS: Final = re.compile(r"(?:[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048])+")  # each is canonical base64url of 32 bytes
_TWO_DIGITS: Final = re.compile(r"[0-9]{2}")
_SEAL: Final = frozenset({"iss", "vct", "iat", "_sd_alg", "_sd"})
_SEAL_OPTIONS: Final = frozenset({"nbf", "exp", "cnf"})
_STATUS: Final = frozenset({"iss", "of", "leaf", "to", "reason", "iat"})
_MAX_DIGESTS: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal(SignedEntry):
    """A county's seal of one license. Times are POSIX seconds.

    digests: 4..64 in ascending order, a multiple of 4, base64url of 32 bytes each. expires: None = no end date.
    holder_key: `cnf`, where the holder must prove possession of a key.
    """

    iss: str
    vct: str
    iat: int
    not_before: int
    expires: int | None
    digests: tuple[str, ...]
    holder_key: PublicKey | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChange(SignedEntry):
    """A change of the status of the seal at index `of`, whose leaf hash is `target` (on the wire `leaf`).

    by: index of the superseding seal, only and always with `to` SUPERSEDED.
    """

    iss: str
    of: int
    target: bytes
    to: Status
    by: int | None
    reason: str
    iat: int


Entry: TypeAlias = Seal | StatusChange | MemberChange | RuleChange | Head


def parse_entry(raw: bytes) -> Entry:
    """Read an entry of 1..16,384 bytes of any type.

    Raises Malformed too_large, bad_encoding, bad_base64, bad_json, duplicate_member, unknown_member, bad_number,
    unknown_typ, unknown_alg, bad_header, bad_payload, es256_high_s, weak_key, bad_vkey.
    """
    jws = parse_jws(raw)
    form = _FORMS.get((jws.typ, jws.general))
    if form is None:
        raise Malformed("unknown_typ", "expected one of the five entry types, in its form")
    return form(jws)


def parse_seal(raw: bytes) -> Seal:
    """Read an entry that must be a seal. Raises as parse_entry does."""
    entry = parse_entry(raw)
    if not isinstance(entry, Seal):
        raise Malformed("unknown_typ", f"expected a seal ({SEAL_TYP})")
    return entry


def is_seal(raw: bytes) -> bool:
    """Tell by the header alone whether an entry that was read in full before is a seal.

    Raises Malformed as parse_entry, where not even the header reads.
    """
    return not raw.startswith(b"{") and _typ(raw.partition(b".")[0]) == SEAL_TYP


@lru_cache(maxsize=1024)  # few keys sign many entries
def _typ(header: bytes) -> JsonValue:
    obj = parse_json(b64u_decode(header.decode("latin-1")), max_bytes=MAX_ENTRY_BYTES)
    return obj.get("typ") if isinstance(obj, dict) else None


def _issuer(jws: Jws) -> str:
    """Read `iss`, which must be the county of the kid. Raises Malformed bad_header, bad_payload."""
    kid = jws.signatures[0].kid
    iss = text(jws.payload, "iss", COUNTY)
    if not KID.fullmatch(kid) or county_of(kid) != iss:
        raise Malformed("bad_header", "kid is not <iss>#<number>")
    return iss


def _parse_seal(jws: Jws) -> Seal:
    obj = closed(jws.payload, "seal", _SEAL, _SEAL_OPTIONS)
    text(obj, "_sd_alg", _SHA256_NAME)
    iat = integer(obj, "iat")
    not_before = integer(obj, "nbf") if "nbf" in obj else iat
    return Seal(
        jws=jws,
        iss=_issuer(jws),
        vct=text(obj, "vct", _VCT),
        iat=iat,
        not_before=not_before,
        expires=integer(obj, "exp", minimum=max(iat, not_before) + 1) if "exp" in obj else None,
        digests=_digests(obj),
        holder_key=confirmed_key(obj["cnf"]) if "cnf" in obj else None,
    )


def _digests(obj: dict[str, JsonValue]) -> tuple[str, ...]:
    values = list_of(obj, "_sd", maximum=_MAX_DIGESTS)
    digests = tuple([value for value in values if isinstance(value, str)])
    # As each has 43 characters, one match over all of them is a match of each.
    if len(digests) != len(values) or len(digests) % 4 or {*map(len, digests)} != {_DIGEST_CHARS}:
        raise Malformed("bad_payload", f"_sd holds 4..{_MAX_DIGESTS} digests, a multiple of 4")
    if not _DIGESTS.fullmatch("".join(digests)):
        raise Malformed("bad_payload", "_sd holds what is no digest")
    if not all(map(lt, digests, digests[1:])):
        raise Malformed("bad_payload", "_sd is not in ascending order, or holds a digest twice")
    return digests


def _parse_status(jws: Jws) -> StatusChange:
    obj = closed(jws.payload, "status entry", _STATUS, frozenset({"by"}))
    to = Status(integer(obj, "to", maximum=max(Status)))
    reason = text(obj, "reason", _TWO_DIGITS)
    if reason not in REASONS[to]:
        raise Malformed("bad_payload", f"reason is no reason to become {to.name}")
    if ("by" in obj) != (to is Status.SUPERSEDED):
        raise Malformed("bad_payload", "by stands only and always with to = 3")
    return StatusChange(
        jws=jws,
        iss=_issuer(jws),
        of=integer(obj, "of"),
        target=digest(obj, "leaf"),
        to=to,
        by=integer(obj, "by") if "by" in obj else None,
        reason=reason,
        iat=integer(obj, "iat"),
    )


_FORMS: Final[Mapping[tuple[str, bool], Callable[[Jws], Entry]]] = MappingProxyType(
    {
        (SEAL_TYP, False): _parse_seal,
        (STATUS_TYP, False): _parse_status,
        (MEMBER_TYP, True): parse_member,
        (RULE_TYP, True): parse_rule,
        (HEAD_TYP, False): parse_head,
    }
)


def build_status(
    *, of: int, leaf: bytes, to: Status, reason: str, iat: int, kid: str, signer: Signer, by: int | None = None
) -> bytes:
    """Sign a status entry with a `seal` key of the county of `kid`; `leaf` is the leaf hash of the seal at `of`.

    Raises Malformed bad_payload if the members do not go together.
    """
    payload: dict[str, JsonValue] = {"iss": county_of(kid), "of": of, "leaf": b64u_encode(leaf), "to": int(to)}
    if by is not None:
        payload["by"] = by
    payload.update({"reason": reason, "iat": iat})
    raw = compact_jws({"alg": signer.public_key.alg, "typ": STATUS_TYP, "kid": kid}, payload, signer)
    parse_entry(raw)
    return raw
