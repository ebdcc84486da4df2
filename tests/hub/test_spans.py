"""Traces as a collector gets them: exact spans of a compiled, a hybrid and a failed request, and no value of any."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.app import Hub
from hub.auth import TokenIssuer
from hub.graphql.gateway import GraphQLEndpoint
from hub.graphql.limits import LIMITS, Limits
from hub.graphql.timings import SlowDocuments
from hub.graphql.trusted import document_id
from hub.observability import Metrics
from hub.settings import load_settings
from hub.sources import NodeSource, RecordSource, Sources
from hub.spans import Spans
from hub.tracing import Untraced, tracing_of
from ledger.errors import Malformed, Unavailable
from schema.assembly import build_schema
from schema.context import Context, FaceAnswer, FaceRequest
from tests.collector import Collector, Sent
from tests.entropy import seeded, signer_of
from tests.graph_fakes import CannedGraph, SlowGraph
from tests.hub_folder import HubFolder
from tests.ports import CLERK, CONSENTS, NOW, FakeClock, FakeJournal, request_context

SCHEMA: Final = build_schema()
PLANTED: Final = "370214199001010014"
CODE: Final = "9137021420000000X1"
CAUSE: Final = "planted-cause"
FACE: Final = "planted-face"
TOKEN: Final = "planted-token"
CALLER: Final = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
MATTER: Final = f"query n{PLANTED}($c: CatalogueCode!) {{ matter(code: $c) {{ name }} }}"
FACES: Final = (
    f"query n{PLANTED}($holder: HolderInput!, $cause: UseCause!, $basis: ReadBasis!) "
    "{ licenses(holder: $holder, useCause: $cause, basis: $basis) "
    "{ edges { node { face { ... on Face { certificateName } } } } } }"
)
HOLDER: Final = {
    "holder": {"certificateHolderTypeCode": "001", "certificateHolderCode": "X"}, "cause": CAUSE,
    "basis": {"consent": CONSENTS["key of 001 X"]},
}  # fmt: skip
SECRETS: Final = (PLANTED, CODE, CAUSE, FACE, TOKEN, CONSENTS["key of 001 X"], "key of 001 X", "planted-state", "名")


class _NoVault:
    licenses_per_call = 1

    async def faces(self, requests: Sequence[FaceRequest]) -> Sequence[FaceAnswer]:
        return [FaceAnswer(values=None, code="absent") for _ in requests]


@dataclass
class World:
    """A gateway with a county's node behind it, traced. heard: `traceparent` as the node got it."""

    spans: Spans
    collector: Collector
    graph: Any = field(default_factory=lambda: CannedGraph(rows=[["名"]]))
    limits: Limits = LIMITS
    heard: list[str | None] = field(default_factory=list)

    async def node(self, request: Request) -> Response:
        """Answer for a county."""
        self.heard.append(request.headers.get("traceparent"))
        faces = [
            {"certificateIdentifier": row["certificateIdentifier"], "values": {"certificateName": FACE}, "code": None}
            for row in (await request.json())["requests"]
        ]
        return JSONResponse({"faces": faces, "asOf": NOW})

    def context(self, _authorization: str | None, request_id: str) -> Context:
        """Give everybody the clerk's rights."""
        node = httpx2.ASGITransport(Starlette(routes=[Route("/records/faces", self.node, methods=["POST"])]))
        counties: dict[str, RecordSource] = {
            "370214": NodeSource(
                county="370214", url="http://node", client=httpx2.AsyncClient(transport=node), clock=FakeClock(NOW),
                issuer=TokenIssuer(signer_of("hub token"), issuer="http://hub", random=seeded("spans")),
                outgoing=self.spans.outgoing,
            )
        }  # fmt: skip
        sources = Sources(self.spans.sources(counties), _NoVault(), clock=FakeClock(NOW), deadline_ms=60_000)
        journal = self.spans.journal(FakeJournal())
        return request_context(principal=CLERK, request_id=request_id, journal=journal, faces=sources)

    async def post(self, body: Any, **headers: str) -> httpx2.Response:
        """Send a request; what it left is with the collector when this returns."""
        observer = self.spans.observer(SlowDocuments(Metrics(), slow_ms=0))
        endpoint = GraphQLEndpoint(
            SCHEMA, self.spans.graph(self.graph), self.context, observer=observer, limits=self.limits
        )
        transport = httpx2.ASGITransport(self.spans.app(endpoint))
        async with httpx2.AsyncClient(transport=transport, base_url="http://hub") as http:
            answer = await http.post("/graphql", json=body, headers={"Authorization": f"Bearer {TOKEN}", **headers})
        self.spans.stop()
        return answer

    def sent(self) -> tuple[Sent, dict[str, Sent]]:
        """Give the span of the request and its parts by name, when nothing planted is in any byte that was sent."""
        for secret in SECRETS:
            assert not any(secret.encode() in body for body in self.collector.bodies), secret
        *parts, request = self.collector.spans
        assert request.name == "graphql"
        assert {(part.trace, part.parent) for part in parts} <= {(request.trace, request.span)}
        return request, {part.name: part for part in parts}


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector.running() as here:
        yield here


