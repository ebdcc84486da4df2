"""What the ledger says of a record comes last: to who may state it, of what is the applicant's or the holder's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hub.journal.casebook import NO_LICENSE
from hub.journal.intake import RecordIntake
from hub.journal.standing import NOT_STATED
from hub.journal.writer import JournalWriter, create_journal
from ledger.status import Status
from ledger.transparency.merkle import leaf_hash
from tests.casefile import CHENGYANG, FENGNAN, CaseFile, case_number, offered
from tests.consents import (
    HOLDER,
    LICENSE,
    LICENSE_RECORD,
    SEAL,
    SEALING,
    consent,
    consent_id,
    revoked,
    signed,
    signed_text,
    withdrawn,
)
from tests.deskwork import Dispute
from tests.journal_files import KEYS, STRANGER, check, opened, rows
from tests.offerings import LISTED
from tests.statements import NOW, County

OTHERS = County.holder("2")
ABSENT = f"wrong_target: {NO_LICENSE}"
UNPUBLISHED = f"wrong_target: the seal of {LICENSE} is not published yet: state it again"


class Ledger:
    """A ledger in which the seal of the license has a status, or is not published."""

    keys = KEYS

    def __init__(self, status: Status | None) -> None:
        self.status = status
        self.asked = 0

    async def sealed_by(self, leaves: Sequence[bytes]) -> Mapping[bytes, str]:
        return dict.fromkeys(leaves, SEALING)

    async def statuses_of(self, leaves: Sequence[bytes]) -> Mapping[bytes, Status]:
        self.asked += len(leaves)
        return {} if self.status is None else {leaf: self.status for leaf in leaves if leaf == leaf_hash(SEAL)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Give a journal with Chengyang's offering."""
    file = tmp_path / "journal.sqlite"
    create_journal(file)
    with opened(file) as store:
        assert store.append(rows(offered())) == [0]
    return file


async def told(path: Path, status: Status | None, *raws: bytes, now: int = NOW) -> list[int | str]:
    """Submit records one by one; give a position, or code and message, each."""
    writer = JournalWriter(path)
    await writer.start()
    try:
        with ThreadPoolExecutor(1) as pool:
            intake = RecordIntake(writer, Ledger(status), listed=LISTED, pool=pool, clock=lambda: now)
            found = [(await intake.submit([raw]))[0] for raw in raws]
    finally:
        await writer.stop()
    return [each if isinstance(each, int) else str(each) for each in found]


def applied(serial: int = 1, holder: str = HOLDER, **own: str) -> bytes:
    """Open a case that names the license."""
    return CaseFile(number=case_number(serial)).apply(licenses=[LICENSE], holder=holder, **own)


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (Status.VALID, 2),
        (Status.REVOKED, f"not_valid: {LICENSE} is REVOKED"),
        (Status.SUSPENDED, f"not_valid: {LICENSE} is SUSPENDED"),
        (Status.SUPERSEDED, f"not_valid: {LICENSE} is SUPERSEDED"),
        (None, UNPUBLISHED),
    ],
)
async def test_a_key_grants_as_long_as_the_seal_behind_it_is_valid(
    path: Path, status: Status | None, answer: int | str
) -> None:
    assert await told(path, status, LICENSE_RECORD, signed(consent(), by=SEALING)) == [1, answer]
    assert check(path) == 2 + isinstance(answer, int)


async def test_of_a_seal_that_fell_the_grants_stand_and_can_be_withdrawn(path: Path) -> None:
    """A status is asked when a grant comes in; a withdrawal never needs one, nor does a replay."""
    first, name = signed(consent(), by=SEALING), consent_id(1)
    assert await told(path, Status.VALID, LICENSE_RECORD, first) == [1, 2]
    end = revoked(name, by=SEALING, withdrawal=withdrawn(name))
    late = signed(consent(2), by=SEALING)
    assert await told(path, Status.REVOKED, first, late, end, now=NOW + 60) == [
        2, f"not_valid: {LICENSE} is REVOKED", 3,
    ]  # fmt: skip
    assert check(path) == 4


async def test_a_key_grants_nothing_after_the_last_day_of_its_license(path: Path) -> None:
    day = 1_935_417_600  # 2031-05-01 in China
    late = signed(consent(expires=day + 60), by=SEALING, at=day)
    assert await told(path, Status.VALID, LICENSE_RECORD, late, now=day) == [
        1, f"not_valid: {LICENSE} has expired on 2031-04-30",
    ]  # fmt: skip


async def test_who_shows_no_grant_of_the_holder_learns_no_status(path: Path) -> None:
    forged = signed(consent(), text=signed_text(consent())[:-4] + "AAAA", by=SEALING)
    others = signed(consent(), holder=OTHERS, by=SEALING)
    for status in (Status.VALID, Status.REVOKED, None):
        found = await told(path, status, LICENSE_RECORD, forged, others)
        assert [each if isinstance(each, int) else each.partition(":")[0] for each in found] == [
            1, "holder_binding", "wrong_target",
        ]  # fmt: skip


async def test_who_tries_identifiers_of_licenses_learns_nothing_of_them(path: Path) -> None:
    """By grants of another holder, and objections for another county to answer: told alike, is it there or not."""
    tries = (
        signed(consent(), holder=OTHERS, by=SEALING),
        Dispute(LICENSE).raised(by=SEALING, answeredBy="320583" if SEALING != "320583" else CHENGYANG),
    )
    found = [await told(path, Status.VALID, *tries), await told(path, Status.VALID, LICENSE_RECORD, *tries)]
    nowhere = f"wrong_target: {NOT_STATED}"
    assert found == [[nowhere, nowhere], [1, nowhere, nowhere]]


@pytest.mark.parametrize("status", [Status.VALID, Status.REVOKED, None])
async def test_a_case_answers_alike_for_no_license_and_for_somebody_elses(path: Path, status: Status | None) -> None:
    assert await told(path, status, applied(), LICENSE_RECORD, applied(holder=OTHERS)) == [ABSENT, 1, ABSENT]


async def test_who_opens_a_case_learns_which_license_is_not_in_force_and_a_party_why(path: Path) -> None:
    assert await told(path, Status.REVOKED, LICENSE_RECORD, applied()) == [1, f"not_valid: {LICENSE} is not in force"]
    case = CaseFile()
    opened_case = case.apply(holder=HOLDER)
    notice = case.add("CORRECTION_NOTICE", FENGNAN)
    step = case.draft("CORRECTION", FENGNAN, licenses=[LICENSE])
    assert await told(path, Status.SUSPENDED, opened_case, notice, step) == [
        2, 3, f"not_valid: {LICENSE} is SUSPENDED",
    ]  # fmt: skip


async def test_a_step_that_may_not_come_asks_for_no_license(path: Path) -> None:
    """Neither by a county that is no party, nor out of order, nor under a stale version or for no member."""
    case = CaseFile()
    first = case.apply(holder=HOLDER)
    wrong = [
        case.draft("CORRECTION", STRANGER, licenses=[LICENSE]),
        case.draft("PRODUCTION", CHENGYANG, licenses=[LICENSE], at=NOW + 60),
        applied(2, offering=f"000117001000@{CHENGYANG}@20260401"),
        applied(3, pickedUpAt="999999"),
    ]
    assert await told(path, Status.VALID, LICENSE_RECORD, first) == [1, 2]
    told_by = [
        [each if isinstance(each, int) else each.partition(":")[0] for each in await told(path, status, *wrong)]
        for status in (Status.VALID, Status.REVOKED, None)
    ]
    assert told_by == [["not_party", "illegal_step", "stale_version", "not_member"]] * 3
