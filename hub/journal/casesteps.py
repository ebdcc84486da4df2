"""Case steps: what a county states of a case, signed; the words that stand in the journal, and nothing beside them.

Compact JWS by a `journal` key:

    {"alg":"Ed25519","typ":"case-step+jwt","kid":"130207#4"}
    {"iss":"130207","iat":1780304400,"type":"case","caseNumber":"<43>","sequence":1,"prev":null,
     "step":"APPLICATION","outcome":null,"window":"A03","role":"INTAKE_CLERK",
     "mode":"PROXY_INTAKE","matter":"<12>","offering":"<12>@370214@20260601","holder":"<holder key>",
     "handledBy":"370214","pickedUpAt":"130207","limits":{"statutory":null,"promised":2},
     "licenses":["1.2.156.3005.2.…"],"tolerated":[{"material":"M03","days":5}]}

All ten members of the first part stand in every step, the others as `_OWN` lists them for the step, in this order.
`prev` is the b64u leaf hash of the case's step before: whoever signs the next step has signed all before it, so that a
HAND_OVER_RECEIPT is a receipt for exactly what the other county handed over: as many `items` as it counted.
A material that may follow (容缺) is named by its place in the offering's list, with the working days that the county
gives. Licenses are named, never sent again. No member takes free text: no name, number or opinion of a person can stand
in a step.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final, TypeVar

from hub.journal.reading import WINDOW, ordered, string
from ledger.cases import TRANSITIONS, CaseMode, Outcome, StepKind
from ledger.casework import MAX_STEPS, CaseStep, NodeStart, Opening, Tolerated
from ledger.clocks import Limits
from ledger.closed import COUNTY, KID, closed, county_of, digest, integer, list_of, text
from ledger.encoding import JsonValue
from ledger.errors import Malformed
from ledger.identifiers import LicenseIdentifier
from ledger.jws import Jws, compact_jws, parse_jws
from ledger.matters import CATALOGUE_CODE, CaseNumber
from ledger.signers import Signer

__all__ = [
    "CASE_STEP_TYP",
    "OWN_MEMBERS",
    "CaseStepRecord",
    "Role",
    "build_case_step",
    "case_step_of",
    "parse_case_step",
]

CASE_STEP_TYP: Final = "case-step+jwt"
MAX_LICENSES: Final = 64
MAX_NODES: Final = 64
MAX_MATERIALS: Final = 30
_MAX_ITEMS: Final = 999
_MAX_DAYS: Final = 3650
_MAX_TOLERANCE: Final = 60

_COMMON: Final = (
    "iss", "iat", "type", "caseNumber", "sequence", "prev", "step", "outcome", "window", "role",
)  # fmt: skip

OWN_MEMBERS: Final[Mapping[StepKind, tuple[str, ...]]] = MappingProxyType(
    {
        StepKind.APPLICATION: (
            "mode", "matter", "offering", "holder", "handledBy", "pickedUpAt", "limits", "licenses", "tolerated",
        ),
        StepKind.PRE_REVIEW: ("limits", "items"),
        StepKind.HAND_OVER_RECEIPT: ("limits", "items"),
        StepKind.ACCEPTANCE: ("limits",),
        StepKind.CORRECTION_NOTICE: (),
        StepKind.CORRECTION: ("licenses",),
        StepKind.SUPPLEMENT: ("supplied", "licenses"),
        StepKind.HANDLING: ("begins", "ends"),
        StepKind.SPECIAL_PROCEDURE: (),
        StepKind.SPECIAL_PROCEDURE_END: (),
        StepKind.CONCLUSION: ("limits",),
        StepKind.PRODUCTION: ("limits", "licenses", "items"),
        StepKind.PICK_UP: (),
        StepKind.EXPRESS: ("trackingNumber",),
        StepKind.EVALUATION: ("rating",),
    }
)  # fmt: skip
"""The members that a step has beside the common ones, in their order. Source: GB/T 39046-2020, tables 5-15."""

_OUTCOMES: Final = frozenset((row.step, row.outcome) for row in TRANSITIONS)
_CASE: Final = re.compile(r"case")
_TRACKING: Final = re.compile(r"[0-9A-Z]{8,32}")
_NODE: Final = re.compile(r"N[0-9]{2,3}")
_MATERIAL: Final = re.compile(r"M[0-9]{2}")
_OFFERING: Final = re.compile(r"[0-9]{12}@[0-9]{6}@[0-9]{8}")
_HOLDER: Final = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")  # canonical base64url of 32 bytes
_LIMITS: Final = frozenset({"statutory", "promised"})
_NODE_START: Final = frozenset({"node", "statutory", "promised"})
_TOLERATED: Final = frozenset({"material", "days"})

Named = TypeVar("Named", bound=Enum)


class Role(Enum):
    """In what role a county's staff took a step."""

    INTAKE_CLERK = "INTAKE_CLERK"
    HANDLER = "HANDLER"
    SUPERVISOR = "SUPERVISOR"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseStepRecord:
    """A county's statement of one step, its signature not yet verified.

    step: what the case's way depends on. matter: catalogue code, 12 digits; of an APPLICATION alone.
    """

    jws: Jws
    iss: str
    iat: int
    step: CaseStep
    window: str
    role: Role
    matter: str | None
    tracking_number: str | None

    @property
    def raw(self) -> bytes:
        """The record's bytes as they came."""
        return self.jws.raw

    @property
    def licenses(self) -> tuple[str, ...]:
        """The licenses that the step names, GB/T 36904 with check character."""
        return self.step.licenses


