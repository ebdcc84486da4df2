"""Supervision (督办): a county of a case urges on a clock of it that is red, once a clock.

Compact JWS by a `journal` key:

    {"alg":"Ed25519","typ":"supervision+jwt","kid":"370214#4"}
    {"iss":"370214","iat":1780304400,"type":"supervision","caseNumber":"<43>","clock":"HANDLING","window":"D01",
     "role":"SUPERVISOR"}

`supervision/<case>/<clock>`. Any county of the case may, whosever clock it is. That the clock is there and open is
judged by the records, again in a replay. That it is red is judged when the statement comes in, with the calendar of
that day (`hub.journal.ledgerchecks`): what a year's notice changes later does not undo it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hub.journal.casesteps import Role
from hub.journal.reading import constant, ordered, stating_county, string
from ledger.closed import county_of, integer, text
from ledger.encoding import JsonValue
from ledger.errors import Conflict
from ledger.jws import Jws, compact_jws, parse_compact
from ledger.matters import CaseNumber
from ledger.signers import Signer

if TYPE_CHECKING:
    from hub.journal.standing import Stated
    from ledger.casework import Case

__all__ = [
    "SUPERVISION_TYP",
    "SupervisionRecord",
    "build_supervision",
    "parse_supervision",
    "supervision_of",
]

SUPERVISION_TYP: Final = "supervision+jwt"
_MEMBERS: Final = ("iss", "iat", "type", "caseNumber", "clock", "window", "role")
_CLOCK: Final = re.compile(r"INTAKE|ACCEPTANCE|HANDLING|PRODUCTION|DELIVERY|N[0-9]{2,3}|M[0-9]{2}")
_WINDOW: Final = re.compile(r"[0-9A-Z-]{1,16}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisionRecord:
    """A county's urging on of one clock, its signature not yet verified. case: case number. clock: its name."""

    jws: Jws
    iss: str
    iat: int
    case: str
    clock: str
    window: str

    @property
    def raw(self) -> bytes:
        """The record's bytes as they came."""
        return self.jws.raw

    @property
    def states(self) -> str:
        """The name it takes."""
        return f"supervision/{self.case}/{self.clock}"

    @property
    def follows(self) -> None:
        """It follows nothing."""
        return

    def within(self, case: Case) -> None:
        """Judge it by its case. Raises Conflict wrong_target (no such clock, or none that is open)."""
        if not any(each.code == self.clock and not each.ended for each in case.clocks):
            names = [each.code for each in case.clocks if not each.ended]
            raise Conflict("wrong_target", f"{self.clock} is no open clock; open: {', '.join(names) or 'none'}")

    def after(self, earlier: Stated) -> None:
        """It follows nothing."""


def parse_supervision(raw: bytes) -> SupervisionRecord:
    """Read a supervision of 1..16,384 bytes; form only: neither signature nor whether the clock is red.

    Raises Malformed too_large, bad_encoding, bad_base64, bad_json, duplicate_member, unknown_member, bad_number,
    bad_header, unknown_alg, unknown_typ, bad_payload, bad_identifier.
    """
    return supervision_of(parse_compact(raw, SUPERVISION_TYP))


def supervision_of(jws: Jws) -> SupervisionRecord:
    """Read a JWS that must be a supervision. Raises as parse_supervision."""
    obj = ordered(jws.payload, "supervision", _MEMBERS)
    constant(obj, "type", "supervision")
    constant(obj, "role", Role.SUPERVISOR.value)
    return SupervisionRecord(
        jws=jws,
        iss=stating_county(jws, obj),
        iat=integer(obj, "iat"),
        case=str(CaseNumber.parse(string(obj, "caseNumber"))),
        clock=text(obj, "clock", _CLOCK),
        window=text(obj, "window", _WINDOW),
    )


def build_supervision(claims: Mapping[str, JsonValue], *, iat: int, kid: str, signer: Signer) -> bytes:
    """Sign a supervision; `claims` holds caseNumber, clock and window.

    What it gives has been read back. Raises as parse_supervision.
    """
    payload = {"iss": county_of(kid), "iat": iat, "type": "supervision", **claims, "role": Role.SUPERVISOR.value}
    raw = compact_jws({"alg": signer.public_key.alg, "typ": SUPERVISION_TYP, "kid": kid}, payload, signer)
    return parse_supervision(raw).raw
