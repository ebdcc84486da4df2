"""How a Starlette app is served: uvicorn with uvloop and httptools, bounded, without an access log."""

from __future__ import annotations

from typing import Final

import uvicorn
from starlette.applications import Starlette

__all__ = ["serve_app"]

_BACKLOG: Final = 512
_KEEP_ALIVE_S: Final = 30
_GRACE_S: Final = 8
_MAX_CONNECTIONS: Final = 1024


def serve_app(app: Starlette, *, host: str, port: int) -> None:
    """Serve until SIGTERM or Ctrl-C; open requests get a few seconds to end. Beyond 1,024 connections: 503.

    No access log: a line of it would hold what callers put into a URL. Its other lines go where ours go.
    """
    uvicorn.run(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        log_level="warning",
        server_header=False,
        backlog=_BACKLOG,
        limit_concurrency=_MAX_CONNECTIONS,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_GRACE_S,
    )