def parse_case_step(raw: bytes) -> CaseStepRecord:
    """Read a county's case step of 1..16,384 bytes; form only: neither signature nor whether it may come now.

    Raises Malformed too_large, bad_encoding, bad_base64, bad_json, duplicate_member, unknown_member, bad_number,
    bad_header, unknown_alg, unknown_typ, bad_payload, bad_identifier.
    """
    return case_step_of(parse_jws(raw))


def case_step_of(jws: Jws) -> CaseStepRecord:
    """Read a JWS that must be a case step. Raises as parse_case_step."""
    if jws.typ != CASE_STEP_TYP or jws.general:
        raise Malformed("unknown_typ", f"expected a compact JWS of typ {CASE_STEP_TYP}")
    if not isinstance(jws.payload.get("step"), str):
        raise Malformed("bad_payload", "a case step names its step")
    kind = _named(jws.payload, "step", StepKind)
    obj = ordered(jws.payload, f"case step {kind.value}", (*_COMMON, *OWN_MEMBERS[kind]))
    text(obj, "type", _CASE)
    kid, iss = jws.signatures[0].kid, text(obj, "iss", COUNTY)
    if not KID.fullmatch(kid) or county_of(kid) != iss:
        raise Malformed("bad_header", "kid is not <iss>#<number>")
    return _record(jws, obj, kind)


def _record(jws: Jws, obj: dict[str, JsonValue], kind: StepKind) -> CaseStepRecord:
    step = _step(jws, obj, kind)
    return CaseStepRecord(
        jws=jws,
        iss=step.county,
        iat=step.at,
        step=step,
        window=text(obj, "window", WINDOW),
        role=_named(obj, "role", Role),
        matter=_read(obj, "matter", lambda: _matter(obj, step)),
        tracking_number=_read(obj, "trackingNumber", lambda: text(obj, "trackingNumber", _TRACKING)),
    )


def _step(jws: Jws, obj: dict[str, JsonValue], kind: StepKind) -> CaseStep:
    outcome = None if obj["outcome"] is None else _named(obj, "outcome", Outcome)
    if (kind, outcome) not in _OUTCOMES:
        raise Malformed("bad_payload", f"{kind.value} has another outcome, or none")
    sequence = integer(obj, "sequence", minimum=1, maximum=MAX_STEPS)
    if (sequence == 1) != (obj["prev"] is None) or (sequence == 1) != (kind is StepKind.APPLICATION):
        raise Malformed("bad_payload", "the first step is an APPLICATION, and it alone has no step before it")
    return CaseStep(
        number=str(CaseNumber.parse(string(obj, "caseNumber"))),
        sequence=sequence,
        prev=None if obj["prev"] is None else digest(obj, "prev"),
        leaf=jws.leaf,
        county=text(obj, "iss", COUNTY),
        at=integer(obj, "iat"),
        kind=kind,
        outcome=outcome,
        opening=_read(obj, "mode", lambda: _opening(obj)),
        limits=_read(obj, "limits", lambda: None if obj["limits"] is None else _limits(obj["limits"])),
        begins=_read(obj, "begins", lambda: _begins(obj)) or (),
        ends=_read(obj, "ends", lambda: _codes(obj, "ends", _NODE, MAX_NODES)) or (),
        licenses=_read(obj, "licenses", lambda: _licenses(obj, kind)) or (),
        supplied=_read(obj, "supplied", lambda: _supplied(obj)) or (),
        items=_read(obj, "items", lambda: integer(obj, "items", maximum=_MAX_ITEMS)),
        rating=_read(obj, "rating", lambda: integer(obj, "rating", minimum=1, maximum=5)),
    )


Value = TypeVar("Value")


def _read(obj: Mapping[str, JsonValue], name: str, read: Callable[[], Value]) -> Value | None:
    """Read a member that some steps have; None for the others."""
    return read() if name in obj else None


def _named(obj: dict[str, JsonValue], name: str, kind: type[Named]) -> Named:
    try:
        return kind(string(obj, name))
    except ValueError as error:
        raise Malformed("bad_payload", f"{name} is none of {', '.join(str(each.value) for each in kind)}") from error


