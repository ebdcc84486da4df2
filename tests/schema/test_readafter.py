"""The token that a write is answered with: one form, and everything else refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import Malformed
from schema.readafter import ReadAfter

COUNTS = st.integers(min_value=0, max_value=9_999_999_999_999_999)


@given(COUNTS, COUNTS)
def test_what_is_written_reads_back(ledger: int, journal: int) -> None:
    token = ReadAfter(ledger=ledger, journal=journal)
    assert token.format() == f"{ledger}.{journal}"
    assert ReadAfter.parse(token.format()) == token


@pytest.mark.parametrize(
    "text",
    ["", ".", "1", "1.", ".1", "01.0", "0.00", "1.2.3", "-1.0", "+1.0", "1.0\n", " 1.0", "1 .0", "1e3.0", "٣.0",
     "10000000000000000.0", "0.10000000000000000", "a.b", "1,0"],
)  # fmt: skip
def test_anything_else_is_no_token(text: str) -> None:
    with pytest.raises(Malformed) as refused:
        ReadAfter.parse(text)
    assert refused.value.code == "bad_read_after"
