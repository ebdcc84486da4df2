"""The figures of all processes as one exposition: counters, histograms and gauges of the readers added to the hub's.

A reader tells its samples every second. Counts of one that has ended stay in the sums, so that no counter falls; what
it counted in its last second is lost with it, and so are its gauges. The view by document is of the processes that run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from prometheus_client import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from hub.graphql.busiest import MOST_DOCUMENTS

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from ledger.encoding import JsonValue

__all__ = ["Figures", "Told", "told_figures"]

Told: TypeAlias = "Mapping[str, Any]"
"""{"samples": [[family, kind, [[sample, [[label, value], …], number], …]], …], "documents": [{"document": …}, …]}"""
_Key: TypeAlias = "tuple[str, tuple[tuple[str, str], ...]]"
_Sums: TypeAlias = "dict[str, dict[_Key, float]]"

_COUNTED: Final = frozenset({"counter", "histogram"})
_CREATED: Final = "_created"
_SUMMED: Final = ("count", "failed", "statements", "totalMs", "readMs")
_NOTHING: Final[Told] = {"samples": (), "documents": ()}


def told_figures(registry: CollectorRegistry) -> list[list[Any]]:
    """Write the samples of a process; times at which a counter was made are its own."""
    return [
        [
            family.name,
            family.type,
            [
                [one.name, sorted(map(list, one.labels.items())), one.value]
                for one in family.samples
                if not one.name.endswith(_CREATED)
            ],
        ]
        for family in registry.collect()
    ]


class Figures(Collector):
    """The sums. retired: what processes that have ended had counted."""

    def __init__(self, own: CollectorRegistry) -> None:
        self._own: Final = own
        self._told: Final[dict[int, Told]] = {}
        self._retired: Final[_Sums] = {}

    def take(self, process: int, told: Told) -> None:
        """Take what a process tells of itself."""
        self._told[process] = told

    def retire(self, process: int) -> None:
        """Keep the counts of a process that has ended."""
        _add(self._retired, (one for one in self._told.pop(process, _NOTHING)["samples"] if one[1] in _COUNTED))

    def text(self) -> bytes:
        """Give the exposition of all processes."""
        return generate_latest(self)

    def documents(self, own: Mapping[str, Any]) -> dict[str, JsonValue]:
        """Give the view by document (hub/graphql/busiest) of all processes that run."""
        sums: dict[str, dict[str, Any]] = {}
        for row in [*own["documents"], *(row for told in self._told.values() for row in told["documents"])]:
            found = sums.setdefault(row["document"], {**row, **dict.fromkeys(_SUMMED, 0), "slowestMs": 0.0})
            found.update({name: round(found[name] + row[name], 1) for name in _SUMMED})
            found["slowestMs"] = max(found["slowestMs"], row["slowestMs"])
        rows = sorted(sums.values(), key=lambda row: (-row["totalMs"], row["document"]))
        return {"documents": [*rows[:MOST_DOCUMENTS]]}

    def collect(self) -> Iterator[Metric]:
        """Give every family of the hub, with what the readers and those before them have counted."""
        sums: _Sums = {}
        for name, samples in self._retired.items():
            sums[name] = dict(samples)
        for told in self._told.values():
            _add(sums, told["samples"])
        for family in self._own.collect():
            yield _together(family, sums.get(family.name, {}))


def _add(sums: _Sums, told: Iterable[Sequence[Any]]) -> None:
    for name, _, samples in told:
        family = sums.setdefault(name, {})
        for sample, labels, value in samples:
            key = (sample, tuple((label, of) for label, of in labels))
            family[key] = family.get(key, 0.0) + value


def _together(family: Metric, more: dict[_Key, float]) -> Metric:
    both, left = Metric(family.name, family.documentation, family.type), dict(more)
    for one in family.samples:
        key = (one.name, tuple(sorted(one.labels.items())))
        both.add_sample(one.name, one.labels, one.value + left.pop(key, 0.0))
    for (name, labels), value in left.items():
        both.add_sample(name, dict(labels), value)
    return both
