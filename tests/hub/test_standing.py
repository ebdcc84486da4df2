"""Standing statements in the journal: judged by what they follow and by their case, in the transaction and on replay."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.graph.statements import WRITERS
from hub.journal.hotline import parse_hotline
from hub.journal.intake import check_record
from hub.journal.records import READERS, parse_record, parse_statement
from hub.journal.store import JournalRow, row_of
from hub.journal.writer import create_journal
from ledger.errors import Conflict, NotVerified
from tests.casefile import CHENGYANG, FENGNAN, KUANCHENG, CaseFile, case_number, offered
from tests.deskwork import Appeal
from tests.journal_files import COUNTIES, KEYS, STRANGER, check, code_of, dump, opened, rows
from tests.offerings import LISTED
from tests.statements import NOW

APPEAL: Final = Appeal()


def _case(serial: int = 1) -> bytes:
    return CaseFile(number=case_number(serial)).apply()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal that holds one case."""
    file = tmp_path / "journal.sqlite"
    create_journal(file)
    with opened(file) as store:
        assert store.append(rows(offered(), _case())) == [0, 1]
    return file


def test_what_follows_is_seen_in_the_same_group_or_by_a_store_opened_anew(path: Path, tmp_path: Path) -> None:
    events = [APPEAL.received(), APPEAL.passed(at=NOW + 60), APPEAL.answered(at=NOW + 90)]
    other = tmp_path / "other.sqlite"
    create_journal(other)
    with opened(other) as store:
        assert store.append(rows(offered(), _case(), *events)) == [0, 1, 2, 3, 4]
    for position, raw in enumerate(events, start=2):
        with opened(path) as store:
            assert store.append(rows(raw)) == [position]
            assert store.append(rows(raw)) == [position]
    assert dump(path) == dump(other)
    assert check(path) == check(other) == 5


def test_what_may_not_stand_is_refused_by_its_code_and_changes_nothing(path: Path) -> None:
    received = APPEAL.received()
    other = Appeal(name="other")
    with opened(path) as store:
        assert store.append(rows(received)) == [2]
    before = dump(path)
    wrong = {
        APPEAL.passed(by=CHENGYANG): "not_party",  # another county received it
        APPEAL.passed(to=STRANGER): "wrong_target",  # no county of the case
        APPEAL.passed(at=NOW - 1): "iat_too_old",  # before it was received
        APPEAL.answered(): "wrong_target",  # not passed on yet
        APPEAL.received(at=NOW + 1): "duplicate_identifier",
        APPEAL.received(by=STRANGER, at=NOW + 1): "not_party",
        other.passed(): "wrong_target",  # never received
        other.received(by=STRANGER): "not_party",
        Appeal(case=case_number(9), name="other").received(): "not_party",  # no such case
    }
    with opened(path) as store:
        results = store.append(rows(*wrong))
    assert list(map(code_of, results)) == list(wrong.values())
    assert {str(result) for result in results if code_of(result) == "not_party"} == {
        "not_party: PASSED is another county's to state",
        "not_party: the county is no party of a case with this number",
    }
    assert str(results[7]) == str(results[8])
    assert dump(path) == before


def test_an_event_twice_or_by_another_county_is_refused(path: Path) -> None:
    events = rows(
        APPEAL.received(), APPEAL.passed(to=KUANCHENG), APPEAL.passed(to=CHENGYANG), APPEAL.answered(by=CHENGYANG),
        APPEAL.answered(by=KUANCHENG), APPEAL.answered(by=KUANCHENG, outcome="EXPLAINED"),
    )  # fmt: skip
    with opened(path) as store:
        assert list(map(code_of, store.append(events))) == [
            2, 3, "duplicate_identifier", "not_party", 4, "duplicate_identifier",
        ]  # fmt: skip
    assert check(path) == 5


