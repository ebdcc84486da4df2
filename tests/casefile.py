"""Cases for tests: a file of signed steps that knows the step before, so that only what matters must be said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from hub.journal.casesteps import OWN_MEMBERS, build_case_step, parse_case_step
from ledger.cases import MODES, CaseMode, StepKind
from ledger.encoding import JsonValue, b64u_encode
from ledger.signers import Signer
from ledger.transparency.merkle import leaf_hash
from ledger.workdays import china_day
from tests.entropy import signer_of
from tests.offerings import offering
from tests.statements import ISSUER, NOW, County, MemoryLog

__all__ = [
    "APPLICANT",
    "CHENGYANG",
    "DAY",
    "FENGNAN",
    "KUANCHENG",
    "MATTER",
    "OFFERED",
    "WHOLE",
    "CaseFile",
    "case_number",
    "offered",
    "whole_case",
]

CHENGYANG: Final = "370214"
FENGNAN: Final = "130207"
KUANCHENG: Final = "220103"
MATTER: Final = "000117001000"
DAY: Final = 86_400
_PROMISE: Final = {"statutory": None, "promised": 2}
OFFERED: Final = NOW - 31 * DAY
"""1 May 2026: when the offering was stated, and since when it is in force."""

APPLICANT: Final = County.holder("1")
"""Holder key of whoever applies."""


def case_number(serial: int = 1, day: str = "20260601", matter: str = MATTER) -> str:
    """Name a case of Chengyang's authority."""
    return f"{ISSUER}4{matter}{day}{serial:04d}"


def offered(mode: str = "PROXY_INTAKE", *, at: int = OFFERED, **claims: Any) -> bytes:
    """Sign Chengyang's offering of the matter in a mode, in force from the day of the statement on."""
    journal = MemoryLog()
    usual = {"planEffectiveDate": china_day(at).isoformat(), "mode": MODES[CaseMode(mode)].name}
    County(CHENGYANG, MemoryLog(), journal).offer(offering(**{**usual, **claims}), at=at)
    return journal.entries[0]


@dataclass(slots=True)
class CaseFile:
    """The signed steps of one case, taken in by one county, handled by Chengyang, handed out by a third."""

    number: str = field(default_factory=case_number)
    mode: str = "PROXY_INTAKE"
    intake: str = FENGNAN
    pick_up: str = KUANCHENG
    matter: str = MATTER
    offering: str = f"{MATTER}@{CHENGYANG}@20260501"
    raws: list[bytes] = field(default_factory=list)
    keys: Mapping[str, tuple[str, Signer]] = field(default_factory=dict)
    """County -> kid and signer, where they are not those of `tests.entropy`."""

    def draft(self, step: str, county: str, *, at: int = NOW, outcome: str | None = None, **own: Any) -> bytes:
        """Sign a step that would come next, and leave the file as it is. own: members of the step, or others."""
        claims: dict[str, JsonValue] = {
            "caseNumber": self.number,
            "sequence": len(self.raws) + 1,
            "prev": b64u_encode(leaf_hash(self.raws[-1])) if self.raws else None,
            "step": step,
            "outcome": outcome,
            "window": "A03",
            "role": "INTAKE_CLERK" if county == self.intake else "HANDLER",
        }
        members = {name: self._usual(name) for name in OWN_MEMBERS[StepKind(step)]}
        kid, signer = self.keys.get(county) or (f"{county}#4", signer_of(f"{county}#4"))
        return build_case_step(claims | members | own, iat=at, kid=kid, signer=signer)

    def _usual(self, name: str) -> JsonValue:
        usual: dict[str, JsonValue] = {
            "mode": self.mode, "matter": self.matter, "offering": self.offering, "holder": APPLICANT,
            "handledBy": CHENGYANG, "pickedUpAt": self.pick_up, "licenses": [], "tolerated": [], "limits": None,
            "items": 2, "begins": [], "ends": [], "supplied": ["M03"], "trackingNumber": "SF1234567890", "rating": 1,
        }  # fmt: skip
        return usual[name]

    def add(self, step: str, county: str, *, at: int = NOW, outcome: str | None = None, **own: Any) -> bytes:
        """Sign the next step and put it into the file."""
        self.raws.append(self.draft(step, county, at=at, outcome=outcome, **own))
        return self.raws[-1]

    def apply(self, *, at: int = NOW, **own: Any) -> bytes:
        """Open the case."""
        return self.add("APPLICATION", self.intake, at=at, **{"limits": _PROMISE, **own})

    @property
    def steps(self) -> list[Any]:
        """The steps, as the case's way depends on them."""
        return [parse_case_step(raw).step for raw in self.raws]


WHOLE: Final[tuple[tuple[str, str | None, str, dict[str, Any]], ...]] = (
    ("PRE_REVIEW", "PASSED", "intake", {}),
    ("HAND_OVER_RECEIPT", None, "handling", {"limits": {"statutory": 5, "promised": None}}),
    ("ACCEPTANCE", "ACCEPTED", "handling", {"limits": {"statutory": 20, "promised": 5}}),
    ("CORRECTION_NOTICE", None, "handling", {}),
    ("CORRECTION", None, "intake", {}),
    ("SUPPLEMENT", None, "intake", {}),
    ("SPECIAL_PROCEDURE", None, "handling", {}),
    ("SPECIAL_PROCEDURE_END", None, "handling", {}),
    ("HANDLING", None, "handling", {"begins": [{"node": "N01", "statutory": None, "promised": 1}]}),
    ("HANDLING", None, "handling", {"ends": ["N01"]}),
    ("CONCLUSION", "GRANTED", "handling", {"limits": {"statutory": 10, "promised": 3}}),
    ("PRODUCTION", None, "handling", {"limits": {"statutory": None, "promised": 3}}),
    ("HAND_OVER_RECEIPT", None, "pick_up", {}),
    ("PICK_UP", None, "pick_up", {}),
    ("EVALUATION", None, "pick_up", {}),
)
"""A case's way through every kind of step but EXPRESS, behind its APPLICATION: step, outcome, by, members."""


def whole_case(
    serial: int = 1, *, used: tuple[str, ...] = (), produced: tuple[str, ...] = (), rating: int = 1
) -> CaseFile:
    """Make a case that has gone the whole way, a day a step."""
    case = CaseFile(number=case_number(serial))
    counties = {"intake": case.intake, "handling": CHENGYANG, "pick_up": case.pick_up}
    case.apply(licenses=list(used), tolerated=[{"material": "M03", "days": 5}])
    for days, (step, outcome, by, own) in enumerate(WHOLE, start=1):
        more = {"PRODUCTION": {"licenses": list(produced)}, "EVALUATION": {"rating": rating}}.get(step, {})
        case.add(step, counties[by], at=NOW + days * DAY, outcome=outcome, **own, **more)
    return case
