from __future__ import annotations

import base64
import json
from typing import Any, Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ledger import encoding
from ledger.encoding import (
    MAX_INTEGER,
    b64_decode,
    b64_encode,
    b64u_decode,
    b64u_encode,
    canonical_json,
    parse_canonical_json,
    parse_decimal,
    parse_json,
)
from ledger.errors import Malformed

TEXT: Final = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
VALUES: Final = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


def refusal(call: Any, *args: Any, **given: Any) -> str:
    with pytest.raises(Malformed) as caught:
        call(*args, **given)
    return caught.value.code


def outcome(call: Any, *args: Any) -> Any:
    try:
        return repr(call(*args))
    except Malformed as error:
        return error.code


@given(st.binary(max_size=80))
def test_base64_is_that_of_the_standard_library(data: bytes) -> None:
    assert b64_encode(data) == base64.b64encode(data).decode()
    assert b64u_encode(data) == base64.urlsafe_b64encode(data).rstrip(b"=").decode()
    assert b64_decode(b64_encode(data), size=len(data)) == b64u_decode(b64u_encode(data), size=len(data)) == data


@given(st.text(st.sampled_from("AQgw_-+/= \nB8"), max_size=8))
@settings(max_examples=400)
def test_one_text_stands_for_one_value(text: str) -> None:
    for decode, encode in ((b64_decode, b64_encode), (b64u_decode, b64u_encode)):
        try:
            data = decode(text)
        except Malformed:
            continue
        assert encode(data) == text


@pytest.mark.parametrize(
    "text", ["A", "AB", "AB==", "A+", "A/", "AA\n", " AA", "AA=", "=", "é", "....", "A.AA", "AAA\u00ad"]
)
def test_base64url_that_is_not_canonical_is_refused(text: str) -> None:
    assert refusal(b64u_decode, text) == "bad_base64"


@pytest.mark.parametrize("text", ["AA", "AB==", "A-==", "A_==", "AA==\n", "AA==AA==", "=", "é==="])
def test_base64_that_is_not_canonical_is_refused(text: str) -> None:
    assert refusal(b64_decode, text) == "bad_base64"


def test_another_number_of_bytes_is_refused() -> None:
    assert refusal(b64u_decode, "AAAA", size=4) == refusal(b64_decode, "AAAA", size=2) == "bad_base64"


@given(st.integers(0, MAX_INTEGER))
def test_decimals_are_read_as_written(value: int) -> None:
    assert parse_decimal(str(value)) == value


@pytest.mark.parametrize("text", ["", "-1", "+1", "01", "1.0", " 1", "1\n", "٣", "9007199254740992", "1" * 40])
def test_another_form_of_decimal_is_refused(text: str) -> None:
    assert refusal(parse_decimal, text) == "bad_number"


def test_a_decimal_has_its_bound() -> None:
    assert refusal(parse_decimal, "8", maximum=7) == "bad_number"


@given(VALUES)
def test_canonical_json_is_read_again(value: Any) -> None:
    data = canonical_json(value)
    assert parse_json(data, max_bytes=10_000) == value
    assert parse_canonical_json(data, max_bytes=10_000) == value


def _dumped(value: Any) -> Any:
    try:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        return type(error)


def _written(value: Any) -> Any:
    try:
        return canonical_json(value)
    except (TypeError, ValueError) as error:
        return type(error)


