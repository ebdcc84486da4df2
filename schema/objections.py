"""Objections (异议): a license's face differs, its status is wrong, or a license is missing; with their own clock.

    (:License {disputed})-[:DISPUTED_BY]->(:Objection {id, kind, raisedBy, raisedAt, answeredBy, open, …})

An objection is for the county that raised it and the one that must answer; to all others it looks absent. Whoever may
see the license sees that it is in doubt (存疑, `License.disputed`), and no more. The ledger knows no objections: a
receipt proves seal and status alone.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from typing import Any

import strawberry
from strawberry.types import Info

from ledger.clocks import LimitReading
from ledger.duties import OBJECTION_DAYS, read_duty
from schema.context import Context
from schema.lamps import CaseLamp
from schema.mapping import Property, computed, needed, stored
from schema.scalars import CaseNumber, CatalogueCode, Date, DateTime, Digest, LicenseIdentifier, StatementId

__all__ = ["Objection", "ObjectionKind", "ObjectionOutcome", "read_objection"]

_ACCESS = "objection.read"
_TIMES = ("raisedAt", "decidedAt")


@strawberry.enum(description="What is objected to.")
class ObjectionKind(Enum):
    """Each value is its GraphQL name, as the graph stores it."""

    FACE_DIFFERS = strawberry.enum_value("FACE_DIFFERS", description="The face differs from the paper.")
    STATUS_WRONG = strawberry.enum_value("STATUS_WRONG", description="The status in the ledger is wrong.")
    LICENSE_MISSING = strawberry.enum_value("LICENSE_MISSING", description="The holder's license is not there.")


@strawberry.enum(description="How an objection ended.")
class ObjectionOutcome(Enum):
    """Each value is its GraphQL name, as the graph stores it."""

    UPHELD = strawberry.enum_value("UPHELD", description="The issuing county corrects its record.")
    DISMISSED = strawberry.enum_value("DISMISSED", description="The issuing county stands by its record.")
    WITHDRAWN = strawberry.enum_value("WITHDRAWN", description="The county that raised it has withdrawn it.")


@strawberry.type(description="An objection (异议) of one county, to be answered by the county that issued the license.")
class Objection:
    """A node `Objection`."""

    id: StatementId = stored(Property("id"), access=_ACCESS, description="Its id.")
    kind: ObjectionKind = stored(Property("kind"), access=_ACCESS, description="What is objected to.")
    raised_by: CatalogueCode = stored(
        Property("raisedBy"), access=_ACCESS, description="Member id of the county that raised it."
    )
    raised_at: DateTime = stored(Property("raisedAt"), access=_ACCESS, description="When, by that county's clock.")
    answered_by: CatalogueCode = stored(
        Property("answeredBy"), access=_ACCESS, description="Member id of the county that must answer."
    )
    certificate_identifier: LicenseIdentifier | None = stored(
        Property("certificateIdentifier"), access=_ACCESS, description="The license; null if one is missing."
    )
    certificate_type_code: CatalogueCode | None = stored(
        Property("certificateTypeCode"), access=_ACCESS, description="Type of the missing license; else null."
    )
    holder_key: Digest | None = stored(
        Property("holderKey"), access=_ACCESS, description="Keyed hash of the missing license's holder; else null."
    )
    case_number: CaseNumber | None = stored(
        Property("caseNumber"), access=_ACCESS, description="The case in which it arose, if it did."
    )
    open: bool = stored(Property("open"), access=_ACCESS, description="Whether it is open: the license is in doubt.")
    outcome: ObjectionOutcome | None = stored(
        Property("outcome"), access=_ACCESS, description="How it ended; null while it is open."
    )
    decided_by: CatalogueCode | None = stored(
        Property("decidedBy"), access=_ACCESS, description="Member id of the county that ended it."
    )
    decided_at: DateTime | None = stored(Property("decidedAt"), access=_ACCESS, description="When it ended.")

    @computed(needs=_TIMES, access=_ACCESS)
    def due(self, info: Info[Context, Any]) -> Date:
        """Last day in time to decide it: the fifth working day after the day on which it was raised."""
        due = _reading(self, info.context).due
        assert due is not None  # noqa: S101  # a clock that never stops has one
        return Date(due.isoformat())

    @computed(needs=_TIMES, access=_ACCESS)
    def days_left(self, info: Info[Context, Any]) -> int:
        """Working days left; below 0 when overdue."""
        return _reading(self, info.context).left

    @computed(needs=_TIMES, access=_ACCESS)
    def lamp(self, info: Info[Context, Any]) -> CaseLamp:
        """What its clock shows now."""
        return CaseLamp(_reading(self, info.context).lamp.value)

    @computed(needs=_TIMES, access=_ACCESS)
    def provisional(self, info: Info[Context, Any]) -> bool:
        """Whether due and lamp rest on days whose official calendar is not there yet."""
        return _reading(self, info.context).provisional


def _reading(source: Any, context: Context) -> LimitReading:
    raised, decided = (needed(source, name) for name in _TIMES)
    return read_objection(raised, decided, context)


def read_objection(raised: str, decided: str | None, context: Context) -> LimitReading:
    """Read an objection's clock at the request's time. raised, decided (None: it is open): instants, as text."""
    ended = None if decided is None else _seconds(decided)
    return read_duty(OBJECTION_DAYS, _seconds(raised), ended, context.clock(), context.calendar)


def _seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())
