"""`tongban county webhook` against the real routes and store: what is said, what is shown, every refusal's exit code."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.events.delivery import Delivery, Signing
from hub.events.hookroutes import hook_routes
from hub.events.hooks import HookStore
from schema.access import ANONYMOUS, Principal
from tests.casefile import CHENGYANG
from tests.command_line import tongban
from tests.county_folder import CountyFolder
from tests.entropy import seeded
from tests.served_hub import served
from tests.statements import NOW

URL: Final = "https://counter.example/events"
ID: Final = "A" * 22


@dataclass
class HookHub:
    """A hub's token endpoint and its webhooks; scopes: of the one token."""

    path: Path
    scopes: frozenset[str] = frozenset({"webhook.manage"})
    store: HookStore = field(init=False)

    def app(self) -> Starlette:
        """Give the application."""
        self.store = HookStore(self.path)
        delivery = Delivery(
            self.store, self, Signing(kid="k", sign=lambda _: b""), http=httpx2.AsyncClient(), clock=lambda: NOW,
            chance=lambda: 0.0, private=False,
        )  # type: ignore[arg-type]  # fmt: skip
        routes = hook_routes(
            delivery,
            self,
            principal_of=self._principal,
            clock=lambda: NOW,
            random=seeded("hooks"),  # type: ignore[arg-type]
        )
        return Starlette(routes=[Route("/oauth/token", self._token, methods=["POST"]), *routes])

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    async def newest(self) -> str:
        """No event has come yet."""
        return "A" * 43

    def _principal(self, request: Request) -> Principal:
        if "authorization" not in request.headers:
            return ANONYMOUS
        return Principal(county=CHENGYANG, client=f"{CHENGYANG}#3", scopes=self.scopes)

    async def _token(self, request: Request) -> Response:
        assert b"scope=webhook.manage" in await request.body()
        return JSONResponse({"access_token": "t"})


@pytest.fixture
def hub(tmp_path: Path) -> HookHub:
    return HookHub(tmp_path / "webhooks.sqlite")


@pytest.fixture
def folder(hub: HookHub, tmp_path: Path) -> Iterator[CountyFolder]:
    """Give the folder of Chengyang, whose hub is served."""
    with served(hub) as url:
        yield CountyFolder.make(tmp_path, hub_url=url)


def webhook(folder: CountyFolder, *words: object) -> tuple[int, Any]:
    """Run the command for machines."""
    found = tongban("county", "webhook", *words, *folder.options, "--json")
    return found.code, json.loads(found.out) if found.out else None


def test_a_webhook_is_added_listed_and_removed(folder: CountyFolder, hub: HookHub) -> None:
    code, made = webhook(folder, "add", URL, "--kind", "STEP", "--kind", "LAMP")
    assert (code, made) == (0, {
        "id": made["id"], "url": URL, "kinds": ["LAMP", "STEP"], "cursor": "A" * 43, "made": NOW, "attempts": 0,
        "fault": None, "dead": 0,
    })  # fmt: skip
    assert webhook(folder, "list") == (0, {"webhooks": [made]})
    assert tongban("county", "webhook", "list", *folder.options).out == f"{made['id']}  LAMP,STEP  dead 0  ok  {URL}\n"
    assert webhook(folder, "add", URL)[0] == 5
    assert webhook(folder, "remove", made["id"]) == (0, {"removed": made["id"]})
    assert tongban("county", "webhook", "list", *folder.options).out == "no webhooks\n"


def test_dead_letters_are_seen_and_sent_again(folder: CountyFolder, hub: HookHub) -> None:
    _, made = webhook(folder, "add", URL)
    with hub.store._database.transaction() as connection:
        connection.execute("INSERT INTO dead VALUES (?, 'e', x'', ?, 'http_500', 0)", (made["id"], NOW))
    letter = {"id": "e", "since": NOW, "fault": "http_500", "again": False}
    assert webhook(folder, "dead", made["id"]) == (0, {"dead": [letter]})
    assert webhook(folder, "redeliver", made["id"]) == (0, {"redelivered": 1})
    assert tongban("county", "webhook", "dead", made["id"], *folder.options).out == "e  http_500  wanted again\n"


def test_refusals_have_their_exit_codes(folder: CountyFolder, hub: HookHub) -> None:
    assert webhook(folder, "add", "http://counter.example/events")[0] == 2
    assert webhook(folder, "add", URL, "--kind", "CASE")[0] == 2
    assert webhook(folder, "add", URL, "--after", "x")[0] == 2
    for command in ("remove", "dead", "redeliver"):
        assert webhook(folder, command, ID)[0] == 5
    hub.scopes = frozenset({"case.follow"})
    assert webhook(folder, "list")[0] == 4
