"""Journal records: what a county states and is no seal, and which reads of a person's licenses took place.

Of the two things that counties state, this module holds licenses; steps of cases are in `casesteps.py`.

A county states a license beside its seal, because the log holds salted digests only. Compact JWS by a `journal` key:

    {"alg":"Ed25519","typ":"lic-record+jwt","kid":"370214#4"}
    {"iss":"370214","iat":1780304400,"type":"license","leaf":"<b64u leaf hash of the seal>",
     "certificateIdentifier":"1.2.156.3005.2.…","certificateTypeCode":"<21>","certificateIssuingAuthorityCode":"<USCC>",
     "holders":["<holder key>",…],"certificateIssuedDate":"2026-05-01","certificateEffectiveDate":"2026-05-01"|null,
     "certificateExpiringDate":"2031-04-30"|null,"replaces":"<certificateIdentifier>"|null}

The hub states accesses, as canonical JSON. The status head, which the log key signs, covers them:

    {"type":"access","time":1780304400,"county":"130202","client":"130202#3","token":"…","useCause":"…",
     "rootField":"license","holder":"<holder key>"|null,"licenses":["…"],"fields":["…"]}

Records are read strictly: the members above, all of them, in this order, canonical JSON. The leaf of a record in the
journal's tree is H(0x00 || its bytes). A holder is a keyed hash here, never a name or a number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from hub.journal.casesteps import CASE_STEP_TYP, CaseStepRecord, case_step_of
from ledger.closed import COUNTY, KID, closed, county_of, digest, integer, list_of, text
from ledger.encoding import JsonValue, b64u_encode, canonical_json, parse_json
from ledger.errors import Malformed
from ledger.identifiers import LicenseIdentifier
from ledger.jws import MAX_ENTRY_BYTES, Jws, compact_jws, parse_jws
from ledger.signers import Signer
from schema.context import Access

__all__ = [
    "MAX_RECORD_BYTES",
    "RECORD_TYP",
    "LicenseRecord",
    "build_license_record",
    "format_access",
    "parse_access",
    "parse_license_record",
    "parse_record",
    "parse_statement",
]

RECORD_TYP: Final = "lic-record+jwt"
MAX_RECORD_BYTES: Final = MAX_ENTRY_BYTES
MAX_ACCESS_BYTES: Final = 64 * 1024
MAX_HOLDERS: Final = 64

_HOLDER: Final = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")  # canonical base64url of 32 bytes
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LICENSE: Final = re.compile(r"license")
_LICENSE_MEMBERS: Final = (
    "iss",
    "iat",
    "type",
    "leaf",
    "certificateIdentifier",
    "certificateTypeCode",
    "certificateIssuingAuthorityCode",
    "holders",
    "certificateIssuedDate",
    "certificateEffectiveDate",
    "certificateExpiringDate",
    "replaces",
)
_ACCESS_MEMBERS: Final = (
    "type",
    "time",
    "county",
    "client",
    "token",
    "useCause",
    "rootField",
    "holder",
    "licenses",
    "fields",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenseRecord:
    """A county's statement of one license, its signature not yet verified.

    leaf: leaf hash of the seal, 32 bytes. identifier, replaces: GB/T 36904 with check character. type_code: 21
    characters. issuer: USCC. holders: keyed hashes, at least one. Dates are `YYYY-MM-DD`; effective and expires None:
    not stated on the face.
    """

    jws: Jws
    iss: str
    iat: int
    leaf: bytes
    identifier: str
    type_code: str
    issuer: str
    holders: tuple[str, ...]
    issued: str
    effective: str | None
    expires: str | None
    replaces: str | None

    @property
    def raw(self) -> bytes:
        """The record's bytes as they came."""
        return self.jws.raw


def parse_record(raw: bytes) -> LicenseRecord | CaseStepRecord | Access:
    """Read a journal record of any kind: an access begins with `{`. Raises Malformed."""
    return parse_access(raw) if raw.startswith(b"{") else parse_statement(raw)


def parse_statement(raw: bytes) -> LicenseRecord | CaseStepRecord:
    """Read what a county states, by the `typ` of its header. Raises as parse_license_record, parse_case_step."""
    jws = parse_jws(raw)
    return case_step_of(jws) if jws.typ == CASE_STEP_TYP else _license_record(jws)


def parse_license_record(raw: bytes) -> LicenseRecord:
    """Read a county's license record of 1..16,384 bytes; form only, neither signature nor seal.

    Raises Malformed too_large, bad_encoding, bad_base64, bad_json, duplicate_member, unknown_member, bad_number,
    bad_header, unknown_alg, unknown_typ, bad_payload, bad_identifier.
    """
    return _license_record(parse_jws(raw))


