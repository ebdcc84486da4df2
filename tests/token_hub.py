"""A hub over HTTP in a thread, for tests of commands: gives tokens, answers documents, erases faces; keeps what it got."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl

from ledger.encoding import b64u_decode, parse_json
from tests.static_server import Server

__all__ = ["TokenHub", "token_hub"]

_ABSENT = {"error": {"code": "wrong_target", "message": "there is no such face of this county"}}


@dataclass(slots=True)
class TokenHub:
    """What was asked. url: of the hub. answer: (document, variables) -> data. vault: identifiers of deposited faces.

    forms: token requests. The token is the role that was asked for.
    """

    url: str = ""
    answer: Callable[[str, dict[str, Any]], dict[str, Any]] = lambda _document, _variables: {}
    vault: set[str] = field(default_factory=set)
    forms: list[dict[str, str]] = field(default_factory=list)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def claims(self) -> Any:
        """Give the claims of the newest assertion."""
        return parse_json(b64u_decode(self.forms[-1]["client_assertion"].split(".")[1]), max_bytes=8192)

    def post(self, path: str, body: str, token: str) -> dict[str, Any]:
        """Give a token, or the answer to a document; token: the role that asks."""
        if path == "/oauth/token":
            self.forms.append(dict(parse_qsl(body)))
            return {"access_token": self.forms[-1]["role"]}
        request = json.loads(body)
        self.asked.append((token, request["variables"]))
        return {"data": self.answer(request["query"], request["variables"])}


@contextmanager
def token_hub() -> Iterator[TokenHub]:
    """Serve until the block ends."""
    hub = TokenHub()

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Answer a form or a document."""
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._give(200, hub.post(self.path, body, self.headers.get("Authorization", "").removeprefix("Bearer ")))

        def do_DELETE(self) -> None:
            """Erase a face of the vault."""
            identifier = self.path.removeprefix("/vault/faces/")
            known = identifier in hub.vault
            hub.vault.discard(identifier)
            self._give(204 if known else 409, {} if known else _ABSENT)

        def _give(self, status: int, answer: dict[str, Any]) -> None:
            body = b"" if status == 204 else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

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
