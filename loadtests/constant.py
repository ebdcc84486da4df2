"""A server that always gives the same answer: what a generator, or a server of this kind, can do at all.

    with constant_reply() as (url, pid): ...
    python -m loadtests.constant PORT [FILE]      FILE: the answer's body

Raw ASGI under uvicorn with uvloop and httptools, as the hub is served: nothing is parsed but HTTP.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import uvicorn

from hub.processes import Child, free_ports

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, Scope

__all__ = ["ConstantReply", "constant_reply"]

_BODY: Final = b'{"data":{"constant":true}}'


class ConstantReply:
    """The ASGI application: reads the request, gives `body`."""

    def __init__(self, body: bytes = _BODY) -> None:
        self._body: Final = body
        self._headers: Final = [
            (b"content-type", b"application/json"), (b"content-length", str(len(body)).encode("ascii")),
        ]  # fmt: skip

    async def __call__(self, _scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Answer one request."""
        message = await receive()
        while message.get("more_body"):
            message = await receive()
        await send({"type": "http.response.start", "status": 200, "headers": self._headers, "trailers": False})
        await send({"type": "http.response.body", "body": self._body, "more_body": False})


@contextmanager
def constant_reply(body: bytes = _BODY) -> Iterator[tuple[str, int]]:
    """Serve a body in a process of its own, and give its URL and process id while the block runs."""
    (port,) = free_ports(1)
    with TemporaryDirectory(prefix="tongban-constant-") as folder:
        (Path(folder) / "body").write_bytes(body)
        url, log = f"http://127.0.0.1:{port}", Path(folder) / "log"
        child = Child("constant reply", ["-m", "loadtests.constant", str(port), f"{folder}/body"], log, f"{url}/")
        child.start()
        try:
            child.wait_ready()
            yield url, child.pid
        finally:
            child.stop()


def _serve(port: int, body: bytes) -> None:
    app: ASGI3Application = ConstantReply(body)
    uvicorn.run(
        app, port=port, loop="uvloop", http="httptools", ws="none", lifespan="off", access_log=False, log_level="error"
    )


if __name__ == "__main__":
    _serve(int(sys.argv[1]), Path(sys.argv[2]).read_bytes() if len(sys.argv) > 2 else _BODY)
