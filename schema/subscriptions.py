"""Subscriptions: what happens to the cases of the caller's county, as it happens, and from any cursor on.

    subscription($after: Cursor) { caseEvents(after: $after, useCause: "办件跟踪") {
      cursor id kind caseNumber occurredAt
      step { sequence kind outcome county } lamp { clock limit lamp } license { certificateIdentifier status }
    } }

Whoever keeps the cursor of the last event it has dealt with, and names it when it comes again, misses nothing: not over
a broken connection, not over a hub that was killed. A county gets the events of the cases of which it is a party, and
no others. No event says anything about a person.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing
from enum import Enum
from typing import Annotated, Any, Final, TypeAlias

import strawberry
from strawberry.types import Info

from ledger.errors import Refused
from schema.cases import CaseOutcome, CaseStepKind
from schema.context import Access, Context
from schema.feed import FeedEvent
from schema.lamps import CaseLamp
from schema.licenses import LicenseStatus
from schema.mapping import attribute, followed
from schema.scalars import CaseNumber, CatalogueCode, Cursor, DateTime, LicenseIdentifier, LogNumber, UseCause, instant

__all__ = [
    "CaseEvent",
    "CaseEventFeed",
    "CaseEventKind",
    "CaseLampTurned",
    "CaseLicenseChanged",
    "CaseLimit",
    "CaseStepTaken",
    "Subscription",
]

_RULE: Final = "case.event"


@strawberry.enum(description="What an event of a case tells of.")
class CaseEventKind(Enum):
    """Each value is its GraphQL name, as the feed stores it."""

    STEP = strawberry.enum_value("STEP", description="A county took a step.")
    LAMP = strawberry.enum_value("LAMP", description="A lamp of a clock turned yellow or red.")
    LICENSE = strawberry.enum_value("LICENSE", description="A license used in an open case changed its status.")


@strawberry.enum(description="Which of a clock's two limits.")
class CaseLimit(Enum):
    """Each value is its GraphQL name, as the feed stores it."""

    PROMISED = strawberry.enum_value("PROMISED", description="As the county promised.")
    STATUTORY = strawberry.enum_value("STATUTORY", description="As the law says.")


@strawberry.type(description="A step that was taken.")
class CaseStepTaken:
    """What the step was; who wants its window and its licenses asks for the case."""

    sequence: int = attribute(access=_RULE, description="Its number within the case, from 1.")
    kind: CaseStepKind = attribute(access=_RULE, description="What was done.")
    outcome: CaseOutcome | None = attribute(access=_RULE, description="What was decided; null for most steps.")
    county: CatalogueCode = attribute(access=_RULE, description="Member id of the county that took it.")


@strawberry.type(description="A lamp that turned (红黄蓝).")
class CaseLampTurned:
    """Whose clock it is, and which of its limits."""

    clock: str = attribute(access=_RULE, description="The phase or node whose clock it is.")
    county: CatalogueCode = attribute(access=_RULE, description="Member id of the county whose clock it is.")
    limit: CaseLimit = attribute(access=_RULE, description="Which of its limits.")
    days: int = attribute(access=_RULE, description="That limit in working days.")
    lamp: CaseLamp = attribute(access=_RULE, description="What it shows from then on.")


@strawberry.type(description="A license used in the case, with its new status.")
class CaseLicenseChanged:
    """By which ledger entry it came to it: whoever doubts it asks for the receipt."""

    certificate_identifier: LicenseIdentifier = attribute(access=_RULE, description="The license.")
    status: LicenseStatus = attribute(access=_RULE, description="Its status from then on.")
    reason: str = attribute(access=_RULE, description="Reason code of the status change.")
    log_index: LogNumber = attribute(access=_RULE, description="Index of the ledger entry that says so.")


@strawberry.type(description="Something that happened to a case of the caller's county.")
class CaseEvent:
    """Exactly one of step, lamp and license is there, as `kind` says."""

    cursor: Cursor = attribute(access=_RULE, description="Its place: subscribe with it as `after` to go on behind it.")
    id: str = attribute(access=_RULE, description="Its name, the same whenever and however often it is told.")
    kind: CaseEventKind = attribute(access=_RULE, description="What it tells of.")
    case_number: CaseNumber = attribute(access=_RULE, description="The case, 43 characters.")
    occurred_at: DateTime = attribute(access=_RULE, description="When it happened; a lamp: when it turned.")
    step: CaseStepTaken | None = attribute(access=_RULE, description="Of a STEP: what was done.")
    lamp: CaseLampTurned | None = attribute(access=_RULE, description="Of a LAMP: what turned.")
    license: CaseLicenseChanged | None = attribute(access=_RULE, description="Of a LICENSE: what changed.")


@strawberry.type(description="Where the feed of events stands.")
class CaseEventFeed:
    """What somebody needs before the first event has come."""

    newest: Cursor = attribute(
        access="case.feed", description="Place of the newest event: whoever subscribes after it misses none to come."
    )


After: TypeAlias = Annotated[
    Cursor | None, strawberry.argument(description="Events behind this one; null: those to come.")
]
Kinds: TypeAlias = Annotated[
    list[CaseEventKind] | None, strawberry.argument(description="Only events of these kinds; null: all.")
]
OneCase: TypeAlias = Annotated[CaseNumber | None, strawberry.argument(description="Only events of this case.")]


def case_event(event: FeedEvent) -> CaseEvent:
    """Give an event of the feed as the API shows it."""
    told = event.told
    return CaseEvent(
        cursor=Cursor(event.cursor),
        id=event.id,
        kind=CaseEventKind(event.kind),
        case_number=CaseNumber(event.case),
        occurred_at=instant(event.time),
        step=_step(told) if event.kind == "STEP" else None,
        lamp=_lamp(told) if event.kind == "LAMP" else None,
        license=_license(told) if event.kind == "LICENSE" else None,
    )


def _step(told: Any) -> CaseStepTaken:
    return CaseStepTaken(
        sequence=told["sequence"],
        kind=CaseStepKind(told["kind"]),
        outcome=None if told["outcome"] is None else CaseOutcome(told["outcome"]),
        county=CatalogueCode(told["county"]),
    )


def _lamp(told: Any) -> CaseLampTurned:
    return CaseLampTurned(
        clock=told["clock"],
        county=CatalogueCode(told["county"]),
        limit=CaseLimit(told["limit"]),
        days=told["days"],
        lamp=CaseLamp(told["lamp"]),
    )


def _license(told: Any) -> CaseLicenseChanged:
    return CaseLicenseChanged(
        certificate_identifier=LicenseIdentifier(told["certificateIdentifier"]),
        status=LicenseStatus(told["status"]),
        reason=told["reason"],
        log_index=LogNumber(told["logIndex"]),
    )


def _access(context: Context, county: str, use_cause: str) -> Access:
    """Give the record that a stream began; what comes of it are events of the county's own cases."""
    return Access(
        county=county,
        client=context.principal.client or "",
        token_id=context.principal.token_id or "",
        use_cause=use_cause,
        root_field="caseEvents",
        holder=None,
        licenses=(),
        fields=("Subscription.caseEvents",),
        time=context.clock(),
    )


@strawberry.type(description="What can be followed.")
class Subscription:
    """One stream: what it tells is told once, in one order for all."""

    @followed(access=_RULE, cost=10)
    async def case_events(
        self,
        info: Info[Context, Any],
        use_cause: UseCause,
        after: After = None,
        kinds: Kinds = None,
        case_number: OneCase = None,
    ) -> AsyncGenerator[CaseEvent, None]:
        """Events of the cases of which the caller's county is a party, in order, without end."""
        context = info.context
        county = context.principal.county
        if county is None:
            raise Refused("token_required", "an access token is required")
        await context.journal.record_access(_access(context, county, use_cause))
        wanted: Collection[str] | None = None if kinds is None else {kind.name for kind in kinds}
        async with aclosing(context.events.follow(county, after=context.resume_after or after)) as events:
            async for event in events:
                if (wanted is None or event.kind in wanted) and case_number in {None, event.case}:
                    yield case_event(event)
