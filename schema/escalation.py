"""The escalation list (督办): a county's open clocks that are yellow or red, those first that turned so first.

    escalation(county: "370214", useCause: "督办") { page { clocks { caseNumber name lamp left due } next } }

One statement: from the county to its open clocks, and of these to the ones that could be yellow by now if no day had
been off, 200 at most, in the order of that day. Which of them are is then told by the calendar. So a page may be
shorter than what it looked at, but skips nothing: `next` says where the following one begins.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeAlias

import strawberry
from strawberry.types import Info

from schema.caseclocks import reading_of
from schema.context import Context
from schema.lamps import CaseLamp
from schema.mapping import Expression, Gather, Property, Relation, attribute, computed, needed, stored
from schema.scalars import CaseNumber, CatalogueCode, Date, DateTime

__all__ = ["EscalatedClock", "Escalation", "EscalationDay", "EscalationPage", "EscalationPlace"]

_ACCESS: Final = "case.supervise"
_PAGE: Final = 200

EscalationDay: TypeAlias = Annotated[
    Date | None,
    strawberry.argument(
        description="The day in China that lamps are read for, if all goes on as now; by default today."
    ),
]
EscalationPlace: TypeAlias = Annotated[
    CatalogueCode | None, strawberry.argument(description="A page's `next`: the list goes on behind it.")
]

_CLOCKS: Final = Gather(
    name="clocks",
    place=Expression(
        cypher="({n})<-[:OPEN_IN]-({t}:Clock) WHERE {t}.urgency < coalesce($on, $today) + '~' "
        "AND {t}.urgency > coalesce($after, '')",
        parameters=("after", "on", "today"),
        target="Clock",
        many=True,
        order="urgency",
        page=_PAGE,
    ),
    properties=(
        "urgency", "name", "county", "promisedDays", "statutoryDays", "spans", "ended", "supervisedBy", "supervisedAt",
    ),
    gathers=(
        Gather(
            name="cases",
            place=Relation(type="TIMED_BY", direction="in", target="Case", many=True, order="caseNumber", page=1),
            properties=("caseNumber", "matterCode", "stage"),
        ),
    ),
)  # fmt: skip


@strawberry.type(description="A clock that is yellow or red.")
class EscalatedClock:
    """One open clock of the county, with its case."""

    case_number: CaseNumber = attribute(access=_ACCESS, description="Number of its case (办件编号).")
    matter_code: CatalogueCode = attribute(access=_ACCESS, description="Basic code of the case's matter.")
    name: str = attribute(access=_ACCESS, description="Name of the clock, as in the case.")
    lamp: CaseLamp = attribute(access=_ACCESS, description="What it shows: YELLOW or RED.")
    left: int = attribute(access=_ACCESS, description="Working days left; below 0 when overdue.")
    due: Date | None = attribute(
        access=_ACCESS, description="Last day in time; null while a stopped clock leaves it open."
    )
    supervised_by: CatalogueCode | None = attribute(
        access=_ACCESS, description="The county that urged it on; null: none."
    )
    supervised_at: DateTime | None = attribute(access=_ACCESS, description="When it was urged on.")


@strawberry.type(description="A page of a county's clocks that are yellow or red.")
class EscalationPage:
    """What 200 open clocks at most show."""

    clocks: list[EscalatedClock] = attribute(access=_ACCESS, description="Those that are yellow or red, in order.")
    next: CatalogueCode | None = attribute(
        access=_ACCESS, description="Where the next page begins, as `after`; null: this was the last."
    )


@strawberry.type(description="A county's clocks that are yellow or red (督办).")
class Escalation:
    """A node `Jurisdiction`."""

    code: CatalogueCode = stored(Property("code"), access=_ACCESS, description="The county, 6 digits.")

    @computed(gathers=(_CLOCKS,), access=_ACCESS, cost=20)
    def page(self, info: Info[Context, Any]) -> EscalationPage:
        """A page of them, those first that turned so first."""
        rows = needed(self, "clocks")
        arguments = info.context.arguments.get(_root(info), {})
        shown = [_escalated(row, info.context, arguments.get("on")) for row in rows]
        return EscalationPage(
            clocks=[each for each in shown if each is not None and each.lamp is not CaseLamp.BLUE],
            next=CatalogueCode(rows[-1]["urgency"]) if len(rows) == _PAGE else None,
        )


def _root(info: Info[Context, Any]) -> str:
    path = info.path
    while path.prev is not None:
        path = path.prev
    return str(path.key)


def _escalated(row: Mapping[str, Any], context: Context, on: Date | None) -> EscalatedClock | None:
    case = next(iter(row["cases"]), None)
    if case is None:
        return None
    found = reading_of(row, context, on)
    return EscalatedClock(
        case_number=case["caseNumber"],
        matter_code=case["matterCode"],
        name=row["name"],
        lamp=CaseLamp(found.lamp.value),
        left=found.left,
        due=None if found.due is None else Date(found.due.isoformat()),
        supervised_by=row["supervisedBy"],
        supervised_at=row["supervisedAt"],
    )
