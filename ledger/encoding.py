"""Strict text encodings: base64, base64url, decimal, JSON in, canonical JSON out.

Decoders accept the canonical form only: decode, encode, compare. So no two texts stand for one value, and a hash
over the text that came is a hash over the value.

    b64   RFC 4648 section 4, with padding: C2SP formats, receipts
    b64u  RFC 4648 section 5, without padding: all JOSE parts
"""

from __future__ import annotations

import binascii
import json
import re
from collections.abc import Iterable
from math import isinf
from typing import Final, NoReturn, TypeAlias

from ledger.errors import Malformed

try:
    import orjson
except ImportError:  # an accelerator: without it the same texts are read, and the same are refused
    orjson = None  # type: ignore[assignment]

__all__ = [
    "MAX_INTEGER",
    "JsonValue",
    "b64_decode",
    "b64_encode",
    "b64u_decode",
    "b64u_encode",
    "canonical_json",
    "parse_canonical_json",
    "parse_decimal",
    "parse_json",
]

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"

MAX_INTEGER: Final = 2**53 - 1  # indexes, sizes and times: what JavaScript reads exactly
# `+`, `/` and `=` become a character that no base64 has: in base64url they do not stand.
_FROM_URL: Final = bytes.maketrans(b"-_+/=", b"+/...")
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,15}")
_TEXTS: Final = frozenset({str})
_SCALARS: Final = frozenset({str, int, bool, type(None)})


def b64_encode(data: bytes) -> str:
    """Encode as base64 with padding."""
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def b64_decode(text: str, *, size: int | None = None) -> bytes:
    """Decode canonical base64 with padding; `size` is the exact number of bytes expected.

    Raises Malformed bad_base64.
    """
    try:
        coded = text.encode("ascii")
        data = binascii.a2b_base64(coded, strict_mode=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise Malformed("bad_base64", "expected base64 with padding") from error
    if binascii.b2a_base64(data, newline=False) != coded:
        raise Malformed("bad_base64", "base64 is not canonical")
    return _sized(data, size)


def b64u_decode(text: str, *, size: int | None = None) -> bytes:
    """Decode canonical base64url without padding; `size` is the exact number of bytes expected.

    Raises Malformed bad_base64.
    """
    try:
        coded = text.encode("ascii").translate(_FROM_URL) + b"=" * (-len(text) % 4)
        data = binascii.a2b_base64(coded, strict_mode=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise Malformed("bad_base64", "expected base64url without padding") from error
    whole = len(data) // 3  # groups of 3 bytes, each with one form only; unused bits can be set in what follows them
    if binascii.b2a_base64(data[3 * whole :], newline=False) != coded[4 * whole :]:
        raise Malformed("bad_base64", "base64url is not canonical")
    return _sized(data, size)


def b64u_encode(data: bytes) -> str:
    """Encode as base64url without padding."""
    return binascii.b2a_base64(data, newline=False).rstrip(b"=").translate(_TO_URL).decode("ascii")


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
    return _parse(data, max_bytes, max_depth)[0]


def parse_canonical_json(data: bytes, *, max_bytes: int, max_depth: int = 8) -> JsonValue:
    """Parse one JSON value that must be written as canonical_json writes it. Raises as parse_json, bad_json if not."""
    value, canonical = _parse(data, max_bytes, max_depth)
    if (not canonical or _holds_float(value)) and canonical_json(value) != data:
        raise Malformed("bad_json", "JSON is not in canonical form")
    return value


def _parse(data: bytes, max_bytes: int, max_depth: int) -> tuple[JsonValue, bool]:
    """Parse, and tell whether the text is known to be canonical."""
    if len(data) > max_bytes:
        raise Malformed("too_large", f"JSON has {len(data)} bytes, at most {max_bytes} are read")
    value = _parse_canonical(data)
    # Brackets may stand in texts, and in a GraphQL document they do: only many of them are worth a second look.
    if value is not None and (data.count(b"[") + data.count(b"{") <= max_depth or _is_within(value, max_depth)):
        return value, True
    return _parse_strictly(data, max_depth), False


def _is_within(value: JsonValue, depth: int) -> bool:
    """Tell whether a value nests at most so many containers."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return inner is None or (depth > 0 and all(_is_within(each, depth - 1) for each in inner))


def _parse_canonical(data: bytes) -> JsonValue:
    """Parse what is canonical already, or give None: the common case, many times faster than the strict parser.

    orjson is lenient (a name twice, great integers), but then what it writes is not what it read.
    """
    if orjson is None:
        return None
    try:
        value: JsonValue = orjson.loads(data)
        return value if orjson.dumps(value, option=orjson.OPT_STRICT_INTEGER) == data else None
    except (orjson.JSONDecodeError, TypeError):
        return None


def _holds_float(value: JsonValue) -> bool:
    """Tell whether there is a float, which orjson may write in another way than json.dumps: 1e-7 for 1e-07."""
    values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
    for each in values:
        kind = type(each)
        if kind is str or kind is int:  # nearly all: one look each
            continue
        if kind is float or ((kind is dict or kind is list) and _holds_float(each)):
            return True
    return False


def _parse_strictly(data: bytes, max_depth: int) -> JsonValue:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("bad_encoding", "expected UTF-8") from error
    _check_depth(text, max_depth)
    try:
        value: JsonValue = _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise Malformed("bad_json", "expected one JSON value") from error
    if "\\ud" in text or "\\uD" in text:  # only such an escape can bring in a lone surrogate: UTF-8 itself cannot
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


def _finite_float(text: str) -> float:
    value = float(text)
    if isinf(value):
        raise Malformed("bad_number", "number is out of range")
    return value


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_refuse_constant, parse_int=_bounded_int, parse_float=_finite_float
)
_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _refuse_surrogates(value: JsonValue) -> None:
    try:
        canonical_json(value)
    except UnicodeEncodeError as error:
        raise Malformed("bad_encoding", "text holds a lone surrogate") from error


def canonical_json(value: object) -> bytes:
    r"""Write JSON in its one canonical form: members in insertion order, no white space, raw UTF-8, no final newline.

    The escapes are those of json.dumps; every text of our formats needs only `\"`, `\\` and `\n`.
    """
    fast = _write_alike(value)
    return _ENCODER.encode(value).encode("utf-8") if fast is None else fast


def _write_alike(value: object) -> bytes | None:
    """Write a value many times faster; None where orjson may write it in another way than json.dumps, or not at all."""
    if orjson is None:
        return None
    try:
        return orjson.dumps(value, option=orjson.OPT_STRICT_INTEGER) if _is_alike(value) else None
    except TypeError:  # an integer above 2**53, a lone surrogate
        return None


def _is_alike(value: object) -> bool:
    """Tell whether a value is made of texts, integers, booleans and null: no float, no type that only orjson knows."""
    if isinstance(value, dict):
        if not _TEXTS.issuperset(map(type, value)):
            return False
        inner: Iterable[object] = value.values()
    elif isinstance(value, list | tuple):
        inner = value
    else:
        return type(value) in _SCALARS
    # Nearly all is flat: one pass in C says so, and only containers are looked into.
    return _SCALARS.issuperset(map(type, inner)) or all(_is_alike(each) for each in inner if type(each) not in _SCALARS)
