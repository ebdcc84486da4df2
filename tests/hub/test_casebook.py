"""Cases in the journal: judged in the transaction that appends; refusals change nothing; crash, race, replay, check."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.journal.casebook import CaseBook
from hub.journal.intake import RecordIntake
from hub.journal.records import parse_record, parse_statement
from hub.journal.store import JournalRow, row_of
from hub.journal.writer import JournalWriter, create_journal
from ledger.cases import TRANSITIONS
from ledger.errors import Conflict, Malformed, NotVerified
from ledger.status import Status
from ledger.transparency.merkle import leaf_hash
from tests.casefile import CHENGYANG, DAY, FENGNAN, KUANCHENG, CaseFile, case_number, offered, whole_case
from tests.journal_files import COUNTIES, KEYS, check, code_of, dump, opened, rows
from tests.offerings import LISTED, offering
from tests.statements import NOW, County, MemoryLog

ONLINE: Final = "000117002000"


def licenses() -> tuple[list[bytes], list[bytes]]:
    """Two licenses of Chengyang: the leaves of their seals, and the records."""
    ledger, journal = MemoryLog(), MemoryLog()
    county = County(CHENGYANG, ledger, journal)
    for serial in (1, 2):
        county.state(county.seal(serial), serial)
    return [leaf_hash(raw) for raw in ledger.entries], journal.entries


LEAVES, SEALED = licenses()
LICENSES: Final = (*SEALED, offered())
"""What the journal holds at first: two licenses, and the offering."""
USED, PRODUCED = (County(CHENGYANG, MemoryLog(), MemoryLog()).identifier(serial) for serial in (1, 2))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "journal.sqlite"
    create_journal(file)
    with opened(file) as store:
        store.append([row_of(parse_statement(raw)) for raw in LICENSES])
    return file


def online(serial: int = 1) -> CaseFile:
    """A case of Chengyang alone, opened under its online offering."""
    number, code = case_number(serial, matter=ONLINE), f"{ONLINE}@{CHENGYANG}@20260501"
    case = CaseFile(number=number, mode="ONLINE", intake=CHENGYANG, pick_up=CHENGYANG, matter=ONLINE, offering=code)
    case.apply()
    return case


def test_a_whole_case_is_taken_in_one_group_or_step_by_step(path: Path, tmp_path: Path) -> None:
    """Each step on a store that was opened anew: what it is judged by is what the records say."""
    case = whole_case(used=(USED,), produced=(PRODUCED,))
    for number, raw in enumerate(case.raws):
        with opened(path) as store:
            assert store.append(rows(raw)) == [3 + number]
    other = tmp_path / "other.sqlite"
    create_journal(other)
    with opened(other) as store:
        assert store.append(rows(*LICENSES, *case.raws)) == list(range(3 + len(case.raws)))
    assert dump(path) == dump(other)
    assert check(path) == check(other) == 3 + len(case.raws)


def test_what_is_refused_changes_nothing_and_the_same_bytes_get_their_position_again(path: Path) -> None:
    case = CaseFile()
    first = case.apply(licenses=[USED])
    second = case.add("PRE_REVIEW", FENGNAN, outcome="PASSED")
    stranger = case.draft("CORRECTION_NOTICE", "320583")
    other = CaseFile()
    other.apply()
    unknown = CaseFile(number=case_number(9))
    unknown.apply(licenses=[str(County(CHENGYANG, MemoryLog(), MemoryLog()).identifier(77))])
    absent = CaseFile(number=case_number(8))
    absent.apply()
    with opened(path) as store:
        assert store.append(rows(first, second)) == [3, 4]
    before = dump(path)
    wrong = [
        case.draft("PICK_UP", KUANCHENG), case.draft("CORRECTION_NOTICE", KUANCHENG), stranger,
        other.draft("PRE_REVIEW", FENGNAN, outcome="PASSED"), other.raws[0], unknown.raws[0],
        absent.draft("PRE_REVIEW", FENGNAN, outcome="PASSED"), first, second,
    ]  # fmt: skip
    with opened(path) as store:
        results = store.append(rows(*wrong))
    assert list(map(code_of, results)) == [
        "illegal_step", "illegal_step", "not_party", "stale_prev", "already_exists", "wrong_target", "not_party", 3, 4,
    ]  # fmt: skip
    assert str(results[3]) == (
        "stale_prev: another step came before; the case is HANDED_OVER after step 2; legal: HAND_OVER_RECEIPT by 370214"
    )
    assert str(results[2]) == str(results[6])
    assert dump(path) == before


def test_a_group_that_is_refused_in_part_takes_the_rest(path: Path) -> None:
    """Two handlers in one group: the first one's step stands, and what follows it is judged after it."""
    case = online()
    passed = case.draft("PRE_REVIEW", CHENGYANG, outcome="PASSED", limits={"statutory": 5, "promised": None})
    returned = case.draft("PRE_REVIEW", CHENGYANG, outcome="RETURNED")
    case.raws.append(passed)
    notice = case.draft("CORRECTION_NOTICE", CHENGYANG)
    with opened(path) as store:
        results = store.append(rows(offered("ONLINE", matter=ONLINE), case.raws[0], passed, returned, notice))
    assert list(map(code_of, results)) == [3, 4, 5, "stale_prev", 6]
    assert check(path) == 7


