"""Traces by OpenTelemetry: the spans of `hub/tracing.py`, sent to a collector over OTLP/HTTP.

    traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01     from the caller, and on to county nodes

    graphql     http.request.method, http.response.status_code, tongban.request_id, tongban.document (sha256:…),
                tongban.path, tongban.cost, tongban.statements, tongban.lanes, tongban.error_codes
    statement   tongban.lane: 16 hex digits of the SHA-256 of the statement's text, the same for all who share a lane
    county      tongban.county, tongban.faces

A batch is one span: its first document stands in the attributes, each other one is an event `document`. A span that
ended in an error has `error.type`: our stable code, or the class of an unexpected one; never its text. Of what the
caller sends only `traceparent` is taken, `tracestate` and baggage may hold anything. Its flag can leave a request out;
which of the others are traced follows from the trace id alone, so that systems with the same share trace the same.
What a collector does not take in time is dropped: nothing waits for it.
Sources: W3C Trace Context, 3.2; OTLP 1; the semantic conventions `http` and `error`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib.metadata import version
from threading import Thread
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, StatusCode, TraceFlags

from hub.exchange import ERROR_HEADER
from hub.graphql.busiest import named
from ledger.errors import TongbanError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from hub.graphql.execution import GraphQLRequest
    from hub.graphql.timings import Observer, Timing
    from hub.sources.port import RecordSource
    from schema.context import Access, AccessEntry, FaceAnswer, FaceRequest, Graph, Journal, Statement

__all__ = ["Spans"]

_TRACEPARENT: Final = re.compile(rb"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_METHODS: Final = frozenset({"GET", "POST"})
_ERROR_HEADER: Final = ERROR_HEADER.encode("ascii")
_EXPORT_S: Final = 5
_STOP_S: Final = 3
_DOCUMENT: Final = "tongban.document"
_LANES: Final = "tongban.lanes"


class Spans:
    """Implements `Tracing`. share: of the requests that are traced, 0 to 1. processor: takes the spans that ended."""

    def __init__(self, processor: SpanProcessor, *, share: float) -> None:
        ratio = TraceIdRatioBased(share)
        self._provider: Final = TracerProvider(
            sampler=ParentBased(root=ratio, remote_parent_sampled=ratio),
            resource=Resource({"service.name": "tongban-hub", "service.version": version("tongban")}),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(processor)
        self.tracer: Final = self._provider.get_tracer("tongban")

    @classmethod
    def sent_to(cls, endpoint: str, *, share: float) -> Spans:
        """Send spans to a collector, in a thread of their own: every five seconds, 512 at once; at most 2,048 wait."""
        exporter = OTLPSpanExporter(endpoint=endpoint, timeout=_EXPORT_S)
        sending = BatchSpanProcessor(
            exporter, max_queue_size=2048, schedule_delay_millis=5000, max_export_batch_size=512,
            export_timeout_millis=1000 * _EXPORT_S,
        )  # fmt: skip
        return cls(sending, share=share)

    def app(self, app: ASGIApp) -> ASGIApp:
        """Wrap the GraphQL endpoint, as of `Tracing`."""
        return _Requests(app, self.tracer)

    def observer(self, observer: Observer) -> Observer:
        """Wrap an observer, as of `Tracing`."""
        return _Documents(observer)

    def graph(self, graph: Graph) -> Graph:
        """Wrap the graph, as of `Tracing`."""
        return _Graph(graph, self)

    def journal(self, journal: Journal) -> Journal:
        """Wrap the journal, as of `Tracing`."""
        return _Journal(journal, self)

    def sources(self, sources: Mapping[str, RecordSource]) -> Mapping[str, RecordSource]:
        """Wrap the counties' sources, as of `Tracing`."""
        return {county: _Source(county, source, self) for county, source in sources.items()}

    def outgoing(self) -> Mapping[str, str]:
        """Give `traceparent` of the span that is under way, as of `Tracing`; none where there is none."""
        context = trace.get_current_span().get_span_context()
        if not context.is_valid:
            return {}
        return {"traceparent": f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"}

    def stop(self) -> None:
        """Send what is left, as of `Tracing`: a collector that is away is not waited for any longer than that."""
        ending = Thread(target=self._provider.shutdown, daemon=True)
        ending.start()
        ending.join(_STOP_S)

    @contextmanager
    def child(self, name: str, kind: SpanKind, attributes: Mapping[str, Any]) -> Iterator[None]:
        """Run a block as a part of the request that is under way; where that is not traced, just run it."""
        if not trace.get_current_span().is_recording():
            yield
            return
        with self.tracer.start_as_current_span(
            name, kind=kind, attributes=attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield
            except BaseException as error:
                _fail(span, error.code if isinstance(error, TongbanError) else type(error).__name__)
                raise


def _fail(span: Span, code: str) -> None:
    span.set_attribute("error.type", code)
    span.set_status(StatusCode.ERROR)


class _Requests:
    def __init__(self, app: ASGIApp, tracer: trace.Tracer) -> None:
        self._app = app
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
        span = self._tracer.start_span(
            "graphql", context=_parent(scope), kind=SpanKind.SERVER, attributes={"http.request.method": method}
        )
        token = attach(trace.set_span_in_context(span, Context()))

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                _tell(span, message)
            await send(message)

        try:
            await self._app(scope, receive, told if span.is_recording() else send)
        finally:
            detach(token)
            span.end()


def _tell(span: Span, answer: Message) -> None:
    span.set_attribute("http.response.status_code", answer["status"])
    codes = next((value.decode("ascii") for name, value in answer["headers"] if name == _ERROR_HEADER), "")
    if codes:
        span.set_attribute("tongban.error_codes", codes.split(","))
    if answer["status"] >= 500:
        _fail(span, codes.partition(",")[0] or str(answer["status"]))


def _parent(scope: Scope) -> Context:
    """Read who called: a header that is not of the one known version, or stands twice, is none."""
    given = [value for name, value in scope["headers"] if name == b"traceparent"]
    read = _TRACEPARENT.fullmatch(given[0]) if len(given) == 1 else None
    if read is None:
        return Context()
    trace_id, span_id, flags = (int(part, 16) for part in read.groups())
    sampled = TraceFlags(flags & TraceFlags.SAMPLED)
    caller = SpanContext(trace_id=trace_id, span_id=span_id, is_remote=True, trace_flags=sampled)
    return trace.set_span_in_context(NonRecordingSpan(caller), Context()) if caller.is_valid else Context()


class _Documents:
    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    def answered(self, request: GraphQLRequest, timing: Timing, request_id: str) -> None:
        self._observer.answered(request, timing, request_id)
        span = trace.get_current_span()
        if not span.is_recording():
            return
        took: dict[str, Any] = {
            _DOCUMENT: named(request.document_id, request.query),
            "tongban.path": timing.path or "failed",
            "tongban.statements": timing.statements,
        }
        if timing.cost is not None:
            took["tongban.cost"] = timing.cost
        if _DOCUMENT in _attributes(span):
            span.add_event("document", took)
        else:
            span.set_attributes({**took, "tongban.request_id": request_id})

    def written(self, seconds: float) -> None:
        self._observer.written(seconds)


def _attributes(span: Span) -> Mapping[str, Any]:
    return getattr(span, "attributes", None) or {}


class _Graph:
    def __init__(self, graph: Graph, spans: Spans) -> None:
        self._graph = graph
        self._spans = spans

    async def read(self, statement: Statement) -> Any:
        request = trace.get_current_span()
        if not request.is_recording():
            return await self._graph.read(statement)
        lane = _lane(statement.text)
        request.set_attribute(_LANES, [*_attributes(request).get(_LANES, ()), lane])
        with self._spans.child("statement", SpanKind.CLIENT, {"db.system.name": "neo4j", "tongban.lane": lane}):
            return await self._graph.read(statement)


@lru_cache(maxsize=1024)
def _lane(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class _Journal:
    def __init__(self, journal: Journal, spans: Spans) -> None:
        self._journal = journal
        self._spans = spans

    async def record_access(self, access: Access) -> int:
        with self._spans.child("journal.append", SpanKind.INTERNAL, {}):
            return await self._journal.record_access(access)

    async def accesses(self, certificate_identifier: str, *, first: int, after: int = -1) -> Sequence[AccessEntry]:
        return await self._journal.accesses(certificate_identifier, first=first, after=after)

    async def accesses_of(
        self, holder: str, *, county: str | None, first: int, after: int = -1
    ) -> Sequence[AccessEntry]:  # fmt: skip
        return await self._journal.accesses_of(holder, county=county, first=first, after=after)


class _Source:
    def __init__(self, county: str, source: RecordSource, spans: Spans) -> None:
        self._county = county
        self._source = source
        self._spans = spans

    @property
    def licenses_per_call(self) -> int:
        return self._source.licenses_per_call

    async def faces(self, requests: Sequence[FaceRequest]) -> Sequence[FaceAnswer]:
        told = {"tongban.county": self._county, "tongban.faces": len(requests)}
        with self._spans.child("county", SpanKind.CLIENT, told):
            return await self._source.faces(requests)
