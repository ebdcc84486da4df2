"""Counters and histograms that the event loop alone counts, for the exposition of `GET /metrics`.

    asked = LoopHistogram("tongban_request_seconds", "Time to answer.", (0.001, 0.01), ("route",), registry=registry)
    asked.observe(0.004, "graphql")

A request is counted in a dozen places. Those of prometheus_client take a lock each, for threads that never come here;
these are numbers in a list, put into its families when somebody asks. From another thread counts may be lost. A series
is made by what is first counted in it; one without labels from the start, as 0.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

__all__ = ["LoopCounter", "LoopHistogram"]


class LoopCounter(Collector):
    """A counter. name: without `_total`."""

    def __init__(self, name: str, text: str, labels: Sequence[str] = (), *, registry: CollectorRegistry) -> None:
        self._name: Final = name
        self._text: Final = text
        self._labels: Final = tuple(labels)
        self._counts: Final[dict[tuple[str, ...], int]] = {} if labels else {(): 0}
        registry.register(self)

    def count(self, *labels: str) -> None:
        """Count one more with these labels."""
        try:
            self._counts[labels] += 1
        except KeyError:
            self._counts[labels] = 1

    def collect(self) -> Iterator[Metric]:
        """Give the family as it stands now."""
        family = CounterMetricFamily(self._name, self._text, labels=self._labels)
        for labels, count in self._counts.items():
            family.add_metric(labels, count)
        yield family


class _Distribution:
    """One series of a histogram. counts: of each bucket alone; the last one has no bound."""

    __slots__ = ("counts", "total")

    def __init__(self, buckets: int) -> None:
        self.counts: Final = [0] * buckets
        self.total = 0.0


class LoopHistogram(Collector):
    """A histogram. bounds: of its buckets, ascending; one without a bound is added."""

    def __init__(
        self, name: str, text: str, bounds: Sequence[float], labels: Sequence[str] = (), *, registry: CollectorRegistry
    ) -> None:
        self._name: Final = name
        self._text: Final = text
        self._bounds: Final = tuple(bounds)
        self._labels: Final = tuple(labels)
        self._series: Final[dict[tuple[str, ...], _Distribution]] = {} if labels else {(): self._new()}
        registry.register(self)

    def observe(self, amount: float, *labels: str) -> None:
        """Count one amount with these labels: in the first bucket whose bound is not below it."""
        try:
            one = self._series[labels]
        except KeyError:
            one = self._series[labels] = self._new()
        one.counts[bisect_left(self._bounds, amount)] += 1
        one.total += amount

    def _new(self) -> _Distribution:
        return _Distribution(len(self._bounds) + 1)

    def collect(self) -> Iterator[Metric]:
        """Give the family as it stands now, its buckets cumulated."""
        names = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        family = HistogramMetricFamily(self._name, self._text, labels=self._labels)
        for labels, one in self._series.items():
            family.add_metric(labels, list(zip(names, accumulate(one.counts), strict=True)), one.total)
        yield family
