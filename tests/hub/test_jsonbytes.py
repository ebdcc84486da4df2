"""JSON bytes by orjson and by the standard library: one value, whoever writes it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import jsonbytes
from hub.jsonbytes import json_bytes, standard_bytes

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | TEXTS
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner))


@given(VALUES)
def test_both_write_the_same_bytes(value: Any) -> None:
    assert standard_bytes(value) == json_bytes(value)


@given(st.floats())
def test_both_write_the_same_number(value: float) -> None:
    """Their spelling may differ: 1e16 and 1e+16."""
    assert json.loads(standard_bytes([value])) == json.loads(json_bytes([value]))


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (2**70, b"1180591620717411303424"),
        ({"a": "\ud800名"}, b'{"a":"\\ud800\\u540d"}'),
        (["\udfff", float("nan")], b'["\\udfff",null]'),
        ([float("inf"), 2**70], b"[null,1180591620717411303424]"),
    ],
)
def test_what_orjson_refuses_is_written_all_the_same(value: Any, written: bytes) -> None:
    assert json_bytes(value) == standard_bytes(value) == written


def test_without_orjson_the_standard_library_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonbytes, "orjson", None)
    assert json_bytes({"name": "城阳区", "size": 3}) == '{"name":"城阳区","size":3}'.encode()


def test_anything_else_is_refused() -> None:
    with pytest.raises(TypeError):
        json_bytes({"a": object()})
