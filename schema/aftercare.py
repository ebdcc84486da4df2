"""What stands beside a case's steps: hotline appeals (热线诉求), and the follow-up (回访) that a bad rating asks for.

    (:Case)-[:HAS_APPEAL]->(:HotlineAppeal {id, kind, receivedAt, passedAt, …})
    (:Case)-[:FOLLOWED_UP_BY]->(:FollowUp {code, county, doneAt, outcome})

Lamps and dates are computed at the request by `ledger.duties`, from what counties stated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import Any, Final

import strawberry
from strawberry.types import Info

from ledger.duties import FOLLOW_UP_DAYS, needs_follow_up, read_duty, read_passing_on
from schema.context import Context
from schema.lamps import CaseLamp
from schema.mapping import Expression, Gather, Property, Relation, attribute, computed, needed, stored
from schema.scalars import CatalogueCode, Date, DateTime, StatementId, instant

__all__ = [
    "EVALUATIONS",
    "FOLLOW_UPS",
    "FollowUp",
    "FollowUpOutcome",
    "HotlineAppeal",
    "HotlineKind",
    "HotlineOutcome",
    "follow_up_of",
]

_ACCESS: Final = "case.steps"
_PASSING: Final = ("receivedAt", "passedAt")

EVALUATIONS: Final = Gather(
    name="evaluations",
    place=Expression(
        cypher="({n})-[:HAS_STEP]->({t}:Step) WHERE {t}.rating IS NOT NULL",
        target="Step",
        many=True,
        order="code",
        page=1,
    ),
    properties=("rating", "takenAt"),
)
"""The evaluation of a case, its last step if it was evaluated."""

FOLLOW_UPS: Final = Gather(
    name="followUps",
    place=Relation(type="FOLLOWED_UP_BY", direction="out", target="FollowUp", many=True, order="code", page=1),
    properties=("doneAt", "outcome"),
)
"""The county's statement that it has followed a case up; a case has one at most."""


@strawberry.enum(description="What a hotline appeal asks for (国办发〔2020〕53号).")
class HotlineKind(Enum):
    """Each value is its GraphQL name, as the graph stores it."""

    CONSULTATION = strawberry.enum_value("CONSULTATION", description="咨询.")
    HELP = strawberry.enum_value("HELP", description="求助.")
    COMPLAINT = strawberry.enum_value("COMPLAINT", description="投诉.")
    REPORT = strawberry.enum_value("REPORT", description="举报.")
    SUGGESTION = strawberry.enum_value("SUGGESTION", description="建议.")


@strawberry.enum(description="How a hotline appeal was answered.")
class HotlineOutcome(Enum):
    """Each value is its GraphQL name, as the graph stores it."""

    RESOLVED = strawberry.enum_value("RESOLVED", description="What was asked for is done.")
    EXPLAINED = strawberry.enum_value("EXPLAINED", description="It was explained why not.")


@strawberry.type(description="A hotline appeal (12345 热线诉求) tied to a case.")
class HotlineAppeal:
    """A node `HotlineAppeal`."""

    id: StatementId = stored(Property("id"), access=_ACCESS, description="Its id.")
    kind: HotlineKind = stored(Property("kind"), access=_ACCESS, description="What it asks for.")
    received_by: CatalogueCode = stored(
        Property("receivedBy"), access=_ACCESS, description="Member id of the county that received it."
    )
    received_at: DateTime = stored(Property("receivedAt"), access=_ACCESS, description="When it was received.")
    passed_to: CatalogueCode | None = stored(
        Property("passedTo"), access=_ACCESS, description="Member id of the county that it was passed on to."
    )
    passed_at: DateTime | None = stored(Property("passedAt"), access=_ACCESS, description="When it was passed on.")
    outcome: HotlineOutcome | None = stored(
        Property("outcome"), access=_ACCESS, description="How it was answered; null: not yet."
    )
    answered_at: DateTime | None = stored(Property("answeredAt"), access=_ACCESS, description="When it was answered.")

    @computed(needs=_PASSING, access=_ACCESS)
    def pass_on_until(self, info: Info[Context, Any]) -> DateTime:
        """Until when it is to be passed on: two hours after it was received, of every day and night."""
        received, passed = _times(self)
        return instant(read_passing_on(received, passed, info.context.clock()).due)

    @computed(needs=_PASSING, access=_ACCESS)
    def lamp(self, info: Info[Context, Any]) -> CaseLamp:
        """What that clock shows now: yellow in the last half hour, red after it; then as it was passed on."""
        received, passed = _times(self)
        return CaseLamp(read_passing_on(received, passed, info.context.clock()).lamp.value)


def _times(source: Any) -> tuple[int, int | None]:
    passed = needed(source, "passedAt")
    return _seconds(needed(source, "receivedAt")), None if passed is None else _seconds(passed)


def _seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


@strawberry.enum(description="What came of a follow-up.")
class FollowUpOutcome(Enum):
    """Each value is its GraphQL name, as the graph stores it."""

    RECTIFIED = strawberry.enum_value("RECTIFIED", description="已整改: what was wrong is put right.")
    EXPLAINED = strawberry.enum_value("EXPLAINED", description="已说明: it was explained.")


@strawberry.type(description="The follow-up (回访) that a case rated 4 or 5 asks of the county that handled it.")
class FollowUp:
    """Computed from the evaluation and the county's statement."""

    due: Date = attribute(access=_ACCESS, description="Last day in time, the third working day after the evaluation.")
    lamp: CaseLamp = attribute(access=_ACCESS, description="What its clock shows now.")
    provisional: bool = attribute(
        access=_ACCESS, description="Whether that rests on days whose official calendar is not there yet."
    )
    done_at: DateTime | None = attribute(access=_ACCESS, description="When it was done; null: not yet.")
    outcome: FollowUpOutcome | None = attribute(access=_ACCESS, description="What came of it; null: not done yet.")


def follow_up_of(
    evaluations: Sequence[Mapping[str, Any]], done: Sequence[Mapping[str, Any]], context: Context
) -> FollowUp | None:
    """Give the follow-up that a bad rating asks for, or None. evaluations, done: what the two gathers have."""
    bad = next((each for each in evaluations if needs_follow_up(each["rating"])), None)
    if bad is None:
        return None
    stated = next(iter(done), None)
    ended = None if stated is None else _seconds(stated["doneAt"])
    read = read_duty(FOLLOW_UP_DAYS, _seconds(bad["takenAt"]), ended, context.clock(), context.calendar)
    assert read.due is not None  # noqa: S101  # a clock that never stops has one
    return FollowUp(
        due=Date(read.due.isoformat()),
        lamp=CaseLamp(read.lamp.value),
        provisional=read.provisional,
        done_at=None if stated is None else DateTime(stated["doneAt"]),
        outcome=None if stated is None else FollowUpOutcome(stated["outcome"]),
    )