def _license_record(jws: Jws) -> LicenseRecord:
    if jws.typ != RECORD_TYP or jws.general:
        raise Malformed("unknown_typ", f"expected a compact JWS of typ {RECORD_TYP}")
    obj = _ordered(jws.payload, "license record", _LICENSE_MEMBERS)
    text(obj, "type", _LICENSE)
    kid, iss = jws.signatures[0].kid, text(obj, "iss", COUNTY)
    if not KID.fullmatch(kid) or county_of(kid) != iss:
        raise Malformed("bad_header", "kid is not <iss>#<number>")
    identifier = LicenseIdentifier.parse(_string(obj, "certificateIdentifier"))
    record = LicenseRecord(
        jws=jws,
        iss=iss,
        iat=integer(obj, "iat"),
        leaf=digest(obj, "leaf"),
        identifier=str(identifier),
        type_code=_string(obj, "certificateTypeCode"),
        issuer=_string(obj, "certificateIssuingAuthorityCode"),
        holders=_holders(obj),
        issued=_date(obj, "certificateIssuedDate"),
        effective=_optional_date(obj, "certificateEffectiveDate"),
        expires=_optional_date(obj, "certificateExpiringDate"),
        replaces=_replaced(obj),
    )
    if (record.type_code, record.issuer) != (identifier.type_code, str(identifier.issuer)):
        raise Malformed("bad_payload", "type code and issuing authority are not those of the identifier")
    return record


def _ordered(value: JsonValue, what: str, members: tuple[str, ...]) -> dict[str, JsonValue]:
    obj = closed(value, what, frozenset(members))
    if tuple(obj) != members:
        raise Malformed("bad_payload", f"members of a {what} stand in another order")
    return obj


def _string(obj: dict[str, JsonValue], name: str) -> str:
    value = obj[name]
    if not isinstance(value, str):
        raise Malformed("bad_payload", f"{name} is no text")
    return value


def _holders(obj: dict[str, JsonValue]) -> tuple[str, ...]:
    values = list_of(obj, "holders", maximum=MAX_HOLDERS)
    holders = tuple(value for value in values if isinstance(value, str) and _HOLDER.fullmatch(value))
    if not holders or len(set(holders)) != len(values):
        raise Malformed("bad_payload", f"holders are 1..{MAX_HOLDERS} different holder keys")
    return holders


def _date(obj: dict[str, JsonValue], name: str) -> str:
    value = text(obj, name, _DATE)
    try:
        date.fromisoformat(value)
    except ValueError as error:
        raise Malformed("bad_payload", f"{name} is no day of the calendar") from error
    return value


def _optional_date(obj: dict[str, JsonValue], name: str) -> str | None:
    return None if obj[name] is None else _date(obj, name)


def _replaced(obj: dict[str, JsonValue]) -> str | None:
    return None if obj["replaces"] is None else str(LicenseIdentifier.parse(_string(obj, "replaces")))


def build_license_record(claims: Mapping[str, JsonValue], *, leaf: bytes, iat: int, kid: str, signer: Signer) -> bytes:
    """Sign a license record; `claims` holds the members from certificateIdentifier on, each in its form.

    Raises Malformed bad_payload if one is missing or not listed. It is not read back: what states licenses by the
    thousand makes the claims from checked parts, and the hub reads every record that it takes.
    """
    stated = {"iss": county_of(kid), "iat": iat, "type": "license", "leaf": b64u_encode(leaf), **claims}
    if stated.keys() != set(_LICENSE_MEMBERS):
        raise Malformed("bad_payload", "a license record states exactly its listed members")
    payload = {name: stated[name] for name in _LICENSE_MEMBERS}
    return compact_jws({"alg": signer.public_key.alg, "typ": RECORD_TYP, "kid": kid}, payload, signer)


def format_access(access: Access) -> bytes:
    """Write an access record as canonical JSON. Raises Malformed too_large."""
    raw = canonical_json(
        {
            "type": "access",
            "time": access.time,
            "county": access.county,
            "client": access.client,
            "token": access.token_id,
            "useCause": access.use_cause,
            "rootField": access.root_field,
            "holder": access.holder,
            "licenses": access.licenses,
            "fields": access.fields,
        }
    )
    if len(raw) > MAX_ACCESS_BYTES:
        raise Malformed("too_large", f"access record has {len(raw)} bytes, at most {MAX_ACCESS_BYTES} are kept")
    return raw


def parse_access(raw: bytes) -> Access:
    """Read an access record. Raises Malformed too_large, bad_encoding, bad_json, bad_payload, bad_number."""
    obj = _ordered(parse_json(raw, max_bytes=MAX_ACCESS_BYTES), "access record", _ACCESS_MEMBERS)
    access = Access(
        county=_string(obj, "county"),
        client=_string(obj, "client"),
        token_id=_string(obj, "token"),
        use_cause=_string(obj, "useCause"),
        root_field=_string(obj, "rootField"),
        holder=None if obj["holder"] is None else _string(obj, "holder"),
        licenses=_strings(obj, "licenses"),
        fields=_strings(obj, "fields"),
        time=integer(obj, "time"),
    )
    if format_access(access) != raw:
        raise Malformed("bad_payload", "access record is not in canonical form")
    return access


def _strings(obj: dict[str, JsonValue], name: str) -> tuple[str, ...]:
    values = list_of(obj, name, maximum=MAX_ACCESS_BYTES)
    strings = tuple(value for value in values if isinstance(value, str))
    if len(strings) != len(values):
        raise Malformed("bad_payload", f"{name} holds something that is no text")
    return strings
