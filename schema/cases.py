"""Cases: taken in by one county, handled by another, handed out by a third; their steps, clocks and lamps.

    (:Case {caseNumber, mode, stage, …})-[:FOR]->(:Matter), -[:TAKEN_IN_BY|HANDLED_BY|PICKED_UP_AT]->(:Jurisdiction),
        -[:USES|PRODUCED]->(:License), -[:HAS_STEP]->(:Step), -[:TIMED_BY]->(:Clock)

A case is for its three counties only; to all others it looks absent. What is stored is what counties stated; what is
legal next, and what a lamp shows, is computed from it at the time of the request, so that no restart changes it.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any

import strawberry
from strawberry.types import Info

from ledger.cases import CaseMode as Mode
from ledger.cases import CaseStage as Stage
from ledger.casework import next_steps
from ledger.clocks import LimitReading as Reading
from ledger.clocks import read_limit
from schema.catalogue import Matter
from schema.context import Context
from schema.jurisdictions import Jurisdiction
from schema.licenses import License
from schema.mapping import Property, Relation, attribute, computed, needed, stored
from schema.scalars import CaseNumber, CatalogueCode, Date, DateTime, Digest, LicenseIdentifier

__all__ = [
    "Case",
    "CaseClock",
    "CaseLamp",
    "CaseMode",
    "CaseOutcome",
    "CaseRole",
    "CaseStage",
    "CaseStep",
    "CaseStepKind",
    "LegalStep",
    "LimitReading",
]

_CASE = "case.read"
_BELOW = "case.steps"


@strawberry.enum(description="How a matter is handled across provinces (国办发〔2020〕35号).")
class CaseMode(Enum):
    """Each value is its GraphQL name, as the graph stores it."""

    ONLINE = strawberry.enum_value("ONLINE", description="全程网办: online, by the county with jurisdiction.")
    PROXY_INTAKE = strawberry.enum_value(
        "PROXY_INTAKE", description="异地代收代办: one county takes in and reviews the form, the other decides."
    )
    JOINT = strawberry.enum_value("JOINT", description="多地联办: one county accepts, both work on it.")
    DELEGATED = strawberry.enum_value(
        "DELEGATED", description="授权办理: the county with jurisdiction lets the other one handle it."
    )


@strawberry.enum(description="Where a case stands.")
class CaseStage(Enum):
    """Each value is its GraphQL name, as the graph stores it."""

    APPLIED = strawberry.enum_value("APPLIED", description="Applied for; the intake county reviews the form.")
    CORRECTING_APPLIED = strawberry.enum_value(
        "CORRECTING_APPLIED", description="The intake county waits for the applicant."
    )
    HANDED_OVER = strawberry.enum_value("HANDED_OVER", description="Under way to the handling county.")
    RECEIVED = strawberry.enum_value("RECEIVED", description="Complete in form; to be accepted or not.")
    CORRECTING_RECEIVED = strawberry.enum_value(
        "CORRECTING_RECEIVED", description="Whoever accepts waits for the applicant."
    )
    ACCEPTED = strawberry.enum_value("ACCEPTED", description="Accepted and being handled.")
    CORRECTING_ACCEPTED = strawberry.enum_value(
        "CORRECTING_ACCEPTED", description="Whoever handles it waits for the applicant."
    )
    IN_SPECIAL_PROCEDURE = strawberry.enum_value(
        "IN_SPECIAL_PROCEDURE", description="In an inspection, a hearing and the like: the clock stands still."
    )
    CONCLUDED = strawberry.enum_value("CONCLUDED", description="Granted; the result is to be made.")
    PRODUCED = strawberry.enum_value("PRODUCED", description="The result is made.")
    AT_PICK_UP = strawberry.enum_value("AT_PICK_UP", description="The result lies in the pick-up county.")
    DELIVERED = strawberry.enum_value("DELIVERED", description="The applicant has the result.")
    CLOSED = strawberry.enum_value("CLOSED", description="Ended without a result.")
    EVALUATED = strawberry.enum_value("EVALUATED", description="Evaluated by the applicant; nothing follows.")


@strawberry.enum(description="What a county stated of a case.")
class CaseStepKind(Enum):
    """Each value is its GraphQL name, as the graph stores it."""

    APPLICATION = strawberry.enum_value("APPLICATION", description="申请.")
    PRE_REVIEW = strawberry.enum_value("PRE_REVIEW", description="收件预审: form and identity only.")
    HAND_OVER_RECEIPT = strawberry.enum_value(
        "HAND_OVER_RECEIPT", description="交接回执: the other county has what was handed over."
    )
    ACCEPTANCE = strawberry.enum_value("ACCEPTANCE", description="受理, or not.")
    CORRECTION_NOTICE = strawberry.enum_value("CORRECTION_NOTICE", description="补正告知: the clock stops.")
    CORRECTION = strawberry.enum_value("CORRECTION", description="补正: the applicant has handed it in.")
    HANDLING = strawberry.enum_value("HANDLING", description="办理: nodes begin and end.")
    SPECIAL_PROCEDURE = strawberry.enum_value("SPECIAL_PROCEDURE", description="特别程序: the clock stops.")
    SPECIAL_PROCEDURE_END = strawberry.enum_value("SPECIAL_PROCEDURE_END", description="特别程序 is over.")
    CONCLUSION = strawberry.enum_value("CONCLUSION", description="办结.")
    PRODUCTION = strawberry.enum_value("PRODUCTION", description="制证.")
    PICK_UP = strawberry.enum_value("PICK_UP", description="取证.")
    EXPRESS = strawberry.enum_value("EXPRESS", description="快递.")
    EVALUATION = strawberry.enum_value("EVALUATION", description="评价.")


@strawberry.enum(description="How a step that decides something went.")
class CaseOutcome(Enum):
    """Each value is its GraphQL name, as the graph stores it."""

    PASSED = strawberry.enum_value("PASSED", description="预审通过: the form is complete.")
    RETURNED = strawberry.enum_value("RETURNED", description="退回: handed back to the applicant.")
    ACCEPTED = strawberry.enum_value("ACCEPTED", description="受理.")
    NOT_ACCEPTED = strawberry.enum_value("NOT_ACCEPTED", description="不予受理.")
    GRANTED = strawberry.enum_value("GRANTED", description="准予.")
    NOT_GRANTED = strawberry.enum_value("NOT_GRANTED", description="不予.")
    WITHDRAWN = strawberry.enum_value("WITHDRAWN", description="撤回: by the applicant.")


@strawberry.enum(description="In what role staff took a step.")
class CaseRole(Enum):
    """Each value is its GraphQL name, as the graph stores it."""

    INTAKE_CLERK = strawberry.enum_value("INTAKE_CLERK", description="收件: at an intake window.")
    HANDLER = strawberry.enum_value("HANDLER", description="经办: handles the case.")
    SUPERVISOR = strawberry.enum_value("SUPERVISOR", description="审批: decides, or stands in for a handler.")


@strawberry.enum(description="What a limit shows (红黄蓝).")
class CaseLamp(Enum):
    """Each value is its GraphQL name."""

    BLUE = strawberry.enum_value("BLUE", description="In time.")
    YELLOW = strawberry.enum_value("YELLOW", description="One working day or less is left.")
    RED = strawberry.enum_value("RED", description="Overdue.")


@strawberry.type(description="A step that may come next.")
class LegalStep:
    """One row of the state machine, for this case."""

    kind: CaseStepKind = attribute(access=_BELOW, description="The step.")
    outcome: CaseOutcome | None = attribute(access=_BELOW, description="Its outcome, if it decides something.")
    counties: list[CatalogueCode] = attribute(access=_BELOW, description="Member ids of the counties that may take it.")


@strawberry.type(description="What one limit of a clock shows now.")
class LimitReading:
    """All counts are working days."""

    days: int = attribute(access=_BELOW, description="The limit.")
    used: int = attribute(access=_BELOW, description="Working days used; the day of the start is not counted.")
    left: int = attribute(access=_BELOW, description="Working days left; below 0 when overdue.")
    due: Date | None = attribute(
        access=_BELOW, description="Last day in time; null while a stopped clock leaves it open."
    )
    lamp: CaseLamp = attribute(access=_BELOW, description="What it shows.")
    provisional: bool = attribute(
        access=_BELOW, description="Whether it rests on days whose official calendar is not there yet."
    )


@strawberry.type(description="A clock of one party, in working days: for a phase of the case, or a node of a project.")
class CaseClock:
    """A node `Clock`."""

    name: str = stored(
        Property("name"),
        access=_BELOW,
        description="INTAKE, ACCEPTANCE, HANDLING, PRODUCTION or DELIVERY; or the node, N and its number.",
    )
    county: CatalogueCode = stored(Property("county"), access=_BELOW, description="Member id of the county it is of.")
    statutory_days: int | None = stored(
        Property("statutoryDays"), access=_BELOW, description="Working days that the law allows."
    )
    promised_days: int | None = stored(
        Property("promisedDays"), access=_BELOW, description="Working days that the county promised."
    )
    spans: list[DateTime] = stored(
        Property("spans"), access=_BELOW, description="When it started, stopped, started again, and so on, in turn."
    )
    ended: bool = stored(Property("ended"), access=_BELOW, description="Whether it has ended for good.")

    @computed(needs=("promisedDays", "spans", "ended"), access=_BELOW)
    def promised(self, info: Info[Context, Any]) -> LimitReading | None:
        """The promised limit now; null if nothing was promised."""
        return _reading(self, "promisedDays", info.context)

    @computed(needs=("statutoryDays", "spans", "ended"), access=_BELOW)
    def statutory(self, info: Info[Context, Any]) -> LimitReading | None:
        """The statutory limit now; null if there is none."""
        return _reading(self, "statutoryDays", info.context)

    @computed(needs=("promisedDays", "statutoryDays", "spans", "ended"), access=_BELOW)
    def lamp(self, info: Info[Context, Any]) -> CaseLamp:
        """What the clock shows now: by its promised limit, or by the statutory one if nothing was promised."""
        name = "statutoryDays" if needed(self, "promisedDays") is None else "promisedDays"
        return CaseLamp(_read(self, name, info.context).lamp.value)


def _reading(source: Any, name: str, context: Context) -> LimitReading | None:
    if needed(source, name) is None:
        return None
    found = _read(source, name, context)
    return LimitReading(
        days=found.days,
        used=found.used,
        left=found.left,
        due=None if found.due is None else Date(found.due.isoformat()),
        lamp=CaseLamp(found.lamp.value),
        provisional=found.provisional,
    )


def _read(source: Any, name: str, context: Context) -> Reading:
    spans = [int(datetime.fromisoformat(each).timestamp()) for each in needed(source, "spans")]
    return read_limit(needed(source, name), spans, context.clock(), context.calendar, ended=needed(source, "ended"))


@strawberry.type(description="One step of a case, as a county stated and signed it.")
class CaseStep:
    """A node `Step`."""

    sequence: int = stored(Property("sequence"), access=_BELOW, description="Its number in the case, from 1.")
    kind: CaseStepKind = stored(Property("kind"), access=_BELOW, description="What was done.")
    outcome: CaseOutcome | None = stored(Property("outcome"), access=_BELOW, description="How it went, if it decides.")
    county: CatalogueCode = stored(Property("county"), access=_BELOW, description="Member id of the county.")
    window: str = stored(Property("window"), access=_BELOW, description="The window or desk.")
    role: CaseRole = stored(Property("role"), access=_BELOW, description="In what role.")
    taken_at: DateTime = stored(Property("takenAt"), access=_BELOW, description="When, by the county's clock.")
    leaf_hash: Digest = stored(
        Property("leafHash"), access=_BELOW, description="RFC 6962 leaf hash of the statement; the next step names it."
    )
    licenses: list[LicenseIdentifier] = stored(
        Property("licenses"), access=_BELOW, description="Licenses that it uses, or that a PRODUCTION gave."
    )
    items: int | None = stored(Property("items"), access=_BELOW, description="Pieces received, in a receipt.")
    tracking_number: str | None = stored(
        Property("trackingNumber"), access=_BELOW, description="Of the express, for an EXPRESS."
    )
    rating: int | None = stored(
        Property("rating"), access=_BELOW, description="1 very satisfied .. 5 very dissatisfied, for an EVALUATION."
    )


def _county(relation: str, description: str) -> Any:
    place = Relation(type=relation, direction="out", target="Jurisdiction")
    return stored(place, access=_CASE, cost=2, description=description)


def _licenses(relation: str, description: str) -> Any:
    place = Relation(type=relation, direction="out", target="License", many=True, order="certificateIdentifier")
    return stored(place, access="license.read", cost=2, description=description)


@strawberry.type(description="A case (办件): its counties, steps and clocks.")
class Case:
    """A node `Case`."""

    case_number: CaseNumber = stored(Property("caseNumber"), access=_CASE, description="办件编号, 43 characters.")
    matter_code: CatalogueCode = stored(Property("matterCode"), access=_CASE, description="Basic code of its matter.")
    mode: CaseMode = stored(Property("mode"), access=_CASE, description="How it is handled across provinces.")
    stage: CaseStage = stored(Property("stage"), access=_CASE, description="Where it stands.")
    taken_in_by: CatalogueCode = stored(
        Property("takenInBy"), access=_CASE, description="Member id of the county that took it in (收件地)."
    )
    handled_by: CatalogueCode = stored(
        Property("handledBy"), access=_CASE, description="Member id of the county with jurisdiction (办理地)."
    )
    picked_up_at: CatalogueCode = stored(
        Property("pickedUpAt"), access=_CASE, description="Member id of the county that hands out (取证地)."
    )
    applied_at: DateTime = stored(Property("appliedAt"), access=_CASE, description="When it was applied for.")
    stepped_at: DateTime = stored(Property("steppedAt"), access=_CASE, description="When the newest step was taken.")
    step_count: int = stored(Property("stepCount"), access=_CASE, description="How many steps were taken.")
    head: Digest = stored(
        Property("head"), access=_CASE, description="Leaf hash of the newest step: whoever takes the next one names it."
    )
    matter: Matter | None = stored(
        Relation(type="FOR", direction="out", target="Matter"),
        access=_CASE,
        cost=2,
        description="Its matter; null while the catalogue does not list it.",
    )
    intake_county: Jurisdiction | None = _county("TAKEN_IN_BY", "The county that took it in; null while not listed.")
    handling_county: Jurisdiction | None = _county("HANDLED_BY", "The county with jurisdiction; null while not listed.")
    pick_up_county: Jurisdiction | None = _county("PICKED_UP_AT", "The county that hands out; null while not listed.")
    steps: list[CaseStep] = stored(
        Relation(type="HAS_STEP", direction="out", target="Step", many=True, order="code"),
        access=_BELOW,
        cost=2,
        description="Its steps in order; a case has at most 100.",
    )
    clocks: list[CaseClock] = stored(
        Relation(type="TIMED_BY", direction="out", target="Clock", many=True, order="order"),
        access=_BELOW,
        cost=2,
        description="Its clocks in the order in which they began; at most 100.",
    )
    uses: list[License] | None = _licenses(
        "USES", "Licenses that took the place of papers, as far as the caller may see them; at most 100."
    )
    produced: list[License] | None = _licenses(
        "PRODUCED", "Licenses that the case ended in, as far as the caller may see them; at most 100."
    )

    @computed(needs=("stage", "mode", "takenInBy", "handledBy", "pickedUpAt", "stepCount", "missing"), access=_BELOW)
    def next_steps(self) -> list[LegalStep]:
        """What may come next, and by which counties; empty at the end."""
        counties = (needed(self, "takenInBy"), needed(self, "handledBy"), needed(self, "pickedUpAt"))
        found = next_steps(
            Stage(needed(self, "stage")),
            Mode(needed(self, "mode")),
            counties,
            needed(self, "stepCount"),
            missing=bool(needed(self, "missing")),
        )
        return [
            LegalStep(
                kind=CaseStepKind(each.kind.value),
                outcome=None if each.outcome is None else CaseOutcome(each.outcome.value),
                counties=[CatalogueCode(county) for county in each.counties],
            )
            for each in found
        ]
