"""Counters and histograms that the event loop alone counts, for the exposition of `GET /metrics`.

    asked = LoopHistogram("tongban_request_seconds", "Time to answer.", (0.001, 0.01), ("route",), registry=registry)
    asked.of("graphql").observe(0.004)

A request is counted in a dozen places. Those of prometheus_client take a lock each, for threads that never come here;
these are numbers in a list, put into its families when somebody asks. From another thread counts may be lost.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Final, Generic, TypeVar

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

__all__ = ["LoopCounter", "LoopHistogram"]

Series = TypeVar("Series")


class Count:
    """One series of a counter: `value` may only grow."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0


class Distribution:
    """One series of a histogram. counts: of each bucket alone; the last one has no bound."""

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds: Final = bounds
        self.counts: Final = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, amount: float) -> None:
        """Count one amount: in the first bucket whose bound is not below it."""
        self.counts[bisect_left(self._bounds, amount)] += 1
        self.total += amount


class _Family(Collector, Generic[Series]):
    """The series of one name, by the values of their labels; made when they are first asked for."""

    def __init__(self, name: str, text: str, labels: Sequence[str], registry: CollectorRegistry) -> None:
        self._name: Final = name
        self._text: Final = text
        self._labels: Final = tuple(labels)
        self._series: Final[dict[tuple[str, ...], Series]] = {}
        if not labels:
            self.of()  # told from the start, as 0
        registry.register(self)

    def of(self, *labels: str) -> Series:
        """Give the series with these labels."""
        found = self._series.get(labels)
        if found is None:
            found = self._series[labels] = self._new()
        return found

    def _new(self) -> Series:
        raise NotImplementedError


class LoopCounter(_Family[Count]):
    """A counter. name: without `_total`."""

    def __init__(self, name: str, text: str, labels: Sequence[str] = (), *, registry: CollectorRegistry) -> None:
        super().__init__(name, text, labels, registry)

    def _new(self) -> Count:
        return Count()

    def collect(self) -> Iterator[Metric]:
        """Give the family as it stands now."""
        family = CounterMetricFamily(self._name, self._text, labels=self._labels)
        for labels, one in self._series.items():
            family.add_metric(labels, one.value)
        yield family


class LoopHistogram(_Family[Distribution]):
    """A histogram. bounds: of its buckets, ascending; one without a bound is added."""

    def __init__(
        self, name: str, text: str, bounds: Sequence[float], labels: Sequence[str] = (), *, registry: CollectorRegistry
    ) -> None:
        self._bounds: Final = tuple(bounds)
        super().__init__(name, text, labels, registry)

    def _new(self) -> Distribution:
        return Distribution(self._bounds)

    def collect(self) -> Iterator[Metric]:
        """Give the family as it stands now, its buckets cumulated."""
        names = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        family = HistogramMetricFamily(self._name, self._text, labels=self._labels)
        for labels, one in self._series.items():
            family.add_metric(labels, list(zip(names, accumulate(one.counts), strict=True)), one.total)
        yield family
