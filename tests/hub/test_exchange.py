"""Bodies within limits over real sockets, and errors as answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.exchange import error_response, media_type, read_body
from ledger.errors import Conflict, Malformed, NotVerified, Refused, TongbanError, Unavailable
from tests.servers import serving

LIMIT = 1000


async def _echo(request: Request) -> Response:
    """Answer with the body; where a query says so, wait for it a moment only."""
    timeout_s = 0.3 if request.query_params else 60
    try:
        return Response(await read_body(request, max_bytes=LIMIT, timeout_s=timeout_s))
    except Malformed as error:
        return error_response(error)


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with serving(Starlette(routes=[Route("/", _echo, methods=["POST"])])) as served:
        yield served


@pytest.mark.parametrize("size", [0, 1, LIMIT])
async def test_a_body_up_to_the_limit_is_read(url: str, size: int) -> None:
    async with httpx2.AsyncClient() as client:
        answer = await client.post(url, content=b"x" * size)
    assert answer.content == b"x" * size


async def _chunks() -> AsyncIterator[bytes]:
    for _ in range(LIMIT + 1):
        yield b"x"


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_larger_body_is_refused_whatever_its_length_header(url: str, chunked: bool) -> None:
    async with httpx2.AsyncClient() as client:
        answer = await client.post(url, content=_chunks() if chunked else b"x" * (LIMIT + 1))
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")


async def test_a_body_that_never_ends_is_refused_in_time(url: str) -> None:
    address = httpx2.URL(url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(b"POST /?impatient=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
    answer = await asyncio.wait_for(reader.read(), 60)  # to the end of the connection
    writer.close()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"too_slow" in answer
    assert b"connection: close" in answer.lower()


@pytest.mark.parametrize(
    ("error", "status", "header"),
    [
        (Malformed("bad_json", "x"), 400, None),
        (Malformed("too_large", "x"), 413, "connection"),
        (Malformed("too_slow", "x"), 408, "connection"),
        (Refused("token_required", "x"), 401, "www-authenticate"),
        (Refused("invalid_token", "x"), 401, "www-authenticate"),
        (Refused("forbidden", "x"), 403, None),
        (Conflict("wrong_target", "x"), 409, None),
        (NotVerified("bad_signature", "x"), 422, None),
        (Unavailable("pushback", "x"), 503, "retry-after"),
    ],
)
def test_an_error_is_answered_with_its_status_and_code(error: TongbanError, status: int, header: str | None) -> None:
    answer = error_response(error)
    assert answer.status_code == status
    assert bytes(answer.body) == b'{"error":{"code":"%b","message":"x"}}' % error.code.encode()
    assert answer.headers["cache-control"] == "no-store"
    assert (error.code == "invalid_token") == ('error="invalid_token"' in answer.headers.get("www-authenticate", ""))
    assert {"connection", "www-authenticate", "retry-after"} & set(answer.headers) == ({header} if header else set())


@pytest.mark.parametrize(
    ("value", "expected"),
    [(b"Application/JSON; charset=utf-8", "application/json"), (b"", ""), (b" application/jose ", "application/jose")],
)
def test_a_media_type_is_compared_without_case_and_parameters(value: bytes, expected: str) -> None:
    scope = {"type": "http", "headers": [(b"content-type", value)]}
    assert media_type(Request(scope)) == expected
