"""Bases over a real journal: who may read by what, until when; a consent that is taken back is none at once."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hub.journal.access import AccessJournal
from hub.journal.bases import JournalBases
from hub.journal.records import format_access, parse_access, parse_statement
from hub.journal.store import JournalRow, row_of
from hub.journal.writer import JournalWriter, create_journal
from ledger.consents import Purpose
from ledger.errors import Malformed, NotVerified, Refused
from schema.context import Access, Basis
from tests.casefile import CHENGYANG, FENGNAN, CaseFile, offered
from tests.consents import (
    ASKING,
    HOLDER,
    LICENSE,
    LICENSE_RECORD,
    SEALING,
    consent,
    consent_id,
    recorded,
    revoked,
    signed,
    withdrawn,
)
from tests.journal_files import check
from tests.statements import NOW, County


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[JournalWriter]:
    """A running journal that holds the license whose seal confirms the holder's key."""
    create_journal(tmp_path / "journal.sqlite")
    writer = JournalWriter(tmp_path / "journal.sqlite")
    await writer.start()
    await state(writer, LICENSE_RECORD)
    yield writer
    await writer.stop()


async def state(writer: JournalWriter, *raws: bytes) -> None:
    """State records that are all taken."""
    results = await writer.append([row_of(parse_statement(raw)) for raw in raws])
    assert all(isinstance(each, int) for each in results), results


async def judged(writer: JournalWriter, number: int = 1, *, county: str = ASKING, at: int = NOW) -> Basis | str:
    """Give the basis, or the code of its refusal."""
    try:
        return await JournalBases(writer).judge(consent=consent_id(number), case=None, county=county, at=at)
    except Refused as refusal:
        return refusal.code


async def test_a_consent_in_force_is_a_basis_for_its_county_alone(journal: JournalWriter) -> None:
    await state(journal, recorded(consent(matter="000101002000")), signed(consent(2, fields=None)))
    assert await judged(journal) == Basis(
        name=f"consent/{consent_id(1)}", holder=HOLDER, matter="000101002000",
        fields=frozenset({"certificateHolderName"}), purpose=Purpose.HANDLING,
    )  # fmt: skip
    whole = await judged(journal, 2)
    assert isinstance(whole, Basis)
    assert whole.fields is None
    assert [await judged(journal, county=SEALING), await judged(journal, 9), await judged(journal, county="")] == [
        "no_basis", "no_basis", "no_basis",
    ]  # fmt: skip


async def test_a_consent_ends_by_its_time_and_by_being_taken_back(journal: JournalWriter) -> None:
    await state(journal, recorded(consent()), signed(consent(2)))
    assert isinstance(await judged(journal, at=NOW + 3599), Basis)
    assert await judged(journal, at=NOW + 3600) == "basis_ended"
    await state(journal, revoked(consent_id(1)))
    assert [await judged(journal), isinstance(await judged(journal, 2), Basis)] == ["basis_ended", True]
    await state(journal, revoked(consent_id(2), by=SEALING, withdrawal=withdrawn(consent_id(2))))
    assert await judged(journal, 2) == "basis_ended"
    assert await judged(journal, 2, county=SEALING) == "no_basis"  # whose it is not learns nothing


async def test_what_is_named_under_a_consents_name_must_be_one(journal: JournalWriter) -> None:
    """A name with a path in it finds no other statement: the scalar lets none pass, and neither does the look-up."""
    await state(journal, recorded(consent()))
    with pytest.raises(Refused, match="no_basis"):
        await JournalBases(journal).judge(consent=None, case=None, county=ASKING, at=NOW)


async def test_an_open_case_is_a_basis_for_its_counties(journal: JournalWriter) -> None:
    case, bases = CaseFile(), JournalBases(journal)
    case.apply()
    await state(journal, offered(), *case.raws)
    for county in (FENGNAN, CHENGYANG):
        found = await bases.judge(consent=None, case=case.number, county=county, at=NOW)
        assert (found.name, found.holder, found.matter, found.fields, found.purpose) == (
            f"case/{case.number}", HOLDER, "000117001000", None, None,
        )  # fmt: skip
    for county, number in (("320583", case.number), (FENGNAN, "0" * 43)):
        with pytest.raises(Refused, match="no_basis"):
            await bases.judge(consent=None, case=number, county=county, at=NOW)
    await state(journal, case.add("PRE_REVIEW", FENGNAN, outcome="RETURNED"))
    with pytest.raises(Refused, match="basis_ended"):
        await bases.judge(consent=None, case=case.number, county=FENGNAN, at=NOW)


class Counted:
    """A journal that counts what it is asked; `meanwhile` is stated while it answers."""

    def __init__(self, journal: JournalWriter) -> None:
        self._journal = journal
        self.asked = 0
        self.meanwhile: tuple[bytes, ...] = ()

    async def ask(self, question: Any) -> Any:
        """Answer as the journal does."""
        self.asked += 1
        found = await self._journal.ask(question)
        if self.meanwhile:
            await state(self._journal, *self.meanwhile)
        return found


async def test_what_was_found_is_good_until_a_statement_is_committed(journal: JournalWriter) -> None:
    await state(journal, recorded(consent()), recorded(consent(2)))
    counted: Any = Counted(journal)
    bases = JournalBases(counted, stated=lambda: journal.stated)

    async def code(number: int = 1, at: int = NOW) -> str:
        try:
            return (await bases.judge(consent=consent_id(number), case=None, county=ASKING, at=at)).name
        except Refused as refusal:
            return refusal.code

    first, second = (f"consent/{consent_id(number)}" for number in (1, 2))
    assert [await code(), await code(), counted.asked] == [first, first, 1]
    await AccessJournal(journal).record_access(access("x", LICENSE))
    assert [await code(), await code(at=NOW + 3600), counted.asked] == [first, "basis_ended", 1]
    await state(journal, revoked(consent_id(1)))
    assert [await code(), await code(2), counted.asked] == ["basis_ended", second, 3]
    await state(journal, recorded(consent(3)))
    counted.meanwhile = (revoked(consent_id(2)),)
    assert [await code(2), await code(2)] == [second, "basis_ended"]  # found before it was taken back, and not kept


