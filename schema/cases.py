"""Cases: taken in by one county, handled by another, handed out by a third; their steps, clocks and lamps.

    (:Case {caseNumber, mode, stage, …})-[:FOR]->(:Offering), -[:FOR]->(:Matter), -[:USES|PRODUCED]->(:License),
        -[:TAKEN_IN_BY|HANDLED_BY|PICKED_UP_AT]->(:Jurisdiction), -[:HAS_STEP]->(:Step), -[:TIMED_BY]->(:Clock),
        -[:HAS_HELP]->(:Assistance)

A case is for its three counties only; to all others it looks absent. What is stored is what counties stated; what is
legal next, and what a lamp shows, is computed from it at the time of the request, so that no restart changes it.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

import strawberry
from strawberry.types import Info

from ledger.cases import CaseMode as Mode
from ledger.cases import CaseStage as Stage
from ledger.casework import next_steps
from schema.aftercare import EVALUATIONS, FOLLOW_UPS, FollowUp, HotlineAppeal, follow_up_of
from schema.caseclocks import CaseClock
from schema.casehelp import CaseAssistance, CaseRole
from schema.catalogue import Matter, Offering
from schema.context import Context
from schema.jurisdictions import Jurisdiction
from schema.licenses import License
from schema.mapping import Property, Relation, attribute, computed, needed, stored
from schema.scalars import CaseNumber, CatalogueCode, DateTime, Digest, LicenseIdentifier

__all__ = [
    "Case",
    "CaseMode",
    "CaseOutcome",
    "CaseStage",
    "CaseStep",
    "CaseStepKind",
    "LegalStep",
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
    SUPPLEMENT = strawberry.enum_value("SUPPLEMENT", description="容缺补交: what was allowed to follow is there.")
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


@strawberry.type(description="A step that may come next.")
class LegalStep:
    """One row of the state machine, for this case."""

    kind: CaseStepKind = attribute(access=_BELOW, description="The step.")
    outcome: CaseOutcome | None = attribute(access=_BELOW, description="Its outcome, if it decides something.")
    counties: list[CatalogueCode] = attribute(access=_BELOW, description="Member ids of the counties that may take it.")


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
    supplied: list[str] = stored(
        Property("supplied"), access=_BELOW, description="Tolerated materials that it brought, as M03, in a SUPPLEMENT."
    )
    items: int | None = stored(
        Property("items"), access=_BELOW, description="Pieces handed over, or received, in a receipt."
    )
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
    offering_code: CatalogueCode = stored(
        Property("offeringCode"), access=_CASE, description="The version of the offering that it is pinned to."
    )
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
    missing: list[str] = stored(
        Property("missing"),
        access=_CASE,
        description="Tolerated materials that are still missing, as M03: their places in the offering's list.",
    )
    offering: Offering | None = stored(
        Relation(type="FOR", direction="out", target="Offering"),
        access=_CASE,
        cost=2,
        description="The version of the offering that it is pinned to.",
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
    assistance: list[CaseAssistance] = stored(
        Relation(type="HAS_HELP", direction="out", target="Assistance", many=True, order="number"),
        access=_BELOW,
        cost=2,
        description="Help around it (咨询, 帮办代办), in order; at most 100.",
    )
    appeals: list[HotlineAppeal] = stored(
        Relation(type="HAS_APPEAL", direction="out", target="HotlineAppeal", many=True, order="order"),
        access=_BELOW,
        cost=2,
        description="Hotline appeals about it, in the order in which they were received; the first 100.",
    )
    uses: list[License] | None = _licenses(
        "USES", "Licenses that took the place of papers, as far as the caller may see them; at most 100."
    )
    produced: list[License] | None = _licenses(
        "PRODUCED", "Licenses that the case ended in, as far as the caller may see them; at most 100."
    )

    @computed(gathers=(EVALUATIONS, FOLLOW_UPS), access=_BELOW, cost=2)
    def follow_up(self, info: Info[Context, Any]) -> FollowUp | None:
        """The follow-up (回访) that a rating of 4 or 5 asks of the handling county; null: none is owed."""
        return follow_up_of(needed(self, "evaluations"), needed(self, "followUps"), info.context)

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
