"""Objections (异议): a county says that a license's face differs, its status is wrong, or a license is missing.

Compact JWS by a `journal` key:

    {"alg":"Ed25519","typ":"objection+jwt","kid":"130207#4"}
    {"iss":"130207","iat":1780304400,"type":"objection","id":"<22>","event":"RAISED","kind":"FACE_DIFFERS",
     "certificateIdentifier":"1.2.156.3005.2.…"|null,"certificateTypeCode":"<21>"|null,"holder":"<holder key>"|null,
     "answeredBy":"370214","caseNumber":"<43>"|null}
    {…,"event":"DECIDED","outcome":"UPHELD"}

`id` is 128 random bits, base64url, made by who raises it. RAISED takes the name `objection/<id>`; DECIDED follows it
and takes `objection/<id>/decided`, so it is decided once. A missing license is named by its type and the keyed hash of
its holder, any other by its identifier, which must have been stated, by the county that must answer. That county
decides; who raised it may withdraw it. No member takes free text: what differs is shown to the county, not stated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from hub.journal.reading import HOLDER, constant, named, optional, ordered, random_id, stating_county, string
from hub.journal.standing import NOT_STATED
from ledger.closed import COUNTY, county_of, integer, text
from ledger.encoding import JsonValue
from ledger.errors import Conflict, Malformed, Refused
from ledger.identifiers import LicenseIdentifier
from ledger.jws import Jws, compact_jws, parse_compact
from ledger.matters import CaseNumber
from ledger.signers import Signer

if TYPE_CHECKING:
    from hub.journal.standing import Stated
    from ledger.casework import Case

__all__ = [
    "OBJECTION_TYP",
    "ObjectionEvent",
    "ObjectionKind",
    "ObjectionOutcome",
    "ObjectionRecord",
    "build_objection",
    "objection_of",
    "parse_objection",
]

OBJECTION_TYP: Final = "objection+jwt"
_COMMON: Final = ("iss", "iat", "type", "id", "event")
_TYPE: Final = re.compile(r"[0-9A-Z]{21}")


class ObjectionEvent(Enum):
    """What happened to an objection."""

    RAISED = "RAISED"
    DECIDED = "DECIDED"


class ObjectionKind(Enum):
    """What is objected to: the face differs, the status is wrong, a license is missing."""

    FACE_DIFFERS = "FACE_DIFFERS"
    STATUS_WRONG = "STATUS_WRONG"
    LICENSE_MISSING = "LICENSE_MISSING"


class ObjectionOutcome(Enum):
    """How it ended: the county corrects its record, it stands by it, or who raised the objection withdrew it."""

    UPHELD = "UPHELD"
    DISMISSED = "DISMISSED"
    WITHDRAWN = "WITHDRAWN"


_OWN: Final[Mapping[ObjectionEvent, tuple[str, ...]]] = MappingProxyType(
    {
        ObjectionEvent.RAISED: (
            "kind",
            "certificateIdentifier",
            "certificateTypeCode",
            "holder",
            "answeredBy",
            "caseNumber",
        ),
        ObjectionEvent.DECIDED: ("outcome",),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectionRecord:
    """A county's statement of an objection or of its end, its signature not yet verified.

    identifier: 22 characters. outcome: of DECIDED; all that follows it, of RAISED: license, or type_code and holder;
    answered_by: member id; case: case number, if it arose in one.
    """

    jws: Jws
    iss: str
    iat: int
    identifier: str
    event: ObjectionEvent
    outcome: ObjectionOutcome | None = None
    kind: ObjectionKind | None = None
    license: str | None = None
    type_code: str | None = None
    holder: str | None = None
    answered_by: str | None = None
    case: str | None = None

    @property
    def raw(self) -> bytes:
        """The record's bytes as they came."""
        return self.jws.raw

    @property
    def states(self) -> str:
        """The name it takes."""
        return f"objection/{self.identifier}{'' if self.outcome is None else '/decided'}"

    @property
    def follows(self) -> str | None:
        """The license that it is about, or the objection that it decides; None: a license is missing."""
        return self.license if self.outcome is None else f"objection/{self.identifier}"

    def within(self, case: Case) -> None:
        """Take any case of the county's."""

    def after(self, earlier: Stated) -> None:
        """Judge it by the license that it is about, or by the objection that it decides.

        Raises Conflict wrong_target (the license is stated by another county than the one that is to answer: in the
        words of one that is not there), Refused not_party (decided by another county than is to answer, withdrawn by
        another than raised it).
        """
        if self.outcome is None:
            if earlier.iss != self.answered_by:
                raise Conflict("wrong_target", NOT_STATED)
            return
        if not isinstance(earlier, ObjectionRecord):
            raise Conflict("wrong_target", "what is decided is no objection")
        withdrawn = self.outcome is ObjectionOutcome.WITHDRAWN
        if self.iss != (earlier.iss if withdrawn else earlier.answered_by):
            raise Refused("not_party", f"{self.outcome.value} is another county's to state")


