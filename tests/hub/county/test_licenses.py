"""License records: what is sealed, and what is refused before."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any, Final

import pytest

from hub.county.licenses import LicenseHolder, is_face_name
from ledger.errors import Malformed
from tests.alliance import identifier_of, license_of

SAMPLE: Final = license_of()


def test_the_claims_are_the_metadata_by_their_english_names() -> None:
    assert SAMPLE.claims() == {
        "certificateIdentifier": str(identifier_of(1)),
        "certificateName": "营业执照",
        "certificateTypeName": "营业执照",
        "certificateTypeCode": "11100000MB0143028R001",
        "certificateNumber": "SD-1",
        "certificateIssuingAuthorityName": "示例市场监督管理局",
        "certificateIssuingAuthorityCode": "11370214MB2000004E",
        "certificateIssuedDate": "2026-04-01",
        "certificateHolderName": ["示例食品店"],
        "certificateHolderCode": ["92370214MA3C00000X"],
        "certificateHolderTypeName": ["统一社会信用代码"],
        "certificateHolderTypeCode": ["001"],
        "certificateEffectiveDate": "2026-04-01",
        "certificateExpiringDate": None,
        "certificateAreaCode": "370214",
        "KZ_ADDRESS": "示例路1号",
    }


def test_a_license_in_common_lists_its_holders_in_one_order() -> None:
    second = LicenseHolder(name="乙", type_code="414", code="E0000000")
    claims = replace(SAMPLE, holders=(*SAMPLE.holders, second)).claims()
    assert claims["certificateHolderName"] == ["示例食品店", "乙"]
    assert claims["certificateHolderTypeCode"] == ["001", "414"]


def test_the_license_that_is_replaced_is_named() -> None:
    claims = replace(SAMPLE, associated=identifier_of(2)).claims()
    assert claims["associatedZzeCertID"] == str(identifier_of(2))


def test_the_e_seal_on_the_file_is_bound_by_its_digest() -> None:
    claims = replace(SAMPLE, e_seal_hash="x" * 43).claims()
    assert claims["eSealHash"] == "x" * 43
    assert all(map(is_face_name, claims))
    full = replace(
        SAMPLE, associated=identifier_of(2), extend_info={f"KZ_{n}": "x" for n in range(47)}, e_seal_hash="x" * 43
    )
    assert len(full.claims()) == 64


@pytest.mark.parametrize(
    "change",
    [
        {"certificate_name": ""},
        {"certificate_name": "x" * 513},
        {"certificate_number": "a\nb"},
        {"certificate_number": " a"},
        {"certificate_type_name": "a\x00"},
        {"certificate_issuing_authority_name": "\ud800"},
        {"certificate_issuing_authority_code": "11370214MB2000003G"},
        {"certificate_area_code": "37021"},
        {"certificate_area_code": "３７０２１４"},
        {"holders": ()},
        {"holders": SAMPLE.holders * 2},
        {"certificate_expiring_date": date(2026, 3, 31)},
        {"certificate_effective_date": date(2026, 5, 2), "certificate_expiring_date": date(2026, 5, 1)},
        {"extend_info": {"ADDRESS": "x"}},
        {"extend_info": {"KZ_": "x"}},
        {"extend_info": {"KZ_" + "A" * 62: "x"}},
        {"extend_info": {f"KZ_{number}": "x" for number in range(49)}},
        {"extend_info": {f"KZ_{number}": "x" for number in range(48)}, "e_seal_hash": "x" * 43},
        {"e_seal_hash": "x" * 42},
    ],
)
def test_what_no_license_can_hold_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(Malformed) as caught:
        replace(SAMPLE, **change)
    assert caught.value.code == "bad_row"


@pytest.mark.parametrize(
    "members",
    [
        {"name": "", "type_code": "001", "code": "x"},
        {"name": "x", "type_code": "002", "code": "x"},
        {"name": "x", "type_code": "001", "code": ""},
    ],
)
def test_a_holder_has_name_code_and_a_known_type(members: dict[str, str]) -> None:
    with pytest.raises(Malformed) as caught:
        LicenseHolder(**members)
    assert caught.value.code == "bad_row"


def test_an_error_never_holds_a_value() -> None:
    with pytest.raises(Malformed) as caught:
        LicenseHolder(name="李四", type_code="111", code="110101199003070000\n")
    assert "1101" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("certificateName", True), ("KZ_ADDRESS", True), ("KZ_a_1", True), ("KZ_", False), ("iss", False), ("_sd", False),
     ("KZ_地址", False), ("certificatename", False)],
)  # fmt: skip
def test_the_names_that_a_face_can_have(name: str, expected: bool) -> None:
    assert is_face_name(name) is expected
