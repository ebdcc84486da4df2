"""Rows become records or rejects: every check with its code and reason, and no reason that holds a value."""

from __future__ import annotations

from datetime import date
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.county import LicenseHolder, LicenseRecord
from hub.elements import SHORT_NAMES
from hub.ingest.feeds import BadRow, RawRow
from hub.ingest.normalise import Normaliser, Reject
from ledger.errors import CODES
from ledger.identifiers import LICENSE_ROOT, LicenseIdentifier, Uscc

TODAY: Final = date(2026, 6, 1)
LICENSE: Final = "11100000MB0143028R001"
ISSUER: Final = "11370214MB2000004E"
IDENTIFIER: Final = "1.2.156.3005.2.11100000MB0143028R001.11370214MB2000004E.202604010000000001.001.Z"
PERSON: Final = "11010519491231002X"  # the example of GB 11643
FIRM: Final = "91350100M000100Y43"
ROW: Final = {
    "ZZBS": IDENTIFIER,
    "ZZLXDM": LICENSE,
    "ZZMC": "营业执照",
    "ZZBH": "SAMPLE-1",
    "ZZBFJG": "城阳区行政审批服务局",
    "ZZBFJGDM": ISSUER,
    "ZZBFRQ": "20260401",
    "CZZT": "示例食品店",
    "CZZTDM": FIRM,
    "CZZTDMLXDM": "001",
    "ZZYXQQSRQ": "20260401",
    "ZZYXQJZRQ": "20310331",
    "KZ_ADDRESS": "示例路1号",
}
NORMALISER: Final = Normaliser(county="370214", types={LICENSE: "营业执照"}, today=TODAY)


def identifier(type_code: str = LICENSE, issuer: str = ISSUER) -> str:
    """Give an identifier whose check characters are right."""
    return str(LicenseIdentifier.make(type_code, issuer, "202604010000000001", 1))


def outcome(**changed: str) -> LicenseRecord | Reject:
    """Normalise the good row with some columns changed."""
    return NORMALISER.record(RawRow(7, ROW | changed))


def test_a_good_row_becomes_a_record() -> None:
    record = outcome()
    assert isinstance(record, LicenseRecord)
    assert record == LicenseRecord(
        certificate_identifier=LicenseIdentifier.parse(IDENTIFIER),
        certificate_name="营业执照",
        certificate_type_name="营业执照",
        certificate_number="SAMPLE-1",
        certificate_issuing_authority_name="城阳区行政审批服务局",
        certificate_issuing_authority_code=ISSUER,
        certificate_issued_date=date(2026, 4, 1),
        certificate_area_code="370214",
        holders=(LicenseHolder(name="示例食品店", type_code="001", code=FIRM),),
        certificate_effective_date=date(2026, 4, 1),
        certificate_expiring_date=date(2031, 3, 31),
        extend_info={"KZ_ADDRESS": "示例路1号"},
    )


def test_several_holders_keep_their_order() -> None:
    record = outcome(CZZT="甲;乙", CZZTDM=f"{PERSON};{FIRM}", CZZTDMLXDM="111;001")
    assert isinstance(record, LicenseRecord)
    assert record.holders == (
        LicenseHolder(name="甲", type_code="111", code=PERSON),
        LicenseHolder(name="乙", type_code="001", code=FIRM),
    )


def test_empty_dates_are_open_and_empty_face_fields_are_left_out() -> None:
    record = outcome(ZZYXQQSRQ="", ZZYXQJZRQ="", KZ_ADDRESS="", KZ_SCOPE="零售")
    assert isinstance(record, LicenseRecord)
    assert (record.certificate_effective_date, record.certificate_expiring_date) == (None, None)
    assert record.extend_info == {"KZ_SCOPE": "零售"}


def test_a_replaced_license_and_a_name_of_the_code_type_are_read() -> None:
    old = str(LicenseIdentifier.make(LICENSE, ISSUER, "202104010000000001", 1))
    record = outcome(GLZZBS=old, CZZTDMLX="统一社会信用代码")
    assert isinstance(record, LicenseRecord)
    assert str(record.associated) == old


def test_codes_of_other_types_are_taken_as_they_are() -> None:
    """Only resident IDs and USCCs have a check character that is known here."""
    record = outcome(CZZTDM="E00000000", CZZTDMLXDM="414")
    assert isinstance(record, LicenseRecord)
    assert record.holders[0].code == "E00000000"


