"""What the settings say of GraphQL, for the hub's own process and each of its readers (hub/readers)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hub.graph.lanes import LaneLimits, Lanes
from hub.graphql.admission import Admission
from hub.graphql.limits import LIMITS, Limits
from hub.graphql.quotas import Quotas
from hub.graphql.trusted import registry_of
from hub.turns import TurnLimits

if TYPE_CHECKING:
    from hub.observability import Metrics
    from hub.settings import Settings
    from hub.turns import Turns
    from schema.context import Clock, Graph

__all__ = ["admission_of", "lanes_over", "limits_of", "turns_of"]


def limits_of(settings: Settings) -> Limits:
    """Give the limits on what may be asked."""
    return replace(
        LIMITS, cost=settings.max_cost, seconds=settings.request_timeout_s, body_seconds=settings.body_timeout_s,
        batch_length=settings.batch_length,
    )  # fmt: skip


def turns_of(settings: Settings) -> TurnLimits:
    """Give how many documents one process works on at once, and how many may wait."""
    return TurnLimits(at_once=settings.at_once, waiting=settings.waiting, patience_s=settings.patience_ms / 1000)


def admission_of(settings: Settings, clock: Clock, turns: Turns) -> Admission:
    """Give the registry of trusted documents, the quotas of clients, the turns. Raises Malformed bad_file."""
    quotas = Quotas(
        per_second=settings.client_documents_per_second, new_per_minute=settings.client_new_per_minute,
        at_once=settings.client_at_once, clock=clock,
    )  # fmt: skip
    return Admission(
        texts=registry_of(settings.trusted_documents), mode=settings.trusted_mode, quotas=quotas, turns=turns
    )


def lanes_over(graph: Graph, settings: Settings, metrics: Metrics) -> Lanes:
    """Put lanes over a graph."""
    limits = LaneLimits(in_flight=settings.lane_statements, queue=settings.lane_queue)
    return Lanes(graph, limits=limits, on_statement=metrics.lane_keys.observe)
