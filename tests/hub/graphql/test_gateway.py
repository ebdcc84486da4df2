"""GraphQL over HTTP: methods, media types, status codes, bodies good and bad, and what never leaves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, Final

import httpx2
import pytest
import structlog
from starlette.applications import Starlette
from starlette.routing import Route

from hub.graphql.gateway import GraphQLEndpoint
from hub.graphql.limits import Limits
from hub.graphql.timings import SlowDocuments
from hub.observability import Metrics
from ledger.errors import Unavailable
from schema.context import Graph
from tests.graph_fakes import CannedGraph, SlowGraph
from tests.graphql_http import JSON, LICENSE, MATTER, NEW, SCHEMA, client, code_of, context_of

OLD: Final = JSON


async def post(body: Any, *, content_type: str = OLD, graph: Graph | None = None, **headers: str) -> httpx2.Response:
    """Send a body: bytes as they are, anything else as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with client(graph) as http:
        return await http.post("/graphql", content=data, headers={"Content-Type": content_type, **headers})


async def get(parameters: Any, *, dev: bool = False, **headers: str) -> httpx2.Response:
    async with client(dev=dev) as http:
        return await http.get("/graphql", params=parameters, headers=headers)


async def test_a_query_by_post() -> None:
    response = await post({"query": MATTER}, Accept=NEW)
    assert (response.status_code, response.json()) == (200, {"data": {"matter": {"name": "名"}}})
    assert response.headers["content-type"] == f"{NEW}; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"


async def test_a_query_by_get() -> None:
    variables = json.dumps({"c": "1"})
    query = "query Q($c: CatalogueCode!) { matter(code: $c) { name } }"
    response = await get({"query": query, "variables": variables, "operationName": "Q"})
    assert (response.status_code, response.json()) == (200, {"data": {"matter": {"name": "名"}}})
    assert response.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        ("*/*", OLD), ("application/*", OLD), (OLD, OLD), (NEW, NEW), (f"{NEW}, {OLD};q=0.9", NEW),
        (f"{OLD}, {NEW}", OLD), (f"{NEW};q=0.1, {OLD};q=0.9", OLD), (f"text/html, {NEW};charset=utf-8", NEW), ("", OLD),
    ],
)  # fmt: skip
async def test_the_answer_has_the_wished_media_type(accept: str, answered: str) -> None:
    response = await post({"query": MATTER}, Accept=accept)
    assert response.headers["content-type"] == f"{answered}; charset=utf-8"


@pytest.mark.parametrize("accept", ["text/html", "image/*", f"{OLD};q=0", f"{OLD};q=x"])
async def test_another_media_type_is_not_acceptable(accept: str) -> None:
    response = await post({"query": MATTER}, Accept=accept)
    assert (response.status_code, code_of(response)) == (406, "bad_request")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"query": "{"}, "bad_document"),
        ({"query": "{ nothing }"}, "bad_document"),
        ({"query": "query($c: CatalogueCode!) { matter(code: $c) { name } }"}, "bad_variables"),
        (
            {"query": "query($c: CatalogueCode!) { matter(code: $c) { name } }", "variables": {"c": "ä"}},
            "bad_variables",
        ),
        ({"query": MATTER, "operationName": "Q"}, "bad_request"),
        ({"query": "{ __schema { __typename } }"}, "bad_document"),
        ({"query": "{ " + "a " * 11 + "}"}, "limit_exceeded"),
    ],
)
async def test_a_refused_document_has_no_data_and_a_status_by_media_type(body: dict[str, Any], code: str) -> None:
    for accept, status in ((NEW, 400), (OLD, 200)):
        response = await post(body, Accept=accept)
        assert (response.status_code, code_of(response)) == (status, code)
        assert list(response.json()) == ["errors"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "bad_json"),
        (b"{", "bad_json"),
        (b"\xff{}", "bad_encoding"),
        (b'{"query": "{a}", "query": "{b}"}', "duplicate_member"),
        (b'{"query": "\\ud800"}', "bad_encoding"),
        (b'{"query": "{a}", "variables": {"x": NaN}}', "bad_number"),
        (b'{"query": "{a}", "variables": ' + b'{"a":' * 20 + b"1" + b"}" * 21, "bad_json"),
        ([{"query": MATTER}], "bad_request"),
        ("x", "bad_request"),
        ({}, "bad_request"),
        ({"query": ""}, "bad_request"),
        ({"query": 1}, "bad_request"),
        ({"query": MATTER, "operationName": 1}, "bad_request"),
        ({"query": MATTER, "variables": []}, "bad_request"),
        ({"query": MATTER, "variables": "{}"}, "bad_request"),
        ({"query": MATTER, "extensions": 0}, "bad_request"),
        ({"query": MATTER, "mutation": MATTER}, "unknown_member"),
    ],
)
async def test_what_is_no_request_is_refused(body: Any, code: str) -> None:
    """A list of requests, too: limits count documents, not lists of them."""
    response = await post(body, Accept=OLD)
    assert (response.status_code, code_of(response)) == (400, code)


