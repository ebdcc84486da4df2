"""Cases that go a random legal way, access records and objections beside them: what statistics are counted from."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, Final

from hub.journal.casesteps import OWN_MEMBERS, parse_case_step
from hub.journal.records import format_access
from ledger.casework import Case, LegalStep, legal_steps, take
from ledger.errors import Conflict, Malformed
from schema.context import Access
from tests.casefile import CHENGYANG, DAY, FENGNAN, KUANCHENG, CaseFile, case_number
from tests.deskwork import Dispute
from tests.statements import NOW

__all__ = ["random_access", "random_case", "random_objection"]

_COUNTIES: Final = (CHENGYANG, FENGNAN, KUANCHENG)
_PAUSES: Final = (0, 3600, DAY, 3 * DAY, 20 * DAY)


def random_case(rng: random.Random, serial: int, licenses: Sequence[str], *, most: int = 24) -> CaseFile:
    """Walk a case through up to `most` legal steps of any kind, over weeks; it may end anywhere."""
    mode = rng.choice(("ONLINE", "PROXY_INTAKE", "JOINT", "DELEGATED"))
    intake = CHENGYANG if mode == "ONLINE" else rng.choice((FENGNAN, KUANCHENG))
    file = CaseFile(number=case_number(serial), mode=mode, intake=intake, pick_up=rng.choice(_COUNTIES))
    at = NOW + rng.randrange(60) * DAY
    file.apply(at=at, licenses=_some(rng, licenses), limits=_limits(rng))
    case = take(None, parse_case_step(file.raws[-1]).step)
    for _ in range(rng.randrange(most)):
        legal = [each for each in legal_steps(case) if each.kind.value != "CORRECTION_NOTICE" or rng.random() < 0.3]
        if not legal:
            break
        at += rng.choice(_PAUSES)
        case = _next(rng, file, case, rng.choice(legal), at, licenses)
    return file


def _next(
    rng: random.Random, file: CaseFile, case: Case, step: LegalStep, at: int, licenses: Sequence[str]
) -> Case:  # fmt: skip
    known = OWN_MEMBERS[step.kind]
    own: dict[str, Any] = {"rating": rng.randint(1, 5), "licenses": _some(rng, licenses)}
    if step.kind.value == "PRODUCTION":
        own["licenses"] = []
    if step.kind.value == "HANDLING":
        own["begins"] = [{"node": f"N{case.steps:02d}", "statutory": None, "promised": 1}]
        own["ends"] = [clock.code for clock in case.clocks if clock.code.startswith("N") and clock.runs]
    for limits in (None, _limits(rng)):
        members = {name: value for name, value in {**own, "limits": limits}.items() if name in known}
        outcome = None if step.outcome is None else step.outcome.value
        raw = file.draft(step.kind.value, rng.choice(step.counties), at=at, outcome=outcome, **members)
        try:
            taken = take(case, parse_case_step(raw).step)
        except (Malformed, Conflict):  # limits that the step needs, or nodes that are open
            continue
        file.raws.append(raw)
        return taken
    return case


def _some(rng: random.Random, licenses: Sequence[str]) -> list[str]:
    return rng.sample(list(licenses), rng.randint(0, len(licenses)))


def _limits(rng: random.Random) -> dict[str, int | None]:
    return rng.choice(
        ({"statutory": 20, "promised": 5}, {"statutory": 3, "promised": None}, {"statutory": None, "promised": 1})
    )


def random_objection(rng: random.Random, name: str, licenses: Sequence[str]) -> list[bytes]:
    """Raise an objection and perhaps end it, days later."""
    dispute = Dispute(license=rng.choice((None, *licenses)), name=name)
    at = NOW + rng.randrange(60) * DAY
    raised = dispute.raised(by=rng.choice((FENGNAN, KUANCHENG)), at=at)
    if rng.random() < 0.3:
        return [raised]
    return [raised, dispute.decided(rng.choice(("UPHELD", "DISMISSED")), at=at + rng.choice(_PAUSES))]


def random_access(rng: random.Random, licenses: Sequence[str], numbers: Sequence[str]) -> bytes:
    """Write down one read, of some licenses and some cases, by one of four counties."""
    access = Access(
        county=rng.choice((*_COUNTIES, "370215")), client="c", token_id="t", use_cause="x", root_field="licenses",
        holder=None, licenses=tuple(_some(rng, [*licenses, *numbers])), fields=(), time=NOW + rng.randrange(60) * DAY,
    )  # fmt: skip
    return format_access(access)
