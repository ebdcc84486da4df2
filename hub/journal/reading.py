"""The members of a journal record, read strictly: all of them, in their order, each by its type."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from enum import Enum
from typing import Final, TypeVar

from ledger.closed import COUNTY, KID, closed, county_of, list_of, text
from ledger.encoding import JsonValue
from ledger.errors import Malformed
from ledger.jws import Jws

__all__ = [
    "HOLDER",
    "WINDOW",
    "constant",
    "day",
    "named",
    "optional",
    "optional_day",
    "ordered",
    "random_id",
    "stating_county",
    "string",
    "strings",
]

HOLDER: Final = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")  # canonical base64url of 32 bytes
WINDOW: Final = re.compile(r"[0-9A-Z-]{1,16}")
"""A window or desk of a county, or a number that it gave to staff."""
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ID: Final = re.compile(r"[A-Za-z0-9_-]{21}[AQgw]")  # canonical base64url of 16 bytes

Named = TypeVar("Named", bound=Enum)
Value = TypeVar("Value")


def ordered(value: JsonValue, what: str, members: tuple[str, ...]) -> dict[str, JsonValue]:
    """Take a JSON object of exactly these members, in this order. Raises Malformed bad_payload, unknown_member."""
    obj = closed(value, what, frozenset(members))
    if tuple(obj) != members:
        raise Malformed("bad_payload", f"members of a {what} stand in another order")
    return obj


def string(obj: dict[str, JsonValue], name: str) -> str:
    """Read a text of any length and content. Raises Malformed bad_payload."""
    value = obj[name]
    if not isinstance(value, str):
        raise Malformed("bad_payload", f"{name} is no text")
    return value


def strings(obj: dict[str, JsonValue], name: str, *, maximum: int) -> tuple[str, ...]:
    """Read a list of at most `maximum` texts. Raises Malformed bad_payload."""
    values = list_of(obj, name, maximum=maximum)
    found = tuple(value for value in values if isinstance(value, str))
    if len(found) != len(values):
        raise Malformed("bad_payload", f"{name} holds something that is no text")
    return found


def day(obj: dict[str, JsonValue], name: str) -> str:
    """Read a day of the calendar, `YYYY-MM-DD`. Raises Malformed bad_payload."""
    value = text(obj, name, _DATE)
    try:
        date.fromisoformat(value)
    except ValueError as error:
        raise Malformed("bad_payload", f"{name} is no day of the calendar") from error
    return value


def optional_day(obj: dict[str, JsonValue], name: str) -> str | None:
    """Read a day, or null. Raises Malformed bad_payload."""
    return None if obj[name] is None else day(obj, name)


def constant(obj: Mapping[str, JsonValue], name: str, value: str) -> None:
    """Take a member that has one value only. Raises Malformed bad_payload."""
    if obj.get(name) != value:
        raise Malformed("bad_payload", f"{name} is not {value}")


def named(obj: Mapping[str, JsonValue], name: str, kind: type[Named]) -> Named:
    """Read one of an enum's values, all of them text; the member may be missing. Raises Malformed bad_payload."""
    found = next((each for each in kind if each.value == obj.get(name)), None)
    if found is None:
        raise Malformed("bad_payload", f"{name} is none of {', '.join(str(each.value) for each in kind)}")
    return found


def optional(obj: Mapping[str, JsonValue], name: str, read: Callable[[], Value]) -> Value | None:
    """Read a member by `read`, or null as None. Raises as `read`."""
    return None if obj[name] is None else read()


def random_id(obj: dict[str, JsonValue], name: str) -> str:
    """Read the name that a county made of 128 random bits: 22 characters of base64url. Raises Malformed bad_payload."""
    return text(obj, name, _ID)


def stating_county(jws: Jws, obj: dict[str, JsonValue]) -> str:
    """Read `iss`, the member that the key of the signature belongs to. Raises Malformed bad_payload, bad_header."""
    kid, iss = jws.signatures[0].kid, text(obj, "iss", COUNTY)
    if not KID.fullmatch(kid) or county_of(kid) != iss:
        raise Malformed("bad_header", "kid is not <iss>#<number>")
    return iss