async def test_nulls_stand_for_what_is_missing() -> None:
    response = await post({"query": MATTER, "operationName": None, "variables": None, "extensions": None})
    assert response.json() == {"data": {"matter": {"name": "名"}}}


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/graphql", "",
     "application/json; charset=gb18030"],
)  # fmt: skip
async def test_a_body_of_another_type_is_refused(content_type: str) -> None:
    """Forms and plain text are what a page of another site can post without asking."""
    response = await post({"query": MATTER}, content_type=content_type)
    assert (response.status_code, code_of(response)) == (415, "bad_request")


async def test_a_body_with_a_charset_is_read() -> None:
    assert (await post({"query": MATTER}, content_type='application/json; charset="UTF-8"')).status_code == 200


async def test_an_encoded_body_is_refused() -> None:
    assert (await post({"query": MATTER}, **{"Content-Encoding": "gzip"})).status_code == 415


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
async def test_other_methods_are_refused(method: str) -> None:
    async with client() as http:
        response = await http.request(method, "/graphql")
    assert (response.status_code, response.headers["allow"]) == (405, "GET, POST")


@pytest.mark.parametrize("query", [LICENSE, 'mutation { submitEntries(entries: ["a"]) { __typename } }'])
async def test_what_must_not_come_by_get(query: str) -> None:
    """A mutation, and a person's read: its arguments would stand in access logs."""
    response = await get({"query": query}, Authorization="Bearer good")
    assert (response.status_code, response.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ([("query", MATTER), ("query", MATTER)], "duplicate_member"),
        ([("query", MATTER), ("raw", "1")], "unknown_member"),
        ([("variables", "{}")], "bad_request"),
        ([("query", MATTER), ("variables", "{")], "bad_json"),
        ([("query", MATTER), ("variables", "[]")], "bad_request"),
    ],
)
async def test_bad_parameters_of_get(parameters: list[tuple[str, str]], code: str) -> None:
    response = await get(parameters)
    assert (response.status_code, code_of(response)) == (400, code)


async def test_bad_utf_8_in_a_url() -> None:
    async with client() as http:
        response = await http.get("/graphql?query=%ff")
    assert (response.status_code, code_of(response)) == (400, "bad_encoding")


async def test_a_long_url() -> None:
    response = await get({"query": MATTER + "#" * 20_000})
    assert (response.status_code, code_of(response)) == (414, "too_large")


async def test_a_body_that_tells_that_it_is_too_large_is_not_read() -> None:
    async def never() -> AsyncIterator[bytes]:
        raise AssertionError
        yield b""

    headers = {"Content-Type": OLD, "Content-Length": str(10 * 1024 * 1024)}
    async with client() as http:
        response = await http.post("/graphql", content=never(), headers=headers)
    assert (response.status_code, code_of(response)) == (413, "too_large")


async def test_a_body_that_does_not_tell_is_cut_at_the_cap() -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 100:
            sent += 1
            yield b" " * 65_536

    async with client() as http:
        response = await http.post("/graphql", content=endless(), headers={"Content-Type": OLD})
    assert (response.status_code, code_of(response)) == (413, "too_large")
    assert sent <= 18


async def test_a_slow_body_ends_in_time() -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    async with client(limits=Limits(body_seconds=0.01)) as http:
        response = await http.post("/graphql", content=slow(), headers={"Content-Type": OLD})
    assert (response.status_code, code_of(response), response.headers["connection"]) == (408, "too_slow", "close")


async def test_a_token_that_is_not_valid() -> None:
    response = await post({"query": MATTER}, Authorization="Bearer old")
    assert (response.status_code, code_of(response)) == (401, "invalid_token")
    assert response.headers["www-authenticate"] == 'Bearer realm="tongban", error="invalid_token"'


async def test_a_person_s_answer_is_kept_by_no_cache() -> None:
    response = await post({"query": LICENSE}, Authorization="Bearer good", graph=CannedGraph(rows=[["1", "VALID"]]))
    assert response.json() == {"data": {"license": {"status": "VALID"}}}
    assert response.headers["cache-control"] == "no-store"


async def test_a_refused_field_is_an_error_of_an_executed_request() -> None:
    response = await post({"query": LICENSE}, Accept=NEW)
    assert response.status_code == 200
    assert response.json() == {
        "errors": [
            {
                "message": "this field needs an access token",
                "locations": [{"line": 1, "column": 3}],
                "path": ["license"],
                "extensions": {"code": "token_required"},
            }
        ],
        "data": {"license": None},
    }


