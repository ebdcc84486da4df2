"""Counters and histograms of the event loop are told as those of prometheus_client are."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from hub.loopfigures import LoopCounter, LoopHistogram

BOUNDS = (0.001, 0.25, 1, 64)
AMOUNTS = st.floats(0, 100, allow_nan=False) | st.sampled_from(BOUNDS)


def _told(registry: CollectorRegistry) -> list[str]:
    """Give the exposition without the times at which prometheus_client's own series were made."""
    return list(_lines(generate_latest(registry).decode()))


def _lines(text: str) -> Iterator[str]:
    yield from (line for line in text.splitlines() if "_created" not in line)


@given(st.lists(st.tuples(st.sampled_from(("graphql", "ledger/tile")), AMOUNTS), max_size=20))
def test_a_histogram_is_told_alike(observed: list[tuple[str, float]]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    histogram = LoopHistogram("t_seconds", "Time.", BOUNDS, ("route",), registry=ours)
    judge = Histogram("t_seconds", "Time.", ("route",), buckets=BOUNDS, registry=theirs)
    for route, amount in observed:
        histogram.observe(amount, route)
        judge.labels(route).observe(amount)
    assert _told(ours) == _told(theirs)


@given(st.lists(st.tuples(st.sampled_from(("graphql", 'a "b"\n')), st.sampled_from(("200", "503"))), max_size=20))
def test_a_counter_is_told_alike(counted: list[tuple[str, str]]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    counter = LoopCounter("t_requests", "Requests.", ("route", "status"), registry=ours)
    judge = Counter("t_requests", "Requests.", ("route", "status"), registry=theirs)
    for labels in counted:
        counter.count(*labels)
        judge.labels(*labels).inc()
    assert _told(ours) == _told(theirs)


def test_what_has_no_labels_is_told_from_the_start() -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    LoopHistogram("t_keys", "Keys.", BOUNDS, registry=ours)
    Histogram("t_keys", "Keys.", buckets=BOUNDS, registry=theirs)
    LoopCounter("t_all", "All.", registry=ours)
    Counter("t_all", "All.", registry=theirs)
    assert _told(ours) == _told(theirs)
    assert "t_all_total 0.0" in _told(ours)
