"""graphql-transport-ws over a real socket: every message and every close code, tokens that end, readers that do not read."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest

from hub.graphql.streams import StreamLimits
from tests.casefile import DAY, CaseFile, case_number
from tests.event_world import until
from tests.live_streams import BEGINNING, EVENTS, LiveStreams
from tests.socketclient import SocketClient
from tests.statements import NOW

MATTER: Final = '{ matter(code: "1") { name } }'
INIT: Final = {"type": "connection_init"}


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[LiveStreams]:
    async with LiveStreams.running(tmp_path) as running:
        yield running


def follow(name: str = "1", **variables: Any) -> dict[str, Any]:
    return {"id": name, "type": "subscribe", "payload": {"query": EVENTS, "variables": variables}}


def ask(query: str, name: str = "1", **more: Any) -> dict[str, Any]:
    return {"id": name, "type": "subscribe", "payload": {"query": query, **more}}


def opened_case(serial: int = 1) -> bytes:
    return CaseFile(number=case_number(serial)).apply()


async def test_an_event_comes_to_who_waits_for_it(hub: LiveStreams) -> None:
    async with SocketClient.connected(f"{hub.url}/graphql") as client:
        assert client.subprotocol == "graphql-transport-ws"
        await client.begin("good")
        client.send(follow())
        client.send({"type": "ping"})
        assert await client.receive() == {"type": "pong"}
        await until(lambda: hub.world.followers.live)
        await hub.state(opened_case())
        event = {"cursor": hub.world.events[0].cursor, "kind": "STEP", "caseNumber": case_number()}
        assert await client.receive() == {"id": "1", "type": "next", "payload": {"data": {"caseEvents": event}}}
        client.send({"id": "1", "type": "complete"})
        client.send({"type": "ping", "payload": {"n": 1}})
        assert await client.receive() == {"type": "pong"}
        assert hub.world.followers.live == 0
        assert [(each.root_field, each.use_cause, each.county) for each in hub.journal.records] == [
            ("caseEvents", "办件跟踪", "370214")
        ]


async def test_events_are_chosen_by_kind_case_and_place(hub: LiveStreams) -> None:
    hub.world.clock.now = NOW + 10 * DAY
    await hub.state(opened_case(1), opened_case(2))
    async with SocketClient.connected(f"{hub.url}/graphql", token="good") as client:
        await client.begin()
        client.send(follow("kinds", after=BEGINNING, kinds=["LAMP"], case=case_number(2)))
        lamp = (await client.receive())["payload"]["data"]["caseEvents"]
        assert (lamp["kind"], lamp["caseNumber"]) == ("LAMP", case_number(2))
        client.send({"id": "kinds", "type": "complete"})
        client.send(follow("place", after=hub.world.events[-2].cursor))
        found = (await client.receive())["payload"]["data"]["caseEvents"]
        assert found["cursor"] == hub.world.events[-1].cursor


async def test_a_query_is_answered_once_and_completes(hub: LiveStreams) -> None:
    async with SocketClient.connected(f"{hub.url}/graphql") as client:
        await client.begin("good")
        client.send(ask(MATTER, "q", operationName=None))
        assert await client.receive() == {"id": "q", "type": "next", "payload": {"data": {"matter": {"name": "名"}}}}
        assert await client.receive() == {"id": "q", "type": "complete"}
        client.send(ask(MATTER, "q"))  # an id that has ended is free again
        assert (await client.receive())["type"] == "next"


REFUSED: Final[list[tuple[str, dict[str, Any], str]]] = [
        ("reader", follow(), "forbidden"),
        ("good", follow(after="x"), "bad_cursor"),
        ("good", follow(after="B" * 43), "bad_cursor"),
        ("good", ask("subscription { nothing }"), "bad_document"),
        ("good", ask("{"), "bad_document"),
        ("good", ask(""), "bad_request"),
        ("good", ask(MATTER, other=1), "unknown_member"),
        ("good", ask('subscription { a: caseEvents(useCause: "x") { id } b: caseEvents(useCause: "x") { id } }'), "bad_document"),
        ("good", ask("subscription { caseEvents { id } }"), "bad_document"),
        ("good", ask('subscription { caseEvents(useCause: "") { id } }'), "use_cause"),
        ("good", ask("{ " + "a " * 1200 + "}"), "limit_exceeded"),
        ("good", ask("{ __schema { types { name } } }"), "bad_document"),
    ]  # fmt: skip


async def test_what_cannot_be_followed_ends_in_one_error_with_its_code(hub: LiveStreams) -> None:
    for token, message, code in REFUSED:
        async with SocketClient.connected(f"{hub.url}/graphql") as client:
            await client.begin(token)
            client.send(message)
            answer = await client.receive()
            found = (answer["id"], answer["type"], answer["payload"][0]["extensions"]["code"])
            assert found == ("1", "error", code), message
            client.send({"type": "ping"})
            assert await client.receive() == {"type": "pong"}


async def _ended(hub: LiveStreams, *messages: Any, token: str | None = None) -> Any:
    """Send messages and give what ends the socket, answers left aside."""
    async with SocketClient.connected(f"{hub.url}/graphql", token=token) as client:
        for message in messages:
            client.send_bytes(message) if isinstance(message, bytes) else client.send(message)
        while isinstance(answer := await client.receive(), dict):
            pass
        return answer


BROKEN: Final[list[tuple[list[Any], int, str]]] = [
        ([follow()], 4401, "Unauthorized"),
        ([INIT, INIT], 4429, "Too many initialisation requests"),
        ([INIT, follow(after=BEGINNING), follow()], 4409, "Subscriber for 1 already exists"),
        (["{"], 4400, "Expected a JSON object"),
        (["[]"], 4400, "Expected a JSON object"),
        (['{"type":"ping","type":"ping"}'], 4400, "Expected a JSON object"),
        (["[" * 60], 4400, "Expected a JSON object"),
        ([b"{}"], 4400, "Expected a text message"),
        ([{"type": "start"}], 4400, "Invalid message type"),
        ([{}], 4400, "Invalid message type"),
        ([{"type": ["ping"]}], 4400, "Invalid message type"),
        ([INIT, {"type": "subscribe", "id": "1"}], 4400, "Invalid subscribe message"),
        ([INIT, {"type": "subscribe", "id": 1, "payload": {}}], 4400, "Invalid subscribe message"),
        ([INIT, {"type": "subscribe", "id": "", "payload": {}}], 4400, "Invalid subscribe message"),
        ([INIT, {"type": "subscribe", "id": "1", "payload": {}, "x": 1}], 4400, "Invalid subscribe message"),
        ([INIT, {"type": "complete"}], 4400, "Invalid complete message"),
        ([{"type": "ping", "payload": 1}], 4400, "Invalid ping message"),
        ([{**INIT, "payload": {"Authorization": "Bearer bad"}}], 4403, "invalid_token"),
        ([{**INIT, "payload": {"authorization": 7}}], 4403, "invalid_token"),
        ([INIT], 4403, "token_required"),
        ([json.dumps({"type": "ping", "payload": {"x": "x" * 5000}})], 4400, "Expected a JSON object"),
    ]  # fmt: skip


async def test_what_breaks_the_protocol_closes_the_socket(hub: LiveStreams) -> None:
    for messages, code, reason in BROKEN:
        token = None if code in {4401, 4403} else "good"
        assert await _ended(hub, *messages, token=token) == (code, reason), messages
    assert hub.world.followers.live == 0


async def test_a_message_beyond_all_limits_is_never_read(hub: LiveStreams) -> None:
    """The server closes while it comes: 16 MiB is its bound here, 128 KiB in a served hub."""
    assert (await _ended(hub, "x" * (17 << 20)))[0] == 1009


async def test_the_legacy_protocol_is_not_spoken(hub: LiveStreams) -> None:
    """CVE-2026-35523: what is authenticated by connection_init must not be reached by another name."""
    for protocols in (("graphql-ws",), ()):
        async with SocketClient.connected(f"{hub.url}/graphql", protocols=protocols) as client:
            assert client.subprotocol is None
            assert await client.receive() == (4406, "Subprotocol not acceptable")


async def test_who_says_nothing_is_closed(tmp_path: Path) -> None:
    async with LiveStreams.running(tmp_path, limits=StreamLimits(init_s=0.05)) as hub:
        assert await _ended(hub) == (4408, "Connection initialisation timeout")
        assert await _ended(hub, {"type": "ping"}) == (4408, "Connection initialisation timeout")


async def test_who_has_a_token_and_no_operation_is_closed_too(tmp_path: Path) -> None:
    """Sockets are counted: one that is held for nothing would shut somebody else out."""
    async with LiveStreams.running(tmp_path, limits=StreamLimits(look_s=0.01, idle_s=0.05)) as hub:
        assert await _ended(hub, INIT, token="good") == (4408, "No operation for too long")


async def test_a_token_that_ends_ends_the_socket_that_waits(hub: LiveStreams) -> None:
    async with SocketClient.connected(f"{hub.url}/graphql") as client:
        await client.begin("good")
        del hub.tokens["good"]
        assert await client.receive() == (4403, "invalid_token")


async def test_operations_of_one_socket_are_bounded(hub: LiveStreams) -> None:
    """CVE-2026-35526."""
    async with SocketClient.connected(f"{hub.url}/graphql", token="good") as client:
        await client.begin()
        for number in range(4):
            client.send(follow(str(number)))
        answer = await client.receive()
        assert (answer["id"], answer["payload"][0]["extensions"]["code"]) == ("3", "limit_exceeded")


async def test_open_sockets_are_bounded(tmp_path: Path) -> None:
    async with LiveStreams.running(tmp_path, connections=1) as hub, SocketClient.connected(f"{hub.url}/graphql") as one:
        await one.begin("good")
        async with SocketClient.connected(f"{hub.url}/graphql") as other:
            assert (other.subprotocol, other.status) == (None, 503)


async def test_no_county_takes_the_places_of_the_others(tmp_path: Path) -> None:
    """Its place is counted from its first message on, and is free again when the socket ends."""
    async with LiveStreams.running(tmp_path, of_county=1) as hub:
        url = f"{hub.url}/graphql"
        async with SocketClient.connected(url) as one, SocketClient.connected(url) as two:
            await one.begin("good")
            two.send({"type": "connection_init", "payload": {"Authorization": "Bearer reader"}})
            assert await two.receive() == (1013, "pushback")
            async with SocketClient.connected(url) as neighbour:
                await neighbour.begin("other")
        await until(lambda: not hub.live.open)
        async with SocketClient.connected(url) as again:
            await again.begin("good")


@pytest.mark.parametrize("busy", [True, False])
async def test_a_token_that_ends_ends_the_stream_and_the_socket(hub: LiveStreams, busy: bool) -> None:
    """Expired, or its key revoked: before the next event, and within seconds where none comes."""
    async with SocketClient.connected(f"{hub.url}/graphql") as client:
        await client.begin("good")
        client.send(follow())
        await until(lambda: hub.world.followers.live)
        del hub.tokens["good"]
        if busy:
            await hub.state(opened_case())
        answer = await client.receive()
        assert (answer["type"], answer["payload"][0]["extensions"]["code"]) == ("error", "invalid_token")
        assert await client.receive() == (4403, "invalid_token")
    assert hub.world.followers.live == 0


async def test_who_does_not_read_is_closed_and_goes_on_by_cursor(tmp_path: Path) -> None:
    """What the hub holds for it is a socket's buffer, however much there is to tell."""
    async with LiveStreams.running(tmp_path, impatient=True) as hub:
        case = CaseFile()
        case.apply()
        for _ in range(48):
            case.add("CORRECTION_NOTICE", case.intake)
            case.add("CORRECTION", case.intake)
        await hub.state(*case.raws)
        query = EVENTS.replace("kind caseNumber", " ".join(f"a{n}: caseNumber" for n in range(14)))
        narrow = socket.socket()
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        narrow.setblocking(False)  # noqa: FBT003  # a socket's own way
        host, _, port = hub.url.removeprefix("http://").partition(":")
        await asyncio.get_running_loop().sock_connect(narrow, (host, int(port)))
        seen: list[str] = []
        async with SocketClient.connected(f"{hub.url}/graphql", token="good", sock=narrow, limit=1024) as client:
            await client.begin()
            for name in "abc":
                client.send(ask(query, name, variables={"after": BEGINNING}))
            await until(lambda: hub.world.followers.live == 3)
            await until(lambda: not hub.world.followers.live)
            while isinstance(answer := await client.receive(), dict):
                if answer["id"] == "a":
                    seen.append(answer["payload"]["data"]["caseEvents"]["cursor"])
            assert answer in ((1013, "slow_client"), None)
        rest = [event.cursor for event in hub.world.events]
        assert seen == rest[: len(seen)]
        async with SocketClient.connected(f"{hub.url}/graphql", token="good") as client:
            await client.begin()
            client.send(follow(after=seen[-1]))
            for cursor in rest[len(seen) :]:
                assert (await client.receive())["payload"]["data"]["caseEvents"]["cursor"] == cursor
