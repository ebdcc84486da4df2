"""Subscriptions over a WebSocket: the protocol graphql-transport-ws, at `/graphql`.

    -> {"type":"connection_init","payload":{"Authorization":"Bearer …"}}      or the header of the opening request
    <- {"type":"connection_ack"}
    -> {"id":"1","type":"subscribe","payload":{"query":"subscription { … }","variables":{…}}}
    <- {"id":"1","type":"next","payload":{"data":{…}}} …        <- {"id":"1","type":"error","payload":[{…}]}
    -> {"id":"1","type":"complete"}    <- {"id":"1","type":"complete"}    -> {"type":"ping"}    <- {"type":"pong"}

    4400 no message of the protocol       4401 subscribe before the ack         4403 no token, or one that is not good
    4406 another subprotocol              4408 no connection_init in time,      4409 the id is in use
                                               or no operation for a minute
    4429 a second connection_init         1009 a message that is too large      1013 a reader that is too slow, or
                                                                                     a county with too many sockets

The legacy protocol graphql-ws is refused by its name (CVE-2026-35523), operations of one socket are counted
(CVE-2026-35526). A socket is for who has a token: a stranger could hold a place for nothing. The handler is an own
one, for Strawberry's knows neither our documents nor our masked errors. Source: github.com/enisdenjo/graphql-ws,
PROTOCOL.md.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from contextlib import ExitStack, aclosing
from typing import Any, Final

from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from hub.exchange import error_response
from hub.graphql.connections import Connections
from hub.graphql.documents import DocumentRefused
from hub.graphql.execution import GraphQLRequest
from hub.graphql.gateway import ContextFactory
from hub.graphql.limits import Limits
from hub.graphql.masking import answer_body, error_of, expected, fault_of, masked
from hub.graphql.reception import HttpFault, read_request
from hub.graphql.streams import StreamEnded, Streams
from hub.jsonbytes import json_bytes
from ledger.encoding import parse_json
from ledger.errors import Malformed, TongbanError
from schema.context import Context

__all__ = ["SUBPROTOCOL", "GraphQLSockets"]

SUBPROTOCOL: Final = "graphql-transport-ws"
_MAX_REASON: Final = 120  # a close frame holds 123 bytes of reason
_MAX_ID: Final = 128
_TOKEN_CODES: Final = frozenset({"invalid_token"})


class GraphQLSockets:
    """The ASGI application behind `WebSocketRoute("/graphql", …)`."""

    def __init__(
        self, streams: Streams, context_factory: ContextFactory, connections: Connections, *, limits: Limits
    ) -> None:
        self._streams = streams
        self._context = context_factory
        self._connections = connections
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket until either side closes it."""
        websocket = WebSocket(scope, receive, send)
        try:
            with self._connections.one(), ExitStack() as places:

                def settle(county: str) -> None:
                    places.enter_context(self._connections.of(county))

                await _Socket(websocket, self._streams, self._context, settle, self._limits).serve()
        except TongbanError as error:
            await websocket.send_denial_response(error_response(error))


class _Closed(Exception):
    """The socket is closed, or must be: with this code and reason."""

    def __init__(self, code: int = 0, reason: str = "") -> None:
        super().__init__(code)
        self.code: Final = code
        self.reason: Final = reason


