"""Objections and follow-ups in the journal: who may state them, when, once; every refusal by its code."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.journal.intake import check_record
from hub.journal.writer import create_journal
from ledger.errors import Conflict
from tests.casefile import CHENGYANG, DAY, FENGNAN, KUANCHENG, CaseFile, case_number, offered, whole_case
from tests.deskwork import Dispute, follow_up
from tests.journal_files import COUNTIES, KEYS, STRANGER, check, code_of, dump, opened, rows
from tests.offerings import LISTED
from tests.statements import NOW, County, MemoryLog


def _license() -> tuple[str, bytes]:
    ledger, journal = MemoryLog(), MemoryLog()
    county = County(CHENGYANG, ledger, journal)
    county.state(county.seal(1), 1)
    return county.identifier(1), journal.entries[0]


LICENSE, RECORD = _license()
OTHER: Final = County(CHENGYANG, MemoryLog(), MemoryLog()).identifier(2)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal that holds one license of Chengyang, and one case that was just opened."""
    file = tmp_path / "journal.sqlite"
    create_journal(file)
    with opened(file) as store:
        assert store.append(rows(RECORD, offered(), CaseFile().apply())) == [0, 1, 2]
    return file


def codes(path: Path, *raws: bytes) -> list[int | str]:
    with opened(path) as store:
        return list(map(code_of, store.append(rows(*raws))))


def test_an_objection_is_decided_once_by_the_county_that_must_answer(path: Path) -> None:
    dispute = Dispute(LICENSE)
    assert codes(
        path,
        dispute.decided(),  # before it is raised
        dispute.raised(),
        dispute.decided(by=FENGNAN),
        dispute.decided(by=STRANGER),
        dispute.decided("WITHDRAWN", by=CHENGYANG),
        dispute.decided(at=NOW - 1),
        dispute.decided("DISMISSED", at=NOW + DAY),
        dispute.decided("UPHELD", at=NOW + DAY),
        dispute.decided("WITHDRAWN", by=FENGNAN, at=NOW + DAY),
        dispute.raised(at=NOW + 1),
        dispute.raised(),
    ) == [
        "wrong_target", 3, "not_party", "not_party", "not_party", "iat_too_old", 4, "duplicate_identifier",
        "duplicate_identifier", "duplicate_identifier", 3,
    ]  # fmt: skip
    assert check(path) == 5


def test_who_raised_an_objection_may_withdraw_it(path: Path) -> None:
    dispute = Dispute()
    assert codes(path, dispute.raised(), dispute.decided("WITHDRAWN", by=FENGNAN), dispute.decided()) == [
        3, 4, "duplicate_identifier",
    ]  # fmt: skip


def test_an_objection_names_a_license_of_the_county_that_must_answer(path: Path) -> None:
    before = dump(path)
    assert codes(
        path,
        Dispute(OTHER).raised(),  # no county has stated it
        Dispute(LICENSE).raised(answeredBy=KUANCHENG),
        Dispute(LICENSE).raised(at=NOW - 1),  # before the license
        Dispute(LICENSE).raised(caseNumber=case_number(), by=STRANGER),
        Dispute(LICENSE).raised(caseNumber=case_number(9)),
    ) == ["wrong_target", "wrong_target", "iat_too_old", "not_party", "not_party"]
    assert dump(path) == before
    assert codes(path, Dispute(LICENSE).raised(caseNumber=case_number()), Dispute(name="two").raised()) == [3, 4]


def test_a_missing_license_is_of_a_type_that_is_listed() -> None:
    raw = Dispute().raised(certificateTypeCode="11100000MB0143028R999")
    with pytest.raises(Conflict) as caught:
        check_record(raw, KEYS, LISTED, NOW)
    assert caught.value.code == "not_listed"
    listed = min(LISTED.types)
    assert check_record(Dispute().raised(certificateTypeCode=listed), KEYS, LISTED, NOW).iss == FENGNAN
    with pytest.raises(Conflict) as caught:
        check_record(Dispute().raised(certificateTypeCode=listed, at=NOW + 301), KEYS, LISTED, NOW)
    assert caught.value.code == "iat_in_future"


def test_a_case_is_followed_up_once_after_its_bad_evaluation_by_the_handling_county(path: Path) -> None:
    rated, late = whole_case(2, rating=4), NOW + 20 * DAY
    assert len(codes(path, *rated.raws[:-1])) == 15
    assert codes(path, follow_up(rated.number, at=late)) == ["illegal_step"]
    assert codes(
        path,
        rated.raws[-1],
        follow_up(rated.number, by=FENGNAN, at=late),
        follow_up(rated.number, by=STRANGER, at=late),
        follow_up(case_number(9), at=late),
        follow_up(rated.number, at=late),
        follow_up(rated.number, at=late, outcome="EXPLAINED"),
    ) == [18, "not_party", "not_party", "not_party", 19, "duplicate_identifier"]
    assert check(path) == 20


@pytest.mark.parametrize("rating", [1, 2, 3, 4, 5])
def test_a_follow_up_is_of_a_bad_rating_alone(path: Path, rating: int) -> None:
    rated, late = whole_case(2, rating=rating), NOW + 20 * DAY
    expected = "illegal_step" if rating <= 3 else 19
    assert codes(path, *rated.raws, follow_up(rated.number, at=late)) == [*range(3, 19), expected]
    assert codes(path, follow_up(rated.number, at=late)) == [expected]  # the case read back from its records
    assert check(path) == (19 if rating <= 3 else 20)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_a_walk_over_objections_ends_each_at_most_once(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    """Any event by any county on any of four objections: what stands is what the rules, read once more, allow."""
    rng = random.Random(seed)
    path = tmp_path_factory.mktemp("walk") / "journal.sqlite"
    create_journal(path)
    disputes = [Dispute(LICENSE, "a"), Dispute(LICENSE, "b"), Dispute(None, "c"), Dispute(OTHER, "d")]
    raised: dict[str, str] = {}
    ended: set[str] = set()
    with opened(path) as store:
        store.append(rows(RECORD))
        for at in range(NOW, NOW + 40):
            dispute, by = rng.choice(disputes), rng.choice(COUNTIES)
            outcome = rng.choice([None, "UPHELD", "DISMISSED", "WITHDRAWN"])
            raw = dispute.raised(by=by, at=at) if outcome is None else dispute.decided(outcome, by=by, at=at)
            (result,) = store.append(rows(raw))
            name = dispute.name
            if outcome is None:
                allowed = name not in raised and dispute.license != OTHER
            else:
                ender = raised.get(name) if outcome == "WITHDRAWN" else CHENGYANG
                allowed = name in raised and name not in ended and by == ender
            assert isinstance(result, int) == allowed
            if allowed and outcome is None:
                raised[name] = by
            elif allowed:
                ended.add(name)
    assert check(path) == 1 + len(raised) + len(ended)
