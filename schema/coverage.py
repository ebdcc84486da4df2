"""Which materials of an offering a holder's licenses cover: the judgement of a checklist (一次性告知), as plain values.

For one material, the first that applies:

    HELD       a license of one of its types is in force: status VALID in the ledger, the day within its dates, and no
               objection to it open
    TOLERATED  it is not, but may follow within n working days (容缺): until the n-th working day after the day
    UNUSABLE   there are licenses of its types, each with the reason why it does not count
    MISSING    there is none

Unless it is HELD, it also says which open objections (异议) claim that a license of its types is missing.

Of several licenses in force the one that ends last is taken; of those the one issued last; then by identifier. Days are
`YYYY-MM-DD` text, whose order is that of time. No I/O.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Final

import strawberry

from ledger.status import Status
from ledger.workdays import WorkingCalendar

__all__ = ["Asked", "Covered", "Held", "Limit", "MaterialState", "Missed", "UnusableReason", "cover", "unusable_reason"]

_NO_END: Final = "9999-12-31"


@strawberry.enum(description="What is known of one material of a checklist.")
class MaterialState(Enum):
    """Each value is its GraphQL name."""

    HELD = strawberry.enum_value("HELD", description="A license in force satisfies it: nothing is to be handed in.")
    TOLERATED = strawberry.enum_value("TOLERATED", description="It may follow until a day; the case can begin now.")
    UNUSABLE = strawberry.enum_value("UNUSABLE", description="Licenses would satisfy it, but none of them is in force.")
    MISSING = strawberry.enum_value("MISSING", description="The alliance holds nothing that satisfies it.")


@strawberry.enum(description="Why a license does not count: its status in the ledger, else its dates, else a dispute.")
class UnusableReason(Enum):
    """Each value is its GraphQL name."""

    REVOKED = strawberry.enum_value("REVOKED", description="Withdrawn, cancelled or lapsed for good.")
    SUSPENDED = strawberry.enum_value("SUSPENDED", description="Withheld for a time.")
    SUPERSEDED = strawberry.enum_value("SUPERSEDED", description="Replaced by a renewed or changed license.")
    NOT_YET_VALID = strawberry.enum_value("NOT_YET_VALID", description="Its first day of validity is still to come.")
    EXPIRED = strawberry.enum_value("EXPIRED", description="Its last day of validity has passed.")
    DISPUTED = strawberry.enum_value(
        "DISPUTED", description="In force, but in doubt (存疑): an objection to it is open."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked for. type_codes: any of these license types satisfies it. tolerance: working days, if tolerated."""

    type_codes: frozenset[str]
    tolerance: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A license of the holder. effective None: from its issue on; expires None: no end.

    disputed: an objection to it is open.
    """

    identifier: str
    type_code: str
    status: Status
    issued: str
    effective: str | None
    expires: str | None
    disputed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """An open objection: a license of the holder, of this type, is missing. answered_by: who must say. raised: when."""

    id: str
    type_code: str
    answered_by: str
    raised: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The last day to bring something. provisional: days off up to it are not all announced yet."""

    day: date
    provisional: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """The judgement of one material.

    license: the one that covers it, only with HELD. unusable: (license, reason) by identifier, unless HELD. until: the
    last day to bring it, only with TOLERATED. missed: objections by id, unless HELD.
    """

    state: MaterialState
    license: Held | None = None
    unusable: tuple[tuple[Held, UnusableReason], ...] = ()
    until: Limit | None = None
    missed: tuple[Missed, ...] = ()


def unusable_reason(license_: Held, today: str) -> UnusableReason | None:
    """Say why a license does not count on a day, or None when it does."""
    if license_.status is not Status.VALID:
        return UnusableReason[license_.status.name]
    if license_.effective is not None and today < license_.effective:
        return UnusableReason.NOT_YET_VALID
    if license_.expires is not None and license_.expires < today:
        return UnusableReason.EXPIRED
    return UnusableReason.DISPUTED if license_.disputed else None


def cover(
    asked: Asked, licenses: Sequence[Held], today: str, calendar: WorkingCalendar, missed: Sequence[Missed] = ()
) -> Covered:
    """Judge one material by all licenses of the holder, and by what is said to be missing."""
    judged = [(each, unusable_reason(each, today)) for each in licenses if each.type_code in asked.type_codes]
    usable = [each for each, reason in judged if reason is None]
    if usable:
        return Covered(state=MaterialState.HELD, license=_best(usable))
    unusable = tuple(
        (each, reason) for each, reason in sorted(judged, key=lambda pair: pair[0].identifier) if reason is not None
    )
    claimed = tuple(sorted((each for each in missed if each.type_code in asked.type_codes), key=lambda each: each.id))
    if asked.tolerance is not None:
        until = _limit(date.fromisoformat(today), asked.tolerance, calendar)
        return Covered(state=MaterialState.TOLERATED, unusable=unusable, until=until, missed=claimed)
    state = MaterialState.UNUSABLE if unusable else MaterialState.MISSING
    return Covered(state=state, unusable=unusable, missed=claimed)


def _limit(today: date, days: int, calendar: WorkingCalendar) -> Limit:
    last = calendar.add(today, days)
    return Limit(day=last, provisional=not (calendar.is_official(today) and calendar.is_official(last)))


def _best(usable: Sequence[Held]) -> Held:
    by_identifier = sorted(usable, key=lambda each: each.identifier)
    return max(by_identifier, key=lambda each: (each.expires or _NO_END, each.issued))
