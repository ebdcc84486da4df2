"""A fake hub served in a thread of its own, since a command is no coroutine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Protocol

import uvicorn
from starlette.applications import Starlette

__all__ = ["Served", "served"]


class Served(Protocol):
    """What can be served: an application, and what is closed behind it."""

    def app(self) -> Starlette:
        """Give the application."""
        ...

    def close(self) -> None:
        """Close what the application held."""
        ...


@contextmanager
def served(hub: Served) -> Iterator[str]:
    """Serve on a free port of loopback; give the URL."""
    server = uvicorn.Server(uvicorn.Config(hub.app(), port=0, log_level="critical", lifespan="off"))
    (socket,) = [server.config.bind_socket()]
    thread = Thread(target=server.run, args=([socket],))
    thread.start()
    try:
        yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        hub.close()
