"""Logs and metrics: structured lines on stderr, Prometheus counters with few labels.

No value of a caller stands in a line or a label: a label is a route, a status, an error code or a county code. No
secret, identity number, license face, holder key or token.
"""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass, field
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

__all__ = ["Metrics", "configure_logging"]

_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


def configure_logging(level: str) -> None:
    """Send structlog's lines as JSON to stderr, one object a line, from `level` up. Call once, at start."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format='{"event":"%(message)s","logger":"%(name)s"}')


def _counter(registry: CollectorRegistry, name: str, text: str, *labels: str) -> Counter:
    return Counter(name, text, labels, registry=registry)


@dataclass(frozen=True, slots=True)
class Metrics:
    """The metrics of one process, in a registry of their own so that tests never share a count."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    requests: Counter = field(init=False)
    errors: Counter = field(init=False)
    statements: Gauge = field(init=False)
    faces: Counter = field(init=False)
    seconds: Histogram = field(init=False)
    ledger_size: Gauge = field(init=False)
    published_size: Gauge = field(init=False)
    cosignatures: Gauge = field(init=False)
    projection_lag: Gauge = field(init=False)

    def __post_init__(self) -> None:
        made = {
            "requests": _counter(self.registry, "tongban_requests", "Answered requests.", "route", "status"),
            "errors": _counter(self.registry, "tongban_errors", "Errors by stable code.", "code"),
            "statements": Gauge(
                "tongban_graph_reads", "Compiled reads sent to the graph since start.", registry=self.registry
            ),
            "faces": _counter(self.registry, "tongban_faces", "Faces asked of record sources.", "outcome"),
            "seconds": Histogram(
                "tongban_request_seconds", "Time to answer.", ("route",), buckets=_BUCKETS, registry=self.registry
            ),
            "ledger_size": Gauge("tongban_ledger_size", "Entries sequenced.", registry=self.registry),
            "published_size": Gauge("tongban_published_size", "Entries published.", registry=self.registry),
            "cosignatures": Gauge(
                "tongban_cosignatures", "Cosignatures on the newest checkpoint.", registry=self.registry
            ),
            "projection_lag": Gauge(
                "tongban_projection_lag", "Published entries not yet in the graph.", registry=self.registry
            ),
        }
        for name, metric in made.items():
            object.__setattr__(self, name, metric)

    def observe(self, route: str, status: int, seconds: float, codes: str) -> None:
        """Count one answered request; codes: its error codes joined by commas, empty for none."""
        self.requests.labels(route, str(status)).inc()
        self.seconds.labels(route).observe(seconds)
        for code in codes.split(",") if codes else ():
            self.errors.labels(code).inc()

    def text(self) -> bytes:
        """Give the exposition text of all metrics, for `GET /metrics`."""
        return generate_latest(self.registry)
