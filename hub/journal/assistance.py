"""Help around a case (咨询, 帮办代办): who is assigned, hand-overs between windows, appointments by video, notes.

Compact JWS by a `journal` key:

    {"alg":"Ed25519","typ":"assistance+jwt","kid":"130207#4"}
    {"iss":"130207","iat":1780304400,"type":"assistance","caseNumber":"<43>","number":1,"kind":"ASSIGNED",
     "window":"A03","role":"INTAKE_CLERK","service":"ASSISTED_HANDLING","staff":"Q-1042"}
    {…,"number":2,"kind":"TRANSFERRED","window":"A03","role":"INTAKE_CLERK","toWindow":"B01","toRole":"HANDLER"}
    {…,"number":3,"kind":"VIDEO_APPOINTMENT","window":"B01","role":"HANDLER","appointedAt":1780390800}
    {…,"number":4,"kind":"NOTED","window":"B01","role":"HANDLER","subject":"CALLED_BACK","digest":"<b64u SHA-256>"}

`assistance/<case>/<number>`, numbered from 1 in each case, each following the one before it: of two at once, one wins.
`staff` is a number that the county gave; who has it stays there. So does the text of a note: its digest proves it. A
video appointment (远程视频) is made before the review of the form, or while that waits for a correction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from hub.journal.casesteps import Role
from hub.journal.reading import WINDOW, constant, named, ordered, stating_county, string
from ledger.cases import CaseStage
from ledger.closed import county_of, digest, integer, text
from ledger.encoding import JsonValue
from ledger.errors import Conflict, Malformed
from ledger.jws import Jws, compact_jws, parse_compact
from ledger.matters import CaseNumber
from ledger.signers import Signer

if TYPE_CHECKING:
    from hub.journal.standing import Stated
    from ledger.casework import Case

__all__ = [
    "ASSISTANCE_OWN",
    "ASSISTANCE_TYP",
    "AssistanceKind",
    "AssistanceRecord",
    "HelpService",
    "NoteSubject",
    "assistance_of",
    "build_assistance",
    "parse_assistance",
]

ASSISTANCE_TYP: Final = "assistance+jwt"
MAX_NUMBER: Final = 100
_COMMON: Final = ("iss", "iat", "type", "caseNumber", "number", "kind", "window", "role")
_ENDED: Final = frozenset({CaseStage.CLOSED, CaseStage.DELIVERED, CaseStage.EVALUATED})
_UNREVIEWED: Final = frozenset({CaseStage.APPLIED, CaseStage.CORRECTING_APPLIED})


class AssistanceKind(Enum):
    """What is stated."""

    ASSIGNED = "ASSIGNED"
    TRANSFERRED = "TRANSFERRED"
    VIDEO_APPOINTMENT = "VIDEO_APPOINTMENT"
    NOTED = "NOTED"


class HelpService(Enum):
    """What staff is assigned for: 咨询, 帮办代办."""

    CONSULTATION = "CONSULTATION"
    ASSISTED_HANDLING = "ASSISTED_HANDLING"


class NoteSubject(Enum):
    """What a note is about."""

    CALLED_BACK = "CALLED_BACK"
    EXPLAINED = "EXPLAINED"
    MATERIAL_CHECKED = "MATERIAL_CHECKED"
    ON_SITE_VISIT = "ON_SITE_VISIT"
    OTHER = "OTHER"


ASSISTANCE_OWN: Final[Mapping[AssistanceKind, tuple[str, ...]]] = MappingProxyType(
    {
        AssistanceKind.ASSIGNED: ("service", "staff"),
        AssistanceKind.TRANSFERRED: ("toWindow", "toRole"),
        AssistanceKind.VIDEO_APPOINTMENT: ("appointedAt",),
        AssistanceKind.NOTED: ("subject", "digest"),
    }
)
"""The members that a kind has beside the common ones, in their order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssistanceRecord:
    """A county's statement of help around a case, its signature not yet verified.

    case: case number. number: 1..100 in the case. service, staff: of ASSIGNED. to_window, to_role: of TRANSFERRED.
    appointed_at: of VIDEO_APPOINTMENT, POSIX seconds. subject, digest: of NOTED; the SHA-256 of its text.
    """

    jws: Jws
    iss: str
    iat: int
    case: str
    number: int
    kind: AssistanceKind
    window: str
    role: Role
    service: HelpService | None
    staff: str | None
    to_window: str | None
    to_role: Role | None
    appointed_at: int | None
    subject: NoteSubject | None
    digest: bytes | None

    @property
    def raw(self) -> bytes:
        """The record's bytes as they came."""
        return self.jws.raw

    @property
    def states(self) -> str:
        """The name it takes."""
        return f"assistance/{self.case}/{self.number}"

    @property
    def follows(self) -> str | None:
        """The name of the one before it; None for the first."""
        return None if self.number == 1 else f"assistance/{self.case}/{self.number - 1}"

    def within(self, case: Case) -> None:
        """Judge it by its case. Raises Conflict illegal_step: the case has ended, or its form is reviewed already.

        A note may be made, and advice be given, after the end, too.
        """
        if self.kind is AssistanceKind.VIDEO_APPOINTMENT and case.stage not in _UNREVIEWED:
            raise Conflict(
                "illegal_step", f"a video appointment comes before the review; the case is {case.stage.value}"
            )
        if self.kind is AssistanceKind.TRANSFERRED and case.stage in _ENDED:
            raise Conflict("illegal_step", f"nothing is left to transfer; the case is {case.stage.value}")

    def after(self, earlier: Stated) -> None:
        """Judge it by the one before it: numbers follow each other, and nothing else binds them."""


