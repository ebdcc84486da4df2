"""From case steps in the journal to rows of the graph: what the projection will write of cases. No I/O.

    (:Case {caseNumber, matterCode, offeringCode, holderKey, mode, stage, takenInBy, handledBy, pickedUpAt,
            stepCount, head, itemsUnderWay, rating, missing, appliedAt, …})
    (:Step {code: "<case number>#004", kind, outcome, county, window, role, takenAt, …})
    (:Clock {code: "<case number>#HANDLING" | "…#N07" | "…#M03", name, county, statutoryDays, promisedDays, spans,
             ended, openIn, urgency: "2026-06-09<case number>.HANDLING"})

A case in the graph holds all that its next step is judged by: `case_of` reads it back, so that the projection needs no
other store, and ends the same whatever its batches were. Spans are instants, as text: start, stop, start, …

An open clock has `openIn`, the county whose it is, and `urgency`: the first day on which it may turn yellow if every
day were worked, which no calendar moves; the lamp itself, which a calendar does, is for whoever reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeAlias

from hub.graph.facts import instant
from hub.journal.casesteps import CaseStepRecord
from ledger.cases import CaseMode, CaseStage, StepKind
from ledger.casework import Case, take
from ledger.clocks import Clock, Limits
from ledger.encoding import b64u_decode, b64u_encode
from ledger.errors import NotVerified, TongbanError
from ledger.workdays import china_day

__all__ = ["CaseRows", "Taken", "case_of", "case_rows", "clock_of"]

Row: TypeAlias = dict[str, Any]
Taken: TypeAlias = Callable[[Case | None, Case, CaseStepRecord], None]
"""Who hears of each step that is taken: the case before it, if there was one, the case after it, and the record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRows:
    """Rows of consecutive steps. cases, clocks: as they stand after the last; opened: cases whose first step is here.

    used, produced: {"case", "license"}, one a named license.
    """

    cases: list[Row]
    opened: list[Row]
    steps: list[Row]
    clocks: list[Row]
    used: list[Row]
    produced: list[Row]


def case_of(properties: Mapping[str, Any], clocks: Sequence[Mapping[str, Any]]) -> Case:
    """Read a case back from its node and those of its clocks, in the order in which they began."""
    ordered = sorted(clocks, key=lambda each: each["order"])
    return Case(
        number=properties["caseNumber"],
        mode=CaseMode(properties["mode"]),
        taken_in_by=properties["takenInBy"],
        handled_by=properties["handledBy"],
        picked_up_at=properties["pickedUpAt"],
        offering=properties["offeringCode"],
        holder=properties["holderKey"],
        stage=CaseStage(properties["stage"]),
        steps=properties["stepCount"],
        head=b64u_decode(properties["head"]),
        at=_seconds(properties["steppedAt"]),
        items=properties.get("itemsUnderWay"),
        rating=properties.get("rating"),
        clocks=tuple(map(clock_of, ordered)),
    )


def clock_of(properties: Mapping[str, Any]) -> Clock:
    """Read a clock back from its node."""
    return Clock(
        code=properties["name"],
        county=properties["county"],
        limits=Limits(properties.get("statutoryDays"), properties.get("promisedDays")),
        spans=tuple(map(_seconds, properties["spans"])),
        ended=properties["ended"],
    )


def _seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def case_rows(records: Sequence[CaseStepRecord], known: Mapping[str, Case], taken: Taken = lambda *_: None) -> CaseRows:
    """Let the cases go on by these steps, in order. known: the cases as the graph has them, by number.

    A step that the graph has already is left out: another projector was faster, and the cursor will say so. Raises
    NotVerified corrupt_store: the journal takes no step that is not legal.
    """
    cases = dict(known)
    touched: dict[str, None] = {}
    records = [each for each in records if each.step.number not in known or each.step.sequence > _steps(known, each)]
    for record in records:
        before = cases.get(record.step.number)
        try:
            cases[record.step.number] = take(before, record.step)
        except TongbanError as error:
            raise NotVerified("corrupt_store", f"a step in the journal is not legal: {error.message}") from error
        taken(before, cases[record.step.number], record)
        touched[record.step.number] = None
    named = [(record, each) for record in records for each in record.licenses]
    return CaseRows(
        cases=[_case(cases[number]) for number in touched],
        opened=[_opened(record) for record in records if record.step.opening is not None],
        steps=[_step(record) for record in records],
        clocks=[_clock(number, order, each) for number in touched for order, each in enumerate(cases[number].clocks)],
        used=[_license(*pair) for pair in named if pair[0].step.kind is not StepKind.PRODUCTION],
        produced=[_license(*pair) for pair in named if pair[0].step.kind is StepKind.PRODUCTION],
    )


def _steps(known: Mapping[str, Case], record: CaseStepRecord) -> int:
    return known[record.step.number].steps


def _case(case: Case) -> Row:
    properties = {
        "stage": case.stage.value,
        "stepCount": case.steps,
        "head": b64u_encode(case.head),
        "steppedAt": instant(case.at),
        "itemsUnderWay": case.items,
        "rating": case.rating,
        "missing": list(case.missing),
    }
    return {"number": case.number, "properties": properties}


def _opened(record: CaseStepRecord) -> Row:
    opening = record.step.opening
    assert opening is not None  # noqa: S101  # asked before
    properties = {
        "matterCode": record.matter,
        "offeringCode": opening.offering,
        "holderKey": opening.holder,
        "mode": opening.mode.value,
        "takenInBy": record.iss,
        "handledBy": opening.handled_by,
        "pickedUpAt": opening.picked_up_at,
        "appliedAt": instant(record.iat),
    }
    return {"number": record.step.number, "properties": properties}


def _step(record: CaseStepRecord) -> Row:
    step = record.step
    return {
        "case": step.number,
        "code": f"{step.number}#{step.sequence:03d}",
        "before": f"{step.number}#{step.sequence - 1:03d}",
        "properties": {
            "sequence": step.sequence,
            "kind": step.kind.value,
            "outcome": None if step.outcome is None else step.outcome.value,
            "county": record.iss,
            "window": record.window,
            "role": record.role.value,
            "takenAt": instant(record.iat),
            "leafHash": b64u_encode(step.leaf),
            "licenses": list(record.licenses),
            "items": step.items,
            "supplied": list(step.supplied),
            "trackingNumber": record.tracking_number,
            "rating": step.rating,
        },
    }


def _clock(number: str, order: int, clock: Clock) -> Row:
    properties = {
        "name": clock.code,
        "order": order,
        "county": clock.county,
        "statutoryDays": clock.limits.statutory,
        "promisedDays": clock.limits.promised,
        "spans": [instant(at) for at in clock.spans],
        "ended": clock.ended,
        "openIn": None if clock.ended else clock.county,
        "urgency": None if clock.ended or (day := _earliest_yellow(clock)) is None else f"{day}{number}.{clock.code}",
    }
    return {"case": number, "code": f"{number}#{clock.code}", "properties": properties}


def _earliest_yellow(clock: Clock) -> date | None:
    """Give the first day in China on which a clock may turn yellow; None for a stopped one that has not."""
    limits = clock.limits
    left = (limits.statutory or 0 if limits.promised is None else limits.promised) - 1
    days = [china_day(at) for at in clock.spans]
    left -= sum((stop - start).days for start, stop in zip(days[::2], days[1::2], strict=False))
    if clock.runs:
        return days[-1] + timedelta(days=max(left, 0))
    return days[-1] if left <= 0 else None


def _license(record: CaseStepRecord, identifier: str) -> Row:
    return {"case": record.step.number, "license": identifier}
