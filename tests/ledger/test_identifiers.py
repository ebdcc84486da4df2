from __future__ import annotations

import hmac
from datetime import date, timedelta
from hashlib import sha256
from typing import Any, Final

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from stdnum.cn import ric, uscc
from stdnum.exceptions import InvalidComponent
from stdnum.iso7064 import mod_37_36

from ledger.encoding import b64u_encode
from ledger.errors import Malformed
from ledger.identifiers import (
    HOLDER_CODE_TYPES,
    LICENSE_ROOT,
    LicenseIdentifier,
    ResidentId,
    Uscc,
    check_char,
    fault_of,
    holder_key,
)
from tests.vector_files import read_vectors

VECTORS: Final = read_vectors("identifiers.json")
SOUND: Final = [row["identifier"] for row in VECTORS["licenses"] if row["fault"] is None]
BASE36: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
USCC_CHARS: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
TODAY: Final = date(2026, 6, 1)
SECRET: Final = bytes(range(32))

usccs: Final = st.builds(
    Uscc.make,
    st.tuples(st.text(USCC_CHARS, min_size=2, max_size=2), st.text("0123456789", min_size=6, max_size=6)).map("".join),
    st.text(USCC_CHARS, min_size=8, max_size=8),
)
identifiers: Final = st.builds(
    LicenseIdentifier.make,
    st.tuples(usccs.map(str), st.text("0123456789", min_size=3, max_size=3)).map("".join),
    usccs.map(str),
    st.text(BASE36, min_size=1, max_size=32),
    st.integers(1, 999),
)
resident_ids: Final = st.builds(
    ResidentId.make,
    st.text("0123456789", min_size=6, max_size=6),
    st.dates(date(1900, 1, 1), TODAY),
    st.integers(0, 999),
)


def refused(kind: Any, *arguments: Any) -> str:
    with pytest.raises(Malformed) as caught:
        kind(*arguments)
    assert caught.value.code == "bad_identifier"
    return caught.value.message


class TestLicenseIdentifier:
    @pytest.mark.parametrize("row", VECTORS["licenses"], ids=lambda row: row["identifier"])
    def test_the_vectors_are_kept_with_their_fault(self, row: dict[str, str | None]) -> None:
        text = row["identifier"] or ""
        assert LicenseIdentifier.foreign(text) == (text, row["fault"])
        assert fault_of(LicenseIdentifier.parse, text) == row["fault"]

    def test_the_parts_stand_where_the_standard_puts_them(self) -> None:
        identifier = LicenseIdentifier.parse(SOUND[1])
        assert identifier.type_code == "11100000000013338W009"
        assert (identifier.issuer, identifier.division) == ("11330105002500287C", "330105")
        assert identifier.serial == "2025052201"
        assert identifier.version == 2
        assert identifier.check == "0"

    @settings(max_examples=60)
    @given(identifier=identifiers)
    def test_text_and_value_are_two_forms_of_one_identifier(self, identifier: LicenseIdentifier) -> None:
        assert LicenseIdentifier.parse(str(identifier)) == identifier
        assert LicenseIdentifier.foreign(str(identifier)) == (str(identifier), None)
        assert len(str(identifier)) <= 128

    @pytest.mark.parametrize("text", SOUND)
    def test_every_single_substitution_is_caught(self, text: str) -> None:
        for place in range(len(LICENSE_ROOT) + 1, len(text)):
            for char in BASE36:
                if text[place] not in {char, "."}:
                    assert fault_of(LicenseIdentifier.parse, text[:place] + char + text[place + 1 :]) is not None

    @pytest.mark.parametrize(
        "text",
        [
            "",
            SOUND[0] + "\n",
            " " + SOUND[0],
            SOUND[0].lower(),
            SOUND[0][:-2],
            SOUND[0].replace("1.2.156.3005.2", "1.2.156.3005.3"),
            SOUND[0].replace(".", "-"),
            SOUND[0].replace(".001.", ".1."),
            SOUND[0].replace("0", "０"),
            SOUND[0] + "." * 10_000,
        ],
    )
    def test_another_form_is_refused(self, text: str) -> None:
        assert refused(LicenseIdentifier.parse, text) == "expected 1.2.156.3005.2.type.issuer.serial.version.check"

    @pytest.mark.parametrize(
        ("type_code", "issuer", "serial", "version", "fault"),
        [
            ("11100000MB0143028R001", "11370214MB2000004E", "1", 0, "a version is 001..999"),
            ("11100000MB0143028R001", "11370214MB2000004E", "1", 1000, "a version is 001..999"),
            ("11100000MB0143028R001", "11370214MB2000004E", "", 1, "a serial has 1..32 digits and capital letters"),
            ("11100000MB0143028R001", "11370214MB2000004E", "a", 1, "a serial has 1..32 digits and capital letters"),
            (
                "11100000MB0143028R001",
                "11370214MB2000004E",
                "1" * 33,
                1,
                "a serial has 1..32 digits and capital letters",
            ),
            ("11100000MB0143028R00A", "11370214MB2000004E", "1", 1, "a type code ends in a 3-digit number"),
            ("11100000MB0143028R0010", "11370214MB2000004E", "1", 1, "a type code ends in a 3-digit number"),
            (
                "11100000MB0143028X001",
                "11370214MB2000004E",
                "1",
                1,
                "definer in the type code: the check character of the USCC is wrong",
            ),
            (
                "11100000MB0143028R001",
                "370214",
                "1",
                1,
                "issuer: a USCC has 18 characters, digits and capital letters without I O Z S V",
            ),
        ],
    )
    def test_no_part_that_breaks_its_rule_is_written(
        self, type_code: str, issuer: str, serial: str, version: int, fault: str
    ) -> None:
        assert refused(LicenseIdentifier.make, type_code, issuer, serial, version) == fault

    def test_version_000_is_read_with_a_reason_only(self) -> None:
        body = "11100000MB0143028R001", "11370214MB2000004E", "1", "000"
        text = ".".join([LICENSE_ROOT, *body, check_char("".join(body))])
        assert LicenseIdentifier.foreign(text) == (text, "a version is 001..999")