async def test_a_case_is_asked_for_again_after_its_next_step(journal: JournalWriter) -> None:
    case, counted = CaseFile(), Counted(journal)
    asked: Any = counted
    bases = JournalBases(asked, stated=lambda: journal.stated)
    case.apply()
    await state(journal, offered(), *case.raws)
    for _ in range(2):
        assert (await bases.judge(consent=None, case=case.number, county=FENGNAN, at=NOW)).name == f"case/{case.number}"
    assert counted.asked == 1
    await state(journal, case.add("PRE_REVIEW", FENGNAN, outcome="RETURNED"))
    with pytest.raises(Refused, match="basis_ended"):
        await bases.judge(consent=None, case=case.number, county=FENGNAN, at=NOW)


def access(
    cause: str, *licenses: str, holder: str | None = None, basis: str | None = None, matter: str | None = None
) -> Access:
    """A read by the asking county."""
    return Access(
        county=ASKING, client=f"{ASKING}#3", token_id="t", use_cause=cause, basis=basis, matter=matter,
        root_field="licenses", holder=holder, licenses=licenses, fields=("License.status",), time=NOW,
    )  # fmt: skip


def test_an_access_record_names_its_basis_and_matter() -> None:
    record = access("x", LICENSE, basis=f"consent/{consent_id(1)}", matter="000101002000")
    assert parse_access(format_access(record)) == record
    assert b'","matter":"000101002000","rootField"' in format_access(record)
    with pytest.raises(Malformed, match="bad_payload"):
        parse_access(format_access(access("x", matter="张三")))
    assert b'"useCause":"x","basis":"consent/' in format_access(record)
    assert parse_access(format_access(access("x"))).basis is None


async def test_a_holder_finds_every_read_and_a_county_those_of_what_it_sealed(
    journal: JournalWriter, tmp_path: Path
) -> None:
    """Those of the cases that he applied for, too, which are nobody else's to see."""
    reads, case = AccessJournal(journal), CaseFile()
    case.apply()
    await state(journal, offered(), *case.raws)
    start = journal.head.n
    other = "1.2.156.3005.2.other"
    for record in (
        access("found", LICENSE, other, holder=HOLDER),
        access("found nothing", holder=HOLDER),
        access("by identifier", LICENSE),
        access("somebody else", other, holder=County.holder("2")),
        access("a case", case.number, "0" * 43),
    ):
        await reads.record_access(record)

    async def causes(county: str | None, **page: Any) -> list[tuple[str, tuple[str, ...]]]:
        found = await reads.accesses_of(HOLDER, county=county, **({"first": 9} | page))
        return [(each.access.use_cause, (*each.licenses, *each.cases)) for each in found]

    of_case = ("a case", (case.number,))
    assert await causes(None) == [("found", (LICENSE,)), ("found nothing", ()), ("by identifier", (LICENSE,)), of_case]
    assert await causes(SEALING) == [("found", (LICENSE,)), ("by identifier", (LICENSE,))]
    assert (await causes(ASKING), await causes(FENGNAN)) == ([], [])
    assert await causes(None, first=1, after=start) == [("found nothing", ())]
    assert await causes(None, first=2, after=start + 1) == [("by identifier", (LICENSE,)), of_case]
    assert check(tmp_path / "journal.sqlite") == start + 5


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ("DELETE FROM holding", "the index tables do not name it"),
        ("UPDATE holding SET county = '000000'", "the index tables do not name it"),
        ("UPDATE recent SET names = substr(names, 17)", "the index tables do not name it"),
        ("INSERT INTO holding VALUES ('h', 'l', 'c', 0)", "table holding has 2 rows"),
    ],
)
async def test_a_changed_index_of_holders_is_found(
    journal: JournalWriter, tmp_path: Path, change: str, text: str
) -> None:
    await AccessJournal(journal).record_access(access("x", LICENSE, holder=HOLDER))
    await journal.stop()
    with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as connection:
        connection.execute(change)
        connection.commit()
    with pytest.raises(Exception, match=text):
        check(tmp_path / "journal.sqlite")


async def test_a_full_segment_of_reads_is_found_and_checked(journal: JournalWriter, tmp_path: Path) -> None:
    await journal.append([row_of(access(str(number), LICENSE, holder=HOLDER)) for number in range(1030)])
    found = await AccessJournal(journal).accesses(LICENSE, first=4, after=1021)
    assert [(each.position, each.access.use_cause) for each in found] == [
        (1022, "1021"), (1023, "1022"), (1024, "1023"), (1025, "1024"),
    ]  # fmt: skip
    assert check(tmp_path / "journal.sqlite") == 1031
    await journal.stop()
    with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as connection:
        connection.execute("UPDATE access SET name = x'00' WHERE i = 1000 AND name = (SELECT min(name) FROM access)")
        connection.commit()
    with pytest.raises(NotVerified, match="record 1000: the index tables do not name it"):
        check(tmp_path / "journal.sqlite")


def test_the_row_of_a_license_names_its_holders_and_county() -> None:
    row = row_of(parse_statement(LICENSE_RECORD))
    assert row == JournalRow(raw=LICENSE_RECORD, states=LICENSE, holders=(HOLDER,), county=SEALING)
