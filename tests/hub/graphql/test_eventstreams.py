"""Server-sent events over a real connection: exact lines, resumption by Last-Event-ID, refusals with their status."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

from tests.casefile import CHENGYANG, CaseFile, case_number
from tests.event_world import until
from tests.live_streams import BEGINNING, EVENTS, LiveStreams

BODY: Final = {"query": EVENTS.replace("cursor kind", "kind"), "variables": {"after": BEGINNING}}
MATTER: Final = '{ matter(code: "1") { name } }'
GOOD: Final = {"Authorization": "Bearer good", "Accept": "text/event-stream"}


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[LiveStreams]:
    async with LiveStreams.running(tmp_path) as running:
        yield running


async def lines(
    hub: LiveStreams, count: int, *, method: str = "POST", headers: Any = GOOD, **request: Any
) -> list[str]:
    """Open a stream and give its first lines, comments and empty lines left out."""
    found: list[str] = []
    async with (
        httpx2.AsyncClient(timeout=20) as http,
        http.stream(method, f"{hub.url}/graphql/stream", headers=headers, **request) as answer,
    ):
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        assert answer.headers["cache-control"] == "no-store"
        async for line in answer.aiter_lines():
            if line not in {"", ":"}:
                found.append(line)
            if len(found) == count:
                break
    return found


def _told(hub: LiveStreams, number: int) -> list[str]:
    event = hub.world.events[number - 1]
    data = json.dumps({"data": {"caseEvents": {"kind": event.kind, "caseNumber": event.case}}}, separators=(",", ":"))
    return [f"id: {event.cursor}", "event: next", f"data: {data}"]


async def _opened(hub: LiveStreams, *serials: int) -> None:
    await hub.state(*(CaseFile(number=case_number(serial)).apply() for serial in serials))


async def test_an_event_is_named_by_its_cursor_and_a_client_goes_on_behind_it(hub: LiveStreams) -> None:
    await _opened(hub, 1, 2, 3)
    first = await lines(hub, 6, json=BODY)
    assert first == _told(hub, 1) + _told(hub, 2)
    again = {**GOOD, "Last-Event-ID": first[3].removeprefix("id: ")}
    assert await lines(hub, 3, headers=again, json=BODY) == _told(hub, 3)
    assert hub.world.followers.live <= 1


async def test_a_stream_by_get(hub: LiveStreams) -> None:
    await _opened(hub, 1)
    query = {"query": BODY["query"], "variables": json.dumps(BODY["variables"])}
    assert await lines(hub, 3, method="GET", params=query) == _told(hub, 1)


async def test_a_query_is_one_event_and_the_end(hub: LiveStreams) -> None:
    found = await lines(hub, 5, json={"query": MATTER})
    assert found == ["event: next", 'data: {"data":{"matter":{"name":"名"}}}', "event: complete", "data:"]


async def test_a_token_that_ends_ends_the_stream_with_its_code(hub: LiveStreams) -> None:
    reading = asyncio.create_task(lines(hub, 9, json={"query": EVENTS}))
    await until(lambda: hub.world.followers.live)
    del hub.tokens["good"]
    event, data, *rest = await reading
    assert (event, rest) == ("event: next", ["event: complete", "data:"])
    (error,) = json.loads(data.removeprefix("data: "))["errors"]
    assert error["extensions"] == {"code": "invalid_token"}


async def test_a_client_that_leaves_gives_its_place_back(hub: LiveStreams) -> None:
    await _opened(hub, 1)
    for _ in range(6):  # more than there are places
        await lines(hub, 3, json=BODY)
        await until(lambda: not hub.live.open)
    assert hub.world.followers.live == 0


REFUSED: Final[list[tuple[dict[str, Any], dict[str, Any], int, str]]] = [
    ({"headers": {"Accept": "application/json"}}, {"json": BODY}, 406, "bad_request"),
    ({"headers": {"Authorization": "Bearer bad"}}, {"json": BODY}, 401, "invalid_token"),
    ({"headers": {}}, {"json": BODY}, 401, "token_required"),
    ({"headers": {"Authorization": "Bearer reader"}}, {"json": BODY}, 403, "forbidden"),
    ({"headers": GOOD}, {"json": {"query": "subscription { nothing }"}}, 400, "bad_document"),
    ({"headers": GOOD}, {"json": []}, 400, "bad_request"),
    ({"headers": {**GOOD, "Last-Event-ID": "x" * 65}}, {"json": BODY}, 400, "bad_cursor"),
    ({"headers": {**GOOD, "Content-Type": "text/plain"}}, {"content": b"{}"}, 415, "bad_request"),
    ({"headers": GOOD}, {"content": b"{", "headers": {**GOOD, "Content-Type": "application/json"}}, 400, "bad_json"),
]  # fmt: skip


async def test_what_cannot_begin_says_why_with_a_status(hub: LiveStreams) -> None:
    async with httpx2.AsyncClient(timeout=20) as http:
        for one, other, status, code in REFUSED:
            answer = await http.post(f"{hub.url}/graphql/stream", **{**one, **other})
            assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (status, code), (
                one,
                other,
            )
        answer = await http.get(
            f"{hub.url}/graphql/stream", params={"query": "mutation { submitEntries(entries: []) { __typename } }"}
        )
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_a_cursor_that_is_none_ends_the_stream_with_its_code(hub: LiveStreams) -> None:
    found = await lines(hub, 4, headers={**GOOD, "Last-Event-ID": "mine"}, json=BODY)
    assert json.loads(found[1].removeprefix("data: "))["errors"][0]["extensions"] == {"code": "bad_cursor"}
    assert found[2:] == ["event: complete", "data:"]


async def test_streams_beyond_the_bound_are_told_to_come_again(tmp_path: Path) -> None:
    asked: Any = {"headers": GOOD, "json": {"query": EVENTS}}
    async with (
        LiveStreams.running(tmp_path, connections=1) as hub,
        httpx2.AsyncClient(timeout=20) as http,
        http.stream("POST", f"{hub.url}/graphql/stream", **asked) as first,
    ):
        assert first.status_code == 200
        await until(lambda: hub.live.open)
        second = await http.post(f"{hub.url}/graphql/stream", **asked)
        assert (second.status_code, second.headers["retry-after"]) == (503, "1")


async def test_streams_of_a_county_beyond_its_bound_leave_the_others_their_places(tmp_path: Path) -> None:
    body = {"query": EVENTS}
    async with (
        LiveStreams.running(tmp_path, of_county=1) as hub,
        httpx2.AsyncClient(timeout=20) as http,
        http.stream("POST", f"{hub.url}/graphql/stream", headers=GOOD, json=body) as first,
    ):
        assert first.status_code == 200
        await until(lambda: hub.live.open)
        second = await http.post(f"{hub.url}/graphql/stream", headers=GOOD, json=body)
        assert (second.status_code, second.json()["errors"][0]["extensions"]["code"]) == (503, "pushback")
        other = GOOD | {"Authorization": "Bearer other"}
        async with http.stream("POST", f"{hub.url}/graphql/stream", headers=other, json=body) as third:
            assert third.status_code == 200


async def test_a_subscription_at_the_plain_endpoint_is_told_where_to_go(hub: LiveStreams) -> None:
    async with httpx2.AsyncClient() as http:
        headers = {**GOOD, "Accept": "application/graphql-response+json"}
        answer = await http.post(f"{hub.url}/graphql", headers=headers, json={"query": EVENTS})
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["message"].endswith("or to /graphql/stream")
        cursor = await http.post(f"{hub.url}/graphql", headers=headers, json={"query": "{ caseEventFeed { newest } }"})
        assert cursor.json() == {"data": {"caseEventFeed": {"newest": BEGINNING}}}
        assert hub.tokens["good"].county == CHENGYANG
