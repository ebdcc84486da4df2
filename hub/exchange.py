"""The edge of an HTTP exchange: a body read within limits, and an error as its answer.

Every error leaves as one JSON object with the stable code of `ledger/errors.py`:

    Tongban-Error: too_large
    {"error":{"code":"too_large","message":"body has more than 16384 bytes"}}
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeAlias

from starlette.responses import JSONResponse, PlainTextResponse

from ledger.errors import Malformed, TongbanError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import Receive

    from hub.deadlines import Deadlines

__all__ = [
    "BODY_TIMEOUT_S",
    "ERROR_HEADER",
    "BareStatusError",
    "answering",
    "closing",
    "error_headers",
    "error_response",
    "media_type",
    "read_body",
    "receive_body",
]

Endpoint: TypeAlias = "Callable[[Request], Awaitable[Response]]"

BODY_TIMEOUT_S: Final = 10.0
ERROR_HEADER: Final = "tongban-error"  # the codes of an answer, for logs and metrics that do not read bodies
_LENGTH_DIGITS: Final = 12
_CHALLENGE: Final = 'Bearer realm="tongban"'
_BAD_TOKEN: Final = f'{_CHALLENGE}, error="invalid_token"'  # RFC 6750, 3.1: only where a token was sent
_UNREAD: Final = frozenset({408, 413})


async def read_body(request: Request, *, max_bytes: int, timeout_s: float = BODY_TIMEOUT_S) -> bytes:
    """Read the whole body, at most `max_bytes`, within `timeout_s` seconds in all.

    The limit holds while the bytes come, whatever Content-Length says. Raises Malformed too_large (before the body,
    where its length is told), too_slow, bad_request (the client left in the middle).
    """
    _check_declared(request.headers.get("content-length", "0"), max_bytes)
    try:
        async with asyncio.timeout(timeout_s):
            return await _collect(request.receive, max_bytes)
    except TimeoutError as error:
        raise _too_slow(timeout_s) from error


async def receive_body(receive: Receive, declared: str, *, max_bytes: int, within: Deadlines) -> bytes:
    """Read a body as `read_body` does, without a Request. declared: the header Content-Length, `0` without one."""
    _check_declared(declared, max_bytes)
    try:
        with within.hold():
            return await _collect(receive, max_bytes)
    except TimeoutError as error:
        raise _too_slow(within.seconds) from error


def _check_declared(length: str, max_bytes: int) -> None:
    if not length.isdecimal() or len(length) > _LENGTH_DIGITS or int(length) > max_bytes:
        raise Malformed("too_large", f"body has more than {max_bytes} bytes")


def _too_slow(seconds: float) -> Malformed:
    return Malformed("too_slow", f"body did not arrive within {seconds:g} s")


async def _collect(receive: Receive, max_bytes: int) -> bytes:
    chunks: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise Malformed("bad_request", "body was cut off")
        chunks.append(message.get("body", b""))
        size, more = size + len(chunks[-1]), message.get("more_body", False)
        if size > max_bytes:
            raise Malformed("too_large", f"body has more than {max_bytes} bytes")
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def media_type(request: Request) -> str:
    """Give the media type of the body in lower case, without parameters; empty if the header is missing."""
    return request.headers.get("content-type", "").split(";", 1)[0].strip().lower()


def closing(status: int) -> dict[str, str]:
    """Give the header that ends a connection whose body was refused unread, so that its rest is not waited for."""
    return {"Connection": "close"} if status in _UNREAD else {}


def error_headers(error: TongbanError) -> dict[str, str]:
    """Give the headers that an error's status asks for, and that keep it out of every cache."""
    headers = {"Cache-Control": "no-store", **closing(error.http_status)}
    if error.http_status == 503 or error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after or 1)
    if error.http_status == 401:
        headers["WWW-Authenticate"] = _BAD_TOKEN if error.code == "invalid_token" else _CHALLENGE
    return headers


def error_response(error: TongbanError) -> Response:
    """Write an error as its HTTP answer."""
    body = {"error": {"code": error.code, "message": error.message}}
    return JSONResponse(body, error.http_status, {**error_headers(error), ERROR_HEADER: error.code})


class BareStatusError(Exception):
    """A bare status that C2SP clients expect, without one of our codes."""

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status: Final = status


def answering(endpoint: Endpoint) -> Endpoint:
    """Let what an endpoint raises be its answer: our errors, and bare statuses."""

    async def answered(request: Request) -> Response:
        try:
            return await endpoint(request)
        except BareStatusError as bare:
            return PlainTextResponse("", bare.status, {"Cache-Control": "no-store"})
        except TongbanError as error:
            return error_response(error)

    return answered
