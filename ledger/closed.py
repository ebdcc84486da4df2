"""Closed sets: JSON objects whose members are all listed, read by type.

Every object of our formats is closed: a member that is not listed is refused, so that nothing is signed that no one
reads. Integers are JSON integers: `1.0`, `1e3` and `true` are refused.
"""

from __future__ import annotations

import re
from typing import Final

from ledger.encoding import MAX_INTEGER, JsonValue, b64u_decode
from ledger.errors import Malformed

__all__ = ["COUNTY", "KID", "closed", "county_of", "digest", "integer", "list_of", "text"]

COUNTY: Final = re.compile(r"[0-9]{6}")
KID: Final = re.compile(r"[0-9]{6}#[1-9][0-9]{0,5}")
_NONE: Final[frozenset[str]] = frozenset()


def closed(
    value: JsonValue,
    what: str,
    required: frozenset[str],
    optional: frozenset[str] = _NONE,
    *,
    code: str = "bad_payload",
) -> dict[str, JsonValue]:
    """Take a JSON object that has every required member and none beside the required and the optional ones.

    Raises Malformed `code` (no object, or a member is missing), unknown_member.
    """
    if not isinstance(value, dict):
        raise Malformed(code, f"{what} is no JSON object")
    if value.keys() == required:
        return value
    if missing := required - value.keys():
        raise Malformed(code, f"{what} lacks {', '.join(sorted(missing))}")
    if value.keys() - required - optional:
        raise Malformed("unknown_member", f"{what} has a member beside {', '.join(sorted(required | optional))}")
    return value


def integer(obj: dict[str, JsonValue], name: str, *, minimum: int = 0, maximum: int = MAX_INTEGER) -> int:
    """Read an integer, minimum..maximum. Raises Malformed bad_number."""
    value = obj[name]
    if type(value) is not int:
        raise Malformed("bad_number", f"{name} is no JSON integer")
    if not minimum <= value <= maximum:
        raise Malformed("bad_number", f"{name} is not in {minimum}..{maximum}")
    return value


def text(obj: dict[str, JsonValue], name: str, pattern: re.Pattern[str], *, code: str = "bad_payload") -> str:
    """Read a text that matches `pattern` as a whole. Raises Malformed `code`."""
    value = obj[name]
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise Malformed(code, f"{name} does not match {pattern.pattern}")
    return value


def digest(obj: dict[str, JsonValue], name: str) -> bytes:
    """Read 32 bytes as base64url. Raises Malformed bad_payload, bad_base64."""
    value = obj[name]
    if not isinstance(value, str):
        raise Malformed("bad_payload", f"{name} is no text")
    return b64u_decode(value, size=32)


def list_of(obj: dict[str, JsonValue], name: str, *, maximum: int, code: str = "bad_payload") -> list[JsonValue]:
    """Read a list of at most `maximum` elements. Raises Malformed `code`."""
    value = obj[name]
    if not isinstance(value, list) or len(value) > maximum:
        raise Malformed(code, f"{name} is no list of at most {maximum} elements")
    return value


def county_of(kid: str) -> str:
    """Return the member that a kid belongs to: the part before `#`."""
    return kid.partition("#")[0]
