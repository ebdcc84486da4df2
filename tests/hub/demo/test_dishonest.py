"""A hub that hides a revocation, made from the real parts: it loses its quorum, and the reason names the deposit."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from starlette.applications import Starlette

from hub.county import CountyNode
from hub.county.application import create_county_app
from hub.demo.alliance import Alliance
from hub.demo.dishonest import DishonestHub
from hub.settings import load_settings
from ledger.encoding import b64u_encode
from ledger.refusal import verify_refusal
from tests.alliance import license_of
from tests.live_alliance import LIVE_COUNTIES
from tests.ports import FakeClock
from tests.servers import serving

AUDITORS: Final = ("320583", "370214")


@dataclass
class World:
    """A hub whose policy asks three provinces, two of them by their auditors; nodes by county, one clock for all."""

    alliance: Alliance
    hub: DishonestHub
    nodes: dict[str, CountyNode]
    clock: FakeClock
    http: httpx2.AsyncClient

    async def seal(self, number: int) -> None:
        """Seal a license and wait until it is witnessed, if that is to be."""
        self.nodes["370214"].seal(license_of(number), self.clock())

    async def get(self, path: str) -> Any:
        return (await self.http.get(path)).json()


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(120):
        while not await holds():  # noqa: ASYNC110  # what is waited for happens in other processes' stores
            await asyncio.sleep(0.05)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    alliance = Alliance.found(tmp_path / "alliance", LIVE_COUNTIES, provinces=3, auditors=AUDITORS)
    clock = FakeClock(int(time.time()))
    overrides = {
        "data": alliance.data("hub"), "passphrase_file": alliance.passphrase_file("hub"), "port": alliance.hub_port,
    }  # fmt: skip
    settings = load_settings(file=alliance.data("hub") / "hub.toml", environment={}, overrides=overrides)
    hub = DishonestHub(settings, clock=clock, random=secrets.token_bytes, dev=False)
    async with AsyncExitStack() as stack:
        nodes = {county: stack.enter_context(alliance.node(county)) for county in LIVE_COUNTIES}
        for county, node in nodes.items():
            app = create_county_app(node, clock=clock, auditor=county in AUDITORS)
            await stack.enter_async_context(serving(app, lifespan="on", port=alliance.ports[county]))
        app = Starlette(routes=hub.routes(), lifespan=without_graph(hub))
        url = await stack.enter_async_context(serving(app, lifespan="on", port=alliance.hub_port))
        http = await stack.enter_async_context(httpx2.AsyncClient(base_url=url, trust_env=False))
        yield World(alliance, hub, nodes, clock, http)


def without_graph(hub: DishonestHub) -> Any:
    """Give a lifespan that starts journal and ledger, and no engine."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await hub.journal.start()
        await hub.registry.start()
        yield
        await hub.registry.stop()
        await hub.journal.stop()
        await hub._http.aclose()
        for store in (hub.vault, hub._guard, hub.refusals):
            store.close()

    return lifespan


async def test_a_hub_that_hides_a_revocation_loses_its_quorum(world: World) -> None:
    county, license_ = world.nodes["370214"], str(license_of(1).identifier)
    await world.seal(1)
    await until(lambda: asyncio.to_thread(lambda: county.status(0).stated == 1))

    world.hub.registry.hidden = county.log_index(license_)
    leaf = county.revoke(license_, "04", world.clock())
    world.clock.advance(61)  # no proof for a minute: the outbox deposits by itself
    await until(lambda: asyncio.to_thread(lambda: _taken(county) == len(AUDITORS)))
    assert county.outbox.counts(0).deposited == 1
    published = (await world.get("/readyz"))["quorum"]["published"]
    world.clock.advance(301)  # the time is over that the rule gives a log
    await world.seal(2)
    rounds: list[Any] = []
    await until(lambda: _refused_by_both(world, rounds))

    ready = rounds[-1]
    assert not ready["ready"]
    assert ready["quorum"]["published"] == published
    assert (ready["quorum"]["cosignatures"], len(ready["quorum"]["groups"])) == (2, 3)
    told = {each["county"]: each for each in ready["quorum"]["refusals"]}
    index = county.log_index(license_)
    for auditor in AUDITORS:
        assert (told[auditor]["code"], told[auditor]["index"]) == ("deposit_left_out", index)
        assert told[auditor]["leaf"] == b64u_encode(leaf)
        assert verify_refusal(told[auditor]["jws"].encode(), world.hub.registry.keys)[0] == auditor
    assert f"370214 refused it: deposit_left_out at {index}" in ready["missing"]["witnesses"]
    assert {each["county"] for each in await world.get("/ledger/refusals")} == {*AUDITORS}
    # Reads go on at the published size, and no receipt is made of what lies beyond.
    assert (await world.http.get("/ledger/checkpoint")).status_code == 200
    assert county.status(0).witnessed == 1

    world.hub.registry.hidden = -1  # the operator thinks better of it
    await until(lambda: _stated(world, 3))
    assert (await world.get("/readyz"))["quorum"]["refusals"] == []


def _taken(county: CountyNode) -> int:
    """Count the auditors that took a deposit: each dates it by its own clock, so none may come to it later."""
    return sum(each.at is not None for each in county.outbox.appeals())


async def _stated(world: World, count: int) -> bool:
    world.clock.advance(1)  # what failed is sent again when its time has come
    return await asyncio.to_thread(lambda: world.nodes["370214"].status(0).stated == count)


async def _refused_by_both(world: World, rounds: list[Any]) -> bool:
    """Tell whether a round is over in which both refused, and the third county's witness was in time to cosign."""
    rounds.append(await world.get("/readyz"))
    told = rounds[-1]["missing"].get("witnesses", "")
    return told.startswith("2 more ") and all(f"{auditor} refused it" in told for auditor in AUDITORS)