def parse_objection(raw: bytes) -> ObjectionRecord:
    """Read an objection's event of 1..16,384 bytes; form only: neither signature nor whether it may stand.

    Raises Malformed too_large, bad_encoding, bad_base64, bad_json, duplicate_member, unknown_member, bad_number,
    bad_header, unknown_alg, unknown_typ, bad_payload, bad_identifier.
    """
    return objection_of(parse_compact(raw, OBJECTION_TYP))


def objection_of(jws: Jws) -> ObjectionRecord:
    """Read a JWS that must be an objection's event. Raises as parse_objection."""
    event = named(jws.payload, "event", ObjectionEvent)
    obj = ordered(jws.payload, f"{event.value} objection", (*_COMMON, *_OWN[event]))
    constant(obj, "type", "objection")
    return _raised(jws, obj) if event is ObjectionEvent.RAISED else _decided(jws, obj)


def _decided(jws: Jws, obj: dict[str, JsonValue]) -> ObjectionRecord:
    return ObjectionRecord(
        jws=jws,
        iss=stating_county(jws, obj),
        iat=integer(obj, "iat"),
        identifier=random_id(obj, "id"),
        event=ObjectionEvent.DECIDED,
        outcome=named(obj, "outcome", ObjectionOutcome),
    )


def _raised(jws: Jws, obj: dict[str, JsonValue]) -> ObjectionRecord:
    record = ObjectionRecord(
        jws=jws,
        iss=stating_county(jws, obj),
        iat=integer(obj, "iat"),
        identifier=random_id(obj, "id"),
        event=ObjectionEvent.RAISED,
        kind=named(obj, "kind", ObjectionKind),
        license=optional(
            obj, "certificateIdentifier", lambda: str(LicenseIdentifier.parse(string(obj, "certificateIdentifier")))
        ),
        type_code=optional(obj, "certificateTypeCode", lambda: text(obj, "certificateTypeCode", _TYPE)),
        holder=optional(obj, "holder", lambda: text(obj, "holder", HOLDER)),
        answered_by=text(obj, "answeredBy", COUNTY),
        case=optional(obj, "caseNumber", lambda: str(CaseNumber.parse(string(obj, "caseNumber")))),
    )
    stated = (record.license is not None, record.type_code is not None, record.holder is not None)
    missing = record.kind is ObjectionKind.LICENSE_MISSING
    if stated != (not missing, missing, missing):
        raise Malformed("bad_payload", "a missing license has type and holder, any other its identifier alone")
    return record


def build_objection(claims: Mapping[str, JsonValue], *, iat: int, kid: str, signer: Signer) -> bytes:
    """Sign an objection's event; `claims` holds the members from id on, each in its form.

    What it gives has been read back. Raises as parse_objection.
    """
    payload = {"iss": county_of(kid), "iat": iat, "type": "objection", **claims}
    raw = compact_jws({"alg": signer.public_key.alg, "typ": OBJECTION_TYP, "kid": kid}, payload, signer)
    return parse_objection(raw).raw
