"""Base45: the vectors of RFC 9285, and one text for each meaning."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.base45 import base45_decode, base45_encode
from ledger.errors import Malformed

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"AB", "BB8"),
        (b"Hello!!", "%69 VD92EX0"),
        (b"base-45", "UJCLQE7W581"),
        (b"ietf!", "QED8WEX0"),
        (b"\xff\xff", "FGW"),
        (b"\xff", "U5"),
    ],
)
def test_the_vectors_of_the_standard(data: bytes, text: str) -> None:
    assert (base45_encode(data), base45_decode(text)) == (text, data)


@pytest.mark.parametrize(
    "text",
    [
        "A",  # length 1 modulo 3
        "BB8A",
        "GGW",  # 65,536
        ":::",  # 91,124
        "V5",  # 256
        "::",  # 2,024
        "bb8",  # lower case
        "BB8\n",
        "BB\u0661",  # another script's digit one
        "=AB",
    ],
)
def test_what_is_no_base45_is_refused(text: str) -> None:
    with pytest.raises(Malformed, match=r"^bad_base45: ") as caught:
        base45_decode(text)
    assert caught.value.code == "bad_base45"


@given(st.binary(max_size=200))
def test_what_is_encoded_comes_back(data: bytes) -> None:
    assert base45_decode(base45_encode(data)) == data


@given(st.text(ALPHABET, max_size=60))
def test_a_text_that_is_read_is_the_one_that_is_written(text: str) -> None:
    try:
        data = base45_decode(text)
    except Malformed:
        return
    assert base45_encode(data) == text