class TestCheckCharacter:
    @settings(max_examples=150)
    @given(text=st.text(BASE36, min_size=1, max_size=80))
    def test_it_is_iso_7064_mod_37_36(self, text: str) -> None:
        """Oracle: python-stdnum."""
        assert check_char(text) == mod_37_36.calc_check_digit(text)

    @pytest.mark.parametrize("text", ["a", "1.2", "０", " ", "é"])
    def test_it_covers_digits_and_capital_letters_only(self, text: str) -> None:
        refused(check_char, text)


class TestUscc:
    @pytest.mark.parametrize("text", VECTORS["usccs"])
    def test_valid_codes_are_read(self, text: str) -> None:
        code = Uscc.parse(text)
        assert str(code) == text
        assert Uscc.make(text[:8], text[8:16]) == code
        assert uscc.is_valid(text)

    @pytest.mark.parametrize("text", VECTORS["usccs_wrong_inside"])
    def test_a_wrong_organisation_code_inside_is_caught_where_the_outer_check_passes(self, text: str) -> None:
        """Trap: python-stdnum checks the outer character only."""
        assert uscc.is_valid(text)
        assert refused(Uscc.parse, text) == "the organisation code inside the USCC has a wrong check character"
        assert Uscc.foreign(text) == (text, "the organisation code inside the USCC has a wrong check character")

    def test_the_parts_stand_where_the_standard_puts_them(self) -> None:
        code = Uscc.parse("11370214MB2000004E")
        assert (code.division, code.organisation_code) == ("370214", "MB2000004")

    @settings(max_examples=80)
    @given(code=usccs)
    def test_made_codes_pass_the_other_check_too(self, code: Uscc) -> None:
        """Oracle: python-stdnum takes 17 characters to compute the last."""
        assert uscc.calc_check_digit(str(code)[:17]) == str(code)[17]
        assert Uscc.parse(str(code)) == code

    @settings(max_examples=80)
    @given(code=usccs, place=st.integers(0, 17), char=st.sampled_from(BASE36))
    def test_every_single_substitution_is_caught(self, code: Uscc, place: int, char: str) -> None:
        text = str(code)
        assume(text[place] != char)
        refused(Uscc.parse, text[:place] + char + text[place + 1 :])

    @pytest.mark.parametrize("text", ["", "11370214MB2000004e", "11370214MB2000004E\n", " 11370214MB2000004E", "11370214MB2000004", "1137021AMB2000004E", "１1370214MB2000004E"])  # fmt: skip
    def test_another_form_is_refused(self, text: str) -> None:
        assert refused(Uscc.parse, text) == "a USCC has 18 characters, digits and capital letters without I O Z S V"

    @pytest.mark.parametrize(("head", "organisation"), [("113702", "MB200000"), ("11370214", "MB20000"), ("11370214", "mb200000"), ("1137021O", "MB200000"), ("", "")])  # fmt: skip
    def test_no_code_is_made_from_other_parts(self, head: str, organisation: str) -> None:
        refused(Uscc.make, head, organisation)


