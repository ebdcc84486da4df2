"""The edge of an HTTP exchange: a body read within limits, and an error as its answer.

Every error leaves as one JSON object with the stable code of `ledger/errors.py`:

    Tongban-Error: too_large
    {"error":{"code":"too_large","message":"body has more than 16384 bytes"}}
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse

from ledger.errors import Malformed, Refused, TongbanError, Unavailable

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["BODY_TIMEOUT_S", "ERROR_HEADER", "error_response", "http_status", "media_type", "read_body"]

BODY_TIMEOUT_S: Final = 10.0
ERROR_HEADER: Final = "tongban-error"  # the codes of an answer, for logs and metrics that do not read bodies
_NO_TOKEN: Final = frozenset({"token_required", "invalid_client"})
_CHALLENGE: Final = 'Bearer realm="tongban"'


async def read_body(request: Request, *, max_bytes: int, timeout_s: float = BODY_TIMEOUT_S) -> bytes:
    """Read the whole body, at most `max_bytes`, within `timeout_s` seconds in all.

    The limit holds while the bytes come, whatever Content-Length says. Raises Malformed too_large, bad_request (too
    slow, or cut off).
    """
    declared = request.headers.get("content-length", "0")
    if not declared.isdecimal() or int(declared) > max_bytes:
        raise Malformed("too_large", f"body has more than {max_bytes} bytes")
    try:
        async with asyncio.timeout(timeout_s):
            return await _collect(request, max_bytes)
    except TimeoutError as error:
        raise Malformed("bad_request", f"body did not arrive within {timeout_s:g} s") from error
    except ClientDisconnect as error:
        raise Malformed("bad_request", "body was cut off") from error


async def _collect(request: Request, max_bytes: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise Malformed("too_large", f"body has more than {max_bytes} bytes")
    return bytes(body)


def media_type(request: Request) -> str:
    """Give the media type of the body in lower case, without parameters; empty if the header is missing."""
    return request.headers.get("content-type", "").split(";", 1)[0].strip().lower()


def http_status(error: TongbanError) -> int:
    """Give the HTTP status of an error: its class's, 413 for `too_large`, 401 where a token is missing."""
    if isinstance(error, Malformed) and error.code == "too_large":
        return 413
    if isinstance(error, Refused) and error.code in _NO_TOKEN:
        return 401
    return error.http_status


def error_response(error: TongbanError) -> Response:
    """Write an error as its HTTP answer, never to be stored; with Retry-After or WWW-Authenticate where due."""
    headers = {"Cache-Control": "no-store", ERROR_HEADER: error.code}
    status = http_status(error)
    if isinstance(error, Unavailable):
        headers["Retry-After"] = "1"
    if status == 401:
        headers["WWW-Authenticate"] = _CHALLENGE
    return JSONResponse({"error": {"code": error.code, "message": error.message}}, status, headers)