@pytest.fixture
def world(collector: Collector) -> World:
    return World(Spans.sent_to(collector.endpoint, share=1), collector)


def lane_of(graph: CannedGraph) -> str:
    (asked,) = graph.asked
    return hashlib.sha256(asked.text.encode()).hexdigest()[:16]


def told(request: Sent) -> Mapping[str, Any]:
    """Give the attributes of a request's span, but for its random id."""
    given = dict(request.attributes)
    assert re.fullmatch(r"[0-9a-f]{16}", given.pop("tongban.request_id"))
    return given


async def test_a_compiled_request(world: World) -> None:
    answer = await world.post(
        {"query": MATTER, "variables": {"c": PLANTED}}, traceparent=CALLER, tracestate="a=planted-state"
    )
    assert answer.json() == {"data": {"matter": {"name": "名"}}}
    request, parts = world.sent()
    lane = lane_of(world.graph)
    assert (request.trace, request.parent) == (CALLER[3:35], CALLER[36:52])
    assert told(request) == {
        "http.request.method": "POST", "http.response.status_code": 200, "tongban.document": document_id(MATTER),
        "tongban.path": "compiled", "tongban.cost": 2, "tongban.statements": 1, "tongban.lanes": [lane],
    }  # fmt: skip
    assert {name: part.attributes for name, part in parts.items()} == {
        "statement": {"db.system.name": "neo4j", "tongban.lane": lane}
    }
    assert world.collector.resources == [{"service.name": "tongban-hub", "service.version": version("tongban")}]


async def test_a_hybrid_request_and_the_county_that_it_asks(world: World) -> None:
    """The node hears of the call's own span, so that a trace of the county's hangs below it."""
    world.graph = CannedGraph(rows=[[CODE, "370214"], [PLANTED, "370214"]])
    answer = await world.post({"query": FACES, "variables": HOLDER})
    edges = answer.json()["data"]["licenses"]["edges"]
    assert edges == [{"node": {"face": {"certificateName": FACE}}}] * 2
    request, parts = world.sent()
    assert (told(request)["tongban.path"], told(request)["tongban.statements"], request.error) == ("hybrid", 1, False)
    assert {name: part.attributes for name, part in parts.items()} == {
        "statement": {"db.system.name": "neo4j", "tongban.lane": lane_of(world.graph)},
        "journal.append": {},
        "county": {"tongban.county": "370214", "tongban.faces": 2},
    }
    assert world.heard == [f"00-{request.trace}-{parts['county'].span}-03"]  # sampled, of a random trace id


@pytest.mark.parametrize(
    ("graph", "body", "status", "path", "codes", "part"),
    [
        (CannedGraph(down=Unavailable("graph_unavailable", PLANTED)), {"query": MATTER, "variables": {"c": PLANTED}},
         200, "completed", ["graph_unavailable"], "graph_unavailable"),
        (SlowGraph(), {"query": MATTER, "variables": {"c": PLANTED}}, 503, "failed", ["deadline"], "CancelledError"),
        (CannedGraph(), {"query": f'{{ m{PLANTED}(a: "{CAUSE}") }}'}, 200, "failed", ["bad_document"], None),
    ],
)  # fmt: skip
async def test_a_failed_request_tells_its_codes_alone(
    world: World, graph: Any, body: Any, status: int, path: str, codes: list[str], part: str | None
) -> None:
    world.graph, world.limits = graph, Limits(seconds=0.2)
    assert (await world.post(body)).status_code == status
    request, parts = world.sent()
    given = told(request)
    assert (given["http.response.status_code"], given["tongban.path"]) == (status, path)
    assert given["tongban.error_codes"] == codes
    assert (request.error, given.get("error.type")) == ((True, codes[0]) if status == 503 else (False, None))
    assert [(one.error, one.attributes["error.type"]) for one in parts.values()] == ([(True, part)] if part else [])


async def test_a_batch_is_one_span_with_an_event_for_each_other_document(world: World) -> None:
    world.limits = Limits(batch_length=3)
    bodies = [{"query": f'{{ matter(code: "{number}") {{ name }} }}'} for number in range(3)]
    await world.post(bodies)
    request, _ = world.sent()
    assert len(request.attributes["tongban.lanes"]) == 3
    documents = [request.attributes["tongban.document"], *(event["tongban.document"] for event in request.events)]
    assert sorted(documents) == sorted(document_id(body["query"]) for body in bodies)


