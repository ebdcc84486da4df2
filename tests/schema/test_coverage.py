"""Which materials a holder's licenses cover: every combination against the slow reference, and the corners by name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.status import Status
from schema.coverage import Asked, Covered, Held, Limit, MaterialState, Missed, UnusableReason, cover, unusable_reason
from tests.checklists import Claim, Line, Paper, expected_line
from tests.ports import CALENDAR

TODAY: Final = "2026-06-18"
DAYS: Final = ("2025-01-01", "2026-06-17", TODAY, "2026-06-19", "2031-01-01")
TYPES: Final = ("A", "B", "C")
ME: Final = "me"


def _days(*, open_ended: bool) -> st.SearchStrategy[Any]:
    return st.sampled_from([*DAYS, *([None] if open_ended else [])])


papers: Final = st.lists(
    st.builds(
        Paper,
        identifier=st.sampled_from([f"id-{number}" for number in range(8)]),
        holders=st.just(frozenset({ME})),
        type_code=st.sampled_from(TYPES),
        status=st.sampled_from([status.name for status in Status]),
        county=st.just("370214"),
        issued=_days(open_ended=False),
        effective=_days(open_ended=True),
        expires=_days(open_ended=True),
        disputed=st.sampled_from([None, False, True]),
    ),
    unique_by=lambda paper: paper.identifier,
    max_size=6,
)

claims: Final = st.lists(
    st.builds(
        Claim,
        id=st.sampled_from([f"claim-{number}" for number in range(5)]),
        holder=st.just(ME),
        type_code=st.sampled_from(TYPES),
        counties=st.just(("370214", "220103")),
        open=st.just(value=True),
    ),
    unique_by=lambda claim: claim.id,
    max_size=4,
)


def missed(claim: Claim) -> Missed:
    return Missed(
        id=claim.id, type_code=claim.type_code, answered_by=claim.counties[1], raised="2026-06-01T01:00:00.000Z"
    )


def held(paper: Paper) -> Held:
    return Held(
        identifier=paper.identifier,
        type_code=paper.type_code,
        status=Status[paper.status],
        issued=paper.issued,
        effective=paper.effective,
        expires=paper.expires,
        disputed=bool(paper.disputed),
    )


def line(covered: Covered) -> Line:
    return Line(
        state=covered.state.name,
        license=None if covered.license is None else covered.license.identifier,
        unusable=tuple((each.identifier, reason.name) for each, reason in covered.unusable),
        until=None if covered.until is None else covered.until.day.isoformat(),
        claims=tuple(each.id for each in covered.missed),
    )


@given(
    found=papers,
    said=claims,
    types=st.sets(st.sampled_from([*TYPES, "D"])),
    tolerance=st.none() | st.integers(1, 12),
    today=st.sampled_from(DAYS),
)
def test_every_combination_is_judged_as_by_the_slow_reference(
    found: Sequence[Paper], said: Sequence[Claim], types: set[str], tolerance: int | None, today: str
) -> None:
    """Several types, dates before, on and after the day, every status, in doubt or not, missed or not, tolerated or not."""
    asked = Asked(type_codes=frozenset(types), tolerance=tolerance)
    covered = cover(asked, [held(paper) for paper in found], today, CALENDAR, [missed(claim) for claim in said])
    assert line(covered) == expected_line(
        found,
        holder=ME,
        county=None,
        types=frozenset(types),
        tolerance=tolerance,
        today=today,
        claims=said,
        party="370214",
    )


@given(
    found=papers,
    said=claims,
    types=st.sets(st.sampled_from(TYPES), min_size=1),
    order=st.randoms(use_true_random=False),
)
def test_the_order_of_licenses_and_objections_changes_nothing(
    found: list[Paper], said: list[Claim], types: set[str], order: Any
) -> None:
    asked = Asked(type_codes=frozenset(types), tolerance=None)
    before = cover(asked, [held(paper) for paper in found], TODAY, CALENDAR, [missed(claim) for claim in said])
    order.shuffle(found)
    order.shuffle(said)
    after = cover(asked, [held(paper) for paper in found], TODAY, CALENDAR, [missed(claim) for claim in said])
    assert after == before


def _license(identifier: str = "id", **members: Any) -> Held:
    known: dict[str, Any] = {
        "type_code": "A", "status": Status.VALID, "issued": "2025-01-01", "effective": None, "expires": None,
    }  # fmt: skip
    return Held(identifier=identifier, **(known | members))


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({}, None),
        ({"effective": TODAY, "expires": TODAY}, None),
        ({"effective": "2026-06-19"}, UnusableReason.NOT_YET_VALID),
        ({"expires": "2026-06-17"}, UnusableReason.EXPIRED),
        ({"status": Status.SUSPENDED, "expires": "2026-06-17"}, UnusableReason.SUSPENDED),
        ({"status": Status.REVOKED}, UnusableReason.REVOKED),
        ({"status": Status.SUPERSEDED, "effective": "2026-06-19"}, UnusableReason.SUPERSEDED),
        ({"disputed": True}, UnusableReason.DISPUTED),
        ({"disputed": True, "expires": "2026-06-17"}, UnusableReason.EXPIRED),
        ({"disputed": True, "status": Status.REVOKED}, UnusableReason.REVOKED),
    ],
)
def test_the_first_and_the_last_day_count_and_the_ledger_speaks_first(
    members: dict[str, Any], reason: UnusableReason | None
) -> None:
    assert unusable_reason(_license(**members), TODAY) is reason


def test_a_superseded_license_is_covered_by_the_one_that_took_its_place() -> None:
    old, new = _license("1", status=Status.SUPERSEDED), _license("2")
    asked = Asked(type_codes=frozenset("A"), tolerance=3)
    assert cover(asked, [old, new], TODAY, CALENDAR) == Covered(state=MaterialState.HELD, license=new)


def test_what_may_follow_may_follow_until_the_last_working_day() -> None:
    """2026-06-18 is a Thursday, the Friday after it a day off, the Sunday worked for it."""
    asked = Asked(type_codes=frozenset("A"), tolerance=2)
    until = cover(asked, [], TODAY, CALENDAR).until
    assert until is not None
    assert (until.day.isoformat(), until.provisional) == ("2026-06-22", False)
    assert cover(asked, [], "2026-12-31", CALENDAR).until == Limit(day=date(2027, 1, 4), provisional=True)
