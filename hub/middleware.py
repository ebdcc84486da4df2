"""The rings around every request. Plain ASGI, no copies.

    Observed   a request id, the time it took, one line in the log; what nobody foresaw is masked; the hottest paths go
               past the router
    Bounded    beside these, a bounded number of requests at once, and 503 for what comes too late to be one of them
    Masked     masks alone: an error that nobody foresaw has status 500,
               {"error":{"code":"internal","message":"internal error","requestId":"4f…"}}

The log line holds method, route, status, milliseconds and error codes; never a path, a query or a body, which may name
a person's license.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Final

import structlog
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.exchange import ERROR_HEADER, error_response
from hub.observability import Metrics, log_unexpected
from hub.turns import Turns, aside
from ledger.errors import Unavailable

__all__ = ["Bounded", "Masked", "Observed"]

_ROUTES: Final = {
    "graphql": "graphql",
    "oauth": "oauth",
    "journal": "journal",
    "vault": "vault",
    "webhooks": "webhooks",
    ".well-known": "well-known",
    "healthz": "health",
    "readyz": "health",
    "metrics": "metrics",
}
_LOG_ROUTES: Final = frozenset(
    {
        "checkpoint",
        "tile",
        "head",
        "status",
        "status.zlib",
        "statuslist",
        "keys",
        "landmarks",
        "document",
        "receipt",
        "entries",
    }
)
_UNBOUNDED: Final = frozenset({"health", "metrics", "graphql/stream"})
"""Routes that must answer when nothing else does, and streams, which have places of their own for hours."""
_ERROR_HEADER: Final = ERROR_HEADER.encode("ascii")
_NONE: Final[Mapping[str, ASGIApp]] = {}
_SHED: Final = "pushback"  # told by a metric: a line for each would cost more than to answer it

# Names a request in the log and protects nothing. A system call a request would hand the interpreter to another thread.
_IDS: Final = random.Random()  # noqa: S311

_log = structlog.get_logger(__name__)


class Observed:
    """Wraps an application. `scope["state"]["request_id"]` is set for it; the answer's status is counted.

    direct: requests of these exact paths go straight to theirs, without looking for a route. Errors are masked as by
    `Masked`: one ring less around each request.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, direct: Mapping[str, ASGIApp] = _NONE) -> None:
        self._app = app
        self._metrics = metrics
        self._direct = {path: (one, _route(path)) for path, one in direct.items()}
        self._tells_all = _log.is_enabled_for(logging.DEBUG)  # to make a line that nobody wants costs, too

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and observe its answer; an answer that has begun is cut off by an error."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})["request_id"] = request_id = f"{_IDS.getrandbits(64):016x}"
        app, route = self._direct.get(scope["path"]) or (self._app, _route(scope["path"]))
        began, status, codes = time.perf_counter(), 0, ""

        async def observed(message: Message) -> None:
            nonlocal status, codes
            if message["type"] == "http.response.start":
                status = message["status"]
                for name, value in message["headers"]:
                    if name == _ERROR_HEADER:
                        codes = value.decode()
            await send(message)

        try:
            await app(scope, receive, observed)
        except Exception as error:  # noqa: BLE001  # the last place that can mask it
            log_unexpected(error, request_id)
            if not status:
                await _internal_error(request_id)(scope, receive, observed)
        finally:
            seconds = time.perf_counter() - began
            self._metrics.observe(route, status or 500, seconds, codes)
            failed = status >= 500 and codes != _SHED
            if failed or self._tells_all:
                line = _log.warning if failed else _log.debug
                line("answered", method=scope["method"], route=route, status=status or 500, codes=codes,
                     ms=round(seconds * 1000, 1), request_id=request_id)  # fmt: skip


class Bounded:
    """Wraps an application: its requests have turns. One that waits for its client holds no place meanwhile."""

    def __init__(self, app: ASGIApp, turns: Turns) -> None:
        self._app = app
        self._turns = turns

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on in its turn, or answer it with 503."""
        if scope["type"] != "http" or _route(scope["path"]) in _UNBOUNDED:
            await self._app(scope, receive, send)
            return

        async def received() -> Message:
            with aside():
                return await receive()

        async def sent(message: Message) -> None:
            with aside():
                await send(message)

        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(self._turns.place(""))
            except Unavailable as error:
                await error_response(error)(scope, receive, send)
                return
            await self._app(scope, received, sent)


class Masked:
    """Wraps an application: no text of an unexpected error leaves it, neither to the caller nor to the server's log."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; an answer that has begun is cut off."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:  # noqa: BLE001  # the last place that can mask it
            request_id = str(scope.get("state", {}).get("request_id") or f"{_IDS.getrandbits(64):016x}")
            log_unexpected(error, request_id)
            if not begun:
                await _internal_error(request_id)(scope, receive, send)


def _internal_error(request_id: str) -> JSONResponse:
    error = {"code": "internal", "message": "internal error", "requestId": request_id}
    return JSONResponse({"error": error}, 500, {"Cache-Control": "no-store", ERROR_HEADER: "internal"})


def _route(path: str) -> str:
    """Name the route of a path from a fixed list, so that a label is never a caller's text."""
    first, *rest = path.removeprefix("/").split("/", 2)  # `OPTIONS *` has a path without a slash
    if first == "ledger" and rest and rest[0] in _LOG_ROUTES:
        return f"ledger/{rest[0]}"
    if first == "graphql" and rest:
        return "graphql/stream"
    return _ROUTES.get(first, "other")
