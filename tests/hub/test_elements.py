"""Metadata elements as other systems write them."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.county.licenses import FACE_NAMES
from hub.elements import face_value, name_of, short_name, wire_value
from ledger.errors import Malformed
from tests.json_values import json_values


@pytest.mark.parametrize("name", sorted(FACE_NAMES | {"KZ_ADDRESS"}))
def test_every_element_has_one_name_there_and_comes_back(name: str) -> None:
    assert name_of(short_name(name)) == name


@pytest.mark.parametrize("name", ["certificateName", "zzmc", "KZ_", "remark", ""])
def test_another_name_is_no_element(name: str) -> None:
    """An element that has a short name goes by it alone: two names for one would let one hide the other."""
    assert name_of(name) is None


@pytest.mark.parametrize(
    ("name", "came", "read"),
    [
        ("certificateIssuedDate", "20260401", "2026-04-01"),
        ("certificateIssuedDate", "2026-04-01", "2026-04-01"),
        ("certificateExpiringDate", "", None),
        ("certificateExpiringDate", None, None),
        ("certificateHolderName", "甲;乙", ["甲", "乙"]),
        ("certificateHolderCode", ["1", "2"], ["1", "2"]),
        ("certificateName", "营业执照", "营业执照"),
        ("KZ_LIST", [1, {"a": None}], [1, {"a": None}]),
    ],
)
def test_values_are_read_in_the_forms_of_the_field(name: str, came: object, read: object) -> None:
    assert face_value(name, came) == read  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "came"),
    [("certificateIssuedDate", "20260230"), ("certificateIssuedDate", 20260401), ("certificateName", ["x"]),
     ("certificateName", "x" * 4097), ("certificateHolderName", 7), ("certificateHolderCode", ["1", 2]),
     ("certificateHolderName", ["x"] * 65)],
)  # fmt: skip
def test_another_value_is_refused_by_the_elements_name_alone(name: str, came: object) -> None:
    with pytest.raises(Malformed) as caught:
        face_value(name, came)  # type: ignore[arg-type]
    assert caught.value.code == "bad_payload"
    assert caught.value.message.startswith(name)


@given(name=st.sampled_from(sorted(FACE_NAMES)), came=json_values)
def test_whatever_comes_is_read_or_refused(name: str, came: object) -> None:
    with suppress(Malformed):
        read = face_value(name, came)  # type: ignore[arg-type]
        assert read is None or isinstance(read, str | list)


def test_a_day_goes_out_without_hyphens() -> None:
    assert wire_value("certificateIssuedDate", "2026-04-01") == "20260401"
    assert wire_value("certificateNumber", "SD-1") == "SD-1"
