"""What a case owes to others' statements: its offering's version, mode and limits; what may follow; what it ends in."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from hub.journal.casebook import NO_LICENSE
from hub.journal.store import JournalRow
from hub.journal.writer import create_journal
from ledger.errors import NotVerified, TongbanError
from tests.casefile import CHENGYANG, DAY, FENGNAN, MATTER, OFFERED, CaseFile, case_number, offered, whole_case
from tests.hub.test_casebook import PRODUCED, SEALED
from tests.journal_files import check, code_of, dump, opened, rows
from tests.offerings import material
from tests.statements import NOW, County, MemoryLog

JUNE: Final = f"{MATTER}@{CHENGYANG}@20260601"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give a journal with Chengyang's offering since 1 May, and its two licenses."""
    file = tmp_path / "journal.sqlite"
    create_journal(file)
    with opened(file) as store:
        assert store.append(rows(offered(), *SEALED)) == [0, 1, 2]
    return file


def answer(path: Path, *raws: bytes) -> list[int | str]:
    """Append statements, and give a position, or code and message, each."""
    with opened(path) as store:
        return [each if isinstance(each, int) else str(each) for each in store.append(rows(*raws))]


def test_a_case_is_pinned_to_the_version_in_force_on_its_day(path: Path) -> None:
    """From the first day of the next version on, the one before is stale; a case that it opened goes on under it."""
    old, new, early = CaseFile(), CaseFile(number=case_number(2), offering=JUNE), CaseFile(number=case_number(3))
    first, later = old.apply(at=NOW - DAY), new.apply()
    assert answer(path, first, early.draft("APPLICATION", FENGNAN, at=NOW - DAY, offering=JUNE, limits=LIMITS)) == [
        3, f"stale_version: {JUNE} is not in force on 2026-05-31; in force: {early.offering}",
    ]  # fmt: skip
    stale = early.apply()
    assert answer(path, offered(at=NOW, promisedDays=3), later, stale) == [
        4, 5, f"stale_version: {early.offering} is not in force on 2026-06-01; in force: {JUNE}",
    ]  # fmt: skip
    for file, promised in ((old, 5), (new, 3)):
        file.add("PRE_REVIEW", FENGNAN, outcome="PASSED")
        file.add("HAND_OVER_RECEIPT", CHENGYANG, limits={"statutory": 5, "promised": None})
        limits = {"statutory": 20, "promised": promised}
        file.add("ACCEPTANCE", CHENGYANG, outcome="ACCEPTED", limits=limits)
        assert [isinstance(each, int) for each in answer(path, *file.raws[1:])] == [True] * 3
    assert check(path) == 12


def test_no_version_is_in_force_before_the_first_after_the_last_and_of_another_county(tmp_path: Path) -> None:
    create_journal(path := tmp_path / "journal.sqlite")
    other = CaseFile(number=case_number(2))
    other.apply(at=NOW - 40 * DAY)
    cancelled = CaseFile()
    cancelled.apply()
    assert answer(path, cancelled.raws[0], offered(planCancelDate="2026-05-31"), *other.raws, *cancelled.raws) == [
        f"stale_version: {cancelled.offering} is not in force on 2026-06-01; in force: none",
        0,
        f"stale_version: {cancelled.offering} is not in force on 2026-04-22; in force: none",
        f"stale_version: {cancelled.offering} is not in force on 2026-06-01; in force: none",
    ]


LIMITS: Final = {"statutory": None, "promised": 2}


@pytest.mark.parametrize(
    ("claims", "own", "text"),
    [
        ({"mode": "JOINT"}, {}, "is offered as 多地联办"),
        ({}, {"tolerated": [{"material": "M01", "days": 1}]}, "M01 of {} may not follow"),
        ({}, {"tolerated": [{"material": "M04", "days": 1}]}, "M04 of {} may not follow"),
        ({}, {"tolerated": [{"material": "M00", "days": 1}]}, "M00 of {} may not follow"),
        ({}, {"tolerated": [{"material": "M03", "days": 6}]}, "M03 of {} may follow within 5 working days"),
        ({"materials": [material(toleranceDays=2)]}, {"tolerated": [{"material": "M01", "days": 2}]}, None),
    ],
)
def test_an_application_keeps_to_its_offering(
    tmp_path: Path, claims: dict[str, Any], own: dict[str, Any], text: str | None
) -> None:
    create_journal(path := tmp_path / "journal.sqlite")
    case = CaseFile()
    (stated, found) = answer(path, offered(**claims), case.apply(**own))
    assert stated == 0
    if text is None:
        assert found == 1
    else:
        assert str(found).startswith("not_offered: ")
        assert text.format(case.offering) in str(found)


