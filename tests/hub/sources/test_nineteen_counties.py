"""The whole alliance in one answer: nineteen counties by node, legacy service and vault, two dead and one slow."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.auth import TokenIssuer
from hub.envelope import FaceCipher
from hub.sources import LegacyService, LegacySource, NodeSource, RecordSource, Sources, VaultSource, VaultStore
from schema.context import FaceAnswer, FaceRequest
from tests.entropy import seeded, signer_of
from tests.legacy_server import ACCESS, Holdings, legacy_app
from tests.ports import CLERK, NOW, FakeClock
from tests.servers import serving

COUNTIES: Final = tuple(f"{number:06d}" for number in range(370201, 370220))
DEAD: Final = COUNTIES[:2]
SLOW: Final = COUNTIES[2]
BY_LEGACY: Final = frozenset(COUNTIES[3::2])
NAMES: Final = {"certificateName": "营业执照"}
ISSUER: Final = TokenIssuer(signer_of("hub token"), issuer="https://hub.example", random=seeded("nineteen"))
DEADLINE_MS: Final = 5_000
Asked = Callable[[], Awaitable[list[FaceAnswer]]]


async def _node(request: Request) -> Response:
    rows = (await request.json())["requests"]
    faces = [{"certificateIdentifier": row["certificateIdentifier"], "values": NAMES, "code": None} for row in rows]
    return JSONResponse({"faces": faces, "asOf": NOW - 7})


def _legacy(url: str, client: httpx2.AsyncClient, clock: FakeClock) -> LegacySource:
    paths: Any = {call: f"/share/{call}" for call in ("search", "metadata", "verify")}
    service = LegacyService(
        url=url, paths=paths, access_id=ACCESS["accessId"], access_token=ACCESS["accessToken"], client=client
    )
    return LegacySource(service=service, clock=clock)


@pytest.fixture
async def alliance(tmp_path: Path) -> AsyncIterator[tuple[Sources, FakeClock]]:
    """Give the sources of nineteen counties."""
    clock = FakeClock(NOW)
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(httpx2.AsyncClient(trust_env=False))
        node = await stack.enter_async_context(
            serving(Starlette(routes=[Route("/records/faces", _node, methods=["POST"])]))
        )
        held = {f"license of {county}": {"ZZBS": f"license of {county}", "ZZMC": "营业执照"} for county in COUNTIES}
        legacy = await stack.enter_async_context(serving(legacy_app(Holdings(faces=held))))
        silent = await stack.enter_async_context(serving(legacy_app(Holdings(fault="silent"))))
        urls = dict.fromkeys(DEAD, "http://127.0.0.1:1") | {SLOW: silent}
        counties: dict[str, RecordSource] = {
            county: _legacy(urls.get(county, legacy), client, clock)
            if county in BY_LEGACY or county == SLOW
            else NodeSource(county=county, url=urls.get(county, node), client=client, issuer=ISSUER, clock=clock)
            for county in COUNTIES
        }
        store = VaultStore(tmp_path / "vault.sqlite", FaceCipher(bytes(32), seeded("vault")), lambda _leaf: True)
        stack.callback(store.close)
        yield Sources(counties, VaultSource(store, clock), clock=clock, deadline_ms=DEADLINE_MS), clock


def _request(county: str) -> FaceRequest:
    return FaceRequest(
        certificate_identifier=f"license of {county}", county=county, fields=("certificateName",), use_cause="办理",
        caller=CLERK,
    )  # fmt: skip


def _good(county: str) -> FaceAnswer:
    legacy = county in BY_LEGACY
    return FaceAnswer(values=NAMES, source="legacy" if legacy else "node", as_of=NOW if legacy else NOW - 7)


async def test_sixteen_counties_answer_with_their_age_and_three_are_named(
    alliance: tuple[Sources, FakeClock],
) -> None:
    sources, clock = alliance
    answers = await sources.faces([_request(county) for county in COUNTIES])
    bad = {county: answer for county, answer in zip(COUNTIES, answers, strict=True) if answer.values is None}
    assert bad == {
        DEAD[0]: FaceAnswer(values=None, code="source_unavailable"),
        DEAD[1]: FaceAnswer(values=None, code="source_unavailable"),
        SLOW: FaceAnswer(values=None, code="deadline"),
    }
    assert list(answers[3:]) == [_good(county) for county in COUNTIES[3:]]
    assert set(sources.states().values()) == {"closed"}
    for _ in range(4):
        await sources.faces([_request(county) for county in DEAD])
    assert {county for county, state in sources.states().items() if state == "open"} == set(DEAD)
    clock.advance(10)
    assert {county for county, state in sources.states().items() if state == "half-open"} == set(DEAD)
