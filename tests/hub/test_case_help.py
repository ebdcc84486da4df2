"""Help around cases and supervision of red clocks: read strictly, judged by their case, by clock and calendar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest

from hub.ingest.data import read_table
from hub.journal.assistance import parse_assistance
from hub.journal.intake import RecordIntake
from hub.journal.supervision import parse_supervision
from hub.journal.writer import JournalWriter, create_journal
from ledger.errors import Malformed
from ledger.status import Status
from ledger.workdays import read_calendar
from tests.casefile import CHENGYANG, DAY, FENGNAN, KUANCHENG, CaseFile, case_number, offered
from tests.casehelp import assistance, supervision
from tests.journal_files import KEYS, STRANGER, check, code_of, dump, opened, rows
from tests.offerings import LISTED
from tests.statements import NOW

CALENDAR: Final = read_calendar(read_table("calendar"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give a journal with a case that was taken in on 1 June with two working days, and may miss M03 for five."""
    file = tmp_path / "journal.sqlite"
    create_journal(file)
    with opened(file) as store:
        case = CaseFile()
        assert store.append(rows(offered(), case.apply(tolerated=[{"material": "M03", "days": 5}]))) == [0, 1]
    return file


def codes(path: Path, *raws: bytes) -> list[int | str]:
    with opened(path) as store:
        return list(map(code_of, store.append(rows(*raws))))


def test_every_kind_of_help_is_read_back() -> None:
    found = {kind: parse_assistance(assistance(kind)) for kind in _KINDS}
    assert {kind: record.states for kind, record in found.items()} == dict.fromkeys(
        _KINDS, f"assistance/{case_number()}/1"
    )
    assert (found["ASSIGNED"].staff, found["TRANSFERRED"].to_window) == ("Q-1042", "B01")
    assert (found["VIDEO_APPOINTMENT"].appointed_at, found["NOTED"].digest) == (NOW + 7200, bytes(32))
    urged = parse_supervision(supervision("N07"))
    assert (urged.states, urged.follows) == (f"supervision/{case_number()}/N07", None)


_KINDS: Final = ("ASSIGNED", "TRANSFERRED", "VIDEO_APPOINTMENT", "NOTED")


@pytest.mark.parametrize(
    ("kind", "members", "code"),
    [
        ("ASSIGNED", {"kind": "GREETED"}, "bad_payload"),
        ("ASSIGNED", {"staff": "张三"}, "bad_payload"),
        ("ASSIGNED", {"service": "HELP"}, "bad_payload"),
        ("ASSIGNED", {"number": 0}, "bad_number"),
        ("ASSIGNED", {"number": 101}, "bad_number"),
        ("ASSIGNED", {"window": "三号"}, "bad_payload"),
        ("ASSIGNED", {"role": "王"}, "bad_payload"),
        ("ASSIGNED", {"caseNumber": "1"}, "bad_identifier"),
        ("ASSIGNED", {"note": "x"}, "unknown_member"),
        ("TRANSFERRED", {"toWindow": "A03", "toRole": "INTAKE_CLERK"}, "bad_payload"),
        ("VIDEO_APPOINTMENT", {"appointedAt": NOW}, "bad_payload"),
        ("VIDEO_APPOINTMENT", {"appointedAt": "tomorrow"}, "bad_number"),
        ("NOTED", {"subject": "他很生气"}, "bad_payload"),
        ("NOTED", {"digest": "x"}, "bad_base64"),
    ],
)
def test_help_that_breaks_its_form_is_malformed(kind: str, members: dict[str, Any], code: str) -> None:
    with pytest.raises(Malformed) as caught:
        assistance(kind, **members)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"clock": "LUNCH"}, "bad_payload"),
        ({"clock": "N1"}, "bad_payload"),
        ({"window": ""}, "bad_payload"),
        ({"caseNumber": "1"}, "bad_identifier"),
        ({"reason": "x"}, "unknown_member"),
    ],
)
def test_a_supervision_that_breaks_its_form_is_malformed(members: dict[str, Any], code: str) -> None:
    with pytest.raises(Malformed) as caught:
        supervision(**{"clock": "INTAKE", **members})
    assert caught.value.code == code


def test_help_is_numbered_in_its_case_and_of_two_at_once_one_wins(path: Path) -> None:
    assert codes(
        path,
        assistance("NOTED", 2),
        assistance("ASSIGNED", 1),
        assistance("ASSIGNED", 1, by=CHENGYANG),
        assistance("VIDEO_APPOINTMENT", 2, by=CHENGYANG),
        assistance("TRANSFERRED", 3, at=NOW + DAY),
        assistance("NOTED", 4, at=NOW),
        assistance("NOTED", 4, by=STRANGER, at=NOW + DAY),
        assistance("NOTED", 1, caseNumber=case_number(9)),
        assistance("ASSIGNED", 1),
    ) == ["wrong_target", 2, "duplicate_identifier", 3, 4, "iat_too_old", "not_party", "not_party", 2]
    assert check(path) == 5


def test_appointments_come_before_the_review_and_transfers_before_the_end(path: Path) -> None:
    case = CaseFile()
    case.apply(tolerated=[{"material": "M03", "days": 5}])
    case.add("PRE_REVIEW", FENGNAN, outcome="RETURNED")
    assert codes(path, case.raws[1]) == [2]
    before = dump(path)
    assert codes(path, assistance("VIDEO_APPOINTMENT"), assistance("TRANSFERRED")) == ["illegal_step"] * 2
    assert dump(path) == before
    assert codes(path, assistance("NOTED")) == [3]


def test_a_clock_is_urged_on_once_while_it_is_open(path: Path) -> None:
    """What the journal judges: that it is red is the intake's to say."""
    assert codes(
        path,
        supervision("HANDLING"),
        supervision("INTAKE", by=STRANGER),
        supervision("INTAKE", by=KUANCHENG),
        supervision("INTAKE", by=FENGNAN),
        supervision("M03"),
        supervision("INTAKE", by=KUANCHENG),
    ) == ["wrong_target", "not_party", 2, "duplicate_identifier", 3, 2]
    assert check(path) == 4


class Ledger:
    """The ledger as the intake sees it: no seals."""

    keys = KEYS

    async def sealed_by(self, leaves: Sequence[bytes]) -> Mapping[bytes, str]:
        return dict.fromkeys(leaves[:0], "")

    async def statuses_of(self, leaves: Sequence[bytes]) -> Mapping[bytes, Status]:
        return dict.fromkeys(leaves[:0], Status.VALID)


async def test_only_a_red_clock_is_urged_on_by_the_hubs_clock_and_calendar(path: Path) -> None:
    """Two working days from Monday 1 June: yellow on Tuesday and Wednesday, red on Thursday; what stands stands."""
    found: list[tuple[int, int | str]] = []
    writer = JournalWriter(path)
    await writer.start()
    with ThreadPoolExecutor(1) as pool:
        for days in (0, 1, 2, 3, 9, 1):
            now = NOW + days * DAY
            intake = RecordIntake(
                writer, Ledger(), listed=LISTED, pool=pool, clock=lambda now=now: now, calendar=CALENDAR
            )
            (result,) = await intake.submit([supervision("INTAKE", at=now if days < 4 else NOW + 3 * DAY)])
            found.append((days, code_of(result)))
        (absent,) = await intake.submit([supervision("INTAKE", by=STRANGER, at=NOW)])
    await writer.stop()
    assert found == [(0, "not_red"), (1, "not_red"), (2, "not_red"), (3, 2), (9, 2), (1, "duplicate_identifier")]
    assert code_of(absent) == "not_party"
    assert check(path) == 3
