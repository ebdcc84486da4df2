"""DER, strictly: one value has one form, whatever ASN.1 type stands behind it (ITU-T X.690, 10 and 11).

    tag          one byte (numbers 0..30), constructed exactly for SEQUENCE, SET and tagged values that hold others
    length       definite, in as few bytes as it needs
    INTEGER      in as few bytes as it needs, at most 64      BOOLEAN    00 or FF
    OID          at most 32 bytes                             times      YYMMDDhhmmssZ, YYYYMMDDhhmmssZ
    nesting      at most 16 levels, at most 4,096 elements (a list of revocation: 32,768)

The walk over tags and lengths comes first, so that the ASN.1 library sees nothing that could cost it much: no long
integers, no deep nesting. Then the library reads the value by its type and writes it again: other bytes are refused.
That finds what needs the type: a default that is spelled out, a set out of order.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from ledger.errors import Malformed, TongbanError

__all__ = ["MAX_ELEMENTS", "asn1_time", "check_der", "children_of", "load_der", "posix_time", "read_der"]

Value = TypeVar("Value")

_MAX_DEPTH: Final = 16
MAX_ELEMENTS: Final = 4096
"""Elements in one value, where its type does not need more."""

_CONSTRUCTED: Final = 0x20
_CLASS: Final = 0xC0
_LONG_TAG: Final = 0x1F
_LONG_FORM: Final = 0x80
_SEQUENCE: Final = 0x30
_CONTAINERS: Final = frozenset({_SEQUENCE, 0x31})
_BOOLEAN, _INTEGER, _OID, _UTC_TIME, _GENERALIZED_TIME = 0x01, 0x02, 0x06, 0x17, 0x18
_CONTENTS: Final = {
    _BOOLEAN: re.compile(rb"[\x00\xff]"),
    _INTEGER: re.compile(rb"(?!\x00[\x00-\x7f]|\xff[\x80-\xff]).{1,64}", re.DOTALL),
    _OID: re.compile(rb".{1,32}", re.DOTALL),
    _UTC_TIME: re.compile(rb"[0-9]{12}Z"),
    _GENERALIZED_TIME: re.compile(rb"[0-9]{14}Z"),
}
"""What the bytes of a primitive type can be; types that are not listed can hold any."""


def read_der(
    spec: Any,
    data: bytes,
    read: Callable[[Any], Value],
    *,
    max_bytes: int,
    code: str,
    max_elements: int = MAX_ELEMENTS,
) -> Value:
    """Read a DER value of an asn1crypto type through `read`, which must take all it wants before it returns.

    Raises Malformed too_large (more than `max_bytes`), `code` (no DER, or not of that type), and what `read` raises.
    """
    if len(data) > max_bytes:
        raise Malformed("too_large", f"expected at most {max_bytes} bytes of DER, got {len(data)}")
    try:
        return read(load_der(spec, data, max_elements))
    except TongbanError:
        raise
    except Exception as error:  # the library raises what its many types raise, for bytes of a stranger
        raise Malformed(code, "bytes are no DER of the expected type") from error


def load_der(spec: Any, data: bytes, max_elements: int = MAX_ELEMENTS) -> Any:
    """Read a DER value of an asn1crypto type. Raises ValueError and what else the library raises."""
    check_der(data, max_elements)
    value = spec.load(data, strict=True)
    if value.dump(force=True) != data:
        raise ValueError("no DER: it is written otherwise")
    return value


def posix_time(value: Any) -> int:
    """Give a UTCTime or GeneralizedTime in POSIX seconds. Raises ValueError (before 1950)."""
    if value.native.year < 1950:
        raise ValueError("a time before 1950")
    return int(value.native.timestamp())


def asn1_time(time: int) -> datetime:
    """Give what asn1crypto writes as UTCTime or GeneralizedTime for POSIX seconds. Raises Malformed bad_number."""
    try:
        return datetime.fromtimestamp(time, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise Malformed("bad_number", "time is past the year 9999") from error


def check_der(data: bytes, max_elements: int = MAX_ELEMENTS) -> None:
    """Check that `data` is one DER element and nothing after it. Raises ValueError."""
    ends, place, elements = [len(data)], 0, 0
    while place < len(data):
        elements += 1
        tag, start, end = _element(data, place, ends[-1])
        if tag & _CONSTRUCTED:
            ends.append(end)
            place = start
        else:
            _check_content(tag, data[start:end])
            place = end
        while len(ends) > 1 and place == ends[-1]:
            ends.pop()
        if (len(ends) == 1 and place != len(data)) or len(ends) > _MAX_DEPTH or elements > max_elements:
            raise ValueError("no DER: too deep, too many elements, or bytes after the first")
    if not data or len(ends) != 1:
        raise ValueError("no DER: it ends too early")


def children_of(data: bytes) -> list[bytes]:
    """Give the elements inside a DER SEQUENCE; none where it is another type, or no DER."""
    try:
        check_der(data)
    except ValueError:
        return []
    _, place, end = _element(data, 0, len(data))
    children: list[bytes] = []
    while data[0] == _SEQUENCE and place < end:
        start = place
        place = _element(data, place, end)[2]
        children.append(data[start:place])
    return children


def _element(data: bytes, place: int, limit: int) -> tuple[int, int, int]:
    """Give the tag of an element that ends at or before `limit`, and where its content starts and ends."""
    if place + 2 > limit:
        raise ValueError("no DER: half an element")
    tag, size, start = data[place], data[place + 1], place + 2
    if tag & _LONG_TAG == _LONG_TAG or (
        not tag & _CLASS and bool(tag & _CONSTRUCTED) != (tag | _CONSTRUCTED in _CONTAINERS)
    ):
        raise ValueError("no DER: a tag that is not used here")
    if size & _LONG_FORM:
        count = size & ~_LONG_FORM
        size = int.from_bytes(data[start : start + count], "big") if 0 < count <= 4 else 0
        start += count
        if start > limit or size < _LONG_FORM or size.bit_length() <= 8 * (count - 1):
            raise ValueError("no DER: a length that is not in its shortest form")
    if start + size > limit:
        raise ValueError("no DER: longer than what is around it")
    return tag, start, start + size


def _check_content(tag: int, content: bytes) -> None:
    pattern = _CONTENTS.get(tag)
    if pattern is not None and not pattern.fullmatch(content):
        raise ValueError("no DER: not the one form of its value")
