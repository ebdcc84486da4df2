"""The county node as a server: it witnesses and delivers over real sockets, and one folder is served once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette
from structlog.testing import capture_logs

from hub.county import CountyNode, open_county
from hub.county.application import create_county_app
from hub.county.audited import AuditorPart
from hub.county.rotation import rotate
from hub.logclient import HttpLog
from ledger.errors import Malformed, Unavailable
from tests.alliance import HUB_URL, NOW, PASSPHRASE, license_of
from tests.fake_hub import FakeHub
from tests.in_loop import reaching
from tests.ports import FakeClock
from tests.servers import serving


async def _until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not reached():  # noqa: ASYNC110  # what is waited for happens in a database
            await asyncio.sleep(0.01)


def served_by(hub: FakeHub, node: CountyNode, clock: FakeClock) -> Starlette:
    """Give a node's application that reaches its hub without a network."""
    transport, log = httpx2.ASGITransport(app=hub.app()), HttpLog(f"{HUB_URL}/ledger", reaching(hub.app()), attempts=1)
    return create_county_app(node, clock=clock, transport=transport, log=log)


async def test_a_node_delivers_what_another_process_sealed_while_it_serves(
    node: CountyNode, fake_hub: FakeHub, clock: FakeClock
) -> None:
    app = served_by(fake_hub, node, clock)
    async with serving(app, lifespan="on") as url, httpx2.AsyncClient(base_url=url) as client:
        health = await client.get("/healthz")
        assert health.json() == {"county": "370214", "status": "ok"}
        node.seal_many([license_of(number) for number in range(5)], NOW)
        await _until(lambda: node.status(NOW).stated == 5)
        assert (await client.post("/witness/add-checkpoint", content=b"")).status_code == 400
        assert (await client.post("/records/faces", content=b"")).status_code == 401
    assert fake_hub.requests[:2] == [("entries", 5), ("records", 5)]


async def test_a_node_is_ready_while_it_knows_the_members_keys(
    node: CountyNode, fake_hub: FakeHub, clock: FakeClock
) -> None:
    """And says what is missing as `county status` does."""
    app = served_by(fake_hub, node, clock)
    async with serving(app, lifespan="on") as url, httpx2.AsyncClient(base_url=url) as client:
        for at, status in ((None, 503), (NOW, 200), (NOW + 660, 200), (NOW + 661, 503)):
            if at == NOW:
                node.key_view.seen(NOW)
            clock.now = at or NOW
            answer, fault = await client.get("/readyz"), node.status(clock.now).keys
            missing = {} if fault is None else {"keys": fault}
            assert (answer.status_code, answer.json()) == (status, {"ready": status == 200, "missing": missing})


async def test_one_folder_is_served_once_at_a_time(node: CountyNode, fake_hub: FakeHub, clock: FakeClock) -> None:
    first = served_by(fake_hub, node, clock)
    async with serving(first, lifespan="on"):
        with pytest.raises(Unavailable) as caught:
            create_county_app(node, clock=clock)
    assert caught.value.code == "store_stopped"
    async with serving(served_by(fake_hub, node, clock), lifespan="on") as url:
        assert httpx2.URL(url).host == "127.0.0.1"


@pytest.mark.parametrize("name", ["policy", "genesis", "hub-jwks.json"])
def test_without_the_alliances_files_a_node_does_not_serve(node: CountyNode, clock: FakeClock, name: str) -> None:
    (node.data / name).unlink()
    with pytest.raises(Unavailable) as caught:
        create_county_app(node, clock=clock)
    assert caught.value.code == "not_ready"


@pytest.mark.parametrize("name", ["policy", "hub-jwks.json"])
def test_a_damaged_file_of_the_alliance_stops_the_start(node: CountyNode, clock: FakeClock, name: str) -> None:
    path: Path = node.data / name
    path.write_bytes(b"quorum")
    with pytest.raises(Malformed):
        create_county_app(node, clock=clock)


def test_an_auditor_that_the_policy_does_not_name_is_said(node: CountyNode, clock: FakeClock) -> None:
    """It would replay the log for nobody: the hub asks for the cosignatures of those in the policy."""
    with pytest.raises(Malformed, match="`tongban county rotate --use auditor` makes one"):
        AuditorPart(node, clock, httpx2.AsyncClient())
    vkey = rotate(node, "auditor", now=NOW).file.cosigners["auditor"]
    with capture_logs() as unnamed, closing(open_county(node.data, PASSPHRASE, random=bytes)) as again:
        AuditorPart(again, clock, httpx2.AsyncClient()).close()
    with (node.data / "policy").open("a", encoding="utf-8") as policy:
        policy.write(f"witness own {vkey}\n")
    with capture_logs() as named, closing(open_county(node.data, PASSPHRASE, random=bytes)) as again:
        AuditorPart(again, clock, httpx2.AsyncClient()).close()
    said = {"event": "auditor_not_in_policy", "log_level": "warning", "auditor": "370214.tongban.example/auditor"}
    assert (unnamed, named) == ([said], [])
