"""The ring around every request: a request id, the time it took, and one line in the log. Plain ASGI, no copies.

The log line holds method, route, status, milliseconds and error codes; never a path, a query or a body, which may name
a person's license.
"""

from __future__ import annotations

import secrets
import time
from typing import Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hub.exchange import ERROR_HEADER
from hub.observability import Metrics

__all__ = ["Observed"]

_ROUTES: Final = {
    "graphql": "graphql",
    "oauth": "oauth",
    "journal": "journal",
    "vault": "vault",
    ".well-known": "well-known",
    "healthz": "health",
    "readyz": "health",
    "metrics": "metrics",
}
_LOG_ROUTES: Final = frozenset(
    {"checkpoint", "tile", "head", "status", "status.zlib", "keys", "landmarks", "document", "receipt", "entries"}
)
_ERROR_HEADER: Final = ERROR_HEADER.encode("ascii")

_log = structlog.get_logger(__name__)


class Observed:
    """Wraps an application. `scope["state"]["request_id"]` is set for it; the answer's status is counted."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and observe its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})["request_id"] = request_id = secrets.token_hex(8)
        began, status, codes = time.perf_counter(), 500, ""

        async def observed(message: Message) -> None:
            nonlocal status, codes
            if message["type"] == "http.response.start":
                status = message["status"]
                codes = next((value.decode() for name, value in message["headers"] if name == _ERROR_HEADER), "")
            await send(message)

        try:
            await self._app(scope, receive, observed)
        finally:
            route, seconds = _route(scope["path"]), time.perf_counter() - began
            self._metrics.observe(route, status, seconds, codes)
            line = _log.warning if status >= 500 else _log.debug
            line("answered", method=scope["method"], route=route, status=status, codes=codes,
                 ms=round(seconds * 1000, 1), request_id=request_id)  # fmt: skip


def _route(path: str) -> str:
    """Name the route of a path from a fixed list, so that a label is never a caller's text."""
    _, first, *rest = path.split("/", 3)
    if first == "ledger" and rest and rest[0] in _LOG_ROUTES:
        return f"ledger/{rest[0]}"
    return _ROUTES.get(first, "other")