_ANYTHING: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=2) | st.uuids(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(st.text(max_size=3) | st.integers() | st.none() | st.booleans(), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(_ANYTHING)
@settings(max_examples=600)
@example("\ud800")
@example([2**53, 2**64, -(2**63) - 1])
@example([1e16, -0.0, 5e-324, 1.0])
@example({"a": float("nan")})
@example({"\x7f\u2028\x00\x1f\b\f/": {1: True}})
def test_canonical_json_is_what_json_dumps_writes_and_refuses(value: Any) -> None:
    assert _written(value) == _dumped(value)


@given(VALUES)
def test_json_in_another_form_is_the_same_value_and_not_canonical(value: Any) -> None:
    spaced = json.dumps(value, indent=1).encode()
    assert parse_json(spaced, max_bytes=10_000) == value
    if spaced != canonical_json(value):
        assert refusal(parse_canonical_json, spaced, max_bytes=10_000) == "bad_json"


@pytest.mark.parametrize("form", ["{}", "[{}]", '{{"a":{{"b":1,"c":[true,{}]}}}}'])
def test_a_number_with_a_fraction_has_one_canonical_text(form: str) -> None:
    """That of json.dumps, whoever else writes it shorter; parse_json reads all of them."""
    for canonical, other in (("1e-07", "1e-7"), ("1e-05", "0.00001"), ("1.5e-09", "1.5e-9"), ("1e+16", "1e16")):
        data, shorter = form.format(canonical).encode(), form.format(other).encode()
        assert canonical_json(parse_canonical_json(data, max_bytes=99)) == data
        assert refusal(parse_canonical_json, shorter, max_bytes=99) == "bad_json"
        assert parse_json(shorter, max_bytes=99) == parse_json(data, max_bytes=99)


BAD_JSON: Final = [
    (b'{"a":1,"a":2}', "duplicate_member"),
    (b'[{"b":{"a":1,"a":1}}]', "duplicate_member"),
    (b"NaN", "bad_number"),
    (b"[-Infinity]", "bad_number"),
    (b"1e400", "bad_number"),
    (b"9007199254740992", "bad_number"),
    (b"-9007199254740992", "bad_number"),
    (b"1" + b"0" * 400, "bad_number"),
    (b'"\\ud800"', "bad_encoding"),
    (b'{"\\udfff":1}', "bad_encoding"),
    (b'"\xff"', "bad_encoding"),
    (b"\xef\xbb\xbf1", "bad_json"),
    (b"1 2", "bad_json"),
    (b"1\n\x00", "bad_json"),
    (b"", "bad_json"),
    (b"01", "bad_json"),
    (b"'a'", "bad_json"),
    (b'"\n"', "bad_json"),
    (b"[" * 9 + b"]" * 9, "bad_json"),
    (b'{"a":' * 9 + b"1" + b"}" * 9, "bad_json"),
    (b'["' + b"[" * 20 + b'",' + b"[" * 8 + b"]" * 9, "bad_json"),
]


@pytest.mark.parametrize(("data", "code"), BAD_JSON, ids=[str(data[:16]) for data, _ in BAD_JSON])
def test_json_that_another_parser_may_read_otherwise_is_refused(data: bytes, code: str) -> None:
    assert refusal(parse_json, data, max_bytes=1000) == code


@pytest.mark.parametrize("data", [b"[" * 8 + b"]" * 8, b'["' + b"[{" * 20 + b'"]', b'"\\ud83d\\ude00"', b"-0", b"1.5"])
def test_json_at_the_bounds_is_read(data: bytes) -> None:
    assert parse_json(data, max_bytes=len(data)) == json.loads(data)
    assert refusal(parse_json, data, max_bytes=len(data) - 1) == "too_large"


@pytest.mark.parametrize("data", [b"1.0", b"1e0", b"10E-1"])
def test_a_number_with_point_or_exponent_is_no_integer(data: bytes) -> None:
    assert type(parse_json(data, max_bytes=10)) is float


FRAGMENTS: Final = st.lists(
    st.sampled_from(['{"a":', "}", "[", "]", ",", '"b"', ":", '"', "\\u0041", "\\ud800", "1", "0.5", "1e5", "e400", "-", "9" * 17,
                     "null", "true", " ", "\n", "é", "\ufeff", "\\n", "\\/", "NaN"]),
    max_size=8,
).map(lambda parts: "".join(parts).encode())  # fmt: skip


@given(FRAGMENTS | st.binary(max_size=12) | VALUES.map(canonical_json))
@settings(max_examples=600)
def test_the_fast_parser_reads_and_refuses_what_the_strict_one_does(data: bytes) -> None:
    """What orjson takes must be what the strict parser gives; the other way round it may pass the work on."""
    assert outcome(lambda d: parse_json(d, max_bytes=1000), data) == outcome(
        lambda d: encoding._parse_strictly(d, 8), data
    )
