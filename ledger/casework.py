"""A case going its way: one step after another judged against the tables of `ledger.cases`, all of it pure.

    case = take(None, application)       the first step makes the case
    case = take(case, pre_review)        every later one names the leaf hash of the step before it

A step that is refused changes nothing: `take` gives a new case or raises, with what is legal now for whoever is a
party. To anyone else a case that exists looks like one that does not. What a case is follows from its steps alone.

A tolerated material (容缺) is a clock of the intake county, `M` and its place in the offering's list: it runs from the
APPLICATION until a SUPPLEMENT brings the material in, whatever else the case waits for, and bars a grant until then.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from ledger.cases import (
    MODES,
    PHASES,
    TRANSITIONS,
    CaseMode,
    CaseStage,
    Duty,
    Outcome,
    Party,
    Phase,
    StepKind,
    Transition,
)
from ledger.clocks import Clock, Limits
from ledger.errors import Conflict, Malformed, Refused

__all__ = [
    "MAX_CLOCKS",
    "MAX_STEPS",
    "Case",
    "CaseStep",
    "LegalStep",
    "NodeStart",
    "Opening",
    "Tolerated",
    "legal_steps",
    "next_steps",
    "take",
]

MAX_STEPS: Final = 100
MAX_CLOCKS: Final = 100
_NODE_STAGE: Final = CaseStage.ACCEPTED
_NODE_STOPPED: Final = frozenset({CaseStage.CORRECTING_ACCEPTED, CaseStage.IN_SPECIAL_PROCEDURE})
_PHASE_CODES: Final = frozenset(phase.code for phase in PHASES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What the first step settles for good: the mode, and the counties beside the one that takes in.

    offering: code of the version that the case is pinned to. holder: holder key of the applicant. tolerated: materials
    that may follow.
    """

    mode: CaseMode
    handled_by: str
    picked_up_at: str
    offering: str
    holder: str
    tolerated: tuple[Tolerated, ...] = ()


@dataclass(frozen=True, slots=True)
class Tolerated:
    """A material that may follow within so many working days. code: M and its place in the offering's list, M03."""

    code: str
    days: int


@dataclass(frozen=True, slots=True)
class NodeStart:
    """A node of a project (环节) that begins, with its limits. code: N and 2 or 3 digits."""

    code: str
    limits: Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseStep:
    """One county's statement of one step, as far as the case's way depends on it.

    sequence: 1..100 within the case. prev: leaf hash of the step before, None for the first. at: POSIX seconds.
    opening: of an APPLICATION, and of it alone. limits: of the clock that the step starts. begins, ends: nodes.
    licenses: GB/T 36904 identifiers: used by the step; of a PRODUCTION, given by it. supplied: tolerated materials that
    it brings. items: pieces that are handed over, or that a receipt says are there. rating: of an EVALUATION, 1 (very
    satisfied) .. 5 (very dissatisfied), GB/T 39046-2020, Annex A.
    """

    number: str
    sequence: int
    prev: bytes | None
    leaf: bytes
    county: str
    at: int
    kind: StepKind
    outcome: Outcome | None = None
    opening: Opening | None = None
    limits: Limits | None = None
    begins: tuple[NodeStart, ...] = ()
    ends: tuple[str, ...] = ()
    licenses: tuple[str, ...] = ()
    supplied: tuple[str, ...] = ()
    items: int | None = None
    rating: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A case after its newest step. steps: how many. head: leaf hash of the newest. at: its time, POSIX seconds.

    offering, holder: as its Opening has them. items: pieces under way, as whoever hands them over counts them, or None.
    rating: 1 .. 5, once it is evaluated.
    clocks: one for each phase that has begun, each node and each tolerated material, in the order in which they began.
    """

    number: str
    mode: CaseMode
    taken_in_by: str
    handled_by: str
    picked_up_at: str
    offering: str
    holder: str
    stage: CaseStage
    steps: int
    head: bytes
    at: int
    items: int | None
    rating: int | None
    clocks: tuple[Clock, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """The tolerated materials that are not there yet, in the order of the offering's list."""
        return tuple(sorted(each.code for each in self.clocks if _is_material(each.code) and not each.ended))

    @property
    def counties(self) -> tuple[str, str, str]:
        """The counties of the case: intake, handling, pick-up."""
        return (self.taken_in_by, self.handled_by, self.picked_up_at)

    def having(self, duty: Duty) -> tuple[str, ...]:
        """Give the counties that have a duty, the one whose clock it is first."""
        return _having(duty, self.mode, self.counties)


@dataclass(frozen=True, slots=True)
class LegalStep:
    """A step that may come next, with its outcome if it decides something, and the counties that may take it."""

    kind: StepKind
    outcome: Outcome | None
    counties: tuple[str, ...]


