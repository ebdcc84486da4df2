"""What every FaceSources must do, held against the fake, county nodes and legacy services over HTTP, and the vault."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import httpx2
import pytest

from hub.county.application import create_county_app
from hub.envelope import FaceCipher
from hub.logclient import HttpLog
from hub.sources import LegacyService, LegacySource, NodeSource, RecordSource, Sources, VaultSource, VaultStore
from schema.context import FaceRequest, FaceSources
from tests.alliance import HUB_URL, NOW, Alliance, found_alliance, identifier_of, license_of
from tests.entropy import seeded
from tests.legacy_server import ACCESS, Holdings, legacy_app, on_the_wire
from tests.ports import CLERK, FakeClock, FakeFaceSources
from tests.servers import serving

KINDS: Final = ("fake", "legacy", "node", "vault")
COUNTIES: Final = ("320583", "370214")
SEALED: Final = {"370214": (1, 2), "320583": (3,)}


@pytest.fixture
def alliance(tmp_path: Path) -> Iterator[Alliance]:
    """Give two counties that sealed three licenses."""
    founded = found_alliance(tmp_path)
    for county, numbers in SEALED.items():
        founded.nodes[county].seal_many([license_of(number, county=county) for number in numbers], NOW)
    yield founded
    founded.close()


@pytest.fixture(params=KINDS)
async def sources(request: pytest.FixtureRequest, alliance: Alliance, tmp_path: Path) -> AsyncIterator[FaceSources]:
    """Give each kind of source over the same three licenses."""
    async with AsyncExitStack() as stack:
        if request.param == "fake":
            licenses = [license_of(number, county=county) for county, numbers in SEALED.items() for number in numbers]
            yield FakeFaceSources(kept={each.identifier: each.claims() for each in licenses})
            return
        store = VaultStore(tmp_path / "vault.sqlite", FaceCipher(bytes(32), seeded("vault")), lambda _leaf: True)
        stack.callback(store.close)
        clock = FakeClock(NOW)
        counties: dict[str, RecordSource] = {}
        if request.param == "vault":
            _deposit(store, alliance)
        elif request.param == "node":
            counties |= {county: await _node(stack, alliance, county, clock) for county in COUNTIES}
        else:
            counties |= {county: await _legacy(stack, county, clock) for county in COUNTIES}
        yield Sources(counties, VaultSource(store, clock), clock=clock, deadline_ms=10_000)


async def _legacy(stack: AsyncExitStack, county: str, clock: FakeClock) -> LegacySource:
    """Start a GB/T 36906 service that holds the county's licenses."""
    held = [license_of(number, county=county) for number in SEALED[county]]
    holdings = Holdings(faces={each.identifier: on_the_wire(each.claims()) for each in held}, says_too_much=True)
    client = await stack.enter_async_context(httpx2.AsyncClient(trust_env=False))
    service = LegacyService(
        url=await stack.enter_async_context(serving(legacy_app(holdings))),
        paths={"search": "/share/search", "metadata": "/share/metadata", "verify": "/share/verify"},
        access_id=ACCESS["accessId"],
        access_token=ACCESS["accessToken"],
        client=client,
    )
    return LegacySource(service=service, clock=clock)


def _deposit(store: VaultStore, alliance: Alliance) -> None:
    for county, numbers in SEALED.items():
        for number in numbers:
            face = alliance.nodes[county].records.face(str(identifier_of(number, county)))
            assert face is not None
            store.deposit(county, face.sd_jwt, NOW)


async def _node(stack: AsyncExitStack, alliance: Alliance, county: str, clock: FakeClock) -> NodeSource:
    """Put a county's whole application behind an in-process transport; the outbox's worker does not run."""
    dead = httpx2.MockTransport(lambda _request: httpx2.Response(503))
    log = HttpLog(f"{HUB_URL}/ledger", stack.enter_context(httpx2.Client(transport=dead)), attempts=1)
    app = create_county_app(alliance.nodes[county], clock=clock, transport=dead, log=log)
    await stack.enter_async_context(app.router.lifespan_context(app))
    client = await stack.enter_async_context(httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app)))
    url = alliance.nodes[county].config.url
    return NodeSource(county=county, url=url, client=client, issuer=alliance.issuer, clock=clock)


def _request(county: str, number: int, *fields: str) -> FaceRequest:
    return FaceRequest(
        certificate_identifier=str(identifier_of(number, county)),
        county=county,
        fields=fields,
        use_cause="办理",
        caller=CLERK,
    )


async def test_faces_of_several_counties_come_in_the_order_asked(sources: FaceSources) -> None:
    asked = [_request("320583", 3, "certificateNumber"), _request("370214", 1, "certificateNumber"),
             _request("320583", 3, "certificateName"), _request("370214", 2, "certificateNumber")]  # fmt: skip
    answers = await sources.faces(asked)
    assert [answer.values for answer in answers] == [
        {"certificateNumber": "SD-3"}, {"certificateNumber": "SD-1"}, {"certificateName": "营业执照"},
        {"certificateNumber": "SD-2"},
    ]  # fmt: skip
    assert [(answer.code, answer.as_of) for answer in answers] == [(None, NOW)] * 4


async def test_no_fields_means_the_whole_face(sources: FaceSources) -> None:
    (answer,) = await sources.faces([_request("370214", 1)])
    assert answer.values == license_of(1).claims()


async def test_a_license_that_is_not_kept_is_absent_and_spoils_no_other(sources: FaceSources) -> None:
    missing, found = await sources.faces([_request("370214", 9), _request("370214", 1, "KZ_ADDRESS")])
    assert (missing.values, missing.code) == (None, "absent")
    assert (found.values, found.code) == ({"KZ_ADDRESS": "示例路1号"}, None)


async def test_a_field_that_the_license_lacks_is_left_out(sources: FaceSources) -> None:
    (answer,) = await sources.faces([_request("370214", 1, "KZ_NOTHING")])
    assert (answer.values, answer.code) == ({}, None)


async def test_nothing_asked_is_nothing_answered(sources: FaceSources) -> None:
    assert list(await sources.faces([])) == []
