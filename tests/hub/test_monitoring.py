"""Figures are told to this machine alone, or on a port of their own; to a stranger they do not exist."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from hub.monitoring import Monitoring
from ledger.errors import Unavailable
from tests.hub_folder import HubFolder
from tests.made_hub import made_hub

VIEW: Final = {"documents": []}
PATHS: Final = ("/metrics", "/metrics/documents")
THIS: Final = "127.0.0.1"
STRANGER: Final = "203.0.113.5"


def monitoring(port: int | None = None) -> Monitoring:
    return Monitoring(lambda: b"metric 1\n", lambda: VIEW, port=port)


@asynccontextmanager
async def seen_from(peer: str) -> AsyncIterator[httpx2.AsyncClient]:
    """A client at this address, of a hub that trusts proxies of its own machine as uvicorn does."""
    app = ProxyHeadersMiddleware(Starlette(routes=monitoring().routes()))  # type: ignore[arg-type]
    transport = httpx2.ASGITransport(app, client=(peer, 4711))  # type: ignore[arg-type]
    async with httpx2.AsyncClient(transport=transport, base_url="http://hub") as http:
        yield http


async def answers(peer: str, headers: Mapping[str, str]) -> list[tuple[int, str]]:
    async with seen_from(peer) as http:
        got = [await http.get(path, headers=headers) for path in PATHS]
        return [(each.status_code, each.text) for each in got]


@pytest.mark.parametrize("peer", [THIS, "127.8.8.8", "::1"])
async def test_a_request_of_this_machine_gets_them(peer: str) -> None:
    assert await answers(peer, {}) == [(200, "metric 1\n"), (200, '{"documents":[]}')]


@pytest.mark.parametrize(
    ("peer", "headers"),
    [
        (STRANGER, {}),
        ("10.0.0.7", {}),
        ("::ffff:203.0.113.5", {}),
        ("", {}),
        ("localhost", {}),
        (STRANGER, {"X-Forwarded-For": THIS}),  # he names himself
        (STRANGER, {"Host": THIS, "Forwarded": f"for={THIS}"}),
        (THIS, {"X-Forwarded-For": STRANGER}),  # by a proxy that names him
        (THIS, {"X-Forwarded-For": f"{THIS}, {STRANGER}"}),  # by one that adds him to what he sent
        (THIS, {"X-Forwarded-For": THIS}),  # by one that hands on what he sent
        (THIS, {"X-Forwarded-For": ""}),
        (THIS, {"Forwarded": f"for={STRANGER}"}),
        (THIS, {"X-Real-IP": STRANGER}),
        (THIS, {"Via": "1.1 proxy"}),
        (THIS, {"X-Forwarded-Proto": "https"}),
    ],
)
async def test_to_a_stranger_they_do_not_exist(peer: str, headers: dict[str, str]) -> None:
    async with seen_from(peer) as http:
        unknown = await http.get("/unknown")
    assert await answers(peer, headers) == [(404, unknown.text)] * 2


async def test_on_a_port_of_their_own_they_stand_alone() -> None:
    """Nothing of the hub is there; there is nothing of them on the hub's."""
    apart = monitoring(port=0)
    assert apart.routes() == []
    async with apart.running() as port, httpx2.AsyncClient(base_url=f"http://{THIS}:{port}", trust_env=False) as http:
        assert [(await http.get(path)).text for path in PATHS] == ["metric 1\n", '{"documents":[]}']
        assert (await http.get("/metrics", headers={"Via": "1.1 proxy"})).status_code == 200
        assert (await http.post("/graphql")).status_code == 404
    with socket.create_server((THIS, port or 0)):  # it is free again
        pass


@pytest.mark.parametrize(("port", "on_the_hubs"), [(None, set(PATHS)), (9464, set())])
async def test_a_hub_has_them_in_one_place(tmp_path: Path, port: int | None, on_the_hubs: set[str]) -> None:
    folder = HubFolder.make(tmp_path)
    async with made_hub(folder, metrics_port=port) as hub:
        assert {one.path for one in hub.routes() if isinstance(one, Route)} & set(PATHS) == on_the_hubs


async def test_without_a_port_nothing_listens() -> None:
    async with monitoring().running() as port:
        assert port is None


async def test_a_port_that_is_taken_stops_the_start() -> None:
    with socket.create_server((THIS, 0)) as taken, pytest.raises(Unavailable) as raised:
        async with monitoring(port=taken.getsockname()[1]).running():
            pass
    assert raised.value.code == "not_ready"
