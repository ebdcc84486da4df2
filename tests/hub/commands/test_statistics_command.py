"""`tongban county statistics`: a table and JSON of what the hub counts, and every refusal's exit code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any, Final

import pytest
import uvicorn
from graphql import parse, validate
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.commands.statistics import DOCUMENT
from schema.assembly import build_schema
from tests.command_line import tongban
from tests.county_folder import CountyFolder
from tests.document_files import DOCUMENTS

OWN: Final = DOCUMENTS["statistics"].asked[0].data["own"]  # type: ignore[index]  # a query has an answer
OTHER: Final = DOCUMENTS["statistics"].asked[0].data["other"]  # type: ignore[index]  # the same


@dataclass
class CountingHub:
    """A hub's token endpoint and GraphQL, which answers `shown` and keeps the variables."""

    shown: Any = None
    asked: list[dict[str, Any]] = field(default_factory=list)

    def app(self) -> Starlette:
        """Give the application."""
        paths = {"/oauth/token": self._token, "/graphql": self._graphql}
        return Starlette(routes=[Route(path, place, methods=["POST"]) for path, place in paths.items()])

    async def _token(self, request: Request) -> Response:
        assert b"scope=statistics.read" in await request.body()
        return JSONResponse({"access_token": "t"})

    async def _graphql(self, request: Request) -> Response:
        body = await request.json()
        assert body["query"] == DOCUMENT
        self.asked.append(body["variables"])
        return JSONResponse(self.shown)


@pytest.fixture
def hub() -> CountingHub:
    return CountingHub()


@pytest.fixture
def folder(hub: CountingHub, tmp_path: Path) -> Iterator[CountyFolder]:
    """Give the folder of Chengyang, whose hub is served in a thread of its own, since a command is no coroutine."""
    server = uvicorn.Server(uvicorn.Config(hub.app(), port=0, log_level="critical", lifespan="off"))
    (socket,) = [server.config.bind_socket()]
    thread = Thread(target=server.run, args=([socket],))
    thread.start()
    try:
        yield CountyFolder.make(tmp_path, hub_url=f"http://127.0.0.1:{socket.getsockname()[1]}")
    finally:
        server.should_exit = True
        thread.join()


def test_the_commands_document_is_valid() -> None:
    assert validate(build_schema()._schema, parse(DOCUMENT)) == []


def _lines(table: str) -> dict[str, list[str]]:
    """Give the cells of each line behind its label."""
    rows = [[cell.strip() for cell in line.split("│")] for line in table.splitlines() if "│" in line]
    return {cells[1]: cells[2:-1] for cells in rows}


def test_a_table_has_a_column_a_period(hub: CountingHub, folder: CountyFolder) -> None:
    hub.shown = {"data": {"statistics": OWN}}
    asked = ("county", "statistics", "--from", "2026-05-01", "--to", "2026-07-31", *folder.options)
    result = tongban(*asked)
    assert (result.code, result.err) == (0, "")
    found = _lines(result.out)
    assert result.out.split()[:2] == ["370214", "城阳区"]
    assert found["taken in by others for us"] == ["0", "23", "0"]
    assert found["handling: ended"] == ["0", "19", "0"]
    assert found["open at the end"] == ["8", "3", "3"]
    assert hub.asked == [{"county": "370214", "from": "2026-05-01", "to": "2026-07-31", "by": "MONTH"}]
    assert json.loads(tongban(*asked, "--json").out) == OWN


def test_another_countys_counts_say_that_they_are_rounded(hub: CountingHub, folder: CountyFolder) -> None:
    hub.shown = {"data": {"statistics": OTHER}}
    result = tongban("county", "statistics", "--county", "220103", "--by", "YEAR", *folder.options)
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines()[-1] == "counts are rounded down to multiples of 5; -: below 5"
    (asked,) = hub.asked
    assert (asked["county"], asked["by"], asked["from"][-2:]) == ("220103", "YEAR", "01")


@pytest.mark.parametrize(
    ("shown", "code", "text"),
    [
        ({"data": {"statistics": None}}, 5, "not_listed: the catalogue lists no county 370214"),
        ({"data": None, "errors": [{"message": "no", "extensions": {"code": "forbidden"}}]}, 4, "forbidden: no"),
        ({"errors": [7]}, 3, "not_ready: "),
    ],
)
def test_what_is_not_answered_leaves_with_its_class(
    hub: CountingHub, folder: CountyFolder, shown: Any, code: int, text: str
) -> None:
    hub.shown = shown
    result = tongban("county", "statistics", *folder.options)
    assert (result.code, result.out) == (code, "")
    assert result.err.startswith(f"tongban: {text}")


def test_another_length_of_periods_is_not_asked_for(hub: CountingHub, folder: CountyFolder) -> None:
    result = tongban("county", "statistics", "--by", "WEEK", *folder.options)
    assert (result.code, result.err) == (2, "tongban: bad_setting: --by is one of DAY, MONTH, YEAR\n")
    assert hub.asked == []
