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
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from hub.graphql.busiest import BusiestDocuments, named

if TYPE_CHECKING:
    from hub.graphql.execution import AnswerPath, GraphQLRequest
    from hub.observability import Metrics

__all__ = ["STAGES", "Observer", "SlowDocuments", "Timing"]

STAGES: Final = ("plan", "read", "complete")

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Timing:
    """What one document has taken so far. seconds: by stage that it has left. statements: reads that it sent.

    cost: None until the document is judged. path: how it was answered; None: not, or not yet.
    """

    clock: Callable[[], float] = time.perf_counter
    seconds: dict[str, float] = field(default_factory=dict)
    statements: int = 0
    cost: int | None = None
    path: AnswerPath | None = None
    _stage: str | None = None
    _since: float = 0.0

    def enter(self, stage: str | None) -> None:
        """Leave the stage that is under way for good, and enter another one; None: the end."""
        now = self.clock()
        if self._stage is not None:
            self.seconds[self._stage] = now - self._since
        self._stage, self._since = stage, now


class Observer(Protocol):
    """Told of what the endpoint does, in the event loop; must not block."""

    def answered(self, request: GraphQLRequest, timing: Timing, request_id: str) -> None:
        """Take one document that has ended, well or not; before its answer is written."""
        ...

    def written(self, seconds: float) -> None:
        """Take the time in which one answer, of a batch too, became JSON and was handed to its connection."""
        ...


class SlowDocuments:
    """Counts every document and its parts, and logs one whose parts took `slow_ms` or more together.

    slow_ms: 0 logs none. busiest: the view by document.
    """

    def __init__(self, metrics: Metrics, *, slow_ms: int) -> None:
        self.busiest: Final = BusiestDocuments()
        self._metrics: Final = metrics
        self._slow_ms: Final = slow_ms

    def answered(self, request: GraphQLRequest, timing: Timing, request_id: str) -> None:
        """Count one document, as of `Observer`."""
        timing.enter(None)
        self._metrics.document(timing.path, timing.seconds, timing.statements)
        total = sum(timing.seconds.values())
        slow = self._slow_ms and total * 1000 >= self._slow_ms
        if timing.cost is None and not slow:
            return  # refused before it was judged: whoever sends rubbish fills neither the log nor the view
        name = named(request.document_id, request.query)
        if timing.cost is not None:
            read_s = timing.seconds.get("read", 0.0)
            self.busiest.add(name, total, read_s, timing.statements, failed=timing.path is None)
        if slow:
            parts = {f"{stage}_ms": round(seconds * 1000) for stage, seconds in timing.seconds.items()}
            _log.warning("slow_document", document=name, statements=timing.statements, request_id=request_id, **parts)

    def written(self, seconds: float) -> None:
        """Count one answer, as of `Observer`."""
        self._metrics.write_seconds.observe(seconds)
