"""Logs and metrics: structured lines on stderr, Prometheus counters with few labels.

No value of a caller stands in a line or a label: a label is a route, a status, an error code or a county code. No
secret, identity number, license face, holder key or token. An unexpected error is told by its class and its place,
never by its text, which may hold any of these; so are the errors that libraries log.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Final

import stamina
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from hub.loopfigures import LoopCounter, LoopHistogram
from hub.lru import CacheCount

__all__ = ["Metrics", "configure_logging", "log_unexpected"]

_log = structlog.get_logger(__name__)

_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_KEYS: Final = (1, 2, 4, 8, 16, 32, 64)
_STATEMENTS: Final = (0, 1, 2, 4, 10)
_RESTING: Final = {"closed": 0, "half-open": 1, "open": 2}


def configure_logging(level: str) -> None:
    """Send structlog's lines as JSON to stderr, one object a line, from `level` up. Call once, at start."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _told_by_class,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    stamina.instrumentation.set_on_retry_hooks(None)  # a server tells each attempt; a command only what came of them
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
            ],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _told_by_class,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def _told_by_class(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Put the class and the place of a logged exception where its text would stand."""
    given = event.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event.update(_class_and_place(error))
    return event


def _class_and_place(error: BaseException) -> dict[str, str]:
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return {"error": type(error).__name__, "where": where}


def log_unexpected(error: BaseException, request_id: str, **place: str) -> None:
    """Log an error that nobody foresaw, under the id that its caller is told."""
    _log.error("unexpected_error", request_id=request_id, **_class_and_place(error), **place)


def _counter(registry: CollectorRegistry, name: str, text: str, *labels: str) -> Counter:
    return Counter(name, text, labels, registry=registry)


@dataclass(frozen=True, slots=True)
class Metrics:
    """The metrics of one process, in a registry of their own so that tests never share a count.

    What each request counts is counted by the event loop alone (hub/loopfigures.py).
    """

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    requests: LoopCounter = field(init=False)
    errors: Counter = field(init=False)
    answers: LoopCounter = field(init=False)
    shed: Counter = field(init=False)
    waiting: Gauge = field(init=False)
    statements: Gauge = field(init=False)
    lane_depth: Gauge = field(init=False)
    lane_keys: LoopHistogram = field(init=False)
    lane_shared: Gauge = field(init=False)
    documents: Gauge = field(init=False)
    cache_hits: Gauge = field(init=False)
    cache_misses: Gauge = field(init=False)
    document_seconds: LoopHistogram = field(init=False)
    document_statements: LoopHistogram = field(init=False)
    write_seconds: LoopHistogram = field(init=False)
    faces: Counter = field(init=False)
    resting: Gauge = field(init=False)
    seconds: LoopHistogram = field(init=False)
    ledger_size: Gauge = field(init=False)
    published_size: Gauge = field(init=False)
    cosignatures: Gauge = field(init=False)
    projection_lag: Gauge = field(init=False)
    live_clients: Gauge = field(init=False)
    followers: Gauge = field(init=False)
    stream_seconds: Histogram = field(init=False)
    journal_queue: Gauge = field(init=False)
    events: Gauge = field(init=False)
    lamp_lag: Gauge = field(init=False)
    webhooks: Counter = field(init=False)
    policy_shared: Gauge = field(init=False)
    policy_block: Gauge = field(init=False)

    def __post_init__(self) -> None:
        made = {
            "requests": LoopCounter(
                "tongban_requests", "Answered requests.", ("route", "status"), registry=self.registry
            ),
            "errors": _counter(self.registry, "tongban_errors", "Errors by stable code.", "code"),
            "answers": LoopCounter(
                "tongban_graphql_requests",
                "Executed GraphQL requests by how they were answered.",
                ("path",),
                registry=self.registry,
            ),
            "shed": _counter(
                self.registry, "tongban_shed", "Requests turned away before any work, by kind: graphql, other.", "kind"
            ),
            "waiting": Gauge(
                "tongban_waiting", "Requests that wait for their turn, by kind.", ("kind",), registry=self.registry
            ),
            "statements": Gauge(
                "tongban_graph_reads", "Compiled reads sent to the graph since start.", registry=self.registry
            ),
            "lane_depth": Gauge("tongban_lane_depth", "Look-ups that wait for the graph.", registry=self.registry),
            "lane_keys": LoopHistogram(
                "tongban_lane_keys", "Keys in one statement of a lane.", _KEYS, registry=self.registry
            ),
            "lane_shared": Gauge(
                "tongban_lane_shared", "Look-ups that shared an equal one's key since start.", registry=self.registry
            ),
            "documents": Gauge(
                "tongban_documents",
                "Documents since start by the way they went: cached, onepass, graphql_core, refused.",
                ("way",),
                registry=self.registry,
            ),
            "cache_hits": Gauge(
                "tongban_cache_hits",
                "Found in a cache since start: document, plan, token.",
                ("cache",),
                registry=self.registry,
            ),
            "cache_misses": Gauge(
                "tongban_cache_misses", "Not found in a cache since start.", ("cache",), registry=self.registry
            ),
            "document_seconds": LoopHistogram(
                "tongban_document_seconds",
                "Time of a document in each stage (plan, read, complete), by how it was answered.",
                _BUCKETS,
                ("stage", "path"),
                registry=self.registry,
            ),
            "document_statements": LoopHistogram(
                "tongban_document_statements", "Compiled reads of a document.", _STATEMENTS, registry=self.registry
            ),
            "write_seconds": LoopHistogram(
                "tongban_write_seconds",
                "Time from a made answer to its JSON on the connection.",
                _BUCKETS,
                registry=self.registry,
            ),
            "faces": _counter(self.registry, "tongban_faces", "Faces asked of record sources.", "outcome"),
            "resting": Gauge(
                "tongban_source_resting",
                "A county's source: 0 is asked, 1 gets one trial call, 2 is left alone after failures.",
                ("county",),
                registry=self.registry,
            ),
            "seconds": LoopHistogram(
                "tongban_request_seconds", "Time to answer.", _BUCKETS, ("route",), registry=self.registry
            ),
            "ledger_size": Gauge("tongban_ledger_size", "Entries sequenced.", registry=self.registry),
            "published_size": Gauge("tongban_published_size", "Entries published.", registry=self.registry),
            "cosignatures": Gauge(
                "tongban_cosignatures", "Cosignatures on the newest checkpoint.", registry=self.registry
            ),
            "projection_lag": Gauge(
                "tongban_projection_lag", "Published entries not yet in the graph.", registry=self.registry
            ),
            "live_clients": Gauge(
                "tongban_live_clients", "Open streams: WebSockets and event streams.", registry=self.registry
            ),
            "followers": Gauge("tongban_followers", "Subscriptions to events of cases.", registry=self.registry),
            "stream_seconds": Histogram(
                "tongban_stream_seconds",
                "Time of one event of a stream, until its client has taken it.",
                buckets=_BUCKETS,
                registry=self.registry,
            ),
            "journal_queue": Gauge(
                "tongban_journal_queue", "Records that wait for a commit of the journal.", registry=self.registry
            ),
            "events": Gauge("tongban_events", "Events of cases in the feed.", registry=self.registry),
            "lamp_lag": Gauge(
                "tongban_lamp_lag_seconds", "For how long a lamp has turned untold.", registry=self.registry
            ),
            "webhooks": _counter(self.registry, "tongban_webhooks", "Deliveries of events to webhooks.", "outcome"),
            "policy_shared": Gauge(
                "tongban_policy_shared", "Fewest witnesses that two quorums share; 0 is unsafe.", registry=self.registry
            ),
            "policy_block": Gauge(
                "tongban_policy_block", "Fewest witnesses that can block every quorum.", registry=self.registry
            ),
        }
        for name, metric in made.items():
            object.__setattr__(self, name, metric)

    def observe(self, route: str, status: int, seconds: float, codes: str) -> None:
        """Count one answered request; codes: its error codes joined by commas, empty for none."""
        self.requests.count(route, str(status))
        self.seconds.observe(seconds, route)
        if codes:
            for code in codes.split(","):
                self.errors.labels(code).inc()

    def ways(self, counts: Mapping[str, int]) -> None:
        """Set how many documents went which way."""
        for way, count in counts.items():
            self.documents.labels(way).set(count)

    def caches(self, counts: Mapping[str, CacheCount]) -> None:
        """Set what each cache gave."""
        for cache, count in counts.items():
            self.cache_hits.labels(cache).set(count.hits)
            self.cache_misses.labels(cache).set(count.misses)

    def document(self, path: str | None, seconds: Mapping[str, float], statements: int) -> None:
        """Count one document. path: how it was answered; None: not. seconds: by stage. statements: it has sent."""
        if path is not None:
            self.answers.count(path)
        for stage, each in seconds.items():
            self.document_seconds.observe(each, stage, path or "failed")
        self.document_statements.observe(statements)

    def breakers(self, states: Mapping[str, str]) -> None:
        """Set what the circuit breaker of each county's source does now."""
        for county, state in states.items():
            self.resting.labels(county).set(_RESTING[state])

    def text(self) -> bytes:
        """Give the exposition text of all metrics, for `GET /metrics`."""
        return generate_latest(self.registry)
