"""Traces of GraphQL requests, where a hub sends any: what it wraps for them, and nothing where it sends none.

    graphql                  POST /graphql: document, path, cost, statements, lanes, status, error codes
      statement              one compiled read, its wait in a lane included
      journal.append         one access record, until it is durable
      county                 one call to a county's source; a node gets `traceparent` with it

OpenTelemetry is the optional extra `otel` and is imported by `hub/spans.py` alone, when `trace_endpoint` is set. A span
holds digests, counts, county codes and error codes: no value of a document, no text of an error, no token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ledger.errors import Malformed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp

    from hub.graphql.timings import Observer
    from hub.settings import Settings
    from hub.sources.port import RecordSource
    from schema.context import Graph, Journal

__all__ = ["Tracing", "Untraced", "tracing_of"]

_MISSING = "trace_endpoint needs OpenTelemetry: install tongban with the extra `otel`"


class Tracing(Protocol):
    """Wraps the parts of a hub that a trace tells of; each wrapper does what its part does."""

    def app(self, app: ASGIApp) -> ASGIApp:
        """Wrap the GraphQL endpoint: each of its requests is a span."""
        ...

    def observer(self, observer: Observer) -> Observer:
        """Wrap who is told of documents: the span of the request gets what they took."""
        ...

    def graph(self, graph: Graph) -> Graph:
        """Wrap the graph."""
        ...

    def journal(self, journal: Journal) -> Journal:
        """Wrap the journal."""
        ...

    def sources(self, sources: Mapping[str, RecordSource]) -> Mapping[str, RecordSource]:
        """Wrap the counties' sources."""
        ...

    def outgoing(self) -> Mapping[str, str]:
        """Give the headers of a call to another system of the alliance, by the request that is under way."""
        ...

    def stop(self) -> None:
        """Send what is left, for a bounded time; blocks."""
        ...


class Untraced:
    """No traces: every part as it is."""

    def app(self, app: ASGIApp) -> ASGIApp:
        """Give the same."""
        return app

    def observer(self, observer: Observer) -> Observer:
        """Give the same."""
        return observer

    def graph(self, graph: Graph) -> Graph:
        """Give the same."""
        return graph

    def journal(self, journal: Journal) -> Journal:
        """Give the same."""
        return journal

    def sources(self, sources: Mapping[str, RecordSource]) -> Mapping[str, RecordSource]:
        """Give the same."""
        return sources

    def outgoing(self) -> Mapping[str, str]:
        """Give none."""
        return {}

    def stop(self) -> None:
        """Nothing is left."""


def tracing_of(settings: Settings) -> Tracing:
    """Give the traces that the settings ask for. Raises Malformed bad_setting: the extra `otel` is not installed."""
    if not settings.trace_endpoint:
        return Untraced()
    try:
        from hub.spans import Spans  # noqa: PLC0415  # an optional extra, and a hub without traces does not pay for it
    except ModuleNotFoundError as error:
        raise Malformed("bad_setting", _MISSING) from error
    return Spans.sent_to(settings.trace_endpoint, share=settings.trace_share)
