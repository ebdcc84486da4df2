"""Follow-ups (回访): the handling county has called back an applicant who rated its case badly.

Compact JWS by a `journal` key:

    {"alg":"Ed25519","typ":"follow-up+jwt","kid":"370214#4"}
    {"iss":"370214","iat":1780304400,"type":"follow-up","caseNumber":"<43>","outcome":"RECTIFIED"}

It takes the name `followup/<caseNumber>`: one a case, of the handling county, once the case is evaluated badly: then it
is a duty (`ledger.duties`), and of no other case is it stated. What was said stays with the county.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from hub.journal.reading import constant, named, ordered, stating_county, string
from ledger.cases import CaseStage
from ledger.closed import county_of, integer
from ledger.duties import needs_follow_up
from ledger.encoding import JsonValue
from ledger.errors import Conflict, Refused
from ledger.jws import Jws, compact_jws, parse_compact
from ledger.matters import CaseNumber
from ledger.signers import Signer

if TYPE_CHECKING:
    from hub.journal.standing import Stated
    from ledger.casework import Case

__all__ = [
    "FOLLOW_UP_TYP",
    "FollowUpOutcome",
    "FollowUpRecord",
    "build_follow_up",
    "follow_up_of",
    "parse_follow_up",
]

FOLLOW_UP_TYP: Final = "follow-up+jwt"
_MEMBERS: Final = ("iss", "iat", "type", "caseNumber", "outcome")


class FollowUpOutcome(Enum):
    """What came of it: 已整改, or 已说明."""

    RECTIFIED = "RECTIFIED"
    EXPLAINED = "EXPLAINED"


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUpRecord:
    """A county's statement that it has called back, its signature not yet verified. case: case number."""

    jws: Jws
    iss: str
    iat: int
    case: str
    outcome: FollowUpOutcome

    @property
    def raw(self) -> bytes:
        """The record's bytes as they came."""
        return self.jws.raw

    @property
    def states(self) -> str:
        """The name it takes."""
        return f"followup/{self.case}"

    @property
    def follows(self) -> str | None:
        """No standing statement: it follows the case's evaluation."""
        return None

    def within(self, case: Case) -> None:
        """Judge it by its case.

        Raises Refused not_party (not the handling county), Conflict illegal_step (not evaluated, or not badly).
        """
        if self.iss != case.handled_by:
            raise Refused("not_party", "a follow-up is the handling county's to state")
        if case.stage is not CaseStage.EVALUATED:
            raise Conflict("illegal_step", f"a follow-up comes after the evaluation; the case is {case.stage.value}")
        if case.rating is None or not needs_follow_up(case.rating):
            raise Conflict("illegal_step", f"a follow-up is of a bad evaluation; the case was rated {case.rating}")

    def after(self, earlier: Stated) -> None:
        """Follow nothing."""


def parse_follow_up(raw: bytes) -> FollowUpRecord:
    """Read a follow-up of 1..16,384 bytes; form only: neither signature nor whether it may stand.

    Raises Malformed too_large, bad_encoding, bad_base64, bad_json, duplicate_member, unknown_member, bad_number,
    bad_header, unknown_alg, unknown_typ, bad_payload, bad_identifier.
    """
    return follow_up_of(parse_compact(raw, FOLLOW_UP_TYP))


def follow_up_of(jws: Jws) -> FollowUpRecord:
    """Read a JWS that must be a follow-up. Raises as parse_follow_up."""
    obj = ordered(jws.payload, "follow-up", _MEMBERS)
    constant(obj, "type", "follow-up")
    return FollowUpRecord(
        jws=jws,
        iss=stating_county(jws, obj),
        iat=integer(obj, "iat"),
        case=str(CaseNumber.parse(string(obj, "caseNumber"))),
        outcome=named(obj, "outcome", FollowUpOutcome),
    )


def build_follow_up(claims: Mapping[str, JsonValue], *, iat: int, kid: str, signer: Signer) -> bytes:
    """Sign a follow-up; `claims` holds caseNumber and outcome.

    What it gives has been read back. Raises as parse_follow_up.
    """
    payload = {"iss": county_of(kid), "iat": iat, "type": "follow-up", **claims}
    raw = compact_jws({"alg": signer.public_key.alg, "typ": FOLLOW_UP_TYP, "kid": kid}, payload, signer)
    return parse_follow_up(raw).raw
