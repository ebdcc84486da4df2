"""All sources at once, over real sockets: one bad county costs the others nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from hub.auth import TokenIssuer
from hub.envelope import FaceCipher
from hub.sources import NodeSource, Sources, VaultSource, VaultStore
from hub.sources.node import MAX_ANSWER_BYTES
from schema.context import FaceAnswer, FaceRequest
from tests.entropy import seeded, signer_of
from tests.ports import CLERK, NOW, FakeClock
from tests.servers import serving

ISSUER: Final = TokenIssuer(signer_of("hub token"), issuer="https://hub.example", random=seeded("gathering"))
PATIENT_MS: Final = 60_000
SHORT_MS: Final = 5_000
"""Somebody misses it; the others need a hundredth of it where a core is free for them."""
Handler = Callable[[Request], Awaitable[Response]]


def _face(county: str, name: str = "certificateName", *, use_cause: str = "x") -> FaceRequest:
    return FaceRequest(
        certificate_identifier=f"license of {county}", county=county, fields=(name,), use_cause=use_cause, caller=CLERK
    )


def _values(name: str = "certificateName") -> dict[str, Any]:
    return {name: "营业执照"}


async def _honest(request: Request) -> Response:
    body = await request.json()
    faces = [
        {"certificateIdentifier": row["certificateIdentifier"], "values": _values(), "code": None}
        for row in body["requests"]
    ]
    return JSONResponse({"faces": faces, "asOf": NOW - 3})


def _answers(body: object) -> Handler:
    async def answer(request: Request) -> Response:
        await request.body()
        return JSONResponse(body)

    return answer


def _one(**changes: Any) -> Handler:
    return _answers({"faces": [{"certificateIdentifier": "license of bad", "values": _values(), "code": None} | changes],
                     "asOf": NOW})  # fmt: skip


async def _silent(_request: Request) -> Response:
    await asyncio.Event().wait()
    return Response()


async def _huge(_request: Request) -> Response:
    return Response(b" " * (MAX_ANSWER_BYTES + 1))


async def _trickle(_request: Request) -> Response:
    async def drops() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0.02)

    return StreamingResponse(drops())


async def _redirecting(request: Request) -> Response:
    return Response(status_code=307, headers={"Location": str(request.url)})


async def _refusing(_request: Request) -> Response:
    return JSONResponse({"error": {"code": "token_required"}}, 401)


async def _cut(_request: Request) -> Response:
    return Response(b'{"faces":', headers={"Content-Length": "9"})


BAD: Final[Mapping[str, tuple[Handler, str]]] = {
    "silent": (_silent, "deadline"),
    "a byte at a time": (_trickle, "deadline"),
    "too large": (_huge, "source_unavailable"),
    "no JSON": (_cut, "source_unavailable"),
    "a redirect": (_redirecting, "source_unavailable"),
    "a refusal": (_refusing, "source_unavailable"),
    "a list": (_answers([]), "source_unavailable"),
    "no face": (_answers({"faces": [], "asOf": NOW}), "source_unavailable"),
    "another license": (_one(certificateIdentifier="license of good"), "source_unavailable"),
    "another field": (_one(values=_values("certificateHolderCode")), "source_unavailable"),
    "a member of its own": (_one(note="x"), "source_unavailable"),
    "values and code": (_one(code="absent"), "source_unavailable"),
    "a code of its own": (_one(values=None, code="forbidden"), "source_unavailable"),
    "values that are a list": (_one(values=[]), "source_unavailable"),
    "a time that is no time": (_answers({"faces": [], "asOf": "now"}), "source_unavailable"),
}


class World:
    """Nodes by county over loopback, an empty vault, a clock; what the sources reported."""

    def __init__(self, sources: Sources, clock: FakeClock, calls: dict[str, int], outcomes: list[str]) -> None:
        self.sources, self.clock, self.calls, self.outcomes = sources, clock, calls, outcomes

    async def ask(self, *requests: FaceRequest) -> list[FaceAnswer]:
        return list(await self.sources.faces(requests))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[World]]]:
    """Give a function that starts nodes and puts sources over them."""
    stack = AsyncExitStack()
    store = VaultStore(tmp_path / "vault.sqlite", FaceCipher(bytes(32), seeded("vault")), lambda _leaf: True)
    stack.callback(store.close)

    async def build(deadline_ms: int = PATIENT_MS, **handlers: Handler) -> World:
        clock, calls, outcomes = FakeClock(NOW), dict.fromkeys(handlers, 0), []
        client = await stack.enter_async_context(httpx2.AsyncClient(trust_env=False))
        nodes = {}
        for county, handler in handlers.items():
            url = await stack.enter_async_context(serving(_app(county, handler, calls)))
            nodes[county] = NodeSource(county=county, url=url, client=client, issuer=ISSUER, clock=clock)
        vault = VaultSource(store, clock)
        sources = Sources(nodes, vault, clock=clock, deadline_ms=deadline_ms, on_outcome=outcomes.append)
        return World(sources, clock, calls, outcomes)

    yield build
    await stack.aclose()


def _app(county: str, handler: Handler, calls: dict[str, int]) -> Starlette:
    async def counted(request: Request) -> Response:
        calls[county] += 1
        return await handler(request)

    return Starlette(routes=[Route("/records/faces", counted, methods=["POST"])])


GOOD: Final = FaceAnswer(values=_values(), source="node", as_of=NOW - 3)


async def test_one_call_a_county_and_answers_in_order(world: Any) -> None:
    built = await world(good=_honest, other=_honest)
    answers = await built.ask(_face("good"), _face("other"), _face("good"), _face("nobody"))
    assert answers == [GOOD, GOOD, GOOD, FaceAnswer(values=None, source="vault", as_of=NOW, code="absent")]
    assert built.calls == {"good": 1, "other": 1}
    assert sorted(built.outcomes) == ["absent", "ok", "ok", "ok"]


async def test_two_use_causes_are_two_calls(world: Any) -> None:
    built = await world(good=_honest)
    await built.ask(_face("good"), _face("good", use_cause="y"))
    assert built.calls == {"good": 2}


@pytest.mark.parametrize("case", BAD)
async def test_a_bad_county_loses_its_own_faces_only(world: Any, case: str) -> None:
    handler, code = BAD[case]
    built = await world(SHORT_MS if code == "deadline" else PATIENT_MS, good=_honest, bad=handler)
    good, bad, again = await built.ask(_face("good"), _face("bad"), _face("good"))
    assert (good, again) == (GOOD, GOOD)
    assert bad == FaceAnswer(values=None, code=code)


async def test_a_dead_county_loses_its_own_faces_only(world: Any) -> None:
    built = await world(good=_honest)
    dead = NodeSource(
        county="dead", url="http://127.0.0.1:1", client=built.sources._counties["good"].client, issuer=ISSUER,
        clock=built.clock,
    )  # fmt: skip
    sources = Sources(
        {**built.sources._counties, "dead": dead}, built.sources._vault, clock=built.clock, deadline_ms=PATIENT_MS
    )
    answers = await sources.faces([_face("dead"), _face("good")])
    assert list(answers) == [FaceAnswer(values=None, code="source_unavailable"), GOOD]


class StuckVault(VaultSource):
    """A vault whose file stays locked."""

    async def faces(self, requests: Sequence[FaceRequest]) -> list[FaceAnswer]:
        await asyncio.Event().wait()
        return []


async def test_a_vault_that_is_stuck_costs_the_deadline_and_no_more(world: Any) -> None:
    built = await world(good=_honest)
    stuck = StuckVault(built.sources._vault._store, built.clock)
    sources = Sources(built.sources._counties, stuck, clock=built.clock, deadline_ms=SHORT_MS)
    async with asyncio.timeout(60):
        answers = await sources.faces([_face("good"), _face("nobody")])
    assert list(answers) == [GOOD, FaceAnswer(values=None, code="source_unavailable")]


async def test_a_county_that_fails_again_and_again_is_left_alone_for_a_while(world: Any) -> None:
    built = await world(bad=_refusing)
    for _ in range(8):
        (answer,) = await built.ask(_face("bad"))
        assert answer.code == "source_unavailable"
    assert built.calls == {"bad": 5}
    built.clock.advance(10)
    await built.ask(_face("bad"))
    await built.ask(_face("bad"))
    assert built.calls == {"bad": 6}


async def test_a_clock_that_is_ahead_makes_nothing_fresher(world: Any) -> None:
    body = {"faces": [{"certificateIdentifier": "license of bad", "values": {}, "code": None}], "asOf": NOW + 10**8}
    built = await world(bad=_answers(body))
    (answer,) = await built.ask(_face("bad"))
    assert (answer.as_of, answer.values) == (NOW, {})


async def test_more_licenses_than_fit_a_call_are_asked_in_several(world: Any) -> None:
    built = await world(good=_honest)
    answers = await built.ask(*[_face("good")] * 600)
    assert answers == [GOOD] * 600
    assert built.calls == {"good": 3}


async def test_nothing_asked_is_nothing_answered(world: Any) -> None:
    assert await (await world(good=_honest)).ask() == []


async def test_a_caller_that_gives_up_does_not_count_against_the_county(world: Any) -> None:
    built = await world(bad=_silent)
    for _ in range(6):
        call = asyncio.create_task(built.ask(_face("bad")))
        while not built.calls["bad"]:  # noqa: ASYNC110  # the call arrives at a server of its own
            await asyncio.sleep(0.001)
        built.calls["bad"] = 0
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    assert built.sources._breakers["bad"].state(NOW) == "closed"
