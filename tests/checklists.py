"""The slow reference of a checklist: the rules read once more, one license and one day at a time, over plain rows.

It shares nothing with `schema.coverage` but the words: no sorting by several keys, no early way out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

__all__ = ["OFF", "WORKED", "Claim", "Line", "Paper", "expected_line"]

OFF = frozenset({"2026-06-19"})
WORKED = frozenset({"2026-06-21"})
"""The exceptions of `tests.ports.CALENDAR`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A license: who holds it, which type, what the ledger says of it, and its days; None: left open.

    disputed: whether an objection to it is open; None: there never was one.
    """

    identifier: str
    holders: frozenset[str]
    type_code: str
    status: str
    county: str
    issued: str
    effective: str | None
    expires: str | None
    disputed: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """An objection: a license is missing. counties: of its two, whoever else reads sees nothing of it."""

    id: str
    holder: str
    type_code: str
    counties: tuple[str, str]
    open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a checklist: state, the license that covers it, those that do not count and why, until when.

    claims: ids of the objections that it shows.
    """

    state: str
    license: str | None = None
    unusable: tuple[tuple[str, str], ...] = ()
    until: str | None = None
    claims: tuple[str, ...] = ()


def expected_line(
    papers: Sequence[Paper],
    *,
    holder: str,
    county: str | None,
    types: frozenset[str],
    tolerance: int | None,
    today: str,
    claims: Sequence[Claim] = (),
    party: str = "",
) -> Line:
    """Say what one material's line must be. county: the caller sees only what this county sealed; None: all.

    party: the caller's county.
    """
    best: Paper | None = None
    unusable: dict[str, str] = {}
    for paper in papers:
        if holder not in paper.holders or paper.type_code not in types or county not in {None, paper.county}:
            continue
        reason = _reason(paper, today)
        if reason:
            unusable[paper.identifier] = reason
        elif best is None or _beats(paper, best):
            best = paper
    if best is not None:
        return Line(state="HELD", license=best.identifier)
    told = tuple((identifier, unusable[identifier]) for identifier in sorted(unusable))
    said = {each.id for each in claims if each.holder == holder and each.open and party in each.counties}
    said -= {each.id for each in claims if each.type_code not in types}
    if tolerance is not None:
        return Line(state="TOLERATED", unusable=told, until=_later(today, tolerance), claims=tuple(sorted(said)))
    return Line(state="UNUSABLE" if told else "MISSING", unusable=told, claims=tuple(sorted(said)))


def _reason(paper: Paper, today: str) -> str:
    if paper.status in {"REVOKED", "SUSPENDED", "SUPERSEDED"}:
        return paper.status
    if paper.effective and paper.effective > today:
        return "NOT_YET_VALID"
    if paper.expires and paper.expires < today:
        return "EXPIRED"
    if paper.disputed:
        return "DISPUTED"
    return ""


def _beats(one: Paper, other: Paper) -> bool:
    if one.expires != other.expires:
        return not one.expires or (bool(other.expires) and one.expires > str(other.expires))
    if one.issued != other.issued:
        return one.issued > other.issued
    return one.identifier < other.identifier


def _later(today: str, count: int) -> str:
    day = date.fromisoformat(today)
    while count:
        day += timedelta(days=1)
        text = day.isoformat()
        if text in WORKED or (day.isoweekday() < 6 and text not in OFF):
            count -= 1
    return day.isoformat()