def parse_assistance(raw: bytes) -> AssistanceRecord:
    """Read a statement of help of 1..16,384 bytes; form only: neither signature nor whether it may stand.

    Raises Malformed too_large, bad_encoding, bad_base64, bad_json, duplicate_member, unknown_member, bad_number,
    bad_header, unknown_alg, unknown_typ, bad_payload, bad_identifier.
    """
    return assistance_of(parse_compact(raw, ASSISTANCE_TYP))


def assistance_of(jws: Jws) -> AssistanceRecord:
    """Read a JWS that must be a statement of help. Raises as parse_assistance."""
    kind = named(jws.payload, "kind", AssistanceKind)
    obj = ordered(jws.payload, f"assistance {kind.value}", (*_COMMON, *ASSISTANCE_OWN[kind]))
    constant(obj, "type", "assistance")
    record = AssistanceRecord(
        jws=jws,
        iss=stating_county(jws, obj),
        iat=integer(obj, "iat"),
        case=str(CaseNumber.parse(string(obj, "caseNumber"))),
        number=integer(obj, "number", minimum=1, maximum=MAX_NUMBER),
        kind=kind,
        window=text(obj, "window", WINDOW),
        role=named(obj, "role", Role),
        service=named(obj, "service", HelpService) if "service" in obj else None,
        staff=text(obj, "staff", WINDOW) if "staff" in obj else None,
        to_window=text(obj, "toWindow", WINDOW) if "toWindow" in obj else None,
        to_role=named(obj, "toRole", Role) if "toRole" in obj else None,
        appointed_at=integer(obj, "appointedAt") if "appointedAt" in obj else None,
        subject=named(obj, "subject", NoteSubject) if "subject" in obj else None,
        digest=digest(obj, "digest") if "digest" in obj else None,
    )
    return _checked(record)


def _checked(record: AssistanceRecord) -> AssistanceRecord:
    """Check what one member alone does not say."""
    if (record.to_window, record.to_role) == (record.window, record.role):
        raise Malformed("bad_payload", "a transfer goes to another window or role")
    if record.appointed_at is not None and record.appointed_at <= record.iat:
        raise Malformed("bad_payload", "an appointment lies ahead")
    return record


def build_assistance(claims: Mapping[str, JsonValue], *, iat: int, kid: str, signer: Signer) -> bytes:
    """Sign a statement of help; `claims` holds the members from caseNumber on, each in its form.

    What it gives has been read back. Raises as parse_assistance.
    """
    payload = {"iss": county_of(kid), "iat": iat, "type": "assistance", **claims}
    raw = compact_jws({"alg": signer.public_key.alg, "typ": ASSISTANCE_TYP, "kid": kid}, payload, signer)
    return parse_assistance(raw).raw