@pytest.mark.parametrize(
    ("unit", "limits", "taken"),
    [
        ("working", (20, 5), True), ("working", (20, 4), False), ("working", (None, 5), False),
        ("calendar", (20, 5), True), ("calendar", (14, 3), True), ("calendar", (20, 6), False),
        ("calendar", (None, 5), False),
    ],
)  # fmt: skip
def test_the_limits_of_the_handling_are_the_offerings(
    tmp_path: Path, unit: str, limits: tuple[int | None, int | None], *, taken: bool
) -> None:
    create_journal(path := tmp_path / "journal.sqlite")
    case = CaseFile()
    case.apply()
    case.add("PRE_REVIEW", FENGNAN, outcome="PASSED")
    case.add("HAND_OVER_RECEIPT", CHENGYANG, limits={"statutory": 5, "promised": None})
    stated = {"statutory": limits[0], "promised": limits[1]}
    case.add("ACCEPTANCE", CHENGYANG, outcome="ACCEPTED", limits=stated)
    *_, last = answer(path, offered(dayUnit=unit), *case.raws)
    if taken:
        assert last == 4
    else:
        assert last == f"not_offered: {case.offering} allows 20 and promises 5 {unit} days"
    assert check(path) == 4 + taken


def test_a_case_ends_in_licenses_of_its_handling_county_for_its_applicant(path: Path) -> None:
    """Another holder's license of the same county is refused, and one that nobody has stated."""
    ledger, journal = MemoryLog(), MemoryLog()
    county = County(CHENGYANG, ledger, journal)
    county.state(county.seal(3), 3, holders=("2",))
    case = whole_case(produced=(PRODUCED,))
    made = next(number for number, step in enumerate(case.steps) if step.kind.value == "PRODUCTION")
    before = CaseFile(number=case.number, raws=case.raws[:made])
    wrong = [
        before.draft("PRODUCTION", CHENGYANG, at=NOW + made * DAY, limits=LIMITS | {"promised": 3}, licenses=[each])
        for each in (county.identifier(3), county.identifier(4))
    ]
    results = answer(path, *journal.entries, *before.raws, *wrong, *case.raws[made:])
    assert [each for each in results if isinstance(each, str)] == [
        f"wrong_target: {NO_LICENSE}",
        f"wrong_target: {NO_LICENSE}",
    ]
    assert check(path) == 4 + len(case.raws)


@pytest.mark.parametrize("own", [{"offering": JUNE}, {"tolerated": [{"material": "M01", "days": 1}]}])
def test_a_step_written_around_its_offering_is_found(path: Path, own: dict[str, Any]) -> None:
    """The hub wrote it past its own judgement: case, signature and hashes are right."""
    raw = CaseFile().apply(**own)
    with opened(path) as store:
        store.append([JournalRow(raw=raw)])
    with pytest.raises(NotVerified, match=r"^corrupt_store: record 3: it is no legal step of its case: "):
        check(path)


def test_an_offering_stated_later_does_not_reach_back(path: Path) -> None:
    """A replay judges by what stood before the step, whatever came after it."""
    case = CaseFile()
    assert answer(path, case.apply(), offered(at=NOW - 10 * DAY), offered(at=NOW)) == [3, 4, 5]
    assert check(path) == 6
    assert OFFERED < NOW - 10 * DAY


def test_a_refused_application_changes_nothing(path: Path) -> None:
    before = dump(path)
    with opened(path) as store:
        (result,) = store.append(rows(CaseFile(offering=JUNE).apply()))
    assert isinstance(result, TongbanError)
    assert (code_of(result), dump(path)) == ("stale_version", before)


def test_a_step_that_names_another_holders_license_written_around_the_judgement_is_found(path: Path) -> None:
    raw = CaseFile().apply(licenses=[PRODUCED], holder=County.holder("2"))
    assert answer(path, raw) == [f"wrong_target: {NO_LICENSE}"]
    with opened(path) as store:
        store.append([JournalRow(raw=raw)])
    with pytest.raises(NotVerified, match=r"^corrupt_store: record 3: it is no legal step of its case: "):
        check(path)
