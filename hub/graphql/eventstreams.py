r"""Subscriptions over HTTP alone: server-sent events at `/graphql/stream`, one operation a connection.

    POST /graphql/stream          Accept: text/event-stream       Last-Event-ID: <cursor>
    {"query":"subscription { caseEvents(useCause: \"办件跟踪\") { caseNumber } }"}

    :
    id: AAAAAAAAAAEAAAAAAAAAAQ…
    event: next
    data: {"data":{"caseEvents":{"caseNumber":"…"}}}

    event: complete
    data:

The id of an event is its cursor, so that a client of the standard goes on where it was (`Last-Event-ID`), whatever its
document selects. A comment every few seconds keeps proxies from closing an idle stream. A stream that ends in errors
tells them in its last `next`. Source: GraphQL over Server-Sent Events (graphql-sse, "distinct connections" mode);
WHATWG HTML, 9.2.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, contextmanager
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from hub.exchange import ERROR_HEADER, error_headers, read_body
from hub.graphql.connections import Connections
from hub.graphql.documents import DocumentRefused
from hub.graphql.execution import GraphQLRequest, NotByGet
from hub.graphql.gateway import ContextFactory
from hub.graphql.limits import Limits
from hub.graphql.masking import answer_body, error_of, expected, fault_of, masked
from hub.graphql.reception import HttpFault, check_content, from_body, from_query_string
from hub.graphql.streams import Item, StreamEnded, Streams
from hub.jsonbytes import json_bytes
from ledger.errors import Refused, TongbanError
from schema.context import Context

__all__ = ["EventStreams"]

_TYPE: Final = "text/event-stream"
_ACCEPTED: Final = frozenset({_TYPE, "text/*", "*/*"})
_COMMENT: Final = b":\n\n"
_COMPLETE: Final = b"event: complete\ndata:\n\n"
_MAX_CURSOR: Final = 64
_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no", "X-Content-Type-Options": "nosniff"}


class EventStreams:
    """The endpoint behind `Route("/graphql/stream", …, methods=["GET", "POST"])`."""

    def __init__(
        self, streams: Streams, context_factory: ContextFactory, connections: Connections, *, limits: Limits
    ) -> None:
        self._streams = streams
        self._context = context_factory
        self._connections = connections
        self._limits = limits

    async def answer(self, request: Request) -> Response:
        """Open a stream, or say with a status why there is none; what goes wrong later is told in the stream."""
        request_id = request.scope.get("state", {}).get("request_id") or secrets.token_hex(8)
        try:
            return await self._answer(request, request_id)
        except HttpFault as fault:
            return _refusal(fault.status, [error_of(fault.code, fault.message)], fault.headers)
        except NotByGet:
            return _refusal(405, [error_of("bad_request", "this operation must be sent by POST")], {"Allow": "POST"})
        except DocumentRefused as refused:
            return _refusal(400, [fault_of(one) for one in refused.faults])
        except StreamEnded as ended:
            cause = Refused(ended.code, "")
            return _refusal(cause.http_status, ended.errors, error_headers(cause))
        except TongbanError as error:
            return _refusal(error.http_status, [expected(error)], error_headers(error))

    async def _answer(self, request: Request, request_id: str) -> Response:
        _check_accept(request.headers.get("accept", "*/*"))
        authorization = request.headers.get("authorization")
        context = self._context(authorization, request_id)
        context.resume_after = _cursor(request.headers.get("last-event-id"))
        asked = await self._request(request)
        renew = _renewal(self._context, authorization, request_id)
        stream = self._streams.open(asked, context, renew, by_get=request.method == "GET")
        with self._places(context):  # refused before the answer begins; counted again while it lasts
            pass
        return StreamingResponse(self._lines(stream, context), media_type=_TYPE, headers=_HEADERS)

    async def _request(self, request: Request) -> GraphQLRequest:
        if request.method == "GET":
            return from_query_string(request.scope.get("query_string", b""), self._limits)
        check_content(request.headers.get("content-type", ""), request.headers.get("content-encoding", "identity"))
        limits = self._limits
        return from_body(await read_body(request, max_bytes=limits.body_bytes, timeout_s=limits.body_seconds), limits)

    @contextmanager
    def _places(self, context: Context) -> Iterator[None]:
        with self._connections.one(), self._connections.of(context.principal.county):
            yield

    async def _lines(self, stream: AsyncGenerator[Item | None, None], context: Context) -> AsyncIterator[bytes]:
        try:
            with self._places(context):
                yield _COMMENT
                async with aclosing(stream):
                    async for item in stream:
                        yield (
                            _COMMENT
                            if item is None
                            else _next(answer_body(item.answer, context.request_id), item.cursor)
                        )
        except StreamEnded as ended:
            yield _next({"errors": ended.errors})
        except TongbanError as error:
            yield _next({"errors": [expected(error)]})
        except Exception as error:  # noqa: BLE001  # the last place that can mask it
            yield _next({"errors": [masked(error, context.request_id)]})
        yield _COMPLETE


def _renewal(factory: ContextFactory, authorization: str | None, request_id: str) -> Any:
    return lambda: factory(authorization, request_id)


def _next(body: dict[str, Any], cursor: str | None = None) -> bytes:
    name = b"" if cursor is None else b"id: %s\n" % cursor.encode("ascii")
    return b"%sevent: next\ndata: %s\n\n" % (name, json_bytes(body))


def _cursor(given: str | None) -> str | None:
    """Read the header that a client of the standard sends when it comes again; empty: it has had no event yet."""
    if given is not None and len(given) > _MAX_CURSOR:
        raise HttpFault(400, "bad_cursor", "Last-Event-ID: expected the id of an event")
    return given or None


def _check_accept(accept: str) -> None:
    if not {part.split(";")[0].strip().lower() for part in accept.split(",")} & _ACCEPTED:
        raise HttpFault(406, "bad_request", f"expected to answer with {_TYPE}")


def _refusal(status: int, errors: list[dict[str, Any]], headers: dict[str, str] | None = None) -> Response:
    codes = ",".join(sorted({str(one["extensions"]["code"]) for one in errors}))
    return JSONResponse(
        {"errors": errors}, status, {"Cache-Control": "no-store", **(headers or {}), ERROR_HEADER: codes}
    )