def test_a_name_of_another_case_cannot_be_followed(path: Path) -> None:
    with opened(path) as store:
        results = store.append(rows(_case(2), APPEAL.received(), Appeal(case=case_number(2)).passed()))
    assert list(map(code_of, results)) == [2, 3, "wrong_target"]


def test_times_are_judged_by_the_rules_of_the_ledger(path: Path) -> None:
    """Ahead of the clock: in the intake. Too long ago: in the store, but not for one that stands."""
    with pytest.raises(Conflict) as caught:
        check_record(APPEAL.received(at=NOW + 301), KEYS, LISTED, NOW)
    assert caught.value.code == "iat_in_future"
    first = parse_statement(APPEAL.received())
    with opened(path) as store:
        assert list(map(code_of, store.append([row_of(first, oldest=NOW + 1)]))) == ["iat_too_old"]
        assert store.append([row_of(first, oldest=NOW), row_of(first, oldest=NOW + 1)]) == [2, 2]


def test_a_statement_that_could_never_stand_is_found_by_the_check(path: Path) -> None:
    """The hub wrote it around its own judgement: hashes, signature and index are right."""
    raw = APPEAL.answered()
    with opened(path) as store:
        assert store.append([JournalRow(raw=raw, states=parse_hotline(raw).states)]) == [2]
    with pytest.raises(
        NotVerified, match=r"^corrupt_store: record 2: it could not be stated there: it follows a state"
    ):
        check(path)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ("DELETE FROM license WHERE identifier LIKE 'hotline/%/passed'", "record 3: the index tables do not name it"),
        ("UPDATE license SET i = 9 WHERE identifier LIKE 'hotline/%' AND i = 2", "record 2: the index tables"),
        ("INSERT INTO license VALUES ('hotline/x', 1)", "table license has 4 rows"),
    ],
)
def test_a_changed_index_of_names_is_found(path: Path, change: str, text: str) -> None:
    with opened(path) as store:
        assert store.append(rows(APPEAL.received(), APPEAL.passed())) == [2, 3]
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(change)
        connection.commit()
    with pytest.raises(NotVerified, match=rf"^corrupt_store: .*{text}"):
        check(path)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_a_walk_over_appeals_leaves_a_journal_that_holds_and_can_be_made_again(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    """Any event by any county on any of three appeals of two cases: every refusal changes nothing."""
    rng = random.Random(seed)
    folder = tmp_path_factory.mktemp("walk")
    create_journal(folder / "journal.sqlite")
    appeals = [Appeal(case=case_number(rng.randint(1, 2)), name=name) for name in ("a", "b", "c")]
    with opened(folder / "journal.sqlite") as store:
        store.append(rows(offered(), _case(1), _case(2)))
        for at in range(30):
            draft = _any_event(rng, rng.choice(appeals), NOW + at)
            before = dump(folder / "journal.sqlite")
            (result,) = store.append(rows(draft))
            assert isinstance(result, int) or dump(folder / "journal.sqlite") == before
        records = store.reader.records(0, 99)
    create_journal(folder / "again.sqlite")
    with opened(folder / "again.sqlite") as again:
        assert again.append([row_of(parse_record(raw)) for raw in records]) == list(range(len(records)))
    assert dump(folder / "again.sqlite") == dump(folder / "journal.sqlite")
    assert check(folder / "journal.sqlite") == len(records)


def _any_event(rng: random.Random, appeal: Appeal, at: int) -> bytes:
    by = rng.choice([FENGNAN, CHENGYANG, rng.choice(COUNTIES)])
    events = [appeal.received(by=by, at=at), appeal.passed(by=by, to=rng.choice(COUNTIES), at=at)]
    return rng.choice([*events, appeal.answered(by=by, at=at)])


def test_every_standing_statement_that_is_read_has_a_writer() -> None:
    own = {"lic-record+jwt", "offering+jwt", "case-step+jwt"}
    assert len(READERS.keys() - own) == len(WRITERS)
