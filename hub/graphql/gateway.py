"""GraphQL over HTTP at one path: POST and GET in, one JSON answer out.

    200  an executed request, with or without errors of its fields; in application/json also a refused document
    400  a refused document (application/graphql-response+json), or no GraphQL request at all
    401  a token that is not valid      405  another method, or an operation that must not come by GET
    406, 408, 413, 414, 415  what the client sent        500, 503  what the hub could not do; 503 with Retry-After

The own view passes what the common ones warn about: status codes by media type, no `data` on refused requests, one
document a request. Personal answers are `no-store`. Source: GraphQL over HTTP (graphql.github.io/graphql-over-http).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, TypeAlias

import strawberry
from starlette.types import Receive, Scope, Send

from hub.exchange import ERROR_HEADER, error_headers, receive_body
from hub.graphql.documents import DocumentRefused
from hub.graphql.execution import AnswerPath, Execution, GraphQLRequest, NotByGet
from hub.graphql.explorer import EXPLORER_HEADERS, EXPLORER_PAGE
from hub.graphql.limits import LIMITS, Limits
from hub.graphql.masking import answer_body, error_of, fault_of, masked
from hub.graphql.reception import (
    GRAPHQL_JSON,
    JSON,
    HttpFault,
    answer_type,
    check_content,
    from_body,
    from_query_string,
)
from hub.jsonbytes import json_bytes
from ledger.errors import TongbanError
from schema.context import Context, Graph

__all__ = ["ContextFactory", "GraphQLEndpoint"]

ContextFactory: TypeAlias = Callable[[str | None, str], Context]
"""(Authorization header or None, request id) -> the request's context. Raises Refused token_required."""

_NO_STORE: Final = "no-store"


class GraphQLEndpoint:
    """The ASGI application behind `/graphql`: `Route("/graphql", GraphQLEndpoint(...))`.

    dev: GraphiQL's stand-in at GET, introspection, suggestions in errors. on_answer: told how each executed request was
    answered. shaped: as for `Execution`.
    """

    def __init__(
        self,
        schema: strawberry.Schema,
        graph: Graph,
        context_factory: ContextFactory,
        *,
        limits: Limits = LIMITS,
        dev: bool = False,
        on_answer: Callable[[AnswerPath], None] | None = None,
        shaped: bool = True,
    ) -> None:
        self.execution: Final = Execution(schema, graph, limits=limits, dev=dev, shaped=shaped)
        self._context = context_factory
        self._limits = limits
        self._dev = dev
        self._on_answer = on_answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; nothing but a cancellation leaves."""
        request_id = _request_id(scope)
        headers = _headers(scope)
        if self._dev and _wants_page(scope, headers):
            await _send(send, 200, EXPLORER_PAGE, EXPLORER_HEADERS, request_id)
            return
        try:
            status, body, extra = await self._answer(scope, headers, receive, request_id)
        except HttpFault as fault:
            status, body, extra = fault.status, _errors(error_of(fault.code, fault.message)), fault.headers
        except TongbanError as error:
            status, body, extra = _refused(error)
        except Exception as error:  # noqa: BLE001  # the last place that can mask it
            status, body, extra = 500, _errors(masked(error, request_id)), {}
        if "errors" in body:
            extra = {**extra, **_codes(body)}
        await _send(send, status, json_bytes(body), {**_HEADERS, **extra}, request_id)

    async def _answer(
        self, scope: Scope, headers: Mapping[str, str], receive: Receive, request_id: str
    ) -> tuple[int, dict[str, Any], dict[str, str]]:
        if scope["method"] not in {"GET", "POST"}:
            raise HttpFault(405, "bad_request", "expected GET or POST", {"Allow": "GET, POST"})
        by_get = scope["method"] == "GET"
        content_type = answer_type(headers.get("accept"))
        context = self._context(headers.get("authorization"), request_id)
        request = await self._request(scope, headers, receive, by_get=by_get)
        extra = {"Content-Type": f"{content_type}; charset=utf-8"}
        try:
            answer = await self.execution.run(request, context, by_get=by_get)
        except DocumentRefused as refused:
            status = 400 if content_type == GRAPHQL_JSON else 200
            return status, {"errors": [fault_of(one) for one in refused.faults]}, extra
        except NotByGet:
            raise HttpFault(405, "bad_request", "this operation must be sent by POST", {"Allow": "POST"}) from None
        if self._on_answer is not None:
            self._on_answer(answer.path)
        if by_get and not answer.personal and context.principal.county is None:
            extra["Cache-Control"] = "no-cache"
        return 200, answer_body(answer, request_id, dev=self._dev), extra

    async def _request(
        self, scope: Scope, headers: Mapping[str, str], receive: Receive, *, by_get: bool
    ) -> GraphQLRequest:
        if by_get:
            return from_query_string(scope.get("query_string", b""), self._limits)
        check_content(headers)
        limits = self._limits
        length = headers.get("content-length", "0")
        body = await receive_body(receive, length, max_bytes=limits.body_bytes, timeout_s=limits.body_seconds)
        return from_body(body, limits)


_READ: Final = {
    name.encode("ascii"): name
    for name in ("accept", "authorization", "content-encoding", "content-length", "content-type")
}
_HEADERS: Final[Mapping[str, str]] = {
    "Content-Type": f"{JSON}; charset=utf-8",
    "Cache-Control": _NO_STORE,
    "Vary": "Accept, Authorization",
    "X-Content-Type-Options": "nosniff",
}


def _codes(body: Mapping[str, Any]) -> dict[str, str]:
    """Name the codes of an answer's errors in a header, for logs and metrics that do not read bodies.

    Where one of them says when to come back, so does the header for it (RFC 9110, 10.2.3).
    """
    found = [one["extensions"] for one in body.get("errors", ())]
    headers = {ERROR_HEADER: ",".join(sorted({str(one["code"]) for one in found}))} if found else {}
    later = [one["retryAfter"] for one in found if "retryAfter" in one]
    return {**headers, "Retry-After": str(max(later))} if later else headers


def _errors(error: dict[str, Any]) -> dict[str, Any]:
    return {"errors": [error]}


def _refused(error: TongbanError) -> tuple[int, dict[str, Any], dict[str, str]]:
    return error.http_status, _errors(error_of(error.code, error.message)), error_headers(error)


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


async def _send(send: Send, status: int, body: bytes, headers: Mapping[str, str], request_id: str) -> None:
    raw = [
        *_raw(tuple(headers.items())),
        (b"x-request-id", request_id.encode("latin-1")),
        (b"content-length", b"%d" % len(body)),
    ]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


@lru_cache(maxsize=256)
def _raw(headers: tuple[tuple[str, str], ...]) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers)
