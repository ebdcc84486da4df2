"""Cursors go around unchanged, and only to the list that gave them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.encoding import b64u_encode
from ledger.errors import Malformed
from schema.connections import decode_cursor, encode_cursor, page_size


@given(st.text(st.just(" ") | st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=60))
@settings(max_examples=50)
def test_a_cursor_gives_back_its_key(key: str) -> None:
    assert decode_cursor("License", encode_cursor("License", key)) == key


def test_a_cursor_is_opaque_text_of_its_label_and_key() -> None:
    assert encode_cursor("Matter", "001001001000") == b64u_encode(b"Matter:001001001000")


@pytest.mark.parametrize(
    "cursor",
    [
        encode_cursor("Matter", "001001001000"),
        b64u_encode(b"License"),
        b64u_encode(b"License:"),
        b64u_encode(b"\xff\xfe"),
        "not base64url!",
        "TGljZW5zZTo_=",
        "",
    ],
)
def test_a_foreign_or_forged_cursor_is_malformed(cursor: str) -> None:
    with pytest.raises(Malformed) as refused:
        decode_cursor("License", cursor)
    assert refused.value.code == "bad_cursor"


@pytest.mark.parametrize("first", [1, 20, 100])
def test_a_page_has_1_to_100_rows(first: int) -> None:
    assert page_size(first) == first


@pytest.mark.parametrize("first", [0, -1, 101, 2**31 - 1])
def test_another_page_size_is_over_the_limit(first: int) -> None:
    with pytest.raises(Malformed) as refused:
        page_size(first)
    assert refused.value.code == "limit_exceeded"
