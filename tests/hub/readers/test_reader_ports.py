"""A reader whose hub has gone: nothing about a person is read, or leaves, and nothing is changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, cast

import pytest

from hub.graphql.execution import GraphQLRequest, NotHere
from hub.graphql.gateway import GraphQLEndpoint, codes_of
from hub.readers.channel import Channel
from hub.readers.ports import AskedFaces, AskedProbes, HubEvents, HubProjection, RecordedAccesses
from hub.readers.reading import HubEngine
from ledger.errors import Unavailable
from schema.context import Context
from schema.readafter import ReadAfter
from tests.graph_fakes import CannedGraph
from tests.graphql_http import LICENSE, MATTER, SCHEMA, context_of
from tests.ports import CLERK, request_context

WITHOUT_BASIS: Final = GraphQLRequest(query='{ license(certificateIdentifier: "1", useCause: "x") { status } }')
OWN: Final = replace(CLERK, scopes=frozenset({"license.read.own"}))
GONE: Final = Channel({}, {})


class Reader:
    """A reading endpoint over a canned graph, and a channel that nobody is behind."""

    def __init__(self) -> None:
        self.graph = CannedGraph(rows=[["1", "VALID"]])
        self.endpoint = GraphQLEndpoint(SCHEMA, self.graph, context_of, read_only=True)

    async def ask(self, request: GraphQLRequest, **members: Any) -> tuple[Any, list[str]]:
        """Give data and codes of an answer."""
        context: Context = request_context(**members)
        _, body, _ = await self.endpoint.reply(request, context, by_get=False)
        assert not isinstance(body, bytes)
        return body["data"], codes_of(body).get("tongban-error", "").split(",")


def _records() -> RecordedAccesses:
    return RecordedAccesses(cast("Any", None), GONE, 1)


async def test_what_cannot_be_recorded_does_not_leave() -> None:
    reader = Reader()
    assert await reader.ask(GraphQLRequest(query=LICENSE), journal=_records()) == ({"license": None}, ["not_ready"])
    assert len(reader.graph.asked) == 1


async def test_what_cannot_be_counted_is_not_read() -> None:
    reader = Reader()
    answer = await reader.ask(WITHOUT_BASIS, probes=AskedProbes(GONE, 1), principal=OWN)
    assert (answer, reader.graph.asked) == (({"license": None}, ["not_ready"]), [])


async def test_what_is_public_is_still_answered() -> None:
    reader = Reader()
    reader.graph.rows = [["名"]]
    assert await reader.ask(GraphQLRequest(query=MATTER), journal=_records()) == ({"matter": {"name": "名"}}, [""])


async def test_a_change_is_another_processs() -> None:
    submit = GraphQLRequest(query='mutation { submitEntries(entries: ["x"]) { __typename } }')
    with pytest.raises(NotHere):
        await Reader().ask(submit)


async def test_every_port_that_the_hub_is_behind_says_that_it_has_gone() -> None:
    for asking in (HubProjection(GONE).reach(ReadAfter()), HubEvents(GONE).newest(), AskedFaces(GONE, 1).faces([])):
        with pytest.raises(Unavailable) as gone:
            await asking
        assert gone.value.code == "not_ready"


def test_a_reader_writes_no_graph_and_follows_no_events() -> None:
    engine = HubEngine(["bolt://127.0.0.1:1", "user", "password", "hub", 1])
    assert (engine.uri, engine.auth, engine.database, engine.starts) == (
        "bolt://127.0.0.1:1", ("user", "password"), "hub", 1,
    )  # fmt: skip
    with pytest.raises(Unavailable):
        engine.check_writable()
    with pytest.raises(Unavailable):
        HubEvents(GONE).follow("370214", after=None)
