"""A log's public paths behind an HTTP client without a network, as honest as the book that it shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from threading import Thread
from typing import Any, Final

import httpx2

from ledger.sync_files import SyncFiles
from ledger.transparency.merkle import root_of
from ledger.transparency.tiles import TILE_HEIGHT, TILE_WIDTH, TilePath
from tests.logbook import LogBook
from tests.static_server import Server
from tests.synced_log import files_of

__all__ = ["SHOWN_URL", "ShownLog"]

SHOWN_URL: Final = "http://log/ledger"


class ShownLog:
    """Serves one book at its present size; `show` moves on. asked: paths in their order.

    instead: path -> what is answered in place of the honest answer. before: called with each path before it is
    answered, so that a test can move the log in the middle of a sync.
    """

    def __init__(self, book: LogBook, *, time: int, landmarks: tuple[int, ...] = ()) -> None:
        self.asked: list[str] = []
        self.instead: dict[str, httpx2.Response] = {}
        self.before: Callable[[str], None] = lambda _path: None
        self.states_size = True
        self.show(book, time=time, landmarks=landmarks)

    def show(self, book: LogBook, *, time: int, landmarks: tuple[int, ...] = ()) -> None:
        """Show a book of the small log's members at its present size, cosigned at `time`."""
        self.show_files(book, files_of(book, time=time, landmarks=landmarks))

    def show_files(self, book: LogBook, files: SyncFiles) -> None:
        """Show any book at its present size."""
        self.size, self.leaves, self.files = book.size, book.leaves(), files

    def client(self) -> httpx2.Client:
        """Give a client that reaches the log."""
        return httpx2.Client(transport=httpx2.MockTransport(self.answer))

    @contextmanager
    def served(self) -> Iterator[str]:
        """Serve the log on loopback while the block runs; give its URL prefix."""
        answer = self.answer

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = answer(httpx2.Request("GET", f"http://log{self.path}"))
                self.send_response(found.status_code)
                for name in ("tlog-size", "content-length"):
                    if name in found.headers:
                        self.send_header(name, found.headers[name])
                self.end_headers()
                self.wfile.write(found.content)

            def log_message(self, *_words: Any) -> None:
                pass

        with Server(("127.0.0.1", 0), Handler) as server:
            thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_port}/ledger"
            finally:
                server.shutdown()
                thread.join()

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path.removeprefix("/ledger/")
        self.before(path)
        self.asked.append(path)
        if path in self.instead:
            return self.instead[path]
        if path.startswith("tile/"):
            return self._tile(TilePath.parse(path))
        size = request.url.params.get("size")
        if size not in {None, str(self.size)}:
            return httpx2.Response(410)
        named = {"checkpoint": "checkpoint", "head": "head", "keys": "keys", "landmarks": "landmarks"}
        field = "status" if path == "status.zlib" else named.get(path)
        if field is None:
            return httpx2.Response(404)
        headers = {"Tlog-Size": str(self.size)} if self.states_size and size is not None else {}
        return httpx2.Response(200, content=getattr(self.files, field), headers=headers)

    def _tile(self, path: TilePath) -> httpx2.Response:
        if not path.is_within(self.size):
            return httpx2.Response(404)
        return self.tile_of(path)

    def tile_of(self, path: TilePath) -> httpx2.Response:
        """Give a hash tile of the tree."""
        span = 1 << (TILE_HEIGHT * path.level)
        first = path.number * TILE_WIDTH
        rows = [root_of(self.leaves[row * span : (row + 1) * span]) for row in range(first, first + path.width)]
        return httpx2.Response(200, content=b"".join(rows))

    def forge(self, **files: bytes) -> None:
        """Serve other bytes for some of the files, by their field."""
        self.files = replace(self.files, **files)