FOREIGN_ISSUER: Final = "11320583MB20000047"  # of Kunshan
WRONG_INSIDE: Final = "11370214MB20000015"  # outer check right, organisation code wrong
UNKNOWN_TYPE: Final = "11100000MB03271699001"
IDENTIFIER_FORM: Final = "ZZBS: expected 1.2.156.3005.2.type.issuer.serial.version.check"
NO_DATE: Final = "expected a date YYYYMMDD that exists"
REJECTS: Final[dict[str, tuple[dict[str, str], str, str]]] = {
    "wrong check character": (
        {"ZZBS": IDENTIFIER[:-1] + "Y"}, "bad_identifier", "ZZBS: check character is Y, expected Z"
    ),
    "no identifier": ({"ZZBS": ""}, "bad_identifier", IDENTIFIER_FORM),
    "identifier in small letters": ({"ZZBS": IDENTIFIER.lower()}, "bad_identifier", IDENTIFIER_FORM),
    "issuer with a wrong organisation code": (
        {"ZZBS": "1.2.156.3005.2.11100000MB0143028R001.11370214MB20000015.202604010000000001.001.8",
         "ZZBFJGDM": WRONG_INSIDE},
        "bad_identifier",
        "ZZBS: issuer: the organisation code inside the USCC has a wrong check character",
    ),
    "issuer is a division": (
        {"ZZBS": "1.2.156.3005.2.11100000MB03271699022.340100.000000016.001.9"},
        "bad_identifier",
        "ZZBS: issuer: a USCC has 18 characters, digits and capital letters without I O Z S V",
    ),
    "type that the directory does not hold": (
        {"ZZBS": identifier(type_code=UNKNOWN_TYPE), "ZZLXDM": UNKNOWN_TYPE},
        "bad_row",
        "ZZBS: the directory of license types does not hold the type code",
    ),
    "type column differs": ({"ZZLXDM": UNKNOWN_TYPE}, "bad_row", "ZZLXDM: differs from the type code in ZZBS"),
    "issuer column differs": ({"ZZBFJGDM": FOREIGN_ISSUER}, "bad_row", "ZZBFJGDM: differs from the issuer in ZZBS"),
    "issuer of another county": (
        {"ZZBS": identifier(issuer=FOREIGN_ISSUER), "ZZBFJGDM": FOREIGN_ISSUER},
        "bad_row",
        "ZZBFJGDM: not an authority of county 370214",
    ),
    "29 February 2023": ({"ZZBFRQ": "20230229"}, "bad_row", f"ZZBFRQ: {NO_DATE}"),
    "31 February": ({"ZZBFRQ": "20230231"}, "bad_row", f"ZZBFRQ: {NO_DATE}"),
    "no issue date": ({"ZZBFRQ": ""}, "bad_row", f"ZZBFRQ: {NO_DATE}"),
    "date with hyphens": ({"ZZBFRQ": "2026-04-01"}, "bad_row", f"ZZBFRQ: {NO_DATE}"),
    "date in other digits": ({"ZZBFRQ": "２０２６０４０１"}, "bad_row", f"ZZBFRQ: {NO_DATE}"),
    "year 0": ({"ZZBFRQ": "00000101"}, "bad_row", f"ZZBFRQ: {NO_DATE}"),
    "first day does not exist": ({"ZZYXQQSRQ": "20260431"}, "bad_row", f"ZZYXQQSRQ: {NO_DATE}"),
    "last day does not exist": ({"ZZYXQJZRQ": "20231301"}, "bad_row", f"ZZYXQJZRQ: {NO_DATE}"),
    "end written out": ({"ZZYXQJZRQ": "长期"}, "bad_row", f"ZZYXQJZRQ: {NO_DATE}"),
    "issued tomorrow": ({"ZZBFRQ": "20260602"}, "bad_row", "ZZBFRQ: the license is issued in the future"),
    "ends before it begins": (
        {"ZZYXQJZRQ": "20260331"}, "bad_row", "certificateExpiringDate lies before the license begins"
    ),
    "more names than codes": (
        {"CZZT": "甲;乙"}, "bad_row", "CZZT, CZZTDM and CZZTDMLXDM: lists of different length"
    ),
    "more codes than types": (
        {"CZZT": "甲;乙", "CZZTDM": f"{FIRM};{PERSON}"},
        "bad_row",
        "CZZT, CZZTDM and CZZTDMLXDM: lists of different length",
    ),
    "one holder twice": (
        {"CZZT": "甲;乙", "CZZTDM": f"{FIRM};{FIRM}", "CZZTDMLXDM": "001;001"},
        "bad_row",
        "CZZTDM: a holder stands in the list twice",
    ),
    "empty name in the list": (
        {"CZZT": "甲;", "CZZTDM": f"{FIRM};{PERSON}", "CZZTDMLXDM": "001;111"},
        "bad_row",
        "certificateHolderName has not 1..512 printable characters without blanks around them",
    ),
    "code type unknown": ({"CZZTDMLXDM": "112"}, "bad_row", "certificateHolderTypeCode is not in Annex A of GB/T 36903"),
    "resident ID with a wrong check character": (
        {"CZZTDM": PERSON[:-1] + "1", "CZZTDMLXDM": "111"},
        "bad_identifier",
        "CZZTDM: the check character of the resident ID is wrong",
    ),
    "resident ID with a small x": (
        {"CZZTDM": PERSON.lower(), "CZZTDMLXDM": "111"},
        "bad_identifier",
        "CZZTDM: a resident ID has 17 digits and a digit or X",
    ),
    "resident ID of 15 digits": (
        {"CZZTDM": "110105491231002", "CZZTDMLXDM": "111"},
        "bad_identifier",
        "CZZTDM: a resident ID has 17 digits and a digit or X",
    ),
    "born on no day": (
        {"CZZTDM": "11010519490230002X", "CZZTDMLXDM": "111"},
        "bad_identifier",
        "CZZTDM: the birth date in the resident ID does not exist",
    ),
    "born tomorrow": (
        {"CZZTDM": "110105202606020020", "CZZTDMLXDM": "111"},
        "bad_identifier",
        "CZZTDM: the birth date in the resident ID lies ahead",
    ),
    "USCC with a wrong check character": (
        {"CZZTDM": FIRM[:-1] + "4"}, "bad_identifier", "CZZTDM: the check character of the USCC is wrong"
    ),
    "USCC with a wrong organisation code": (
        {"CZZTDM": WRONG_INSIDE},
        "bad_identifier",
        "CZZTDM: the organisation code inside the USCC has a wrong check character",
    ),
    "no name of the license": (
        {"ZZMC": ""}, "bad_row", "certificateName has not 1..512 printable characters without blanks around them"
    ),
    "number with a line break": (
        {"ZZBH": "1\n2"}, "bad_row", "certificateNumber has not 1..512 printable characters without blanks around them"
    ),
    "authority of 513 characters": (
        {"ZZBFJG": "局" * 513},
        "bad_row",
        "certificateIssuingAuthorityName has not 1..512 printable characters without blanks around them",
    ),
    "replaced license is none": ({"GLZZBS": "1.2.3"}, "bad_identifier", IDENTIFIER_FORM.replace("ZZBS", "GLZZBS")),
    "unknown column": ({"ZZXX": "1"}, "bad_row", "ZZXX: no such column"),
    "English name as column": ({"certificateNumber": "1"}, "bad_row", "(not a name): no such column"),
    "a person as column": ({f"王芳 {PERSON}": ""}, "bad_row", "(not a name): no such column"),
    "face field with a blank": (
        {"KZ_A B": "1"}, "bad_row", "a face field is not named KZ_ and 1..61 letters, digits or underscores"
    ),
    "too many face fields": (
        {f"KZ_{number}": "1" for number in range(48)}, "bad_row", "expected at most 48 KZ_ fields"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REJECTS)
def test_a_bad_row_is_rejected_with_line_code_and_reason(name: str) -> None:
    changed, code, reason = REJECTS[name]
    assert outcome(**changed) == Reject(7, code, reason)


def test_a_line_that_is_no_row_is_rejected_without_its_text() -> None:
    row = BadRow(9, "expected 10 fields, got 3", f"王芳,{PERSON}")
    assert NORMALISER.record(row) == Reject(9, "bad_row", "expected 10 fields, got 3")


def test_every_short_name_is_mapped_once() -> None:
    assert len(set(SHORT_NAMES.values())) == len(SHORT_NAMES)
    assert set(ROW) - {"KZ_ADDRESS"} <= SHORT_NAMES.keys()


def windows(text: str, size: int = 8) -> set[str]:
    """Give every piece of a value that is long enough to tell something; a shorter value is one piece."""
    pieces = {text[start : start + size] for start in range(max(1, len(text) - size + 1))}
    return {piece for piece in pieces if len(piece) >= 4}


def spoiled(text: str) -> st.SearchStrategy[str]:
    """Values near a good one: a character replaced, put in or left out; or any text without small letters."""
    places = st.integers(0, max(0, len(text) - 1))
    characters = st.sampled_from("0123456789X王芳;.")
    near = st.builds(
        lambda place, width, new: text[:place] + new + text[place + width :], places, st.integers(0, 2), characters
    )
    return near | st.text(st.characters(codec="utf-8", exclude_categories=["Ll"]), max_size=40)


@given(st.sampled_from(sorted(ROW)).flatmap(lambda name: st.tuples(st.just(name), spoiled(ROW[name]))))
def test_no_reason_holds_a_value_of_the_row(changed: tuple[str, str]) -> None:
    """Rejects are read by many; a reason names the column and what was expected, and no row raises."""
    values = ROW | dict([changed]) | {"CZZTDMLX": "公民身份号码"}
    found = NORMALISER.record(RawRow(7, values))
    if isinstance(found, Reject):
        assert CODES[found.code].__name__ == "Malformed"
        reason = found.reason.replace(LICENSE_ROOT, "")  # the same in every identifier
        assert [value for value in values.values() for piece in windows(value) if piece in reason] == []


@given(st.text(max_size=40), st.text("0123456789王芳", max_size=40))
def test_no_reason_holds_more_of_a_column_than_its_name(name: str, value: str) -> None:
    found = NORMALISER.record(RawRow(7, {**ROW, name: value}))
    if isinstance(found, Reject) and name not in ROW:
        assert not any(piece in found.reason for piece in windows(value))
        assert len(found.reason) < 120


@given(st.integers(0, 17), st.sampled_from("0123456789ABCDEFGHJKLMNPQRTUWXY"))
def test_one_wrong_character_in_a_uscc_is_noticed(place: int, character: str) -> None:
    code = FIRM[:place] + character + FIRM[place + 1 :]
    assert isinstance(outcome(CZZTDM=code), LicenseRecord) == (code == str(Uscc.parse(FIRM)))
