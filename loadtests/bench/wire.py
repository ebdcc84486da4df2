"""The generator's side of HTTP: keep-alive connections that cost little, so that the hub is measured, not the client.

    async with connected(url, 32) as connections:
        seconds = await closed_loop(connections, requests)
        waits = await open_loop(connections, requests, rate=250.0)

A closed loop: each connection sends its next request when the answer to the one before has been checked. An open loop:
requests are due at a steady rate whatever the hub does, and a wait counts from when the request was due; so a hub that
stands still for a second cannot hide it (no coordinated omission). A request is made beforehand; whoever makes it says
how its answer is checked, and a wrong answer ends the run.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, cast
from urllib.parse import urlsplit

from httptools import HttpResponseParser

__all__ = ["Connection", "Request", "closed_loop", "connected", "open_loop", "post"]

_TIMEOUT_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Request:
    """One prepared request. check: takes the body of its 200 answer, raises ValueError if it is wrong."""

    data: bytes
    check: Callable[[bytes], None]


def post(path: str, body: bytes, *, media_type: str, token: str | None = None) -> bytes:
    """Write a POST request as it goes over the wire."""
    lines = [f"POST {path} HTTP/1.1", "Host: loopback", f"Content-Type: {media_type}", f"Content-Length: {len(body)}"]
    if token is not None:
        lines.append(f"Authorization: Bearer {token}")
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


class Connection(asyncio.Protocol):
    """One keep-alive connection, one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser = HttpResponseParser(self)
        self._body = bytearray()
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are no subclass of it

    def data_received(self, data: bytes) -> None:
        """Feed the parser."""
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        """Begin an answer."""
        self._body.clear()

    def on_body(self, part: bytes) -> None:
        """Take a part of the body."""
        self._body += part

    def on_message_complete(self) -> None:
        """Hand the answer over."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((self._parser.get_status_code(), bytes(self._body)))

    def connection_lost(self, error: Exception | None) -> None:
        """Fail the request that waits."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error or ConnectionError("the hub closed the connection"))

    async def exchange(self, request: bytes) -> tuple[int, bytes]:
        """Send a request and give status and body of the answer."""
        if self._transport is None:
            raise ConnectionError("not connected")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()


@asynccontextmanager
async def connected(url: str, count: int) -> AsyncIterator[list[Connection]]:
    """Open `count` connections to the host of a URL."""
    address, loop = urlsplit(url), asyncio.get_running_loop()
    made = [
        await loop.create_connection(Connection, address.hostname or "127.0.0.1", address.port or 80)
        for _ in range(count)
    ]
    connections = [connection for _, connection in made]
    try:
        yield connections
    finally:
        for connection in connections:
            connection.close()


async def closed_loop(connections: Sequence[Connection], requests: Iterable[Request]) -> float:
    """Send every request once over the connections, each one's next when its last was answered; give the seconds.

    Raises ValueError for an answer that is not 200 or fails its check, TimeoutError when nothing moves for 30 s.
    """
    waiting = iter(requests)

    async def client(connection: Connection) -> None:
        for request in waiting:
            await _answered(connection, request)

    start = time.perf_counter()
    await asyncio.gather(*map(client, connections))
    return time.perf_counter() - start


async def open_loop(connections: Sequence[Connection], requests: Sequence[Request], *, rate: float) -> list[float]:
    """Send request number n at n / rate seconds; give the wait for each answer, in seconds, in the order of requests.

    A request that finds no free connection waits for one, and that wait counts. Raises as closed_loop.
    """
    free: asyncio.Queue[Connection] = asyncio.Queue()
    for connection in connections:
        free.put_nowait(connection)
    start = time.perf_counter()

    async def send(request: Request, due: float) -> float:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        connection = await free.get()
        await _answered(connection, request)
        free.put_nowait(connection)
        return time.perf_counter() - due

    return list(await asyncio.gather(*(send(each, start + number / rate) for number, each in enumerate(requests))))


async def _answered(connection: Connection, request: Request) -> None:
    async with asyncio.timeout(_TIMEOUT_S):
        status, body = await connection.exchange(request.data)
    if status != 200:
        raise ValueError(f"status {status}: {body[:300].decode('utf-8', 'replace')}")
    request.check(body)
