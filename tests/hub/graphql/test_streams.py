"""Subscriptions without a wire: the document of the daily work with exact answers, and how a stream ends."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any, Final

import pytest

from hub.graphql.execution import Execution, GraphQLRequest
from hub.graphql.streams import StreamEnded, StreamLimits, Streams
from ledger.errors import Refused, Unavailable
from ledger.status import Status
from schema.access import Principal
from schema.assembly import build_schema
from tests.casefile import CHENGYANG, DAY, FENGNAN, CaseFile
from tests.event_world import EventWorld
from tests.graph_fakes import CannedGraph
from tests.ports import FakeClock, FakeJournal, request_context
from tests.statements import NOW, MemoryLog

DOCUMENT: Final = (Path(__file__).parents[2] / "documents" / "events.graphql").read_text("utf-8")
EXECUTION: Final = Execution(build_schema(), CannedGraph(rows=[]))
STREAMS: Final = Streams(EXECUTION, StreamLimits(look_s=0.01))
PARTY: Final = Principal(county=CHENGYANG, client=f"{CHENGYANG}#3", token_id="t", scopes=frozenset({"case.follow"}))
BEGINNING: Final = "A" * 43


async def _taken(
    world: EventWorld, count: int, *, renew: Callable[[], object] = lambda: None, journal: Any = None,
    streams: Streams = STREAMS,
) -> list[Any]:  # fmt: skip
    """Take so many answers of the document; what is not there is left out."""
    request = GraphQLRequest(query=DOCUMENT, variables={"after": BEGINNING, "useCause": "办件跟踪"})
    context = request_context(
        principal=PARTY, events=world.followers, journal=journal or FakeJournal(), clock=FakeClock(NOW)
    )
    found: list[Any] = []
    async with aclosing(streams.open(request, context, renew)) as stream:
        async for item in stream:
            if item is not None:
                assert item.answer.data is not None
                event = item.answer.data["caseEvents"]
                assert item.cursor == event.pop("cursor")
                found.append({name: value for name, value in event.items() if name != "id" and value is not None})
            if len(found) == count:
                break
    return found


async def test_the_document_tells_of_a_step_two_lamps_and_a_license(tmp_path: Path) -> None:
    async with EventWorld.opened(tmp_path) as world:
        index, identifier = await world.license()
        case = CaseFile()
        case.apply(licenses=[identifier])
        await world.state(*case.raws)
        await world.feed.catch_up()
        world.clock.now = NOW + 5 * DAY
        await world.feed.catch_up()
        at = world.county(MemoryLog()).change(index, Status.REVOKED, "04")
        await world.feed.catch_up()
        lamp = {"clock": "INTAKE", "county": FENGNAN, "limit": "PROMISED", "days": 2}
        step = {"sequence": 1, "kind": "APPLICATION", "outcome": None, "county": FENGNAN}
        license_ = {"certificateIdentifier": identifier, "status": "REVOKED", "reason": "04", "logIndex": at}
        head = {"caseNumber": case.number}
        assert await _taken(world, 4) == [
            {**head, "kind": "STEP", "occurredAt": "2026-06-01T09:00:00.000Z", "step": step},
            {**head, "kind": "LAMP", "occurredAt": "2026-06-01T16:00:00.000Z", "lamp": {**lamp, "lamp": "YELLOW"}},
            {**head, "kind": "LAMP", "occurredAt": "2026-06-03T16:00:00.000Z", "lamp": {**lamp, "lamp": "RED"}},
            {**head, "kind": "LICENSE", "occurredAt": "2026-06-01T09:00:00.000Z", "license": license_},
        ]
        assert world.followers.live == 0


async def test_a_stream_leaves_one_access_record_and_does_not_begin_without_it(tmp_path: Path) -> None:
    async with EventWorld.opened(tmp_path) as world:
        case = CaseFile()
        case.apply()
        await world.state(*case.raws)
        await world.feed.catch_up()
        journal = FakeJournal()
        await _taken(world, 1, journal=journal)
        (record,) = journal.records
        assert (record.county, record.use_cause, record.root_field) == (CHENGYANG, "办件跟踪", "caseEvents")
        with pytest.raises(StreamEnded, match="pushback"):
            await _taken(world, 1, journal=FakeJournal(down=Unavailable("pushback", "full")))


async def test_a_caller_who_may_no_longer_gets_nothing_more(tmp_path: Path) -> None:
    """The event was there; it is not told."""
    async with EventWorld.opened(tmp_path) as world:
        case = CaseFile()
        case.apply()
        await world.state(*case.raws)
        await world.feed.catch_up()

        def renew() -> None:
            raise Refused("invalid_token", "the access token is not good, or no longer: get a new one")

        with pytest.raises(StreamEnded, match="invalid_token"):
            await _taken(world, 1, renew=renew)
        assert world.followers.live == 0


async def test_an_event_counts_when_its_client_has_taken_it(tmp_path: Path) -> None:
    """Of three answers that were given the last is not counted: nobody came for the next."""
    took: list[float] = []
    streams = Streams(EXECUTION, StreamLimits(look_s=0.01), on_event=took.append)
    async with EventWorld.opened(tmp_path) as world:
        case = CaseFile()
        case.apply()
        await world.state(*case.raws)
        await world.feed.catch_up()
        world.clock.now = NOW + 5 * DAY
        await world.feed.catch_up()
        await _taken(world, 3, streams=streams)
    assert len(took) == 2
