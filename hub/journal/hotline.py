"""Hotline appeals (12345 热线诉求) tied to a case: received, passed on to a county of the case, answered by it.

Compact JWS by a `journal` key:

    {"alg":"Ed25519","typ":"hotline+jwt","kid":"130207#4"}
    {"iss":"130207","iat":1780304400,"type":"hotline","id":"<22>","caseNumber":"<43>","event":"RECEIVED",
     "kind":"COMPLAINT"}
    {…,"event":"PASSED","to":"370214"}
    {…,"event":"ANSWERED","outcome":"RESOLVED"}

`id` is 128 random bits, base64url, made by who receives the appeal. Each event takes a name and follows the one before:
`hotline/<id>`, `hotline/<id>/passed`, `hotline/<id>/answered`. Any county of the case receives; it passes on itself, to
a county of the case, itself included; that county answers. What was said, and by whom, stays in the hotline's system.
Kinds: 国办发〔2020〕53号 (咨询, 求助, 投诉, 举报, 建议).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from hub.journal.reading import constant, named, ordered, random_id, stating_county, string
from ledger.closed import COUNTY, county_of, integer, text
from ledger.encoding import JsonValue
from ledger.errors import Conflict, Refused
from ledger.jws import Jws, compact_jws, parse_compact
from ledger.matters import CaseNumber
from ledger.signers import Signer

if TYPE_CHECKING:
    from hub.journal.standing import Stated
    from ledger.casework import Case

__all__ = [
    "HOTLINE_TYP",
    "AppealKind",
    "AppealOutcome",
    "HotlineEvent",
    "HotlineRecord",
    "build_hotline",
    "hotline_of",
    "parse_hotline",
]

HOTLINE_TYP: Final = "hotline+jwt"
_COMMON: Final = ("iss", "iat", "type", "id", "caseNumber", "event")


class HotlineEvent(Enum):
    """What happened to an appeal."""

    RECEIVED = "RECEIVED"
    PASSED = "PASSED"
    ANSWERED = "ANSWERED"


class AppealKind(Enum):
    """What is asked for: 咨询, 求助, 投诉, 举报, 建议."""

    CONSULTATION = "CONSULTATION"
    HELP = "HELP"
    COMPLAINT = "COMPLAINT"
    REPORT = "REPORT"
    SUGGESTION = "SUGGESTION"


class AppealOutcome(Enum):
    """How it was answered: solved, or explained why not."""

    RESOLVED = "RESOLVED"
    EXPLAINED = "EXPLAINED"


_OWN: Final[Mapping[HotlineEvent, str]] = MappingProxyType(
    {HotlineEvent.RECEIVED: "kind", HotlineEvent.PASSED: "to", HotlineEvent.ANSWERED: "outcome"}
)
"""The one member that an event has beside the common ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HotlineRecord:
    """A county's statement of what happened to an appeal, its signature not yet verified.

    identifier: 22 characters. case: case number. kind: of RECEIVED; to: of PASSED, a member id; outcome: of ANSWERED.
    """

    jws: Jws
    iss: str
    iat: int
    identifier: str
    case: str
    event: HotlineEvent
    kind: AppealKind | None
    to: str | None
    outcome: AppealOutcome | None

    @property
    def raw(self) -> bytes:
        """The record's bytes as they came."""
        return self.jws.raw

    @property
    def states(self) -> str:
        """The name it takes."""
        own = {HotlineEvent.RECEIVED: "", HotlineEvent.PASSED: "/passed", HotlineEvent.ANSWERED: "/answered"}
        return f"hotline/{self.identifier}{own[self.event]}"

    @property
    def follows(self) -> str | None:
        """The name of the event before it; None for the first."""
        before = {HotlineEvent.PASSED: "", HotlineEvent.ANSWERED: "/passed"}
        return f"hotline/{self.identifier}{before[self.event]}" if self.event in before else None

    def within(self, case: Case) -> None:
        """Judge it by its case. Raises Conflict wrong_target: passed on to no county of it."""
        if self.to is not None and self.to not in case.counties:
            raise Conflict("wrong_target", "an appeal is passed on to a county of its case")

    def after(self, earlier: Stated) -> None:
        """Judge it by the event before it.

        Raises Conflict wrong_target (of another case), Refused not_party (passed on by another county than received it,
        answered by another than it was passed on to).
        """
        if not isinstance(earlier, HotlineRecord) or earlier.case != self.case:
            raise Conflict("wrong_target", "the appeal is one of another case")
        if self.iss != (earlier.iss if self.event is HotlineEvent.PASSED else earlier.to):
            raise Refused("not_party", f"{self.event.value} is another county's to state")


def parse_hotline(raw: bytes) -> HotlineRecord:
    """Read an appeal's event of 1..16,384 bytes; form only: neither signature nor whether it may stand.

    Raises Malformed too_large, bad_encoding, bad_base64, bad_json, duplicate_member, unknown_member, bad_number,
    bad_header, unknown_alg, unknown_typ, bad_payload, bad_identifier.
    """
    return hotline_of(parse_compact(raw, HOTLINE_TYP))


def hotline_of(jws: Jws) -> HotlineRecord:
    """Read a JWS that must be an appeal's event. Raises as parse_hotline."""
    event = named(jws.payload, "event", HotlineEvent)
    obj = ordered(jws.payload, f"hotline {event.value}", (*_COMMON, _OWN[event]))
    constant(obj, "type", "hotline")
    return HotlineRecord(
        jws=jws,
        iss=stating_county(jws, obj),
        iat=integer(obj, "iat"),
        identifier=random_id(obj, "id"),
        case=str(CaseNumber.parse(string(obj, "caseNumber"))),
        event=event,
        kind=named(obj, "kind", AppealKind) if "kind" in obj else None,
        to=text(obj, "to", COUNTY) if "to" in obj else None,
        outcome=named(obj, "outcome", AppealOutcome) if "outcome" in obj else None,
    )


def build_hotline(claims: Mapping[str, JsonValue], *, iat: int, kid: str, signer: Signer) -> bytes:
    """Sign an appeal's event; `claims` holds the members from id on, each in its form.

    What it gives has been read back. Raises as parse_hotline.
    """
    payload = {"iss": county_of(kid), "iat": iat, "type": "hotline", **claims}
    raw = compact_jws({"alg": signer.public_key.alg, "typ": HOTLINE_TYP, "kid": kid}, payload, signer)
    return parse_hotline(raw).raw
