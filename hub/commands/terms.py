"""What people type as time, duration or NAME=VALUE, and what a terminal may show of a stranger's text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from hashlib import file_digest
from pathlib import Path
from typing import Final

from ledger.errors import Malformed
from ledger.verdict import StepState, utc

__all__ = ["MARK", "digest_of", "duration", "instant", "named", "named_once", "shown", "utc"]

MARK: Final = {StepState.PASSED: "✓", StepState.FAILED: "✗", StepState.NOT_REACHED: "·"}

_DURATION: Final = re.compile(r"([0-9]{1,9})([smhd]?)")
_SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


def digest_of(path: Path) -> bytes:
    """Give the SHA-256 digest of a file, 32 bytes."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").digest()


def duration(text: str) -> int:
    """Read a duration like 90, 60s, 15m, 24h or 7d: seconds. Raises Malformed bad_number."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise Malformed("bad_number", "expected a duration like 90, 60s, 15m, 24h or 7d")
    return int(found[1]) * _SECONDS[found[2]]


def instant(text: str) -> int:
    """Read a time of RFC 3339 with its zone: POSIX seconds. Raises Malformed bad_number."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Malformed("bad_number", "expected a time like 2026-06-01T08:00:00Z") from error
    if moment.tzinfo is None:
        raise Malformed("bad_number", "expected a time with its zone, like 2026-06-01T08:00:00Z")
    return int(moment.timestamp())


def named(option: str, form: str, texts: Sequence[str] | None) -> list[tuple[str, str]]:
    """Read an option that is given again and again, each time a name and a value with = between them, in order.

    option, form: for the message, as `--set` and `NAME=SECONDS`. Raises Malformed bad_setting.
    """
    pairs = [text.partition("=") for text in texts or ()]
    if not all(name and value for name, _, value in pairs):
        raise Malformed("bad_setting", f"{option} takes {form}")
    return [(name, value) for name, _, value in pairs]


def named_once(option: str, form: str, texts: Sequence[str] | None) -> dict[str, str]:
    """Read such an option where a name has one value: none of two replaces the other. Raises Malformed bad_setting."""
    values: dict[str, str] = {}
    for name, value in named(option, form, texts):
        if name in values:
            raise Malformed("bad_setting", f"{option} names {name} twice")
        values[name] = value
    return values


def shown(text: str) -> str:
    """Make a stranger's text harmless for a terminal: no escape sequence, no change of writing direction."""
    return "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in text)