@pytest.mark.parametrize(
    "given",
    ["", CALLER.upper(), CALLER.replace("00-4b", "01-4b"), f"{CALLER}-00", "00-" + "0" * 32 + CALLER[35:], PLANTED],
)
async def test_a_caller_that_is_none_begins_a_trace(world: World, given: str) -> None:
    await world.post({"query": MATTER, "variables": {"c": PLANTED}}, traceparent=given)
    request, _ = world.sent()
    assert request.parent == ""
    assert request.trace != CALLER[3:35]


async def test_who_is_left_out_stays_out_and_so_does_the_county(world: World) -> None:
    """The node is told the trace all the same, with the flag that leaves it out."""
    world.graph = CannedGraph(rows=[[CODE, "370214"]])
    await world.post({"query": FACES, "variables": HOLDER}, traceparent=CALLER[:-2] + "00")
    assert world.collector.bodies == []
    (heard,) = world.heard
    assert heard is not None
    assert heard.startswith(CALLER[:36])
    assert heard.endswith("-00")


async def test_the_share_decides_for_a_caller_too(collector: Collector) -> None:
    world = World(Spans.sent_to(collector.endpoint, share=0), collector)
    await world.post({"query": MATTER, "variables": {"c": PLANTED}}, traceparent=CALLER)
    assert collector.bodies == []


async def test_a_collector_that_is_away_costs_no_answer(collector: Collector) -> None:
    """Nor does the end of the hub wait for it."""
    world = World(Spans.sent_to("http://127.0.0.1:1/v1/traces", share=1), collector)
    answer = await world.post({"query": MATTER, "variables": {"c": PLANTED}})
    assert answer.json() == {"data": {"matter": {"name": "名"}}}


async def test_a_read_beside_any_request_is_no_trace(world: World) -> None:
    """A stream's, or the hub's own."""
    await world.spans.journal(FakeJournal()).accesses("1", first=1)
    await world.spans.sources({"370214": _NoVault()})["370214"].faces([])
    assert world.spans.outgoing() == {}
    world.spans.stop()
    assert world.collector.bodies == []


async def test_a_hub_sends_what_its_settings_say(tmp_path: Path, collector: Collector) -> None:
    """Without a graph: the statement fails, and says so by its code."""
    folder = HubFolder.make(tmp_path)
    overrides = {
        "data": folder.data, "passphrase_file": tmp_path / "hub.pass", "trace_endpoint": collector.endpoint,
        "trace_share": 1,
    }  # fmt: skip
    settings = load_settings(file=None, environment={}, overrides=overrides)
    hub = Hub(settings, clock=lambda: NOW, random=seeded("hub"), dev=False)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(hub.app()), base_url="http://hub") as http:
        await http.post("/graphql", json={"query": MATTER, "variables": {"c": PLANTED}})
    hub._tracing.stop()
    for part in (hub.vault, hub._guard, hub.refusals):
        part.close()
    await hub._http.aclose()
    assert [(one.name, one.attributes.get("error.type")) for one in collector.spans] == [
        ("statement", "graph_unavailable"),
        ("graphql", None),
    ]
    assert not any(PLANTED.encode() in body for body in collector.bodies)


def test_without_an_endpoint_nothing_of_it_is_imported(tmp_path: Path) -> None:
    """One module imports OpenTelemetry, and one function imports that module."""
    settings = load_settings(
        file=None, environment={}, overrides={"data": tmp_path, "passphrase_file": tmp_path / "hub.pass"}
    )
    assert isinstance(tracing_of(settings), Untraced)
    imports = re.compile(r"^( *)(?:from|import) (?:opentelemetry|hub\.spans)\b", re.MULTILINE)
    hub = Path(__file__).parents[2] / "hub"
    found = {file.name: set(imports.findall(file.read_text("utf-8"))) for file in hub.rglob("*.py")}
    assert {name: indents for name, indents in found.items() if indents} == {
        "spans.py": {""},
        "tracing.py": {" " * 8},
    }


def test_without_the_extra_a_hub_that_should_trace_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "hub.spans", None)
    settings = load_settings(
        file=None, environment={"TONGBAN_TRACE_ENDPOINT": "http://127.0.0.1:1/v1/traces"},
        overrides={"data": tmp_path, "passphrase_file": tmp_path / "hub.pass"},
    )  # fmt: skip
    with pytest.raises(Malformed, match="install tongban with the extra `otel`"):
        tracing_of(settings)