async def test_a_deadline_asks_to_come_again() -> None:
    async with client(SlowGraph(), limits=Limits(seconds=0.01)) as http:
        response = await http.post("/graphql", json={"query": MATTER})
    assert (response.status_code, code_of(response), response.headers["retry-after"]) == (503, "deadline", "1")


async def test_full_lanes_push_the_whole_request_back() -> None:
    full = Unavailable("pushback", "too many look-ups wait for the graph", retry_after=3)
    both = '{ first: matter(code: "1") { name } second: matter(code: "2") { name } }'
    for query in (MATTER, both):
        response = await post({"query": query}, graph=CannedGraph(down=full))
        assert (response.status_code, code_of(response), response.headers["retry-after"]) == (503, "pushback", "3")
        assert "data" not in response.json()


class Broken:
    """A graph with a defect."""

    async def read(self, statement: Any) -> Any:
        """Fail with a text that must not leave."""
        text = "password=hunter2 MATCH (n)"
        raise RuntimeError(text)


async def test_a_defect_is_masked_and_logged_without_its_text() -> None:
    with structlog.testing.capture_logs() as logs:
        response = await post({"query": MATTER}, graph=Broken())
    request_id = response.headers["x-request-id"]
    assert response.status_code == 500
    assert response.json() == {
        "errors": [{"message": "internal error", "extensions": {"code": "internal", "requestId": request_id}}]
    }
    (entry,) = logs
    assert (entry["error"], entry["request_id"]) == ("RuntimeError", request_id)
    assert "hunter2" not in str(logs)


async def test_a_value_that_breaks_its_type_is_masked_in_its_place() -> None:
    with structlog.testing.capture_logs() as logs:
        response = await post({"query": '{ m: matter(code: "1") { name } }'}, graph=CannedGraph(rows=[[None]]))
    assert response.json()["data"] == {"m": None}
    assert code_of(response) == "internal"
    assert [entry["field"] for entry in logs] == ["name"]


async def test_how_a_request_was_answered_is_counted() -> None:
    """Requests that were executed; one that is refused before counts as none."""
    metrics = Metrics()
    endpoint = GraphQLEndpoint(
        SCHEMA, CannedGraph(rows=[["名"]]), context_of, observer=SlowDocuments(metrics, slow_ms=0)
    )
    transport = httpx2.ASGITransport(Starlette(routes=[Route("/graphql", endpoint)]))
    async with httpx2.AsyncClient(transport=transport, base_url="http://hub") as http:
        for query in (MATTER, MATTER, '{ matter(code: "1") { name } checkpoint { size } }', LICENSE, "{"):
            await http.post("/graphql", json={"query": query})
    counted = [line for line in metrics.text().decode().splitlines() if line.startswith("tongban_graphql_requests_t")]
    assert sorted(counted) == [
        'tongban_graphql_requests_total{path="compiled"} 3.0',
        'tongban_graphql_requests_total{path="hybrid"} 1.0',
    ]


async def test_an_engine_that_is_down_is_told_by_its_code() -> None:
    graph = CannedGraph(down=Unavailable("graph_unavailable", "the graph does not answer"))
    response = await post({"query": MATTER}, graph=graph)
    assert (response.json()["data"], code_of(response)) == ({"matter": None}, "graph_unavailable")


@pytest.mark.parametrize("text", ["'}) DETACH DELETE n //", "$k0", "a`b", "\\u0000", "}) RETURN 1 //"])
async def test_cypher_in_an_argument_stays_a_value(text: str) -> None:
    graph = CannedGraph()
    query = 'query($h: HolderInput!) { licenses(holder: $h, useCause: "x") { edges { cursor } } }'
    holder = {"certificateHolderTypeCode": "001", "certificateHolderCode": text.replace(" ", "_")}
    await post({"query": query, "variables": {"h": holder}}, graph=graph, Authorization="Bearer good")
    assert [one.parameters["k0"] for one in graph.asked] in ([f"key of 001 {text.replace(' ', '_')}"], [])
    assert not any(text in one.text for one in graph.asked if text != "$k0")


async def test_the_page_to_try_queries_is_for_development_only() -> None:
    shown = await get({}, dev=True, Accept="text/html")
    assert (shown.status_code, shown.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "http" not in shown.text.replace("HTTP", "")
    assert (await get({}, Accept="text/html")).status_code == 406


async def test_introspection_is_for_development_only() -> None:
    query = {"query": "{ __schema { __typename } }"}
    async with client(dev=True) as http:
        response = await http.post("/graphql", json=query)
    assert response.json() == {"data": {"__schema": {"__typename": "__Schema"}}}
    assert code_of(await post(query)) == "bad_document"