def next_steps(
    stage: CaseStage, mode: CaseMode, counties: tuple[str, str, str], steps: int, *, missing: bool
) -> tuple[LegalStep, ...]:
    """Give what may come next in a case, in the order of the table; nothing at the end, or after 100 steps.

    counties: intake, handling, pick-up. steps: how many were taken. missing: whether a tolerated material is.
    """
    if steps >= MAX_STEPS:
        return ()
    rows = [row for row in _rows_from(stage) if _may(row, missing=missing)]
    return tuple(LegalStep(row.step, row.outcome, _having(row.duty, mode, counties)) for row in rows)


def legal_steps(case: Case) -> tuple[LegalStep, ...]:
    """Give what may come next."""
    return next_steps(case.stage, case.mode, case.counties, case.steps, missing=bool(case.missing))


def _may(row: Transition, *, missing: bool) -> bool:
    """Say whether a row of the table is open: a SUPPLEMENT needs what is missing, a grant that nothing is."""
    if row.step is StepKind.SUPPLEMENT:
        return missing
    return row.outcome is not Outcome.GRANTED or not missing


def _having(duty: Duty, mode: CaseMode, counties: tuple[str, str, str]) -> tuple[str, ...]:
    by_party = dict(zip(Party, counties, strict=True))
    return tuple(dict.fromkeys(by_party[party] for party in MODES[mode].parties(duty)))


def _rows_from(stage: CaseStage | None) -> tuple[Transition, ...]:
    return tuple(row for row in TRANSITIONS if row.source is stage)


def take(case: Case | None, step: CaseStep) -> Case:
    """Give the case after one more step; None: there is none of this number yet.

    A time before the case's newest is taken as that one: clocks of counties differ. Raises Refused not_party (no
    party of the case, or there is no case; or another county's step), Conflict already_exists (a number in use),
    stale_prev (another step came first), illegal_step, items_differ (a receipt for other pieces than were handed over);
    Malformed bad_payload (counties or limits that do not fit).
    """
    if step.kind is StepKind.APPLICATION:
        if case is not None:
            raise Conflict("already_exists", "the case number is in use: take another serial")
        return _opened(step)
    if case is None or step.county not in case.counties:
        raise Refused("not_party", "the county is no party of a case with this number")
    row = _row_of(case, step)
    at = max(case.at, step.at)
    target = _settled(row.target, case.mode)
    moved = replace(
        case, stage=target, steps=step.sequence, head=step.leaf, at=at, items=_items(case, step), rating=step.rating
    )
    clocks = _with_nodes(_turned(_supplied(case, step, at), target, at), step, case, at)
    return replace(moved, clocks=_with_phase(clocks, moved, step))


def _opened(step: CaseStep) -> Case:
    opening = step.opening
    if opening is None or step.sequence != 1 or step.prev is not None:
        raise Malformed("bad_payload", "an APPLICATION is the first step, and states mode and counties")
    if MODES[opening.mode].one_county != (step.county == opening.handled_by):
        raise Malformed("bad_payload", f"{opening.mode.value} has other counties: one and the same, or two")
    (row,) = _rows_from(None)
    case = Case(
        number=step.number,
        mode=opening.mode,
        taken_in_by=step.county,
        handled_by=opening.handled_by,
        picked_up_at=opening.picked_up_at,
        offering=opening.offering,
        holder=opening.holder,
        stage=row.target,
        steps=1,
        head=step.leaf,
        at=step.at,
        items=None,
        rating=None,
        clocks=(),
    )
    return replace(case, clocks=(*_with_phase((), case, step), *_tolerated(step, opening)))


def _tolerated(step: CaseStep, opening: Opening) -> list[Clock]:
    return [
        Clock(code=each.code, county=step.county, limits=Limits(None, each.days), spans=(step.at,))
        for each in opening.tolerated
    ]


def _row_of(case: Case, step: CaseStep) -> Transition:
    if (step.sequence, step.prev) != (case.steps + 1, case.head):
        raise Conflict("stale_prev", f"another step came before; {_standing(case)}")
    rows = [row for row in _rows_from(case.stage) if (row.step, row.outcome) == (step.kind, step.outcome)]
    if rows and step.outcome is Outcome.GRANTED and case.missing:
        raise Conflict("illegal_step", f"tolerated materials are missing: {', '.join(case.missing)}; {_standing(case)}")
    if not rows:
        raise Conflict("illegal_step", f"{_named(step.kind, step.outcome)} is not next; {_standing(case)}")
    mine = [row for row in rows if step.county in case.having(row.duty)]
    if not mine:
        raise Refused("not_party", f"{_named(step.kind, step.outcome)} is another county's; {_standing(case)}")
    return mine[0]


