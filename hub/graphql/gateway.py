"""GraphQL over HTTP at one path: POST and GET in, one JSON answer out.

    200  an executed request, with or without errors of its fields; in application/json also a refused document
    400  a refused document (application/graphql-response+json), or no GraphQL request at all
    401  a token that is not valid      405  another method, or an operation that must not come by GET
    406, 408, 413, 414, 415  what the client sent        429  too many documents of one client, with Retry-After
    304  what the client has (freshness)                 500, 503  what the hub could not do; 503 with Retry-After

The own view passes what the common ones warn about: status codes by media type, no `data` on refused requests. A batch
of documents is answered by 200 and a list in its order; each of them fails alone. Personal answers are `no-store`.
Source: GraphQL over HTTP (graphql.github.io/graphql-over-http).
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, Protocol, TypeAlias

import strawberry
from starlette.types import Receive, Scope, Send

from hub.deadlines import Deadlines
from hub.exchange import ERROR_HEADER, error_headers, receive_body
from hub.graphql.admission import Admission
from hub.graphql.documents import DocumentRefused
from hub.graphql.execution import Execution, GraphQLRequest, NotByGet
from hub.graphql.explorer import EXPLORER_HEADERS, EXPLORER_PAGE
from hub.graphql.freshness import BY_ID, REVALIDATED, entity_tag, is_fresh
from hub.graphql.limits import LIMITS, Limits
from hub.graphql.masking import answer_body, error_of, expected, fault_of, masked
from hub.graphql.reception import (
    GRAPHQL_JSON,
    JSON,
    HttpFault,
    answer_type,
    batch_from_body,
    check_content,
    from_query_string,
)
from hub.graphql.timings import Observer, Timing
from hub.jsonbytes import json_bytes
from ledger.errors import TongbanError
from schema.context import Context, Graph

__all__ = ["ContextFactory", "Elsewhere", "GraphQLEndpoint", "Reply", "codes_of"]

ContextFactory: TypeAlias = Callable[[str | None, str], Context]
"""(Authorization header or None, request id) -> the request's context. Raises Refused token_required."""

_Body: TypeAlias = "dict[str, Any] | bytes"
"""An answer, or its JSON where another process has written it."""
Reply: TypeAlias = "tuple[int, _Body, dict[str, str]]"
"""Status, body, headers beyond the common ones."""
_Head: TypeAlias = "tuple[tuple[bytes, bytes], ...]"
_Batched: TypeAlias = "tuple[int, _Body | list[_Body], dict[str, str]]"
"""The same, with the bodies of a batch in their order."""

_NO_STORE: Final = "no-store"


class Elsewhere(Protocol):
    """Another process that answers documents."""

    async def __call__(self, request: GraphQLRequest, context: Context, *, by_get: bool) -> Reply | None:
        """Answer as `GraphQLEndpoint.reply`, the codes of its errors among the headers; None: answer it here.

        Raises Unavailable pushback, deadline, not_ready (the process has ended).
        """
        ...


