"""Clocks of cases and what they show (红黄蓝): computed when they are asked for, or for another day.

    clocks { name lamp  nextWeek: lamp(on: "2026-06-12")  promised { left due lamp provisional } }

What is stored is when a clock ran. A restart, a clock that steps or a calendar that grows leaves nothing wrong behind.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeAlias

import strawberry
from strawberry.types import Info

from ledger.clocks import LimitReading as Reading
from ledger.clocks import read_limit
from ledger.errors import Malformed
from schema.context import Context
from schema.lamps import CaseLamp
from schema.mapping import Property, attribute, computed, needed, stored
from schema.scalars import CatalogueCode, Date, DateTime

__all__ = ["CaseClock", "LampDay", "LimitReading", "reading_of"]

_BELOW: Final = "case.steps"
_READS: Final = ("promisedDays", "statutoryDays", "spans", "ended")

LampDay: TypeAlias = Annotated[
    Date | None,
    strawberry.argument(
        description="The day in China that it is read for, if the clock goes on as now; by default today."
    ),
]


@strawberry.type(description="What one limit of a clock shows.")
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
        description="INTAKE, ACCEPTANCE, HANDLING, PRODUCTION or DELIVERY; a node, N and its number; a material that "
        "may follow (容缺), M and its place in the list of the offering.",
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

    supervised_by: CatalogueCode | None = stored(
        Property("supervisedBy"),
        access=_BELOW,
        description="The county that urged it on when it was red (督办); null: none.",
    )
    supervised_at: DateTime | None = stored(
        Property("supervisedAt"), access=_BELOW, description="When it was urged on, by that county's clock."
    )

    @computed(needs=_READS, access=_BELOW)
    def promised(self, info: Info[Context, Any], on: LampDay = None) -> LimitReading | None:
        """The promised limit; null if nothing was promised."""
        return _reading(self, "promisedDays", info.context, on)

    @computed(needs=_READS, access=_BELOW)
    def statutory(self, info: Info[Context, Any], on: LampDay = None) -> LimitReading | None:
        """The statutory limit; null if there is none."""
        return _reading(self, "statutoryDays", info.context, on)

    @computed(needs=_READS, access=_BELOW)
    def lamp(self, info: Info[Context, Any], on: LampDay = None) -> CaseLamp:
        """What the clock shows: by its promised limit, or by the statutory one if nothing was promised."""
        return CaseLamp(reading_of(self, info.context, on).lamp.value)


def reading_of(source: Any, context: Context, on: Date | None) -> Reading:
    """Read what a clock shows, by its promisedDays, statutoryDays, spans and ended. Raises Malformed bad_variables."""
    name = "statutoryDays" if needed(source, "promisedDays") is None else "promisedDays"
    return _read(source, name, context, on)


def _reading(source: Any, name: str, context: Context, on: Date | None) -> LimitReading | None:
    if needed(source, name) is None:
        return None
    found = _read(source, name, context, on)
    return LimitReading(
        days=found.days,
        used=found.used,
        left=found.left,
        due=None if found.due is None else Date(found.due.isoformat()),
        lamp=CaseLamp(found.lamp.value),
        provisional=found.provisional,
    )


def _read(source: Any, name: str, context: Context, on: Date | None) -> Reading:
    spans = [int(datetime.fromisoformat(each).timestamp()) for each in needed(source, "spans")]
    now = context.clock() if on is None else _noon(on)
    return read_limit(needed(source, name), spans, now, context.calendar, ended=needed(source, "ended"))


def _noon(day: Date) -> int:
    """Give noon of a day in China, POSIX seconds. Raises Malformed bad_variables."""
    try:
        return int(datetime.fromisoformat(f"{day}T04:00:00").replace(tzinfo=UTC).timestamp())
    except ValueError as error:
        raise Malformed("bad_variables", "Date: expected a day of the calendar") from error
