"""Strict text encodings: base64, base64url, decimal, JSON in, canonical JSON out.

Decoders accept the canonical form only: decode, encode, compare. So no two texts stand for one value, and a hash
over the text that came is a hash over the value.

    b64   RFC 4648 section 4, with padding: C2SP formats, receipts
    b64u  RFC 4648 section 5, without padding: all JOSE parts
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Final, NoReturn, TypeAlias

from ledger.errors import Malformed

__all__ = [
    "MAX_INTEGER",
    "JsonValue",
    "b64_decode",
    "b64_encode",
    "b64u_decode",
    "b64u_encode",
    "canonical_json",
    "parse_decimal",
    "parse_json",
]

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"

MAX_INTEGER: Final = 2**53 - 1  # indexes, sizes and times: what JavaScript reads exactly
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,15}")


def b64_encode(data: bytes) -> str:
    """Encode as base64 with padding."""
    return base64.b64encode(data).decode("ascii")


def b64_decode(text: str, *, size: int | None = None) -> bytes:
    """Decode canonical base64 with padding; `size` is the exact number of bytes expected.

    Raises Malformed bad_base64.
    """
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise Malformed("bad_base64", "expected base64 with padding") from error
    if b64_encode(data) != text:
        raise Malformed("bad_base64", "base64 is not canonical")
    return _sized(data, size)


def b64u_encode(data: bytes) -> str:
    """Encode as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def b64u_decode(text: str, *, size: int | None = None) -> bytes:
    """Decode canonical base64url without padding; `size` is the exact number of bytes expected.

    Raises Malformed bad_base64.
    """
    if "=" in text or "+" in text or "/" in text:
        raise Malformed("bad_base64", "expected base64url without padding")
    padded = text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4)
    try:
        data = base64.b64decode(padded.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise Malformed("bad_base64", "expected base64url without padding") from error
    if b64u_encode(data) != text:
        raise Malformed("bad_base64", "base64url is not canonical")
    return _sized(data, size)


def _sized(data: bytes, size: int | None) -> bytes:
    if size is not None and len(data) != size:
        raise Malformed("bad_base64", f"expected {size} bytes, got {len(data)}")
    return data


def parse_decimal(text: str, *, maximum: int = MAX_INTEGER) -> int:
    """Parse ASCII digits without sign or leading zero, 0..maximum. Raises Malformed bad_number."""
    if not _DECIMAL.fullmatch(text):
        raise Malformed("bad_number", "expected a decimal number without sign or leading zero")
    value = int(text)
    if value > maximum:
        raise Malformed("bad_number", f"number is above {maximum}")
    return value


def parse_json(data: bytes, *, max_bytes: int, max_depth: int = 8) -> JsonValue:
    """Parse one JSON value strictly.

    UTF-8 without BOM, no member name twice at any depth, no NaN or Infinity, no lone surrogate, nothing after the
    value, at most `max_depth` nested containers. A number written with `.`, `e` or `E` comes back as float, so that a
    caller who expects an int refuses it by type.

    Raises Malformed too_large, bad_encoding, bad_json, duplicate_member, bad_number.
    """
    if len(data) > max_bytes:
        raise Malformed("too_large", f"JSON has {len(data)} bytes, at most {max_bytes} are read")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("bad_encoding", "expected UTF-8") from error
    _check_depth(text, max_depth)
    try:
        value: JsonValue = json.loads(
            text, object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_int=_bounded_int
        )
    except (ValueError, RecursionError) as error:
        raise Malformed("bad_json", "expected one JSON value") from error
    if "\\u" in text:  # only an escape can bring in a lone surrogate: UTF-8 itself cannot
        _refuse_surrogates(value)
    return value


_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)


def _check_depth(text: str, max_depth: int) -> None:
    # Before json.loads, so that a megabyte of brackets costs one pass and no recursion.
    if text.count("[") + text.count("{") <= max_depth:
        return
    depth = 0
    for bracket in re.findall(r"[\[\]{}]", _STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > max_depth:
            raise Malformed("bad_json", f"JSON is nested deeper than {max_depth}")


def _unique(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise Malformed("duplicate_member", "a member name stands twice in one JSON object")
    return result


def _refuse_constant(name: str) -> NoReturn:
    raise Malformed("bad_number", f"{name} is no JSON number")


def _bounded_int(text: str) -> int:
    if len(text) > 17:
        raise Malformed("bad_number", "integer is out of range")
    value = int(text)
    if not -MAX_INTEGER <= value <= MAX_INTEGER:
        raise Malformed("bad_number", "integer is out of range")
    return value


def _refuse_surrogates(value: JsonValue) -> None:
    try:
        canonical_json(value)
    except UnicodeEncodeError as error:
        raise Malformed("bad_encoding", "text holds a lone surrogate") from error


def canonical_json(value: object) -> bytes:
    r"""Write JSON in its one canonical form: members in insertion order, no white space, raw UTF-8, no final newline.

    The escapes are those of json.dumps; every text of our formats needs only `\"`, `\\` and `\n`.
    """
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode("utf-8")