class _Socket:
    """One socket and its operations. All sends go through one lock: nothing follows a close.

    settle: takes a place among those of the caller's county, until the socket ends.
    """

    def __init__(
        self,
        websocket: WebSocket,
        streams: Streams,
        context: ContextFactory,
        settle: Callable[[str], None],
        limits: Limits,
    ) -> None:
        self._websocket = websocket
        self._streams = streams
        self._context = context
        self._settle = settle
        self._limits = limits
        self._request_id = secrets.token_hex(8)
        self._authorization = websocket.headers.get("authorization")
        self._asked = self._acknowledged = self._closed = False
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._sending = asyncio.Lock()

    async def serve(self) -> None:
        """Speak the protocol; nothing but a cancellation leaves."""
        spoken = SUBPROTOCOL in self._websocket.scope["subprotocols"]
        await self._websocket.accept(subprotocol=SUBPROTOCOL if spoken else None)
        try:
            await self._begin(spoken=spoken)
            while True:
                await self._take(await self._next())
        except _Closed as end:
            await self._close(end)
        finally:
            self._closed = True
            for operation in self._operations.values():
                operation.cancel()
            await asyncio.gather(*self._operations.values(), return_exceptions=True)

    async def _begin(self, *, spoken: bool) -> None:
        """Take messages until the connection is acknowledged."""
        if not spoken:
            raise _Closed(4406, "Subprotocol not acceptable")
        try:
            async with asyncio.timeout(self._streams.limits.init_s):
                while not self._acknowledged:
                    await self._take(await self._message())
        except TimeoutError:
            raise _Closed(4408, "Connection initialisation timeout") from None

    async def _next(self) -> dict[str, Any]:
        """Wait for a message; one without operations must not hold its place for ever, nor with a token that ended."""
        idle = 0.0
        while True:
            try:
                async with asyncio.timeout(self._streams.limits.look_s):
                    return await self._message()
            except TimeoutError:
                if self._operations:  # each of them looks at the token itself
                    idle = 0.0
                    continue
            self._look()
            idle += self._streams.limits.look_s
            if idle >= self._streams.limits.idle_s:
                raise _Closed(4408, "No operation for too long")

    async def _message(self) -> dict[str, Any]:
        received = await self._websocket.receive()
        if received["type"] == "websocket.disconnect":
            raise _Closed
        text = received.get("text")
        if text is None:
            raise _Closed(4400, "Expected a text message")
        try:
            limit = self._streams.limits.message_bytes
            value = parse_json(text.encode(), max_bytes=limit, max_depth=self._limits.json_depth + 2)
        except (Malformed, UnicodeEncodeError):
            raise _Closed(4400, "Expected a JSON object") from None
        if not isinstance(value, dict):
            raise _Closed(4400, "Expected a JSON object")
        return value

    async def _take(self, message: dict[str, Any]) -> None:
        kind = message.get("type")
        takes: dict[Any, tuple[frozenset[str], Callable[[dict[str, Any]], Any]]] = {
            "connection_init": (frozenset(), self._init),
            "ping": (frozenset(), self._ping),
            "pong": (frozenset(), self._pong),
            "subscribe": (frozenset({"id", "payload"}), self._subscribe),
            "complete": (frozenset({"id"}), self._complete),
        }
        if not isinstance(kind, str) or kind not in takes:
            raise _Closed(4400, "Invalid message type")
        required, take = takes[kind]
        allowed = required | {"type"} | (set() if kind == "complete" else {"payload"})
        if not required <= message.keys() <= allowed or not _is_sound(message):
            raise _Closed(4400, f"Invalid {kind} message")
        await take(message)

    async def _init(self, message: dict[str, Any]) -> None:
        if self._asked:
            raise _Closed(4429, "Too many initialisation requests")
        self._asked = True
        payload = message.get("payload") or {}
        given = [value for name, value in payload.items() if name.lower() == "authorization"]
        if given:
            self._authorization = given[0] if isinstance(given[0], str) else ""
        county = self._look().principal.county
        if county is None:
            raise _Closed(4403, "token_required")
        try:
            self._settle(county)
        except TongbanError as error:
            raise _Closed(1013, error.code) from error
        await self._send({"type": "connection_ack"})
        self._acknowledged = True

    def _look(self) -> Context:
        try:
            return self._context(self._authorization, self._request_id)
        except TongbanError as error:
            raise _Closed(4403, error.code) from error

    async def _ping(self, _message: dict[str, Any]) -> None:
        await self._send({"type": "pong"})

    async def _pong(self, _message: dict[str, Any]) -> None:
        """An answer to nothing is allowed, and means nothing."""

    async def _subscribe(self, message: dict[str, Any]) -> None:
        if not self._acknowledged:
            raise _Closed(4401, "Unauthorized")
        name = message["id"]
        if name in self._operations:
            raise _Closed(4409, f"Subscriber for {name} already exists"[:_MAX_REASON])
        context = self._look()
        if len(self._operations) >= self._streams.limits.operations:
            text = f"operations of one socket: at most {self._streams.limits.operations}"
            await self._send({"id": name, "type": "error", "payload": [error_of("limit_exceeded", text)]})
            return
        self._operations[name] = asyncio.create_task(self._run(name, message["payload"], context))

    async def _complete(self, message: dict[str, Any]) -> None:
        operation = self._operations.pop(message["id"], None)
        if operation is not None:
            operation.cancel()
            await asyncio.gather(operation, return_exceptions=True)

    async def _run(self, name: str, payload: dict[str, Any], context: Context) -> None:
        """Run one operation to its end, and let its id go before the end is told."""
        errors, code = await self._answer(name, payload, context)
        if self._operations.get(name) is asyncio.current_task():
            del self._operations[name]
        last = {"type": "complete"} if errors is None else {"type": "error", "payload": errors}
        try:
            await self._send({"id": name, **last})
            if code in _TOKEN_CODES:
                await self._close(_Closed(4403, code))
        except _Closed:
            return

    async def _answer(
        self, name: str, payload: dict[str, Any], context: Context
    ) -> tuple[list[dict[str, Any]] | None, str]:
        """Send the answers of one operation; gives the errors that ended it, None at a good end, and their code."""
        try:
            request = read_request(payload)
            await self._stream(name, request, context)
        except (HttpFault, TongbanError) as error:
            return [expected(error)], error.code
        except DocumentRefused as refused:
            return [fault_of(one) for one in refused.faults], ""
        except StreamEnded as ended:
            return ended.errors, ended.code
        except _Closed:
            return None, ""
        except Exception as error:  # noqa: BLE001  # the last place that can mask it
            return [masked(error, self._request_id)], ""
        return None, ""

    async def _stream(self, name: str, request: GraphQLRequest, context: Context) -> None:
        stream = self._streams.open(request, context, self._look_again)
        async with aclosing(stream):
            async for item in stream:
                if item is not None:
                    body = answer_body(item.answer, self._request_id)
                    await self._send({"id": name, "type": "next", "payload": body})

    def _look_again(self) -> None:
        self._context(self._authorization, self._request_id)

    async def _send(self, message: dict[str, Any]) -> None:
        async with self._sending:
            if self._closed:
                raise _Closed
            await self._websocket.send_text(json_bytes(message).decode())

    async def _close(self, end: _Closed) -> None:
        async with self._sending:
            if end.code and not self._closed:
                self._closed = True
                await self._websocket.close(end.code, end.reason)


def _is_sound(message: dict[str, Any]) -> bool:
    """Tell whether a message's members have their types."""
    name, payload = message.get("id", "1"), message.get("payload")
    needs = message["type"] == "subscribe"
    return isinstance(name, str) and 1 <= len(name) <= _MAX_ID and isinstance(payload, dict if needs else dict | None)
