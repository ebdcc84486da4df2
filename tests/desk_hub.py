"""A hub as a county's desk meets it: token endpoint, GraphQL with a fixed answer, and a journal that judges records."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.journal.records import parse_statement
from hub.journal.store import JournalStore, row_of
from ledger.errors import TongbanError
from ledger.transparency.tiles import decode_bundle
from tests.journal_files import code_of

__all__ = ["DeskHub"]


@dataclass
class DeskHub:
    """A hub's token endpoint, GraphQL and journal, a real one at `path`.

    shown: what GraphQL answers; asked: what it was asked last. token: what the last token was asked for.
    """

    path: Path
    shown: Any = None
    records: list[Any] = field(default_factory=list)
    asked: Any = None
    token: dict[str, list[str]] = field(default_factory=dict)

    def app(self) -> Starlette:
        """Give the application."""
        self._connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        self._store = JournalStore.create(self._connection)
        paths = {"/oauth/token": self._token, "/graphql": self._graphql, "/journal/records": self._records}
        return Starlette(routes=[Route(path, place, methods=["POST"]) for path, place in paths.items()])

    def close(self) -> None:
        """Close the journal."""
        self._connection.close()

    def take(self, *raws: bytes) -> list[int | str]:
        """Take statements of other counties."""
        return [code_of(each) for each in self._store.append([row_of(parse_statement(raw)) for raw in raws])]

    async def _token(self, request: Request) -> Response:
        self.token = parse_qs((await request.body()).decode("ascii"))
        return JSONResponse({"access_token": "t"})

    async def _graphql(self, request: Request) -> Response:
        self.asked = await request.json()
        return JSONResponse(self.shown)

    async def _records(self, request: Request) -> Response:
        (record,) = map(parse_statement, decode_bundle(await request.body()))
        (result,) = self._store.append([row_of(record)])
        if isinstance(result, TongbanError):
            return JSONResponse([{"error": {"code": result.code, "message": result.message}}])
        self.records.append(record)
        return JSONResponse([{"position": result}])
