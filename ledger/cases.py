"""Cases (办件) taken in by one county, handled by another, handed out by a third: modes, steps and states, as data.

    step                     from                     to                       by
    APPLICATION              -                        APPLIED                  intake county
    PRE_REVIEW PASSED        APPLIED                  HANDED_OVER, RECEIVED    intake county
    HAND_OVER_RECEIPT        HANDED_OVER              RECEIVED                 handling county
    ACCEPTANCE ACCEPTED      RECEIVED                 ACCEPTED                 whoever the mode says
    …                        …                        …                        TRANSITIONS holds every row

The states, and who may take which step in them, are one table; a mode (国办发〔2020〕35号) is one row that says which
party has which duty, and whether papers change hands. No code asks for a mode by name. Names follow GB/T 39046-2020,
tables 5-15. Nothing here has a clock or does I/O; `ledger.casework` lets a case go its way over these tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Final

__all__ = [
    "MODES",
    "PHASES",
    "TRANSITIONS",
    "CaseMode",
    "CaseStage",
    "Duty",
    "ModeRule",
    "Outcome",
    "Party",
    "Phase",
    "StepKind",
    "Transition",
]


class Party(Enum):
    """The three counties of a case: 收件地, 办理地, 取证地. One county may be several of them."""

    INTAKE = "INTAKE"
    HANDLING = "HANDLING"
    PICK_UP = "PICK_UP"


class CaseMode(Enum):
    """How a matter is handled across provinces; the value is the wire's and the graph's, the label Chinese."""

    ONLINE = "ONLINE"
    PROXY_INTAKE = "PROXY_INTAKE"
    JOINT = "JOINT"
    DELEGATED = "DELEGATED"


class StepKind(Enum):
    """What can be stated of a case."""

    APPLICATION = "APPLICATION"
    PRE_REVIEW = "PRE_REVIEW"
    HAND_OVER_RECEIPT = "HAND_OVER_RECEIPT"
    ACCEPTANCE = "ACCEPTANCE"
    CORRECTION_NOTICE = "CORRECTION_NOTICE"
    CORRECTION = "CORRECTION"
    SUPPLEMENT = "SUPPLEMENT"
    HANDLING = "HANDLING"
    SPECIAL_PROCEDURE = "SPECIAL_PROCEDURE"
    SPECIAL_PROCEDURE_END = "SPECIAL_PROCEDURE_END"
    CONCLUSION = "CONCLUSION"
    PRODUCTION = "PRODUCTION"
    PICK_UP = "PICK_UP"
    EXPRESS = "EXPRESS"
    EVALUATION = "EVALUATION"


class Outcome(Enum):
    """How a step that decides something went."""

    PASSED = "PASSED"
    RETURNED = "RETURNED"
    ACCEPTED = "ACCEPTED"
    NOT_ACCEPTED = "NOT_ACCEPTED"
    GRANTED = "GRANTED"
    NOT_GRANTED = "NOT_GRANTED"
    WITHDRAWN = "WITHDRAWN"


class CaseStage(Enum):
    """Where a case stands after a step."""

    APPLIED = "APPLIED"
    CORRECTING_APPLIED = "CORRECTING_APPLIED"
    HANDED_OVER = "HANDED_OVER"
    RECEIVED = "RECEIVED"
    CORRECTING_RECEIVED = "CORRECTING_RECEIVED"
    ACCEPTED = "ACCEPTED"
    CORRECTING_ACCEPTED = "CORRECTING_ACCEPTED"
    IN_SPECIAL_PROCEDURE = "IN_SPECIAL_PROCEDURE"
    CONCLUDED = "CONCLUDED"
    PRODUCED = "PRODUCED"
    AT_PICK_UP = "AT_PICK_UP"
    DELIVERED = "DELIVERED"
    CLOSED = "CLOSED"
    EVALUATED = "EVALUATED"


class Duty(Enum):
    """What a party does in a case."""

    TAKE_IN = "TAKE_IN"
    RECEIVE = "RECEIVE"
    ACCEPT = "ACCEPT"
    CORRECT = "CORRECT"
    HANDLE = "HANDLE"
    CONCLUDE = "CONCLUDE"
    MAKE = "MAKE"
    HAND_OUT = "HAND_OUT"
    EVALUATE = "EVALUATE"


_ALWAYS: Final[Mapping[Duty, tuple[Party, ...]]] = {
    Duty.TAKE_IN: (Party.INTAKE,),
    Duty.RECEIVE: (Party.HANDLING,),
    Duty.CORRECT: (Party.INTAKE, Party.HANDLING),
    Duty.MAKE: (Party.HANDLING,),
    Duty.HAND_OUT: (Party.PICK_UP,),
    Duty.EVALUATE: (Party.INTAKE, Party.PICK_UP),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeRule:
    """One mode. name: as the law has it. one_county: intake and handling are one county, else they are two.

    hands_over: papers go to the handling county, which states that it has them. own: the duties that differ.
    """

    name: str
    one_county: bool
    hands_over: bool
    own: Mapping[Duty, tuple[Party, ...]] = field(default_factory=dict)

    def parties(self, duty: Duty) -> tuple[Party, ...]:
        """Give the parties that have a duty, the one whose clock it is first."""
        return self.own[duty] if duty in self.own else _ALWAYS[duty]


_H: Final = (Party.HANDLING,)
_I: Final = (Party.INTAKE,)

MODES: Final[Mapping[CaseMode, ModeRule]] = MappingProxyType(
    {
        CaseMode.ONLINE: ModeRule(
            name="全程网办", one_county=True, hands_over=False,
            own={Duty.ACCEPT: _H, Duty.HANDLE: _H, Duty.CONCLUDE: _H},
        ),
        CaseMode.PROXY_INTAKE: ModeRule(
            name="异地代收代办", one_county=False, hands_over=True,
            own={Duty.ACCEPT: _H, Duty.HANDLE: _H, Duty.CONCLUDE: _H},
        ),
        CaseMode.JOINT: ModeRule(
            name="多地联办", one_county=False, hands_over=False,
            own={Duty.ACCEPT: _I, Duty.HANDLE: (Party.HANDLING, Party.INTAKE), Duty.CONCLUDE: _H},
        ),
        CaseMode.DELEGATED: ModeRule(
            name="授权办理", one_county=False, hands_over=False,
            own={Duty.ACCEPT: _I, Duty.HANDLE: _I, Duty.CONCLUDE: _I},
        ),
    }
)  # fmt: skip
"""The four modes: the three of 国办发〔2020〕35号, and 异地授权·本地办理 as running systems count it."""


@dataclass(frozen=True, slots=True)
class Transition:
    """One row of the state machine. outcome None: the step decides nothing. source None: there is no case yet."""

    step: StepKind
    outcome: Outcome | None
    source: CaseStage | None
    target: CaseStage
    duty: Duty


def _corrections(source: CaseStage, pause: CaseStage, duty: Duty) -> tuple[Transition, Transition]:
    """Give the two rows by which a stage waits for the applicant and goes on."""
    return (
        Transition(StepKind.CORRECTION_NOTICE, None, source, pause, duty),
        Transition(StepKind.CORRECTION, None, pause, source, Duty.CORRECT),
    )


_S: Final = StepKind
_AT: Final = CaseStage
_UNDECIDED: Final = (
    _AT.APPLIED, _AT.CORRECTING_APPLIED, _AT.HANDED_OVER, _AT.RECEIVED, _AT.CORRECTING_RECEIVED, _AT.ACCEPTED,
    _AT.CORRECTING_ACCEPTED, _AT.IN_SPECIAL_PROCEDURE,
)  # fmt: skip

TRANSITIONS: Final[tuple[Transition, ...]] = (
    Transition(_S.APPLICATION, None, None, _AT.APPLIED, Duty.TAKE_IN),
    *_corrections(_AT.APPLIED, _AT.CORRECTING_APPLIED, Duty.TAKE_IN),
    Transition(_S.PRE_REVIEW, Outcome.PASSED, _AT.APPLIED, _AT.HANDED_OVER, Duty.TAKE_IN),
    Transition(_S.PRE_REVIEW, Outcome.RETURNED, _AT.APPLIED, _AT.CLOSED, Duty.TAKE_IN),
    Transition(_S.HAND_OVER_RECEIPT, None, _AT.HANDED_OVER, _AT.RECEIVED, Duty.RECEIVE),
    *_corrections(_AT.RECEIVED, _AT.CORRECTING_RECEIVED, Duty.ACCEPT),
    Transition(_S.ACCEPTANCE, Outcome.ACCEPTED, _AT.RECEIVED, _AT.ACCEPTED, Duty.ACCEPT),
    Transition(_S.ACCEPTANCE, Outcome.NOT_ACCEPTED, _AT.RECEIVED, _AT.CLOSED, Duty.ACCEPT),
    *_corrections(_AT.ACCEPTED, _AT.CORRECTING_ACCEPTED, Duty.HANDLE),
    Transition(_S.HANDLING, None, _AT.ACCEPTED, _AT.ACCEPTED, Duty.HANDLE),
    Transition(_S.SPECIAL_PROCEDURE, None, _AT.ACCEPTED, _AT.IN_SPECIAL_PROCEDURE, Duty.HANDLE),
    Transition(_S.SPECIAL_PROCEDURE_END, None, _AT.IN_SPECIAL_PROCEDURE, _AT.ACCEPTED, Duty.HANDLE),
    Transition(_S.CONCLUSION, Outcome.GRANTED, _AT.ACCEPTED, _AT.CONCLUDED, Duty.CONCLUDE),
    Transition(_S.CONCLUSION, Outcome.NOT_GRANTED, _AT.ACCEPTED, _AT.CLOSED, Duty.CONCLUDE),
    Transition(_S.CONCLUSION, Outcome.WITHDRAWN, _AT.ACCEPTED, _AT.CLOSED, Duty.CONCLUDE),
    Transition(_S.PRODUCTION, None, _AT.CONCLUDED, _AT.PRODUCED, Duty.MAKE),
    Transition(_S.HAND_OVER_RECEIPT, None, _AT.PRODUCED, _AT.AT_PICK_UP, Duty.HAND_OUT),
    Transition(_S.PICK_UP, None, _AT.PRODUCED, _AT.DELIVERED, Duty.MAKE),
    Transition(_S.PICK_UP, None, _AT.AT_PICK_UP, _AT.DELIVERED, Duty.HAND_OUT),
    Transition(_S.EXPRESS, None, _AT.PRODUCED, _AT.DELIVERED, Duty.MAKE),
    Transition(_S.EXPRESS, None, _AT.AT_PICK_UP, _AT.DELIVERED, Duty.HAND_OUT),
    Transition(_S.EVALUATION, None, _AT.DELIVERED, _AT.EVALUATED, Duty.EVALUATE),
    Transition(_S.EVALUATION, None, _AT.CLOSED, _AT.EVALUATED, Duty.EVALUATE),
    *(Transition(_S.SUPPLEMENT, None, stage, stage, Duty.CORRECT) for stage in _UNDECIDED),
)
"""The state machine. A SUPPLEMENT (容缺补交) is legal while a tolerated material is missing. Where papers do
not change hands (`ModeRule.hands_over`), HANDED_OVER is RECEIVED at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A time in which one party's clock runs, or is stopped. duty: whose clock it is."""

    code: str
    runs: frozenset[CaseStage]
    stopped: frozenset[CaseStage]
    duty: Duty


PHASES: Final[tuple[Phase, ...]] = (
    Phase(
        code="INTAKE", runs=frozenset({_AT.APPLIED, _AT.HANDED_OVER}), stopped=frozenset({_AT.CORRECTING_APPLIED}),
        duty=Duty.TAKE_IN,
    ),
    Phase(
        code="ACCEPTANCE", runs=frozenset({_AT.RECEIVED}), stopped=frozenset({_AT.CORRECTING_RECEIVED}),
        duty=Duty.ACCEPT,
    ),
    Phase(
        code="HANDLING", runs=frozenset({_AT.ACCEPTED}),
        stopped=frozenset({_AT.CORRECTING_ACCEPTED, _AT.IN_SPECIAL_PROCEDURE}), duty=Duty.CONCLUDE,
    ),
    Phase(code="PRODUCTION", runs=frozenset({_AT.CONCLUDED}), stopped=frozenset(), duty=Duty.MAKE),
    Phase(code="DELIVERY", runs=frozenset({_AT.PRODUCED, _AT.AT_PICK_UP}), stopped=frozenset(), duty=Duty.HAND_OUT),
)  # fmt: skip
"""Phases in the order of a case; each begins once, and one that the case has left does not come back."""
