"""Masks: exact text of every field, and never more of a value than its form says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.faces import FACE_FIELDS
from schema.masks import EXTENSION_MASKS, MASKS, Sight, mask_of, masked, sight

MASKED = (*(name for name, mask in MASKS.items() if mask is not None), *EXTENSION_MASKS, "KZ_CAPITAL")


def test_every_face_field_has_its_row() -> None:
    assert list(MASKS) == list(FACE_FIELDS)
    assert [name for name, mask in MASKS.items() if mask is not None] == [
        "certificateNumber", "certificateHolderName", "certificateHolderCode",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("certificateHolderName", ["张三", "欧阳修远", "样例食品有限公司"], ["张**", "欧**", "样**"]),
        ("certificateHolderName", ["张", ""], ["***", "***"]),
        ("certificateHolderCode", ["370202199001011234"], ["3702**********1234"]),
        ("certificateHolderCode", ["91370214MA3C000001"], ["9137**********0001"]),
        ("certificateHolderCode", ["E12345678", "1234567"], ["E******78", "***"]),
        ("certificateNumber", "370202900101123", "3702*******1123"),
        ("certificateNumber", "37020290010112", "3***********12"),
        ("certificateNumber", "12345678", "1*****78"),
        ("certificateNumber", "1234567", "***"),
        ("certificateName", "营业执照", "营业执照"),
        ("certificateIssuedDate", "2026-05-01", "2026-05-01"),
        ("KZ_PHONE", "13812341234", "138****1234"),
        ("KZ_MOBILE", "+8613812341234", "+86*******1234"),
        ("KZ_PHONE", "0532-88888", "***"),
        ("KZ_ADDRESS", "山东省青岛市城阳区示例路1号", "山东省青岛市****"),
        ("KZ_DOMICILE", "示例路1号", "***"),
        ("KZ_CAPITAL", 100000, "***"),
        ("KZ_ADDRESS", {"city": "青岛"}, "***"),
        ("KZ_ANYTHING", ["a", 1, None], ["***", "***", None]),
        ("KZ_ADDRESS", None, None),
        ("certificateHolderName", None, None),
    ],
)
def test_a_value_is_masked_by_its_field(name: str, value: Any, expected: Any) -> None:
    assert masked(name, value) == expected


@given(st.sampled_from(MASKED), st.text(max_size=40))
def test_a_masked_text_shows_no_more_than_its_form_says(name: str, value: str) -> None:
    """What is hidden has no effect: another text of the same ends and length is masked alike."""
    mask = mask_of(name)
    assert mask is not None
    shown = masked(name, value)
    form = next((each for each in mask.forms if len(value) >= each.length), None)
    if form is None:
        assert shown == "***"
        return
    last = value[len(value) - form.last :]
    assert shown == value[: form.first] + "*" * (len(shown) - form.first - form.last) + last
    assert form.first + form.last <= 8 < max(form.length, 9)
    hidden = len(value) - form.first - form.last
    assert hidden >= form.length - form.first - form.last >= 1
    other = value[: form.first] + "甲" * hidden + last
    assert masked(name, other) == shown


@given(st.sampled_from(MASKED), st.text(min_size=1, max_size=40))
def test_no_form_shows_a_whole_value(name: str, value: str) -> None:
    shown = masked(name, value)
    assert shown != value or set(value) <= {"*"} or "*" in value


ASKED = ("certificateIdentifier", "certificateName", "certificateHolderName", "KZ_ADDRESS")


@pytest.mark.parametrize(
    ("granted", "own", "expected"),
    [
        (None, False, Sight(clear=ASKED, masked=(), withheld=())),
        (frozenset(), False, Sight(clear=ASKED[:1], masked=(), withheld=ASKED[1:])),
        (
            frozenset({"certificateHolderName"}),
            False,
            Sight(clear=(ASKED[0], ASKED[2]), masked=(), withheld=(ASKED[1], ASKED[3])),
        ),
        (frozenset(), True, Sight(clear=ASKED[:2], masked=ASKED[2:], withheld=())),
        (frozenset({"KZ_ADDRESS"}), True, Sight(clear=(*ASKED[:2], ASKED[3]), masked=(ASKED[2],), withheld=())),
    ],
)
def test_what_is_seen_in_clear_masked_or_not_at_all(
    granted: frozenset[str] | None, own: bool, expected: Sight
) -> None:  # a column of the table
    found = sight(ASKED, granted, own=own)
    assert found == expected
    assert sorted((*found.asked, *found.withheld)) == sorted(ASKED)
