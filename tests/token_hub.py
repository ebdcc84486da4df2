"""The token endpoint of a hub, over HTTP in a thread, for tests of commands: it keeps the forms that it got."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl

from ledger.encoding import b64u_decode, parse_json
from tests.static_server import Server

__all__ = ["TokenHub", "token_hub"]


@dataclass(slots=True)
class TokenHub:
    """What was asked, form by form. url: of the hub."""

    url: str = ""
    forms: list[dict[str, str]] = field(default_factory=list)

    def claims(self) -> Any:
        """Give the claims of the newest assertion."""
        return parse_json(b64u_decode(self.forms[-1]["client_assertion"].split(".")[1]), max_bytes=8192)


@contextmanager
def token_hub() -> Iterator[TokenHub]:
    """Answer every token request with the token `token`."""
    hub = TokenHub()

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Keep the form, give a token."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hub.forms.append(dict(parse_qsl(body.decode())))
            answer = json.dumps({"access_token": "token"}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_arguments: Any) -> None:
            """Say nothing."""

    server = Server(("127.0.0.1", 0), Endpoint)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
