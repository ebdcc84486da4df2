"""The members of a journal record, read strictly: all of them, in their order, each by its type."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from ledger.closed import closed, list_of, text
from ledger.encoding import JsonValue
from ledger.errors import Malformed

__all__ = ["day", "optional_day", "ordered", "string", "strings"]

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


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
