"""An application that runs in this event loop, reached by HTTP from other threads and without a network."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import httpx2

__all__ = ["reaching"]


class _Transport(httpx2.BaseTransport):
    """Hands requests over to the loop that made it, and waits."""

    def __init__(self, app: Any) -> None:
        self._inner: Final = httpx2.ASGITransport(app=app)
        self._loop: Final = asyncio.get_running_loop()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        return asyncio.run_coroutine_threadsafe(self._answer(request.read(), request), self._loop).result(60)

    async def _answer(self, body: bytes, request: httpx2.Request) -> httpx2.Response:
        headers = [(name, value) for name, value in request.headers.raw if name.lower() != b"transfer-encoding"]
        asked = httpx2.Request(request.method, request.url, headers=headers, content=body)
        answer = await self._inner.handle_async_request(asked)
        return httpx2.Response(answer.status_code, headers=answer.headers, content=await answer.aread())


def reaching(app: Any) -> httpx2.Client:
    """Give a client of an ASGI application, for use in threads beside the running loop."""
    return httpx2.Client(transport=_Transport(app))
