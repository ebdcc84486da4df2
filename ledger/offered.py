"""What a case owes to the offering that it is pinned to: mode, limits of its handling, materials that may follow.

    000117001000@370214@20260601      an offering's version: matter, county, first day
    M03                               the third material of its list; it may follow where the offering says so (容缺)

A case opened on a day is pinned to the version in force on that day, for good: a version that comes later changes
nothing for it. Offerings count working or calendar days, clocks working days only: limits are the offering's where it
counts working days, and no more than its days where it counts calendar days.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from ledger.cases import MODES, Outcome, StepKind
from ledger.casework import CaseStep, Opening
from ledger.clocks import Limits
from ledger.errors import Conflict
from ledger.workdays import china_day

__all__ = ["OfferingTerms", "Versions", "check_limits", "check_opening", "is_ruled"]

_NONE: Final = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferingTerms:
    """One version of an offering, as far as a case depends on it.

    last: the last day at most, `YYYY-MM-DD`, or None. mode: its Chinese name. statutory, promised: days. working:
    whether they are working days. tolerances: per material of the list, in how many working days it may follow.
    """

    code: str
    last: str | None
    mode: str
    statutory: int
    promised: int
    working: bool
    tolerances: tuple[int | None, ...]


Versions: TypeAlias = Callable[[str, str], OfferingTerms | None]
"""(`<matter>@<county>`, a day as `yyyymmdd`) -> the newest version that begins on that day or before, if there is."""


def check_opening(step: CaseStep, opening: Opening, versions: Versions) -> None:
    """Check an APPLICATION against the offering in force on its day in China.

    Raises Conflict stale_version, with the version in force; not_offered (another mode, a material that may not follow
    or not so late).
    """
    day = china_day(step.at)
    service = opening.offering.rpartition("@")[0]
    terms = versions(service, f"{day:%Y%m%d}")
    if terms is not None and terms.last is not None and terms.last < day.isoformat():
        terms = None
    if terms is None or terms.code != opening.offering:
        in_force = _NONE if terms is None else terms.code
        raise Conflict("stale_version", f"{opening.offering} is not in force on {day}; in force: {in_force}")
    if terms.mode != MODES[opening.mode].name:
        raise Conflict("not_offered", f"{opening.offering} is offered as {terms.mode}")
    for each in opening.tolerated:
        place = int(each.code[1:])
        days = terms.tolerances[place - 1] if 1 <= place <= len(terms.tolerances) else None
        if days is None or each.days > days:
            may = "may not follow" if days is None else f"may follow within {days} working days"
            raise Conflict("not_offered", f"{each.code} of {opening.offering} {may}")


def is_ruled(step: CaseStep) -> bool:
    """Tell whether a step starts the clock whose limits the offering rules: that of the handling."""
    return step.kind is StepKind.ACCEPTANCE and step.outcome is Outcome.ACCEPTED


def check_limits(limits: Limits | None, terms: OfferingTerms) -> None:
    """Check the limits of the handling. Raises Conflict not_offered, with those of the offering."""
    found = (None, None) if limits is None else (limits.statutory, limits.promised)
    offered = (terms.statutory, terms.promised)
    if terms.working:
        fits = found == offered
    else:
        fits = all(days is not None and days <= most for days, most in zip(found, offered, strict=True))
    if not fits:
        unit = "working" if terms.working else "calendar"
        raise Conflict(
            "not_offered", f"{terms.code} allows {terms.statutory} and promises {terms.promised} {unit} days"
        )
