"""The hub's figures for whoever watches it: to this machine alone, or on a port of their own.

    GET /metrics              Prometheus' text format 0.0.4
    GET /metrics/documents    the view by document (hub/graphql/busiest.py)

They tell how long the hub's own work on one document took, without the network's noise: a client that reads them
between its requests has a clock for what it may not see. So with `metrics_port` they stand there and nowhere else.
Without it they stand on the hub's port for requests from a loopback address without any header that a proxy leaves:
behind a proxy on this machine every stranger comes from loopback, or from the address that he wrote into
X-Forwarded-For. All others are answered like a path that does not exist. A proxy that leaves no header is not seen:
behind one, set `metrics_port`.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, closing, contextmanager
from typing import TYPE_CHECKING, Final

import orjson
import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import Route

from hub.middleware import Masked
from hub.servers import BoundedProtocol, listening

if TYPE_CHECKING:
    from starlette.requests import Request

    from ledger.encoding import JsonValue

__all__ = ["Monitoring"]

_NO_STORE: Final = {"Cache-Control": "no-store"}
_PROXIED: Final = frozenset(
    {b"forwarded", b"via", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip"}
)
_GRACE_S: Final = 2

_log = structlog.get_logger(__name__)


class Monitoring:
    """The two routes. metrics: gives the exposition. documents: gives the view by document.

    port: of their own, 0 for any; None: they stand on the hub's.
    """

    def __init__(
        self,
        metrics: Callable[[], bytes],
        documents: Callable[[], Mapping[str, JsonValue]],
        *,
        host: str = "127.0.0.1",
        port: int | None = None,
    ) -> None:
        self._metrics: Final = metrics
        self._documents: Final = documents
        self._host: Final = host
        self._port: Final = port

    def routes(self) -> list[Route]:
        """Give what stands on the hub's own port: nothing where there is another one for it."""
        return [] if self._port is not None else self._routes(_to_this_machine)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[int | None]:
        """Listen on the port of their own, and give its number; do nothing where there is none.

        Raises Unavailable not_ready: the address is taken, or not ours.
        """
        if self._port is None:
            yield None
            return
        app = Starlette(routes=self._routes(_to_all), middleware=[Middleware(Masked)])
        with closing(listening(self._host, self._port)) as listener:
            server = _Beside(_config(app))
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            port = listener.getsockname()[1]
            _log.info("monitoring", host=self._host, port=port)
            try:
                yield port
            finally:
                server.should_exit = True
                await serving

    def _routes(self, admit: Callable[[Request], None]) -> list[Route]:
        async def metrics(request: Request) -> Response:
            admit(request)
            return Response(self._metrics(), 200, _NO_STORE, "text/plain; version=0.0.4; charset=utf-8")

        async def documents(request: Request) -> Response:
            admit(request)
            return Response(orjson.dumps(self._documents()), 200, _NO_STORE, "application/json")

        return [Route("/metrics", metrics), Route("/metrics/documents", documents)]


def _to_all(_request: Request) -> None:
    """Admit whoever reaches the port."""


def _to_this_machine(request: Request) -> None:
    """Admit a request that began on this machine; 404 for any other."""
    proxied = any(name in _PROXIED for name, _ in request.scope["headers"])
    if proxied or request.client is None or not _is_loopback(request.client.host):
        raise HTTPException(404)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _Few(BoundedProtocol):
    """A connection of somebody who watches: a few are enough."""

    most_connections = 16


class _Beside(uvicorn.Server):
    """A server in the loop of the hub's own, which alone is told of signals."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the hub's server."""
        yield


def _config(app: Starlette) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=_Few,
        ws="none",
        lifespan="off",
        proxy_headers=False,
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=_GRACE_S,
    )
