"""How long each part of a document took: figures for `/metrics`, and a line in the log for a slow one.

    plan       the document read and judged (or found in memory), its plan, the checks of the variables
    read       bases judged, statements answered, access records durable
    complete   computed fields, and the answer made

    {"event": "slow_document", "document": "sha256:2cf2…", "plan_ms": 1, "read_ms": 1480, "complete_ms": 2, …}

A document is named by its digest alone: its text and its operation's name are the client's, and may hold anything.
One that ran out of time is told of like any other.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import structlog

from hub.graphql.trusted import document_id

if TYPE_CHECKING:
    from hub.graphql.execution import GraphQLRequest
    from hub.observability import Metrics

__all__ = ["STAGES", "SlowDocuments", "Timing"]

STAGES: Final = ("plan", "read", "complete")

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Timing:
    """What one document has taken so far. seconds: by stage that it has left. statements: reads that it sent."""

    clock: Callable[[], float] = time.perf_counter
    seconds: dict[str, float] = field(default_factory=dict)
    statements: int = 0
    _stage: str | None = None
    _since: float = 0.0

    def enter(self, stage: str | None) -> None:
        """Leave the stage that is under way, and enter another one; None: the end."""
        now = self.clock()
        if self._stage is not None:
            self.seconds[self._stage] = self.seconds.get(self._stage, 0.0) + now - self._since
        self._stage, self._since = stage, now


class SlowDocuments:
    """Told of every document that was asked for: counts its parts, and logs it when all of them took `slow_ms` or more.

    slow_ms: 0 logs none.
    """

    def __init__(self, metrics: Metrics, *, slow_ms: int) -> None:
        self._seconds: Final = {stage: metrics.document_seconds.labels(stage) for stage in STAGES}
        self._statements: Final = metrics.document_statements
        self._slow_ms: Final = slow_ms

    def __call__(self, request: GraphQLRequest, timing: Timing, request_id: str) -> None:
        """Take one request that has ended, well or not."""
        timing.enter(None)
        for stage, seconds in timing.seconds.items():
            self._seconds[stage].observe(seconds)
        self._statements.observe(timing.statements)
        if self._slow_ms and sum(timing.seconds.values()) * 1000 >= self._slow_ms:
            parts = {f"{stage}_ms": round(seconds * 1000) for stage, seconds in timing.seconds.items()}
            named = request.document_id or document_id(request.query)
            _log.warning("slow_document", document=named, statements=timing.statements, request_id=request_id, **parts)