class GraphQLEndpoint:
    """The ASGI application behind `/graphql`: `Route("/graphql", GraphQLEndpoint(...))`.

    dev: GraphiQL's stand-in at GET, introspection, suggestions in errors. observer: told of every document and of every
    answer that was written. shaped: as for `Execution`. admission: trusted documents and quotas; Malformed bad_document
    for a trusted one that does not hold. elsewhere: asked first to answer a document. read_only: as for `Execution`.
    """

    def __init__(  # noqa: PLR0913  # what a hub and a test set, each by its name
        self,
        schema: strawberry.Schema,
        graph: Graph,
        context_factory: ContextFactory,
        *,
        limits: Limits = LIMITS,
        dev: bool = False,
        observer: Observer | None = None,
        shaped: bool = True,
        admission: Admission | None = None,
        elsewhere: Elsewhere | None = None,
        read_only: bool = False,
    ) -> None:
        self.execution: Final = Execution(
            schema, graph, limits=limits, dev=dev, shaped=shaped, admission=admission, read_only=read_only
        )
        self._elsewhere = elsewhere
        self._context = context_factory
        self._limits = limits
        self._receiving = Deadlines(limits.body_seconds)
        self._dev = dev
        self._observer = observer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; nothing but a cancellation leaves."""
        request_id = _request_id(scope)
        headers = _headers(scope)
        if self._dev and _wants_page(scope, headers):
            await _send(send, 200, EXPLORER_PAGE, _head(tuple(EXPLORER_HEADERS.items())), request_id)
            return
        try:
            status, body, extra = await self._answer(scope, headers, receive, request_id)
        except Exception as error:  # noqa: BLE001  # the last place that can mask it
            status, body, extra = _failed(error, request_id)
        began = time.perf_counter()
        data = body if isinstance(body, bytes) else json_bytes(body)
        if "Cache-Control" in extra and extra["Cache-Control"] != _NO_STORE:
            extra["ETag"] = tag = entity_tag(data)
            if is_fresh(headers.get("if-none-match"), tag):
                status, data = 304, b""
        await _send(send, status, data, _answer_head(tuple(extra.items()), tuple(codes_of(body).items())), request_id)
        if self._observer is not None:
            self._observer.written(time.perf_counter() - began)

    async def _answer(self, scope: Scope, headers: Mapping[str, str], receive: Receive, request_id: str) -> _Batched:
        method = scope["method"]
        if method not in {"GET", "POST"}:
            raise HttpFault(405, "bad_request", "expected GET or POST", {"Allow": "GET, POST"})
        by_get = method == "GET"
        content_type = answer_type(headers.get("accept"))
        authorization = headers.get("authorization")
        context = self._context(authorization, request_id)
        asked = await self._request(scope, headers, receive, by_get=by_get)
        extra = {"Content-Type": _TYPES[content_type]}
        if isinstance(asked, list):
            with self.execution.admitted.answering(context.principal, len(asked)):
                return 200, await self._batch(asked, authorization, request_id), extra
        with self.execution.admitted.answering(context.principal):
            status, body, kept = await self._first(asked, context, by_get=by_get)
        extra.update(kept)
        return (status if content_type == GRAPHQL_JSON else 200), body, extra

    async def _batch(
        self, asked: Sequence[GraphQLRequest | HttpFault], authorization: str | None, request_id: str
    ) -> list[_Body]:
        """Answer the documents of a batch at once, in their order; none of them sees another one's failure."""

        async def answered(one: GraphQLRequest | HttpFault) -> Reply:
            try:
                if isinstance(one, HttpFault):
                    raise one  # noqa: TRY301  # as if it failed
                return await self._first(one, self._context(authorization, request_id), by_get=False)
            except Exception as error:  # noqa: BLE001  # as above
                return _failed(error, request_id)

        replies = await asyncio.gather(*map(answered, asked))
        return [json.loads(body) if isinstance(body, bytes) else body for _, body, _ in replies]

    def _first(self, request: GraphQLRequest, context: Context, *, by_get: bool) -> Awaitable[Reply]:
        """Answer one document, by another process where one takes it."""
        if self._elsewhere is None:
            return self.reply(request, context, by_get=by_get)
        return self._there_or_here(self._elsewhere, request, context, by_get=by_get)

    async def _there_or_here(
        self, elsewhere: Elsewhere, request: GraphQLRequest, context: Context, *, by_get: bool
    ) -> Reply:  # fmt: skip
        reply = await elsewhere(request, context, by_get=by_get)
        return await self.reply(request, context, by_get=by_get) if reply is None else reply

    async def reply(self, request: GraphQLRequest, context: Context, *, by_get: bool) -> Reply:
        """Answer one document here: status, body, headers.

        Raises HttpFault, TongbanError, NotHere: what no document has, or not in this process.
        """
        timing = Timing()
        try:
            answer = await self.execution.run(request, context, by_get=by_get, timing=timing)
        except DocumentRefused as refused:
            return 400, {"errors": [fault_of(one) for one in refused.faults]}, {}
        except NotByGet:
            raise HttpFault(405, "bad_request", "this operation must be sent by POST", {"Allow": "POST"}) from None
        finally:
            if self._observer is not None:
                self._observer.answered(request, timing, context.request_id)
        kept: dict[str, str] = {}
        if by_get and not answer.personal and not answer.errors and context.principal.county is None:
            kept["Cache-Control"] = REVALIDATED if request.document_id is None else BY_ID
        return 200, answer_body(answer, context.request_id, dev=self._dev), kept

    async def _request(
        self, scope: Scope, headers: Mapping[str, str], receive: Receive, *, by_get: bool
    ) -> GraphQLRequest | list[GraphQLRequest | HttpFault]:
        if by_get:
            return from_query_string(scope.get("query_string", b""), self._limits)
        check_content(headers.get("content-type", ""), headers.get("content-encoding", "identity"))
        limits = self._limits
        length = headers.get("content-length", "0")
        body = await receive_body(receive, length, max_bytes=limits.body_bytes, within=self._receiving)
        return batch_from_body(body, limits)