class TestResidentId:
    @pytest.mark.parametrize("text", VECTORS["resident_ids"])
    def test_valid_numbers_are_read(self, text: str) -> None:
        assert str(ResidentId.parse(text, TODAY)) == text

    def test_a_place_younger_than_the_person_is_no_fault(self) -> None:
        """Trap: python-stdnum asks whether the county existed in the year of birth; real people move."""
        with pytest.raises(InvalidComponent):
            ric.validate("370214199001010010")
        person = ResidentId.parse("370214199001010010", TODAY)
        assert (person.division, person.born, person.sequence) == ("370214", date(1990, 1, 1), 1)

    @settings(max_examples=80)
    @given(person=resident_ids)
    def test_text_and_value_are_two_forms_of_one_number(self, person: ResidentId) -> None:
        """Oracle for the check character: python-stdnum, which wants 18 characters and ignores the last."""
        assert ResidentId.parse(str(person), TODAY) == person
        assert ric.calc_check_digit(str(person)) == str(person)[17]

    @settings(max_examples=80)
    @given(person=resident_ids, place=st.integers(0, 17), char=st.sampled_from("0123456789X"))
    def test_every_single_substitution_is_caught(self, person: ResidentId, place: int, char: str) -> None:
        text = str(person)
        assume(text[place] != char)
        refused(ResidentId.parse, text[:place] + char + text[place + 1 :], TODAY)

    @pytest.mark.parametrize(
        ("text", "fault"),
        [
            ("", "a resident ID has 17 digits and a digit or X"),
            ("11010519491231002x", "a resident ID has 17 digits and a digit or X"),
            ("11010519491231002X\n", "a resident ID has 17 digits and a digit or X"),
            ("110105491231002", "a resident ID has 17 digits and a digit or X"),
            ("１1010519491231002X", "a resident ID has 17 digits and a digit or X"),
            ("110105194912310021", "the check character of the resident ID is wrong"),
            ("110105194902300020", "the birth date in the resident ID does not exist"),
            ("110105000002300020", "the birth date in the resident ID does not exist"),
            ("110105202302290020", "the birth date in the resident ID does not exist"),
        ],
    )
    def test_what_is_no_number_is_refused(self, text: str, fault: str) -> None:
        assert refused(ResidentId.parse, text, TODAY) == fault

    def test_nobody_is_born_after_today(self) -> None:
        tomorrow = str(ResidentId.make("370214", TODAY + timedelta(days=1), 1))
        assert refused(ResidentId.parse, tomorrow, TODAY) == "the birth date in the resident ID lies ahead"
        assert ResidentId.parse(tomorrow, TODAY + timedelta(days=1)).sequence == 1

    def test_the_number_shows_in_no_repr_and_no_error(self) -> None:
        text = "11010519491231002X"
        assert repr(ResidentId.parse(text, TODAY)) == "ResidentId(...)"
        with pytest.raises(Malformed) as caught:
            ResidentId.parse("110105194913310020", TODAY)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__

    @pytest.mark.parametrize(("division", "sequence"), [("37021", 1), ("37021X", 1), ("370214", -1), ("370214", 1000)])
    def test_no_number_is_made_from_other_parts(self, division: str, sequence: int) -> None:
        refused(ResidentId.make, division, date(1990, 1, 1), sequence)


class TestHolderKey:
    def test_it_is_a_keyed_hash_of_type_and_code(self) -> None:
        expected = b64u_encode(hmac.new(SECRET, b"111\n11010519491231002X", sha256).digest())
        assert holder_key(SECRET, "111", "11010519491231002X") == expected
        assert len(expected) == 43

    def test_secret_type_and_code_all_tell_holders_apart(self) -> None:
        one = holder_key(SECRET, "111", "11010519491231002X")
        assert holder_key(SECRET[::-1], "111", "11010519491231002X") != one
        assert holder_key(SECRET, "414", "11010519491231002X") != one
        assert holder_key(SECRET, "111", "370214199001010010") != one

    @pytest.mark.parametrize("secret", [b"", b"x" * 31, b"x" * 33])
    def test_a_secret_of_another_size_is_refused(self, secret: bytes) -> None:
        with pytest.raises(Malformed) as caught:
            holder_key(secret, "111", "11010519491231002X")
        assert caught.value.code == "bad_setting"

    @pytest.mark.parametrize(
        ("type_code", "code"), [("112", "x"), ("", "x"), ("111\n", "x"), ("111", ""), ("111", "x" * 257)]
    )
    def test_another_type_or_an_empty_code_is_refused(self, type_code: str, code: str) -> None:
        refused(holder_key, SECRET, type_code, code)

    def test_a_lone_surrogate_is_refused_without_showing_the_code(self) -> None:
        with pytest.raises(Malformed) as caught:
            holder_key(SECRET, "999", "\ud800 12345")
        assert caught.value.code == "bad_encoding"
        assert caught.value.__suppress_context__

    def test_the_code_types_are_those_of_annex_a(self) -> None:
        assert list(HOLDER_CODE_TYPES) == sorted(HOLDER_CODE_TYPES)
        assert len(HOLDER_CODE_TYPES) == 16
        assert (HOLDER_CODE_TYPES["001"], HOLDER_CODE_TYPES["111"]) == ("统一社会信用代码", "公民身份号码")
