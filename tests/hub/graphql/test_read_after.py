"""A query that names a write: over HTTP, with what it waits for, what its reads carry, and what a mutation tells."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Final

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from hub.graphql.gateway import GraphQLEndpoint
from hub.graphql.limits import LIMITS
from schema.context import Context
from schema.readafter import ReadAfter
from tests.graph_fakes import CannedGraph
from tests.graphql_http import LICENSE, MATTER, NEW, SCHEMA, code_of
from tests.ports import FakeProjection, FakeRegistry, request_context

SUBMIT: Final = """mutation($e: [String!]!) { submitEntries(entries: $e) { ... on Submitted { index } } }"""


class Hub:
    """One endpoint over a graph that has come as far as `at`."""

    def __init__(self, *, at: ReadAfter, bookmarks: tuple[str, ...] = ()) -> None:
        self.projection = FakeProjection(at=at, bookmarks=bookmarks)
        self.graph = CannedGraph(rows=[["名"]])
        self.registry = FakeRegistry(entries=[b"genesis"])

    def _context(self, _authorization: str | None, request_id: str) -> Context:
        return request_context(projection=self.projection, registry=self.registry, request_id=request_id)

    def client(self, *, batch_length: int = 1) -> httpx2.AsyncClient:
        """A client of it."""
        endpoint = GraphQLEndpoint(SCHEMA, self.graph, self._context, limits=replace(LIMITS, batch_length=batch_length))
        transport = httpx2.ASGITransport(Starlette(routes=[Route("/graphql", endpoint)]))
        return httpx2.AsyncClient(transport=transport, base_url="http://hub", headers={"Accept": NEW})

    async def post(self, body: Any, *, batch_length: int = 1) -> httpx2.Response:
        """Send one body."""
        async with self.client(batch_length=batch_length) as http:
            return await http.post("/graphql", json=body)


def _asking(token: Any, query: str = MATTER) -> dict[str, Any]:
    return {"query": query, "extensions": {"readAfter": token}}


async def test_a_query_behind_a_write_reads_alone_and_with_its_bookmarks() -> None:
    hub = Hub(at=ReadAfter(ledger=7, journal=3), bookmarks=("mark-1",))
    response = await hub.post(_asking("7.3"))
    assert (response.status_code, response.json()) == (200, {"data": {"matter": {"name": "名"}}})
    assert hub.projection.asked == [ReadAfter(ledger=7, journal=3)]
    assert [(one.bookmarks, one.batch) for one in hub.graph.asked] == [(("mark-1",), None)]


async def test_where_no_bookmark_is_needed_a_query_still_shares_a_statement() -> None:
    hub = Hub(at=ReadAfter(ledger=7))
    await hub.post(_asking("7.0", LICENSE))
    (read,) = hub.graph.asked
    assert read.bookmarks == ()
    assert read.batch is not None


async def test_a_query_without_a_token_waits_for_nothing() -> None:
    hub = Hub(at=ReadAfter(), bookmarks=("mark-1",))
    await hub.post({"query": MATTER})
    assert hub.projection.asked == []
    assert [one.bookmarks for one in hub.graph.asked] == [()]


async def test_by_get_it_stands_in_the_extensions_too() -> None:
    hub = Hub(at=ReadAfter(ledger=7))
    async with hub.client() as http:
        response = await http.get("/graphql", params={"query": MATTER, "extensions": '{"readAfter": "7.0"}'})
    assert response.status_code == 200
    assert hub.projection.asked == [ReadAfter(ledger=7)]


async def test_a_write_that_is_not_there_in_time_is_told_so_and_nothing_is_read() -> None:
    hub = Hub(at=ReadAfter(ledger=7))
    response = await hub.post(_asking("8.0"))
    assert (response.status_code, response.headers["retry-after"], code_of(response)) == (503, "1", "not_projected")
    assert response.json()["errors"][0]["extensions"] == {"code": "not_projected", "retryAfter": 1}
    assert hub.graph.asked == []


@pytest.mark.parametrize("token", ["8", "", "a.b", 8, ["8.0"], {"ledger": 8}, True])
async def test_a_malformed_token_is_refused_before_anything_is_read(token: Any) -> None:
    hub = Hub(at=ReadAfter(ledger=9))
    response = await hub.post(_asking(token))
    assert (response.status_code, code_of(response)) == (400, "bad_read_after")
    assert (hub.projection.asked, hub.graph.asked) == ([], [])


async def test_a_document_that_reads_no_graph_waits_for_none() -> None:
    hub = Hub(at=ReadAfter())
    response = await hub.post(_asking("8.0", "{ __typename }"))
    assert response.json() == {"data": {"__typename": "Query"}}
    assert hub.projection.asked == []


async def test_in_a_batch_each_document_waits_for_its_own() -> None:
    hub = Hub(at=ReadAfter(ledger=7))
    response = await hub.post([_asking("7.0"), _asking("8.0"), {"query": MATTER}], batch_length=3)
    codes = [one.get("errors", [{"extensions": {"code": None}}])[0]["extensions"]["code"] for one in response.json()]
    assert codes == [None, "not_projected", None]


async def test_a_mutation_says_what_to_wait_for() -> None:
    hub = Hub(at=ReadAfter())
    first = await hub.post({"query": SUBMIT, "variables": {"e": ["a", "b"]}})
    assert first.json()["extensions"] == {"readAfter": "3.0"}
    again = await hub.post({"query": SUBMIT, "variables": {"e": ["a"]}, "extensions": {"cost": True}})
    assert json.loads(again.content)["extensions"]["readAfter"] == "2.0"


async def test_a_mutation_that_wrote_nothing_says_nothing() -> None:
    hub = Hub(at=ReadAfter())
    hub.registry.refuse = {b"bad": "bad_signature"}
    response = await hub.post({"query": SUBMIT, "variables": {"e": ["bad"]}})
    assert "extensions" not in response.json()
