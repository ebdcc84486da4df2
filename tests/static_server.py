"""A folder served by nothing but Python's own web server, as any web server would."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

__all__ = ["Server", "served"]


class Server(ThreadingHTTPServer):
    """One that turns nobody away who comes while it is busy: a log is read over eight connections at once."""

    request_queue_size = 64


@contextmanager
def served(folder: Path | Callable[[str], Path | None]) -> Iterator[str]:
    """Serve a folder, or for each path the one that a function names (None: 503), and give the URL."""
    choose = folder if callable(folder) else lambda _path: folder

    class Quiet(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            """Answer from the folder of the moment."""
            chosen = choose(self.path)
            if chosen is None:
                self.send_error(HTTPStatus.SERVICE_UNAVAILABLE)
                return
            self.directory = str(chosen)
            super().do_GET()

        def log_message(self, *_arguments: Any) -> None:
            """Say nothing."""

    server = Server(("127.0.0.1", 0), partial(Quiet, directory="/nowhere"))
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
