"""Cases that go a seeded legal way and stop anywhere, so that every state occurs; each step signed by whoever takes it.

The walk asks `ledger.casework` what is legal, as a county's desk would, and keeps no table of its own.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from hub.journal.casesteps import OWN_MEMBERS, build_case_step
from hub.journal.records import format_access
from ledger.cases import Outcome, StepKind
from ledger.casework import Case, CaseStep, LegalStep, NodeStart, Opening, Tolerated, legal_steps, take
from ledger.clocks import Limits
from ledger.encoding import JsonValue, b64u_encode
from ledger.errors import Malformed
from ledger.offered import is_ruled
from ledger.transparency.merkle import leaf_hash
from loadtests.nineteen.plan import LICENSES_A_HOLDER, START, CasePlan, World
from loadtests.nineteen.signing import JOURNAL, Span, signer_of
from schema.context import Access

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["access_of", "walked_span"]

_MOST_STEPS: Final = 16
_STOP: Final = 0.07
_TOLERATED: Final = 0.2
_WEIGHTS: Final = {
    StepKind.CORRECTION_NOTICE: 0.08,
    StepKind.SPECIAL_PROCEDURE: 0.06,
    StepKind.HANDLING: 0.4,
    StepKind.EXPRESS: 0.5,
}
_COUNTED: Final = frozenset({StepKind.PRE_REVIEW, StepKind.HAND_OVER_RECEIPT, StepKind.PRODUCTION})
_ENDS: Final = frozenset({Outcome.RETURNED, Outcome.NOT_ACCEPTED, Outcome.NOT_GRANTED, Outcome.WITHDRAWN})
_LIMITS: Final = (Limits(20, 5), Limits(10, 3), Limits(None, 2), Limits(5, None))
_PAUSES_S: Final = (1800, 7200, 86_400, 2 * 86_400, 5 * 86_400)


def walked_span(span: Span) -> list[tuple[int, bytes]]:
    """Walk the cases of a span; give all their steps as (time, record), in order of time, each case's in its order."""
    steps = [step for n in range(span.count) for step in _walk(span.world, span.first + n)]
    return sorted(steps, key=lambda step: step[0])


def _walk(world: World, number: int) -> list[tuple[int, bytes]]:
    chance = random.Random(f"case {world.seed}/{number}")  # seeded on purpose
    plan = world.case(number)
    walker = _Walker(world, plan, chance)
    walker.open()
    while walker.made < _MOST_STEPS and chance.random() > _STOP and walker.go_on():
        pass
    return walker.steps


class _Walker:
    def __init__(self, world: World, plan: CasePlan, chance: random.Random) -> None:
        self._world: Final = world
        self._plan: Final = plan
        self._chance: Final = chance
        self._case: Case | None = None
        self._at = plan.at
        self.steps: Final[list[tuple[int, bytes]]] = []

    @property
    def made(self) -> int:
        return len(self.steps)

    def open(self) -> None:
        intake, handled, pick_up = self._plan.counties
        offered = self._plan.offered
        some = [each for each in offered.tolerated if self._chance.random() < _TOLERATED]
        opening = Opening(
            mode=offered.mode,
            handled_by=handled,
            picked_up_at=pick_up,
            offering=offered.code,
            holder=self._world.holder_key(self._plan.holder),
            tolerated=tuple(Tolerated(f"M{place:02d}", days) for place, days in some),
        )
        step = self._step(StepKind.APPLICATION, None, intake, opening=opening)
        self._state(step, {"licenses": self._held(self._chance.randrange(4))})

    def go_on(self) -> bool:
        """Take one more legal step; False at the end of the way."""
        assert self._case is not None  # noqa: S101  # it was opened
        legal = legal_steps(self._case)
        open_nodes = tuple(clock.code for clock in self._case.clocks if clock.code.startswith("N") and clock.runs)
        if open_nodes:  # a grant waits for them
            legal = tuple(each for each in legal if each.kind is StepKind.HANDLING)
        if not legal:
            return False
        (chosen,) = self._chance.choices(legal, [_weight(each) for each in legal])
        self._at += self._chance.choice(_PAUSES_S)
        step = self._step(chosen.kind, chosen.outcome, self._chance.choice(chosen.counties))
        if chosen.kind is StepKind.HANDLING:
            begins = (
                () if open_nodes or self._chance.random() < 0.5 else (NodeStart(f"N{self.made:02d}", Limits(5, 2)),)
            )
            step = replace(step, begins=begins, ends=open_nodes)
        if chosen.kind is StepKind.SUPPLEMENT:
            step = replace(step, supplied=self._case.missing[:1])
        if chosen.kind in _COUNTED:
            receipt = chosen.kind is StepKind.HAND_OVER_RECEIPT
            step = replace(step, items=self._case.items if receipt else self._chance.randint(1, 9))
        self._state(step, self._own(chosen.kind))
        return True

    def _own(self, kind: StepKind) -> dict[str, JsonValue]:
        produced: list[JsonValue] = [*self._world.own_licenses(self._plan.counties[1], self._plan.holder)]
        return {
            "trackingNumber": f"SF{self._plan.number[-12:]}",
            "rating": self._chance.choice((1, 1, 1, 2, 2, 3, 4, 5)),
            "licenses": produced if kind is StepKind.PRODUCTION else self._held(1),
        }

    def _held(self, count: int) -> list[JsonValue]:
        first = self._plan.holder * LICENSES_A_HOLDER
        there = min(LICENSES_A_HOLDER, self._world.licenses - first)
        chosen = self._chance.sample(range(there), min(count, there))
        return [self._world.license(first + n).identifier for n in chosen]

    def _step(self, kind: StepKind, outcome: Outcome | None, county: str, **more: Any) -> CaseStep:
        case = self._case
        return CaseStep(
            number=self._plan.number, sequence=self.made + 1, prev=None if case is None else case.head, leaf=bytes(32),
            county=county, at=self._at, kind=kind, outcome=outcome, **more,
        )  # fmt: skip

    def _state(self, step: CaseStep, own: dict[str, JsonValue]) -> None:
        """Sign a step, with limits if it starts a clock, and let the case go on by it."""
        step = self._with_limits(step)
        raw = _signed(step, self._plan, own)
        self._case = take(self._case, replace(step, leaf=leaf_hash(raw)))
        self.steps.append((self._at, raw))

    def _with_limits(self, step: CaseStep) -> CaseStep:
        try:
            take(self._case, step)
        except Malformed:
            if is_ruled(step):
                return replace(step, limits=self._plan.offered.limits)
            return replace(step, limits=self._chance.choice(_LIMITS))
        return step


