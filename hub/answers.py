"""What another process of the alliance answers, read with suspicion: bounded in bytes and time, and its error.

    {"error":{"code":"wrong_target","message":"the seal is not in the ledger"}}

The code goes into stores, logs and exit codes, the message onto a terminal: neither is more than its form allows.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ledger.encoding import parse_json
from ledger.errors import CODES, Malformed, TongbanError, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx2

    from ledger.encoding import JsonValue

__all__ = ["MAX_MESSAGE_CHARS", "Answer", "exchange", "read_answer", "stated_error", "stated_in"]

MAX_MESSAGE_CHARS: Final = 500
_MAX_ERROR_BYTES: Final = 65_536
_READ_S: Final = 10.0
_WHOLE_S: Final = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer that is there whole. headers: names in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def exchange(
    http: httpx2.Client,
    method: str,
    url: str,
    *,
    max_bytes: int,
    end: float = math.inf,
    read_s: float = _READ_S,
    **options: Any,
) -> Answer:
    """Send a request and read its answer: `max_bytes`, or 64 KiB of an error; 120 s, and none after `end` (monotonic).

    read_s: longest silence, seconds. Raises httpx2.HTTPError; Malformed too_large, Unavailable deadline.
    """
    end, body = min(end, time.monotonic() + _WHOLE_S), bytearray()
    with http.stream(method, url, timeout=min(_left(end), read_s), **options) as response:
        most = max_bytes if response.is_success else _MAX_ERROR_BYTES
        for chunk in response.iter_bytes():
            body += chunk
            _left(end)
            if len(body) > most:
                raise Malformed("too_large", f"{url} has more than {most} bytes")
    return Answer(status=response.status_code, headers=response.headers, body=bytes(body))


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise Unavailable("deadline", "the answer took too long")
    return left


async def read_answer(response: httpx2.Response, max_bytes: int) -> bytes:
    """Read the body of a streamed answer. Raises Malformed too_large: it has more bytes than that."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > max_bytes:
            raise Malformed("too_large", f"the answer has more than {max_bytes} bytes")
    return bytes(body)


def stated_error(value: JsonValue) -> TongbanError | None:
    """Read the value of an answer's `error`; None if it is no object, and so states no error.

    A code that is none of ours becomes Unavailable not_ready: a newer hub may know more, and nothing is lost by trying
    again. The message keeps at most 500 printable characters: no line break, no terminal control, no lone surrogate.
    """
    if not isinstance(value, dict):
        return None
    code, message = value.get("code"), value.get("message")
    kind = CODES.get(code) if isinstance(code, str) else None
    if kind is None or not isinstance(code, str):
        return Unavailable("not_ready", "the answer states an error that is not known here")
    return kind(code, _printable(message if isinstance(message, str) else ""))


def stated_in(body: bytes) -> TongbanError | None:
    """Read the error that the body of an answer states; None if it states none."""
    try:
        answer = parse_json(body, max_bytes=_MAX_ERROR_BYTES)
    except Malformed:
        return None
    return stated_error(answer.get("error")) if isinstance(answer, dict) else None


def _printable(text: str) -> str:
    return "".join(char for char in text[:MAX_MESSAGE_CHARS] if char.isprintable())
