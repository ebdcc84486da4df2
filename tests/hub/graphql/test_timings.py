"""What a document took: figures with few labels, and a line in the log that holds nothing of the client's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import httpx2
import structlog
from starlette.applications import Starlette
from starlette.routing import Route

from hub.graphql.execution import GraphQLRequest
from hub.graphql.gateway import GraphQLEndpoint
from hub.graphql.limits import Limits
from hub.graphql.timings import SlowDocuments, Timing
from hub.graphql.trusted import document_id
from hub.observability import Metrics
from tests.graph_fakes import CannedGraph, SlowGraph
from tests.graphql_http import SCHEMA, context_of

SECRET: Final = "query n370214199001010014($c: CatalogueCode!) { matter(code: $c) { name } }"
VARIABLES: Final = {"c": "370214199001010014"}


def ticking(*times: float) -> Callable[[], float]:
    """A clock that tells these times, one after the other."""
    left = iter(times)
    return lambda: next(left)


def timed() -> Timing:
    """A document that was planned in 0.25 s, read in 1.5 s with two statements, and completed in 0.25 s."""
    timing = Timing(clock=ticking(0.0, 0.25, 1.75, 2.0), statements=2, cost=3, path="hybrid")
    for stage in ("plan", "read", "complete"):
        timing.enter(stage)
    return timing


def figures(metrics: Metrics, name: str) -> dict[str, float]:
    """Give the sums and counts of a histogram."""
    lines = (line.rpartition(" ") for line in metrics.text().decode().splitlines() if line.startswith(name))
    return {
        key.removeprefix(name): float(value)
        for key, _, value in lines
        if "_bucket" not in key and "_created" not in key
    }


def told(slow_ms: int, request: GraphQLRequest) -> tuple[Metrics, list[Any]]:
    """Tell of that document; give the metrics, and what was logged."""
    metrics = Metrics()
    with structlog.testing.capture_logs() as logs:
        SlowDocuments(metrics, slow_ms=slow_ms).answered(request, timed(), "request-1")
    return metrics, list(logs)


def test_every_document_counts_by_stage() -> None:
    metrics, logs = told(0, GraphQLRequest(query=SECRET))
    assert logs == []
    assert figures(metrics, "tongban_document_seconds") == {
        '_count{path="hybrid",stage="plan"}': 1.0, '_sum{path="hybrid",stage="plan"}': 0.25,
        '_count{path="hybrid",stage="read"}': 1.0, '_sum{path="hybrid",stage="read"}': 1.5,
        '_count{path="hybrid",stage="complete"}': 1.0, '_sum{path="hybrid",stage="complete"}': 0.25,
    }  # fmt: skip
    assert b'tongban_graphql_requests_total{path="hybrid"} 1.0' in metrics.text()
    assert figures(metrics, "tongban_document_statements") == {"_count": 1.0, "_sum": 2.0}


def test_a_slow_document_is_logged_by_its_digest() -> None:
    """From the limit on; a trusted one by its identifier, which is the same."""
    trusted = GraphQLRequest(document_id=document_id(SECRET), variables=VARIABLES)
    for request in (GraphQLRequest(query=SECRET, operation_name="n370214199001010014", variables=VARIABLES), trusted):
        assert told(2001, request)[1] == []
        assert told(2000, request)[1] == [
            {
                "event": "slow_document", "log_level": "warning", "document": document_id(SECRET), "statements": 2,
                "request_id": "request-1", "plan_ms": 250, "read_ms": 1500, "complete_ms": 250,
            }
        ]  # fmt: skip


async def post(graph: Any, metrics: Metrics, body: dict[str, Any], *, limits: Limits, slow_ms: int) -> list[Any]:
    """Send one document to a hub that watches; give what it logged."""
    slow = SlowDocuments(metrics, slow_ms=slow_ms)
    endpoint = GraphQLEndpoint(SCHEMA, graph, context_of, limits=limits, observer=slow)
    transport = httpx2.ASGITransport(Starlette(routes=[Route("/graphql", endpoint)]))
    with structlog.testing.capture_logs() as logs:
        async with httpx2.AsyncClient(transport=transport, base_url="http://hub") as http:
            await http.post("/graphql", json=body)
    return list(logs)


async def test_one_that_ran_out_of_time_is_told_of() -> None:
    """Where it stood then, with nothing of its text, its name or its variables."""
    body = {"query": SECRET, "variables": VARIABLES, "operationName": "n370214199001010014"}
    (line,) = await post(SlowGraph(), Metrics(), body, limits=Limits(seconds=0.05), slow_ms=20)
    assert (line["event"], line["document"], line["statements"]) == ("slow_document", document_id(SECRET), 1)
    assert {key for key in line if key.endswith("_ms")} == {"plan_ms", "read_ms"}
    assert "370214199001010014" not in str(line)


async def test_statements_are_counted_where_they_are_sent() -> None:
    """Two root fields, three types of entities, and a document that is refused."""
    metrics = Metrics()
    named = [{"__typename": name, "code": "1"} for name in ("Matter", "Authority", "Material", "Matter")]
    entities = "query E($r: [_Any!]!) { _entities(representations: $r) { __typename } }"
    for body in (
        {"query": '{ a: matter(code: "1") { name } b: matter(code: "2") { name } checkpoint { size } }'},
        {"query": entities, "variables": {"r": named}},
        {"query": "{ unknown }"},
    ):
        await post(CannedGraph(), metrics, body, limits=Limits(), slow_ms=0)
    assert figures(metrics, "tongban_document_statements") == {"_count": 3.0, "_sum": 5.0}
    counts = {key: count for key, count in figures(metrics, "tongban_document_seconds").items() if "_count" in key}
    assert counts == {
        '_count{path="failed",stage="plan"}': 1.0,
        **{f'_count{{path="{path}",stage="{stage}"}}': 1.0
           for path in ("hybrid", "completed") for stage in ("plan", "read", "complete")},
    }  # fmt: skip
    assert figures(metrics, "tongban_write_seconds")["_count"] == 3.0