def test_a_step_dated_too_long_ago_is_refused_but_not_one_that_stands(path: Path) -> None:
    case = CaseFile()
    first = parse_statement(case.apply())
    late = row_of(first, oldest=NOW + 1)
    with opened(path) as store:
        assert list(map(code_of, store.append([late]))) == ["iat_too_old"]
        assert store.append([row_of(first, oldest=NOW), late]) == [3, 3]


def test_a_case_that_left_memory_is_found_by_its_records(path: Path) -> None:
    """Two cases take turns in a book with room for one."""
    files = [whole_case(serial) for serial in (1, 2)]
    with opened(path) as store:
        store._cases = CaseBook(store._connection, most=1)  # type: ignore[misc]  # a smaller one
        turns = [raw for pair in zip(*(file.raws for file in files), strict=True) for raw in pair]
        for number, raw in enumerate(turns):
            assert store.append(rows(raw)) == [3 + number]
        assert len(store._cases._kept) == 1
    assert check(path) == 3 + len(turns)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_a_walk_over_cases_leaves_a_journal_that_holds(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    """Any step by any county on any of three cases, the store opened anew now and then: every refusal changes nothing."""
    rng = random.Random(seed)
    path = tmp_path_factory.mktemp("walk") / "journal.sqlite"
    create_journal(path)
    matters = {
        "000117001000": ("PROXY_INTAKE", FENGNAN),
        "000117003000": ("DELEGATED", FENGNAN),
        ONLINE: ("ONLINE", CHENGYANG),
    }
    files = [
        CaseFile(
            number=case_number(matter=matter), mode=mode, intake=intake, matter=matter,
            offering=f"{matter}@{CHENGYANG}@20260501",
        )
        for matter, (mode, intake) in matters.items()
    ]  # fmt: skip
    with opened(path) as store:
        store.append(rows(*(offered(file.mode, matter=file.matter) for file in files)))
    taken = len(files)
    for _ in range(4):
        with opened(path) as store:
            for _ in range(12):
                file = rng.choice(files)
                draft = _any_step(rng, file)
                before, head = dump(path), store.head
                (result,) = store.append(rows(draft))
                if isinstance(result, int):
                    file.raws.append(draft)
                    taken += 1
                    assert store.head.n == taken
                else:
                    assert (dump(path), store.head) == (before, head)
    assert check(path) == taken


def _any_step(rng: random.Random, file: CaseFile) -> bytes:
    if not file.raws:
        tolerated = rng.choice([[], [{"material": "M03", "days": 5}]])
        return replace(file, raws=[]).apply(tolerated=tolerated)
    row = rng.choice([row for row in TRANSITIONS if row.source is not None])
    outcome = None if row.outcome is None else row.outcome.value
    limits = rng.choice([None, {"statutory": 5, "promised": 2}, {"statutory": 20, "promised": 5}])
    own = {"limits": limits} if row.step.value in _WITH_LIMITS else {}
    if row.step.value in {"PRE_REVIEW", "HAND_OVER_RECEIPT"}:
        own["items"] = rng.choice([2, 2, 3])
    return file.draft(row.step.value, rng.choice(COUNTIES), outcome=outcome, at=NOW + len(file.raws) * DAY, **own)


_WITH_LIMITS: Final = ("PRE_REVIEW", "HAND_OVER_RECEIPT", "ACCEPTANCE", "CONCLUSION", "PRODUCTION")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ("DELETE FROM casestep WHERE sequence = 2", "record 4: the index tables do not name it"),
        ("UPDATE casestep SET i = 5 WHERE sequence = 2", "record 4: the index tables do not name it"),
        ("INSERT INTO casestep VALUES ('x', 1, 3)", "table casestep has 4 rows"),
        ("DELETE FROM stated WHERE i = 4", "record 4: the index tables do not name it"),
    ],
)
def test_a_changed_index_of_cases_is_found(path: Path, change: str, text: str) -> None:
    with opened(path) as store:
        assert store.append(rows(*whole_case().raws[:3])) == [3, 4, 5]
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(change)
        connection.commit()
    with pytest.raises(NotVerified, match=rf"^corrupt_store: .*{text}"):
        check(path)


