"""A real HTTP server on loopback for the tests in which sockets matter; it ends with the block."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

__all__ = ["serving"]


@asynccontextmanager
async def serving(
    app: Any,
    *,
    lifespan: str = "off",
    http: Any = "auto",
    ws: Any = "none",
    narrow: bool = False,
    port: int | None = None,
) -> AsyncIterator[str]:
    """Serve an application in this event loop and give its URL. http, ws: the protocols, if they matter.

    narrow: the kernel takes little of what a client does not read.
    """
    listening = socket.create_server(("127.0.0.1", port or 0))  # so nobody else has the port before it serves
    if narrow:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    config = uvicorn.Config(app, log_level="error", lifespan=lifespan, ws=ws, http=http)  # type: ignore[arg-type]
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server._serve([listening]))
    while not server.started and not task.done():  # noqa: ASYNC110  # uvicorn has a flag and no event
        await asyncio.sleep(0.001)
    try:
        assert server.started, "the application does not start"
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        server.force_exit = lifespan == "off"  # a handler that never answers must not hold the test up
        await task