def _failed(error: Exception, request_id: str) -> Reply:
    """Give what a failure is answered by."""
    if isinstance(error, HttpFault):
        return error.status, _errors(error_of(error.code, error.message)), error.headers
    if isinstance(error, TongbanError):
        return error.http_status, _errors(expected(error)), error_headers(error)
    return 500, _errors(masked(error, request_id)), {}


_READ: Final = {
    name.encode("ascii"): name
    for name in ("accept", "authorization", "content-encoding", "content-length", "content-type", "if-none-match")
}
_TYPES: Final = {name: f"{name}; charset=utf-8" for name in (JSON, GRAPHQL_JSON)}
_HEADERS: Final[Mapping[str, str]] = {
    "Content-Type": _TYPES[JSON],
    "Cache-Control": _NO_STORE,
    "Vary": "Accept, Authorization",
    "X-Content-Type-Options": "nosniff",
}


def codes_of(body: _Body | list[_Body]) -> dict[str, str]:
    """Give the headers that follow from a body: the codes of its errors, for logs and metrics that do not read bodies.

    Where one of them says when to come back, so does the header for it (RFC 9110, 10.2.3).
    """
    if not isinstance(body, list) and (isinstance(body, bytes) or "errors" not in body):
        return {}
    bodies = body if isinstance(body, list) else [body]
    # Who has written an answer elsewhere has named its codes.
    found = [error["extensions"] for one in bodies if not isinstance(one, bytes) for error in one.get("errors", ())]
    headers = {ERROR_HEADER: ",".join(sorted({str(one["code"]) for one in found}))} if found else {}
    later = [one["retryAfter"] for one in found if "retryAfter" in one]
    return {**headers, "Retry-After": str(max(later))} if later else headers


def _errors(error: dict[str, Any]) -> dict[str, Any]:
    return {"errors": [error]}


def _request_id(scope: Scope) -> str:
    given = scope.get("state", {}).get("request_id")
    return given if isinstance(given, str) else secrets.token_hex(8)


def _headers(scope: Scope) -> dict[str, str]:
    """Give the headers that matter here; of one that stands twice the first, as everywhere in the hub."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        read = _READ.get(name)
        if read is not None and read not in found:
            found[read] = value.decode("latin-1")
    return found


def _wants_page(scope: Scope, headers: Mapping[str, str]) -> bool:
    return scope["method"] == "GET" and not scope.get("query_string") and "text/html" in headers.get("accept", "")


async def _send(send: Send, status: int, body: bytes, head: _Head, request_id: str) -> None:
    raw = [*head, (b"x-request-id", request_id.encode("latin-1"))]
    if status != 304:  # its length would be that of the answer that is not sent (RFC 9110, 8.6)
        raw.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


@lru_cache(maxsize=256)
def _answer_head(extra: tuple[tuple[str, str], ...], codes: tuple[tuple[str, str], ...]) -> _Head:
    return _head(tuple({**_HEADERS, **dict(extra), **dict(codes)}.items()))


def _head(headers: tuple[tuple[str, str], ...]) -> _Head:
    return tuple((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers)
