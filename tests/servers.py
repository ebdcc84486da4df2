"""A real HTTP server on loopback for the tests in which sockets matter; it ends with the block."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from hub.processes import free_ports

__all__ = ["serving"]


@asynccontextmanager
async def serving(
    app: Any, *, lifespan: str = "off", http: Any = "auto", port: int | None = None
) -> AsyncIterator[str]:
    """Serve an application in this event loop and give its URL. http: the protocol, if it matters."""
    port = port or free_ports(1)[0]
    config = uvicorn.Config(app, port=port, log_level="error", lifespan=lifespan, ws="none", http=http)  # type: ignore[arg-type]
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server._serve())
    while not server.started:  # noqa: ASYNC110  # uvicorn has a flag and no event
        await asyncio.sleep(0.001)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        server.force_exit = lifespan == "off"  # a handler that never answers must not hold the test up
        await task
