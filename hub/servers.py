"""How a Starlette app is served: uvicorn with uvloop and httptools, bounded, without an access log.

uvicorn bounds neither the time nor the size of a request's head, and after an answer that did not wait for the body it
goes on reading that body; either way a slow stranger would keep a connection for ever. `BoundedProtocol` ends both, and
a client that does not read its answer; `BoundedSocket` does the last for WebSockets, which wsproto speaks.

uvloop accepts one connection of a listener in one turn of its loop (libuv 1.45). A busy turn takes a tenth of a second,
so hundreds of clients that come at once would wait for the last ones of them to be seen at all, past any time limit of
theirs. So the listener is watched `_ACCEPTED` times: as many are accepted in one turn, and told at least that they are
too many.

An app that cannot start ends `serve_app` with what its lifespan raised: `AppLifespan` sees to that. uvicorn would print
a traceback, and leave with a code of its own.
"""

from __future__ import annotations

import asyncio
import gc
import os
import socket
from contextlib import AsyncExitStack, closing, suppress
from typing import ClassVar, Final, cast

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send
from uvicorn.lifespan.on import LifespanOn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.wsproto_impl import WSProtocol
from wsproto.events import CloseConnection

from hub.exchange import error_response
from ledger.errors import Unavailable

__all__ = ["AppLifespan", "BoundedProtocol", "BoundedSocket", "listening", "serve_app", "settle_garbage", "watched"]

_BACKLOG: Final = 512
_ACCEPTED: Final = 32  # connections in one turn of the loop
_KEEP_ALIVE_S: Final = 30
_GRACE_S: Final = 8
_MAX_MESSAGE: Final = 128 * 1024
_TRY_AGAIN_LATER: Final = 1013  # of the IANA registry of close codes
_GARBAGE_OBJECTS: Final = 20_000  # objects made and not freed, between two looks of the collector at the newest

_log = structlog.get_logger(__name__)


class BoundedProtocol(HttpToolsProtocol):
    """HTTP/1.1 on one connection: the head of a request arrives in time and within a size, or the connection ends.

    head_s: seconds from the connection, or from a later request's first byte, to the end of its head. head_bytes: how
    many may have come of a head that is not complete. stall_s: seconds for which a client may not read.
    most_connections: of the server; a request on one beyond them is answered by 503 pushback, and the connection ends.
    """

    head_s: ClassVar[float] = 10.0
    head_bytes: ClassVar[int] = 64 * 1024
    stall_s: ClassVar[float] = 30.0

    most_connections: ClassVar[int] = 1024

    _head_timer: asyncio.TimerHandle | None = None
    _stall_timer: asyncio.TimerHandle | None = None
    _head_size = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._stop_waiting()
        self._read_on()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read, and count what came of a head that is still open."""
        super().data_received(data)
        if self._head_timer is not None:
            self._head_size += len(data)
            if self._head_size > self.head_bytes:
                self.transport.close()

    def on_message_begin(self) -> None:
        """Begin a request's head."""
        if self._head_timer is None:
            self._await_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """End a request's head."""
        self._stop_waiting()
        if len(self.connections) > self.most_connections:
            self.app = _crowded
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Leave the rest of a body that was answered before it came."""
        super().on_response_complete()
        if self.cycle.response_complete and self.cycle.more_body:
            self.transport.close()

    def pause_writing(self) -> None:
        """Wait for the client to read, not for ever."""
        super().pause_writing()
        self._stall_timer = self.loop.call_later(self.stall_s, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on: the client has read."""
        self._read_on()
        super().resume_writing()

    def _read_on(self) -> None:
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None

    def _await_head(self) -> None:
        self._head_size = 0
        self._head_timer = self.loop.call_later(self.head_s, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None


async def _crowded(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request for which there is no connection."""
    answer = error_response(Unavailable("pushback", "too many connections: come back later"))
    answer.headers["Connection"] = "close"
    await answer(scope, receive, send)


class BoundedSocket(WSProtocol):
    """A WebSocket whose client reads what it is sent, or is closed: 1013 `slow_client`, then without more words.

    stall_s: seconds for which it may not read; as many again until the connection is cut.
    """

    stall_s: ClassVar[float] = 15.0

    _stall_timer: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        """Wait for the client to read, not for ever."""
        super().pause_writing()
        self._stall_timer = self.loop.call_later(self.stall_s, self._give_up)

    def resume_writing(self) -> None:
        """Go on: the client has read."""
        self._read_on()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._read_on()
        super().connection_lost(exc)

    def _read_on(self) -> None:
        if self._stall_timer is not None and not self.close_sent:
            self._stall_timer.cancel()
            self._stall_timer = None

    def _give_up(self) -> None:
        self._stall_timer = self.loop.call_later(self.stall_s, self.transport.abort)
        if not self.close_sent:
            self.close_sent = True
            self.transport.write(self.conn.send(CloseConnection(code=_TRY_AGAIN_LATER, reason="slow_client")))
            self.queue.put_nowait({"type": "websocket.disconnect", "code": _TRY_AGAIN_LATER})
        self.transport.close()


class AppLifespan(LifespanOn):
    """Start and end of a Starlette app in the server's own task, where what it raises stays what it is."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._running = AsyncExitStack()

    async def startup(self) -> None:
        """Start the app. Raises what its lifespan raises."""
        app = cast("Starlette", self.config.app)
        await self._running.enter_async_context(app.router.lifespan_context(app))
        _log.info("listening", host=self.config.host, port=self.config.port)

    async def shutdown(self) -> None:
        """End the app."""
        await self._running.aclose()


def serve_app(app: Starlette, *, host: str, port: int) -> None:
    """Serve until SIGTERM or Ctrl-C; open requests get a few seconds to end. Beyond 1,024 connections: 503.

    Raises Unavailable not_ready (the address is taken, or not ours), and what the app's lifespan raises when it cannot
    start. No access log: a line of it would hold what callers put
    into a URL. Its other lines go where ours go.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http=BoundedProtocol,
        ws=BoundedSocket,
        ws_max_size=_MAX_MESSAGE,
        ws_per_message_deflate=False,  # a few bytes that become many, and lengths that tell secrets
        lifespan="on",
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_GRACE_S,
    )
    config.load()
    config.lifespan_class = AppLifespan
    settle_garbage()
    with closing(listening(host, port)) as listener, suppress(KeyboardInterrupt):  # it has ended in order by then
        uvicorn.Server(config).run(sockets=watched(listener))


def watched(listener: socket.socket) -> list[socket.socket]:
    """Give a listener as often as connections are to be accepted in one turn of the loop; all but the first are new."""
    return [listener, *(listener.dup() for _ in range(_ACCEPTED - 1))]


def settle_garbage() -> None:
    """Let the collector look at what requests make, and not again at modules and schema, which live as long as we do.

    A full collection over them stops every request for as long as several look-ups take, and the objects of one bundle
    of 256 entries are enough to bring it on. Only cycles wait for the collector: all else is freed at once.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE_OBJECTS)


def _reason(error: OSError) -> str:
    """Say what the system says; a name's look-up has numbers of its own, below 0, and only its text says which."""
    number = error.errno or 0
    return os.strerror(number) if number >= 0 else str(error.strerror).partition(" (while")[0]


def listening(host: str, port: int) -> socket.socket:
    """Listen. port: 0 for any. Raises Unavailable not_ready: the address is taken, or not ours."""
    try:
        return socket.create_server(
            (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=_BACKLOG
        )
    except OSError as error:
        raise Unavailable("not_ready", f"cannot listen on {host}:{port}: {_reason(error)}") from error
