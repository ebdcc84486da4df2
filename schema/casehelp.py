"""Help around a case (咨询, 帮办代办): who is assigned, hand-overs between windows, appointments by video, notes.

    (:Case)-[:HAS_HELP]->(:Assistance {number, kind, county, window, role, …})

Staff is a number that its county gave; the text of a note stays in the county, and its digest proves it.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

import strawberry

from schema.mapping import Property, stored
from schema.scalars import CatalogueCode, DateTime, Digest

__all__ = ["AssistanceKind", "CaseAssistance", "CaseRole", "HelpService", "NoteSubject"]

_BELOW: Final = "case.steps"


@strawberry.enum(description="In what role staff took a step.")
class CaseRole(Enum):
    """Each value is its GraphQL name, as the graph stores it."""

    INTAKE_CLERK = strawberry.enum_value("INTAKE_CLERK", description="收件: at an intake window.")
    HANDLER = strawberry.enum_value("HANDLER", description="经办: handles the case.")
    SUPERVISOR = strawberry.enum_value("SUPERVISOR", description="审批: decides, or stands in for a handler.")


@strawberry.enum(description="What is stated of the help around a case.")
class AssistanceKind(Enum):
    """Each value is its GraphQL name, as the graph stores it."""

    ASSIGNED = strawberry.enum_value("ASSIGNED", description="Staff is assigned for a service.")
    TRANSFERRED = strawberry.enum_value("TRANSFERRED", description="Handed to another window or role of the county.")
    VIDEO_APPOINTMENT = strawberry.enum_value(
        "VIDEO_APPOINTMENT", description="远程视频: an appointment before the review of the form."
    )
    NOTED = strawberry.enum_value("NOTED", description="A note: its subject, and the digest of its text.")


@strawberry.enum(description="What staff is assigned for.")
class HelpService(Enum):
    """Each value is its GraphQL name, as the graph stores it."""

    CONSULTATION = strawberry.enum_value("CONSULTATION", description="咨询.")
    ASSISTED_HANDLING = strawberry.enum_value("ASSISTED_HANDLING", description="帮办代办.")


@strawberry.enum(description="What a note is about.")
class NoteSubject(Enum):
    """Each value is its GraphQL name, as the graph stores it."""

    CALLED_BACK = strawberry.enum_value("CALLED_BACK", description="回访: the applicant was called.")
    EXPLAINED = strawberry.enum_value("EXPLAINED", description="解释: something was explained.")
    MATERIAL_CHECKED = strawberry.enum_value("MATERIAL_CHECKED", description="核对材料: a material was checked.")
    ON_SITE_VISIT = strawberry.enum_value("ON_SITE_VISIT", description="上门: staff came to the applicant.")
    OTHER = strawberry.enum_value("OTHER", description="其他.")


@strawberry.type(description="Help around a case, as a county stated it.")
class CaseAssistance:
    """A node `Assistance`."""

    number: int = stored(Property("number"), access=_BELOW, description="Its number in the case, from 1.")
    kind: AssistanceKind = stored(Property("kind"), access=_BELOW, description="What is stated.")
    county: CatalogueCode = stored(Property("county"), access=_BELOW, description="Member id of the county.")
    window: str = stored(Property("window"), access=_BELOW, description="The window or desk.")
    role: CaseRole = stored(Property("role"), access=_BELOW, description="In what role.")
    stated_at: DateTime = stored(Property("statedAt"), access=_BELOW, description="When, by the county's clock.")
    service: HelpService | None = stored(Property("service"), access=_BELOW, description="What staff is assigned for.")
    staff: str | None = stored(Property("staff"), access=_BELOW, description="The county's number for who is assigned.")
    to_window: str | None = stored(Property("toWindow"), access=_BELOW, description="Window that it was handed to.")
    to_role: CaseRole | None = stored(Property("toRole"), access=_BELOW, description="Role that it was handed to.")
    appointed_at: DateTime | None = stored(
        Property("appointedAt"), access=_BELOW, description="When the video appointment is."
    )
    subject: NoteSubject | None = stored(Property("subject"), access=_BELOW, description="What the note is about.")
    digest: Digest | None = stored(
        Property("digest"), access=_BELOW, description="SHA-256 of the note's text, which stays in the county."
    )