def _opening(obj: dict[str, JsonValue]) -> Opening:
    handled_by = text(obj, "handledBy", COUNTY)
    number = CaseNumber.parse(string(obj, "caseNumber"))
    if number.task.implementer is None or number.task.implementer.division != handled_by:
        raise Malformed("bad_payload", "handledBy is not the division of the body in the case number")
    offering = text(obj, "offering", _OFFERING)
    if not offering.startswith(f"{number.task.catalogue}@{handled_by}@"):
        raise Malformed("bad_payload", "offering is not one of this matter in the handling county")
    return Opening(
        mode=_named(obj, "mode", CaseMode),
        handled_by=handled_by,
        picked_up_at=text(obj, "pickedUpAt", COUNTY),
        offering=offering,
        holder=text(obj, "holder", _HOLDER),
        tolerated=_tolerated(obj),
    )


def _tolerated(obj: dict[str, JsonValue]) -> tuple[Tolerated, ...]:
    rows = [closed(row, "tolerated", _TOLERATED) for row in list_of(obj, "tolerated", maximum=MAX_MATERIALS)]
    found = tuple(
        Tolerated(text(row, "material", _MATERIAL), integer(row, "days", minimum=1, maximum=_MAX_TOLERANCE))
        for row in rows
    )
    if len({each.code for each in found}) != len(found):
        raise Malformed("bad_payload", "a material is tolerated once")
    return found


def _matter(obj: dict[str, JsonValue], step: CaseStep) -> str:
    matter = text(obj, "matter", CATALOGUE_CODE)
    if matter != CaseNumber.parse(step.number).task.catalogue:
        raise Malformed("bad_payload", "matter is not the one in the case number")
    return matter


def _licenses(obj: dict[str, JsonValue], kind: StepKind) -> tuple[str, ...]:
    values = list_of(obj, "licenses", maximum=MAX_LICENSES)
    found = tuple(LicenseIdentifier.parse(value) for value in values if isinstance(value, str))
    if len(set(found)) != len(values):
        raise Malformed("bad_payload", f"licenses are at most {MAX_LICENSES} different identifiers")
    if kind is StepKind.PRODUCTION and any(each.division != obj["iss"] for each in found):
        raise Malformed("bad_payload", "a county produces licenses of its own authorities")
    return tuple(map(str, found))


def _limits(value: JsonValue, members: frozenset[str] = _LIMITS) -> Limits:
    obj = closed(value, "limits", members)
    days = [None if obj[name] is None else integer(obj, name, maximum=_MAX_DAYS) for name in ("statutory", "promised")]
    if days == [None, None]:
        raise Malformed("bad_payload", "limits have a statutory or a promised number of days, or both")
    return Limits(*days)


def _begins(obj: dict[str, JsonValue]) -> tuple[NodeStart, ...]:
    found = tuple(_node_start(value) for value in list_of(obj, "begins", maximum=MAX_NODES))
    if len({node.code for node in found}) != len(found):
        raise Malformed("bad_payload", "a node begins once")
    return found


def _node_start(value: JsonValue) -> NodeStart:
    limits = _limits(value, _NODE_START)
    return NodeStart(text(closed(value, "node", _NODE_START), "node", _NODE), limits)


def _supplied(obj: dict[str, JsonValue]) -> tuple[str, ...]:
    found = _codes(obj, "supplied", _MATERIAL, MAX_MATERIALS)
    if not found:
        raise Malformed("bad_payload", "a SUPPLEMENT brings a material")
    return found


def _codes(obj: dict[str, JsonValue], name: str, form: re.Pattern[str], maximum: int) -> tuple[str, ...]:
    values = list_of(obj, name, maximum=maximum)
    found = tuple(value for value in values if isinstance(value, str) and form.fullmatch(value))
    if len(set(found)) != len(values):
        raise Malformed("bad_payload", f"{name} are at most {maximum} different codes, each as {form.pattern}")
    return found


def build_case_step(claims: Mapping[str, JsonValue], *, iat: int, kid: str, signer: Signer) -> bytes:
    """Sign a case step; `claims` holds the members from caseNumber on, each in its form.

    What it gives has been read back. Raises as parse_case_step.
    """
    stated = {"iss": county_of(kid), "iat": iat, "type": "case", **claims}
    step = stated.get("step")
    kind = next((each for each in StepKind if each.value == step), None)
    if kind is None or stated.keys() != {*_COMMON, *OWN_MEMBERS[kind]}:
        raise Malformed("bad_payload", "a case step states exactly the members of its kind")
    payload = {name: stated[name] for name in (*_COMMON, *OWN_MEMBERS[kind])}
    raw = compact_jws({"alg": signer.public_key.alg, "typ": CASE_STEP_TYP, "kid": kid}, payload, signer)
    return parse_case_step(raw).raw
