"""An error as another process of the alliance states it, read with suspicion.

    {"code":"wrong_target","message":"the seal is not in the ledger"}

The code goes into stores, logs and exit codes, the message onto a terminal: neither is more than its form allows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ledger.errors import CODES, TongbanError, Unavailable

if TYPE_CHECKING:
    import httpx2

    from ledger.encoding import JsonValue

__all__ = ["MAX_MESSAGE_CHARS", "read_answer", "stated_error"]

MAX_MESSAGE_CHARS: Final = 500


async def read_answer(response: httpx2.Response, max_bytes: int) -> bytes:
    """Read the body of a streamed answer. Raises Unavailable no_log: it has more bytes than that."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > max_bytes:
            raise Unavailable("no_log", f"the answer has more than {max_bytes} bytes")
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


def _printable(text: str) -> str:
    return "".join(char for char in text[:MAX_MESSAGE_CHARS] if char.isprintable())