def _weight(step: LegalStep) -> float:
    return _WEIGHTS.get(step.kind, 1.0) * (0.06 if step.outcome in _ENDS else 1.0)


def _signed(step: CaseStep, plan: CasePlan, own: dict[str, JsonValue]) -> bytes:
    claims: dict[str, JsonValue] = {
        "caseNumber": step.number,
        "sequence": step.sequence,
        "prev": None if step.prev is None else b64u_encode(step.prev),
        "step": step.kind.value,
        "outcome": None if step.outcome is None else step.outcome.value,
        "window": f"A{step.sequence:02d}",
        "role": "INTAKE_CLERK" if step.county == plan.counties[0] else "HANDLER",
    }
    members = {
        **own, **_opening(step.opening), "matter": plan.matter, "items": step.items, "supplied": list(step.supplied),
        "limits": _limits(step.limits),
        "begins": [{"node": node.code, **_days(node.limits)} for node in step.begins], "ends": list(step.ends),
    }  # fmt: skip
    kid = f"{step.county}#{JOURNAL}"
    stated = claims | {name: members[name] for name in OWN_MEMBERS[step.kind]}
    return build_case_step(stated, iat=step.at, kid=kid, signer=signer_of(kid))


def _opening(opening: Opening | None) -> dict[str, JsonValue]:
    if opening is None:
        return {}
    return {
        "mode": opening.mode.value, "offering": opening.offering, "holder": opening.holder,
        "handledBy": opening.handled_by, "pickedUpAt": opening.picked_up_at,
        "tolerated": [{"material": each.code, "days": each.days} for each in opening.tolerated],
    }  # fmt: skip


def _limits(limits: Limits | None) -> JsonValue:
    return None if limits is None else _days(limits)


def _days(limits: Limits) -> dict[str, JsonValue]:
    return {"statutory": limits.statutory, "promised": limits.promised}


def access_of(world: World, number: int) -> bytes:
    """Make one access record: some county looks a holder up."""
    holder = number * 11 % world.holders
    first = holder * LICENSES_A_HOLDER
    found: Sequence[int] = range(first, min(first + LICENSES_A_HOLDER, world.licenses))
    county = world.counties[number * 5 % len(world.counties)]
    access = Access(
        county=county, client=f"{county}#3", token_id=f"token-{number}", use_cause="食品经营许可新办",
        root_field="licenses", holder=world.holder_key(holder),
        licenses=tuple(world.license(n).identifier for n in found), fields=("License.status",),
        time=START + number * 25_000_000 // max(world.accesses, 1),
    )  # fmt: skip
    return format_access(access)
