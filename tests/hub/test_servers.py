"""The edge of the server over real sockets: no stranger keeps a connection by being slow, or fills the memory."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection

import httpx2
import pytest
import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.servers import BoundedProtocol, _reason, serve_app, watched
from ledger.errors import Conflict
from tests.servers import serving

_HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"


class Impatient(BoundedProtocol):
    """A protocol that waits a moment only."""

    head_s = 0.2


class Patient(BoundedProtocol):
    """A protocol whose time is never over, and that takes a short head only."""

    head_s = 60.0
    head_bytes = 1000


async def _answer(request: Request) -> Response:
    """Answer with the body; without reading it where a query says so."""
    return Response(b"early" if request.query_params else await request.body())


@pytest.mark.parametrize(
    ("number", "text", "said"),
    [
        (13, "[Errno 13] error while attempting to bind on address", "Permission denied"),
        (-2, "Name or service not known (while attempting to bind on address ('x', 1))", "Name or service not known"),
    ],
)
def test_why_an_address_cannot_be_had_is_what_the_system_says(number: int, text: str, said: str) -> None:
    assert _reason(OSError(number, text)) == said


def _app() -> Starlette:
    return Starlette(routes=[Route("/", _answer, methods=["POST"])])


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with serving(_app(), http=Patient) as served:
        yield served


async def _said(url: str, *parts: bytes) -> bytes:
    """Send parts of a request, and give all that comes until the server ends the connection."""
    address = httpx2.URL(url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    said = b""
    with suppress(ConnectionError):  # what is sent after the end is answered by a reset, which ends it, too
        for part in parts:
            writer.write(part)
            await writer.drain()
        said = await asyncio.wait_for(reader.read(), 60)
    writer.close()
    return said


@pytest.mark.parametrize("sent", [b"", b"POST", _HEAD], ids=["nothing", "a word", "a head without end"])
async def test_a_head_that_does_not_end_in_time_ends_the_connection(sent: bytes) -> None:
    async with serving(_app(), http=Impatient) as url:
        assert await _said(url, sent) == b""


async def test_a_later_head_of_a_connection_must_end_in_time_too() -> None:
    """The first one has time, which the handler takes away: a busy machine does not end that one."""

    class Later(BoundedProtocol):
        head_s = 60.0

    async def answer(request: Request) -> Response:
        Later.head_s = 0.2
        return await _answer(request)

    async with serving(Starlette(routes=[Route("/", answer, methods=["POST"])]), http=Later) as url:
        reader, writer = await asyncio.open_connection(httpx2.URL(url).host, httpx2.URL(url).port)
        writer.write(_HEAD + b"\r\nhello")
        assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200 ")
        writer.write(b"POST / HT")
        assert await asyncio.wait_for(reader.read(), 60) == b""
        writer.close()


async def test_a_head_without_bound_ends_the_connection(url: str) -> None:
    assert await _said(url, _HEAD, b"X-Long: " + b"x" * 2000) == b""


async def test_an_answer_that_did_not_wait_for_the_body_ends_the_connection(url: str) -> None:
    said = await _said(url, _HEAD.replace(b"/ ", b"/?early=1 ", 1) + b"\r\nhe")
    assert said.endswith(b"early")


async def test_a_connection_serves_request_after_request(url: str) -> None:
    async with httpx2.AsyncClient() as client:
        answers = [await client.post(url, content=b"x" * 100_000) for _ in range(3)]
    assert [len(answer.content) for answer in answers] == [100_000] * 3


class Crowded(BoundedProtocol):
    """A protocol of a server that is full."""

    most_connections = 1


async def test_a_connection_too_many_is_told_so() -> None:
    async with serving(_app(), http=Crowded) as url, httpx2.AsyncClient() as first, httpx2.AsyncClient() as second:
        taken = await first.post(url, content=b"x")
        told = await second.post(url, content=b"y")
        again = await first.post(url, content=b"z")
    assert (taken.content, again.content) == (b"x", b"z")
    assert (told.status_code, told.json()["error"]["code"]) == (503, "pushback")
    assert (told.headers["retry-after"], told.headers["connection"]) == ("1", "close")


def test_clients_that_come_at_once_are_accepted_at_once() -> None:
    """In the turn of the loop in which the first one is seen, not each in a turn of its own."""
    seen = 0

    class Counting(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            nonlocal seen
            seen += 1
            transport.close()

    async def come() -> int:
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as listener, ExitStack() as clients:
            for _ in range(20):
                clients.enter_context(socket.create_connection(listener.getsockname()))
            servers = [await loop.create_server(Counting, sock=each, start_serving=False) for each in watched(listener)]
            for server in servers:
                await server.start_serving()
            while not seen:  # noqa: ASYNC110  # counts turns of the loop
                await asyncio.sleep(0)
            for server in servers:
                server.close()
        return seen

    assert uvloop.run(come()) == 20


@asynccontextmanager
async def _refusing(_app: Starlette) -> AsyncIterator[None]:
    raise Conflict("log_changed", "another log")
    yield


def _serve_and_tell(tell: Connection) -> None:
    """Serve, and tell from inside what the collector leaves out, and when it looks again."""

    @asynccontextmanager
    async def telling(app: Starlette) -> AsyncIterator[None]:
        tell.send((gc.get_freeze_count(), gc.get_threshold()))
        async with _refusing(app):
            yield

    with suppress(Conflict):
        serve_app(Starlette(lifespan=telling), host="127.0.0.1", port=0)


def test_the_collector_of_a_served_process_leaves_out_what_was_there_before() -> None:
    """Modules and schema, tens of thousands of objects; it looks at what is new after 20,000 of them, not after 700."""
    told, tell = get_context("spawn").Pipe(duplex=False)
    process = get_context("spawn").Process(target=_serve_and_tell, args=(tell,))
    process.start()
    tell.close()
    frozen, threshold = told.recv()
    process.join()
    assert frozen > 20_000
    assert threshold[0] == 20_000


def test_an_app_that_cannot_start_ends_its_server_with_its_own_error() -> None:
    with pytest.raises(Conflict, match=r"^log_changed: another log$"):
        serve_app(Starlette(lifespan=_refusing), host="127.0.0.1", port=0)