def _standing(case: Case) -> str:
    """Say where a case stands and what is legal, for one of its counties."""
    steps = (f"{_named(each.kind, each.outcome)} by {' or '.join(each.counties)}" for each in legal_steps(case))
    return f"the case is {case.stage.value} after step {case.steps}; legal: {', '.join(steps) or 'nothing'}"


def _named(kind: StepKind, outcome: Outcome | None) -> str:
    return kind.value if outcome is None else f"{kind.value} {outcome.value}"


def _settled(target: CaseStage, mode: CaseMode) -> CaseStage:
    direct = target is CaseStage.HANDED_OVER and not MODES[mode].hands_over
    return CaseStage.RECEIVED if direct else target


def _items(case: Case, step: CaseStep) -> int | None:
    """Count what is under way after a step: a receipt must be for exactly what was handed over."""
    if step.kind is not StepKind.HAND_OVER_RECEIPT:
        return case.items if step.items is None else step.items
    if step.items != case.items:
        raise Conflict("items_differ", f"{case.items} pieces were handed over, the receipt is for {step.items}")
    return None


def _supplied(case: Case, step: CaseStep, at: int) -> tuple[Clock, ...]:
    """End the clocks of the materials that a SUPPLEMENT brings."""
    fits = set(case.missing) >= set(step.supplied)
    if not fits or bool(step.supplied) != (step.kind is StepKind.SUPPLEMENT):
        raise Conflict("illegal_step", f"missing are: {', '.join(case.missing) or 'no materials'}; {_standing(case)}")
    return tuple(
        clock.turned(running=False, ended=True, at=at) if clock.code in step.supplied else clock
        for clock in case.clocks
    )


def _turned(clocks: tuple[Clock, ...], stage: CaseStage, at: int) -> tuple[Clock, ...]:
    """Start, stop and end the clocks that there are, as the new stage asks."""
    phases = {phase.code: phase for phase in PHASES}
    return tuple(_turn(clock, phases.get(clock.code), stage, at) for clock in clocks)


def _turn(clock: Clock, phase: Phase | None, stage: CaseStage, at: int) -> Clock:
    if _is_material(clock.code):
        closed = stage is CaseStage.CLOSED
        return clock.turned(running=not closed, ended=closed, at=at)
    runs, stopped = ({_NODE_STAGE}, _NODE_STOPPED) if phase is None else (phase.runs, phase.stopped)
    return clock.turned(running=stage in runs, ended=stage not in runs and stage not in stopped, at=at)


def _with_nodes(clocks: tuple[Clock, ...], step: CaseStep, case: Case, at: int) -> tuple[Clock, ...]:
    running = {clock.code for clock in clocks if clock.runs and _is_node(clock.code)}
    known = {clock.code for clock in case.clocks}
    if step.outcome is Outcome.GRANTED and (open_nodes := _open_nodes(case)):
        raise Conflict("illegal_step", f"nodes are open: {', '.join(open_nodes)}; {_standing(case)}")
    if not running >= set(step.ends):
        raise Conflict("illegal_step", f"a node that ends must have begun; {_standing(case)}")
    if any(node.code in known for node in step.begins) or len(known) + len(step.begins) > MAX_CLOCKS - len(PHASES):
        raise Conflict(
            "illegal_step", f"a node begins once, and a case has at most {MAX_CLOCKS} clocks; {_standing(case)}"
        )
    ended = tuple(
        clock.turned(running=False, ended=True, at=at) if clock.code in step.ends else clock for clock in clocks
    )
    begun = (Clock(code=node.code, county=step.county, limits=node.limits, spans=(at,)) for node in step.begins)
    return (*ended, *begun)


def _open_nodes(case: Case) -> list[str]:
    return [clock.code for clock in case.clocks if _is_node(clock.code) and not clock.ended]


def _is_node(code: str) -> bool:
    return code not in _PHASE_CODES and not _is_material(code)


def _is_material(code: str) -> bool:
    return code.startswith("M")


def _with_phase(clocks: tuple[Clock, ...], case: Case, step: CaseStep) -> tuple[Clock, ...]:
    """Begin the clock of a phase that the case has just reached; its limits are the step's."""
    known = {clock.code for clock in clocks}
    begun = next((phase for phase in PHASES if case.stage in phase.runs and phase.code not in known), None)
    if (begun is None) != (step.limits is None):
        raise Malformed("bad_payload", "limits stand in the step that starts a clock, and in no other")
    if begun is None or step.limits is None:
        return clocks
    county = case.having(begun.duty)[0]
    return (*clocks, Clock(code=begun.code, county=county, limits=step.limits, spans=(case.at,)))
