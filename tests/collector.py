"""A collector of traces on loopback, as any vendor's: OTLP over HTTP in, its spans read with OpenTelemetry's own types."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.served_hub import served

__all__ = ["Collector", "Sent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One span as it came. identifiers in hex; error: its status says that it failed. events: each one's attributes."""

    name: str
    trace: str
    span: str
    parent: str
    error: bool
    attributes: dict[str, Any]
    events: list[dict[str, Any]]


@dataclass
class Collector:
    """Keeps what it is sent. endpoint: where to send it."""

    endpoint: str = ""
    bodies: list[bytes] = field(default_factory=list)

    @classmethod
    @contextmanager
    def running(cls) -> Iterator[Collector]:
        """Serve one on loopback."""
        here = cls()
        with served(here) as url:
            here.endpoint = f"{url}/v1/traces"
            yield here

    def app(self) -> Starlette:
        """Give the application."""

        async def take(request: Request) -> Response:
            self.bodies.append(await request.body())
            return Response(ExportTraceServiceResponse().SerializeToString(), media_type="application/x-protobuf")

        return Starlette(routes=[Route("/v1/traces", take, methods=["POST"])])

    def close(self) -> None:
        """Nothing is open."""

    @property
    def resources(self) -> list[dict[str, Any]]:
        """What each sender told of itself."""
        return [_plain(each.resource.attributes) for each in self._read()]

    @property
    def spans(self) -> list[Sent]:
        """All spans, in the order in which they ended."""
        found = [span for each in self._read() for scope in each.scope_spans for span in scope.spans]
        return [
            Sent(
                name=one.name,
                trace=one.trace_id.hex(),
                span=one.span_id.hex(),
                parent=one.parent_span_id.hex(),
                error=one.status.code == one.status.STATUS_CODE_ERROR,
                attributes=_plain(one.attributes),
                events=[_plain(event.attributes) for event in one.events],
            )
            for one in found
        ]

    def _read(self) -> list[ResourceSpans]:
        read = [ExportTraceServiceRequest.FromString(body) for body in self.bodies]
        return [each for request in read for each in request.resource_spans]


def _plain(attributes: Any) -> dict[str, Any]:
    return {one.key: _value(one.value) for one in list[KeyValue](attributes)}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(one) for one in value.array_value.values]
    return getattr(value, str(kind))
