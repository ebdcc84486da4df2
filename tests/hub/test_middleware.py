"""The rings around a request: what nobody foresaw is masked, counted, and logged without its text."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest
import structlog
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from hub.middleware import Bounded, Masked, Observed
from hub.observability import Metrics
from hub.turns import TurnLimits, Turns
from tests.servers import serving

SECRET = "370214199001010014"  # stands for what an error's text may hold


async def _fails(_request: Request) -> Response:
    raise ValueError(SECRET)


async def _breaks_off(_request: Request) -> Response:
    async def body() -> AsyncIterator[bytes]:
        yield b"begun"
        raise ValueError(SECRET)

    return StreamingResponse(body())


def _app(metrics: Metrics) -> Starlette:
    routes = [Route("/vault/fails", _fails), Route("/vault/breaks", _breaks_off)]
    return Starlette(routes=routes, middleware=[Middleware(Observed, metrics=metrics)])


async def test_an_unforeseen_error_is_masked_and_logged_by_its_class() -> None:
    metrics = Metrics()
    with structlog.testing.capture_logs() as lines:
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(_app(metrics))) as http:
            answer = await http.get("http://hub/vault/fails")
    told = answer.json()["error"]
    assert (answer.status_code, told["code"], told["message"]) == (500, "internal", "internal error")
    assert answer.headers["cache-control"] == "no-store"
    unexpected, answered = lines
    assert (unexpected["error"], unexpected["request_id"]) == ("ValueError", told["requestId"])
    assert (answered["status"], answered["codes"], answered["request_id"]) == (500, "internal", told["requestId"])
    assert SECRET not in f"{lines}{answer.text}"
    assert b'tongban_requests_total{route="vault",status="500"} 1.0' in metrics.text()


async def test_the_ring_that_masks_alone_does_so_too() -> None:
    """What a county node has around its requests."""
    routes = [Route("/vault/fails", _fails), Route("/vault/breaks", _breaks_off)]
    app = Starlette(routes=routes, middleware=[Middleware(Masked)])
    with structlog.testing.capture_logs() as lines:
        async with serving(app) as url, httpx2.AsyncClient(base_url=url) as http:
            answer = await http.get("/vault/fails")
            with pytest.raises(httpx2.RemoteProtocolError):
                await http.get("/vault/breaks")
    told = answer.json()["error"]
    assert (answer.status_code, told["code"], answer.headers["cache-control"]) == (500, "internal", "no-store")
    assert [line["event"] for line in lines] == ["unexpected_error"] * 2
    assert lines[0]["request_id"] == told["requestId"]
    assert SECRET not in f"{lines}{answer.text}"


async def test_a_direct_path_goes_past_the_router() -> None:
    """An exact path of HTTP, and no other; the rings around it stay."""
    asked: list[str] = []

    async def endpoint(scope: Scope, _receive: Receive, send: Send) -> None:
        asked.append(scope["path"])
        if len(asked) > 1:
            raise ValueError(SECRET)
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    metrics = Metrics()
    app = Starlette(middleware=[Middleware(Observed, metrics=metrics, direct={"/graphql": endpoint})])
    with structlog.testing.capture_logs():
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://hub") as http:
            found = [(await http.post(path)).status_code for path in ("/graphql", "/graphql/", "/other", "/graphql")]
    assert (found, asked) == ([204, 404, 404, 500], ["/graphql", "/graphql"])
    assert b'tongban_requests_total{route="graphql",status="204"} 1.0' in metrics.text()


async def test_a_path_without_a_slash_is_answered_as_any_other() -> None:
    """`OPTIONS * HTTP/1.1` (RFC 9112, 3.2.4): counted and logged, and no error of ours."""
    metrics = Metrics()
    with structlog.testing.capture_logs():
        async with serving(_app(metrics)) as url:
            host, port = url.removeprefix("http://").split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(f"OPTIONS * HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            answer = await reader.read()
            writer.close()
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b'tongban_requests_total{route="other",status="404"} 1.0' in metrics.text()


async def test_an_answer_that_fails_on_its_way_is_cut_off_without_a_word() -> None:
    with structlog.testing.capture_logs() as lines:
        async with serving(_app(Metrics())) as url, httpx2.AsyncClient() as http:
            with pytest.raises(httpx2.RemoteProtocolError):
                await http.get(f"{url}/vault/breaks")
    assert [line["event"] for line in lines] == ["unexpected_error", "answered"]
    assert SECRET not in str(lines)


async def test_what_is_too_much_is_turned_away_before_any_work() -> None:
    """One place, nobody may wait: the second request is told to come again, and health is told all the same."""
    free, begun, asked = asyncio.Event(), asyncio.Event(), list[str]()

    async def slow(request: Request) -> Response:
        asked.append(request.url.path)
        begun.set()
        await free.wait()
        return Response(b"done")

    async def health(_request: Request) -> Response:
        return Response(b"ok")

    shed = list[int]()
    turns = Turns(TurnLimits(at_once=1, waiting=0), on_shed=lambda: shed.append(1))
    routes = [Route("/ledger/head", slow), Route("/readyz", health)]
    rings = [Middleware(Observed, metrics=Metrics()), Middleware(Bounded, turns=turns)]
    app = Starlette(routes=routes, middleware=rings)
    with structlog.testing.capture_logs() as lines:
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://hub") as http:
            first = asyncio.create_task(http.get("/ledger/head"))
            await begun.wait()
            second, ready = await http.get("/ledger/head"), await http.get("/readyz")
            free.set()
            answers = [(await first).content, (await http.get("/ledger/head")).content, ready.content]
    assert (second.status_code, second.headers["retry-after"], second.json()["error"]["code"]) == (503, "1", "pushback")
    assert (answers, asked, shed) == ([b"done", b"done", b"ok"], ["/ledger/head"] * 2, [1])
    assert [line["log_level"] for line in lines] == ["debug"] * 4


async def test_a_client_that_sends_slowly_holds_no_place() -> None:
    rest, read = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield b"x"
        read.set()
        await rest.wait()

    async def endpoint(request: Request) -> Response:
        return Response(await request.body())

    turns = Turns(TurnLimits(at_once=1, waiting=0))
    app = Starlette(
        routes=[Route("/vault/faces", endpoint, methods=["POST"])], middleware=[Middleware(Bounded, turns=turns)]
    )
    async with serving(app) as url, httpx2.AsyncClient() as http:
        slow = asyncio.create_task(http.post(f"{url}/vault/faces", content=slowly()))
        await read.wait()
        quick = await http.post(f"{url}/vault/faces", content=b"y")
        rest.set()
        assert ((await slow).content, quick.content, turns.working) == (b"x", b"y", 0)