def test_a_step_that_was_never_legal_is_found(path: Path) -> None:
    """The hub wrote it around its own judgement: every hash is right, and the county's signature, too."""
    case = CaseFile()
    case.apply()
    raw = case.add("PICK_UP", KUANCHENG)
    with opened(path) as store:
        store.append(rows(case.raws[0]))
        store.append([JournalRow(raw=raw)])
    with pytest.raises(NotVerified, match=r"^corrupt_store: record 4: it is no legal step of its case: PICK_UP is not"):
        check(path)


class SealedHere:
    """The ledger as the intake sees it."""

    keys = KEYS

    async def sealed_by(self, leaves: Sequence[bytes]) -> Mapping[bytes, str]:
        return {leaf: CHENGYANG for leaf in leaves if leaf in LEAVES}

    async def statuses_of(self, leaves: Sequence[bytes]) -> Mapping[bytes, Status]:
        return {leaf: Status.VALID for leaf in leaves if leaf in LEAVES}


async def _submit(path: Path, *groups: Sequence[bytes], now: int = NOW) -> list[list[int | str]]:
    """Send groups one after another to the intake of a running journal."""
    writer = JournalWriter(path)
    await writer.start()
    try:
        with ThreadPoolExecutor(1) as pool:
            intake = RecordIntake(writer, SealedHere(), listed=LISTED, pool=pool, clock=lambda: now)
            return [list(map(code_of, await intake.submit(group))) for group in groups]
    finally:
        await writer.stop()


async def test_the_intake_takes_steps_beside_licenses_and_judges_signature_key_and_time(path: Path) -> None:
    case = CaseFile()
    first = case.apply(licenses=[USED])
    forged = first[:-8] + b"AAAAAAA" + first[-1:]
    future = CaseFile(number=case_number(2)).apply(at=NOW + 301)
    past = CaseFile(number=case_number(3)).apply(at=NOW - 86_401)
    edges = [
        CaseFile(number=case_number(4)).apply(at=NOW + 300),
        CaseFile(number=case_number(5)).apply(at=NOW - 86_400),
    ]
    assert await _submit(path, [forged, LICENSES[0], first, future, past, *edges], [first]) == [
        ["bad_signature", 0, 3, "iat_in_future", "iat_too_old", 4, 5], [3],
    ]  # fmt: skip


async def test_licenses_offerings_and_steps_stand_in_one_journal(path: Path, tmp_path: Path) -> None:
    """One group of all kinds: the check takes them, and their bytes alone make the same store once more."""
    journal = MemoryLog()
    County(CHENGYANG, MemoryLog(), journal).offer(offering())
    (stated,) = journal.entries
    first = CaseFile().apply(licenses=[USED])
    assert await _submit(path, [LICENSES[0], first, stated, first, stated]) == [[0, 3, 4, 3, 4]]
    assert check(path) == 5
    create_journal(tmp_path / "again.sqlite")
    with opened(tmp_path / "again.sqlite") as again, opened(path) as store:
        records = store.reader.records(0, 5)
        assert again.append([row_of(parse_record(raw)) for raw in records]) == [0, 1, 2, 3, 4]
    assert dump(tmp_path / "again.sqlite") == dump(path)


async def test_of_two_handlers_at_once_exactly_one_wins(path: Path) -> None:
    """Eight callers with steps that exclude each other, all waiting for the same commit."""
    case = online()
    drafts = [case.draft("CORRECTION_NOTICE", CHENGYANG, at=NOW + number) for number in range(8)]
    with opened(path) as store:
        store.append(rows(offered("ONLINE", matter=ONLINE), *case.raws))
    writer = JournalWriter(path)
    await writer.start()
    with ThreadPoolExecutor(2) as pool:
        intake = RecordIntake(writer, SealedHere(), listed=LISTED, pool=pool, clock=lambda: NOW)
        results = await asyncio.gather(*(intake.submit([draft]) for draft in drafts))
    await writer.stop()
    found = [code_of(result) for (result,) in results]
    assert sorted(found, key=str) == [5, *["stale_prev"] * 7]
    lost = next(result for (result,) in results if isinstance(result, Conflict))
    assert "the case is CORRECTING_APPLIED after step 2; legal: CORRECTION by 370214" in lost.message


def test_a_statement_of_another_kind_is_no_case_step() -> None:
    with pytest.raises(Malformed):
        parse_statement(b"a.b.c")
