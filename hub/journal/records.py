"""Journal records: what a county states and is no seal, and which reads of a person's licenses took place.

A county states what it offers (hub/journal/offerings.py), the steps of its cases (hub/journal/casesteps.py), and what
else `READERS` lists (hub/journal/standing.py). It states a license beside its seal, because the log holds salted
digests only. Compact JWS by a `journal` key:

    {"alg":"Ed25519","typ":"lic-record+jwt","kid":"370214#4"}
    {"iss":"370214","iat":1780304400,"type":"license","leaf":"<b64u leaf hash of the seal>",
     "certificateIdentifier":"1.2.156.3005.2.…","certificateTypeCode":"<21>","certificateIssuingAuthorityCode":"<USCC>",
     "holders":["<holder key>",…],"certificateIssuedDate":"2026-05-01","certificateEffectiveDate":"2026-05-01"|null,
     "certificateExpiringDate":"2031-04-30"|null,"replaces":"<certificateIdentifier>"|null}

The hub states accesses, as canonical JSON. The status head, which the log key signs, covers them:

    {"type":"access","time":1780304400,"county":"130202","client":"130202#3","token":"…","useCause":"…",
     "basis":"consent/<id>"|"case/<number>"|null,"matter":"<12>"|null,"rootField":"license",
     "holder":"<holder key>"|null,"licenses":["…"],"fields":["…"]}

All are read strictly: the members above, all of them, in this order, canonical JSON. The leaf of a record in the
journal's tree is H(0x00 || its bytes). A holder is a keyed hash here, never a name or a number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from hub.journal.assistance import ASSISTANCE_TYP, assistance_of
from hub.journal.casesteps import CASE_STEP_TYP, CaseStepRecord, case_step_of
from hub.journal.consents import CONSENT_TYP, REVOCATION_TYP, consent_of, revocation_of
from hub.journal.followups import FOLLOW_UP_TYP, follow_up_of
from hub.journal.hotline import HOTLINE_TYP, hotline_of
from hub.journal.objections import OBJECTION_TYP, objection_of
from hub.journal.offerings import OFFERING_TYP, OfferingRecord, offering_of
from hub.journal.reading import HOLDER, day, optional_day, ordered, string, strings
from hub.journal.standing import Standing
from hub.journal.supervision import SUPERVISION_TYP, supervision_of
from ledger.closed import COUNTY, KID, county_of, digest, integer, list_of, text
from ledger.encoding import JsonValue, b64u_encode, canonical_json, parse_canonical_json
from ledger.errors import Malformed
from ledger.identifiers import LicenseIdentifier
from ledger.jws import Jws, compact_jws, parse_compact, parse_jws
from ledger.matters import CATALOGUE_CODE
from ledger.signers import Signer
from schema.context import Access

__all__ = [
    "READERS",
    "RECORD_TYP",
    "LicenseRecord",
    "Statement",
    "build_license_record",
    "format_access",
    "parse_access",
    "parse_license_record",
    "parse_record",
    "parse_statement",
]

RECORD_TYP: Final = "lic-record+jwt"
MAX_ACCESS_BYTES: Final = 64 * 1024
MAX_HOLDERS: Final = 64

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
    "basis",
    "matter",
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

    @property
    def states(self) -> str:
        """What it states, and no other record may: its identifier."""
        return self.identifier


Statement: TypeAlias = LicenseRecord | OfferingRecord | CaseStepRecord | Standing
"""What a county states."""


def parse_record(raw: bytes) -> Statement | Access:
    """Read a journal record of any kind: an access begins with `{`. Raises Malformed."""
    return parse_access(raw) if raw.startswith(b"{") else parse_statement(raw)


def parse_statement(raw: bytes) -> Statement:
    """Read what a county states, 1..16,384 bytes; form only, not its signature. Raises as parse_license_record."""
    jws = parse_jws(raw)
    read = READERS.get(jws.typ)
    if jws.general or read is None:
        raise Malformed("unknown_typ", f"expected a compact JWS of typ {', '.join(READERS)}")
    return read(jws)


def parse_license_record(raw: bytes) -> LicenseRecord:
    """Read a county's license record of 1..16,384 bytes; form only, neither signature nor seal.

    Raises Malformed too_large, bad_encoding, bad_base64, bad_json, duplicate_member, unknown_member, bad_number,
    bad_header, unknown_alg, unknown_typ, bad_payload, bad_identifier.
    """
    return _license_of(parse_compact(raw, RECORD_TYP))


def _license_of(jws: Jws) -> LicenseRecord:
    obj = ordered(jws.payload, "license record", _LICENSE_MEMBERS)
    text(obj, "type", _LICENSE)
    kid, iss = jws.signatures[0].kid, text(obj, "iss", COUNTY)
    if not KID.fullmatch(kid) or county_of(kid) != iss:
        raise Malformed("bad_header", "kid is not <iss>#<number>")
    identifier = LicenseIdentifier.parse(string(obj, "certificateIdentifier"))
    record = LicenseRecord(
        jws=jws,
        iss=iss,
        iat=integer(obj, "iat"),
        leaf=digest(obj, "leaf"),
        identifier=str(identifier),
        type_code=string(obj, "certificateTypeCode"),
        issuer=string(obj, "certificateIssuingAuthorityCode"),
        holders=_holders(obj),
        issued=day(obj, "certificateIssuedDate"),
        effective=optional_day(obj, "certificateEffectiveDate"),
        expires=optional_day(obj, "certificateExpiringDate"),
        replaces=_replaced(obj),
    )
    if (record.type_code, record.issuer) != (identifier.type_code, str(identifier.issuer)):
        raise Malformed("bad_payload", "type code and issuing authority are not those of the identifier")
    return record


def _holders(obj: dict[str, JsonValue]) -> tuple[str, ...]:
    values = list_of(obj, "holders", maximum=MAX_HOLDERS)
    holders = tuple(value for value in values if isinstance(value, str) and HOLDER.fullmatch(value))
    if not holders or len(set(holders)) != len(values):
        raise Malformed("bad_payload", f"holders are 1..{MAX_HOLDERS} different holder keys")
    return holders


def _replaced(obj: dict[str, JsonValue]) -> str | None:
    return None if obj["replaces"] is None else str(LicenseIdentifier.parse(string(obj, "replaces")))


READERS: Final[Mapping[str, Callable[[Jws], Statement]]] = {
    RECORD_TYP: _license_of,
    OFFERING_TYP: offering_of,
    CASE_STEP_TYP: case_step_of,
    HOTLINE_TYP: hotline_of,
    CONSENT_TYP: consent_of,
    REVOCATION_TYP: revocation_of,
    OBJECTION_TYP: objection_of,
    FOLLOW_UP_TYP: follow_up_of,
    ASSISTANCE_TYP: assistance_of,
    SUPERVISION_TYP: supervision_of,
}
"""The reader of each statement, by the `typ` of its header."""


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
            "basis": access.basis,
            "matter": access.matter,
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
    # Canonical JSON of these members in this order can be written in one way only: nothing is left to compare.
    obj = ordered(parse_canonical_json(raw, max_bytes=MAX_ACCESS_BYTES), "access record", _ACCESS_MEMBERS)
    if obj["type"] != "access":
        raise Malformed("bad_payload", "expected an access record")
    return Access(
        county=string(obj, "county"),
        client=string(obj, "client"),
        token_id=string(obj, "token"),
        use_cause=string(obj, "useCause"),
        basis=None if obj["basis"] is None else string(obj, "basis"),
        matter=None if obj["matter"] is None else text(obj, "matter", CATALOGUE_CODE),
        root_field=string(obj, "rootField"),
        holder=None if obj["holder"] is None else string(obj, "holder"),
        licenses=strings(obj, "licenses", maximum=MAX_ACCESS_BYTES),
        fields=strings(obj, "fields", maximum=MAX_ACCESS_BYTES),
        time=integer(obj, "time"),
    )
