"""Figures of many processes: sums of what each counts, and no counter that falls when one of them ends."""

from __future__ import annotations

from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from hub.observability import Metrics
from hub.readers.figures import Figures, Told, told_figures


def _values(figures: Figures) -> dict[str, float]:
    families = text_string_to_metric_families(figures.text().decode())
    return {
        f"{one.name}{sorted(one.labels.items())}": one.value
        for family in families
        for one in family.samples
        if not one.name.endswith("_created")
    }


def _reader(*, compiled: int, reads: int, seconds: float) -> Metrics:
    metrics = Metrics()
    for _ in range(compiled - 1):
        metrics.answers.count("compiled")
    metrics.statements.set(reads)
    metrics.document("compiled", {"read": seconds}, reads)
    return metrics


def _told(metrics: Metrics, *documents: dict[str, Any]) -> Told:
    return {"samples": told_figures(metrics.registry), "documents": documents}


COMPILED = "tongban_graphql_requests_total[('path', 'compiled')]"
READS = "tongban_graph_reads[]"
SUM = "tongban_document_seconds_sum[('path', 'compiled'), ('stage', 'read')]"
BUCKET = "tongban_document_seconds_bucket[('le', '0.5'), ('path', 'compiled'), ('stage', 'read')]"


def test_the_sums_are_of_the_hub_and_every_reader() -> None:
    own = _reader(compiled=1, reads=1, seconds=0.25)
    figures = Figures(own.registry)
    figures.take(11, _told(_reader(compiled=2, reads=10, seconds=0.25)))
    figures.take(12, _told(_reader(compiled=4, reads=20, seconds=4.0)))
    values = _values(figures)
    assert (values[COMPILED], values[READS], values[SUM], values[BUCKET]) == (7.0, 31.0, 4.5, 2.0)


def test_a_label_that_the_hub_has_never_seen_is_there_too() -> None:
    figures = Figures(Metrics().registry)
    figures.take(11, _told(_reader(compiled=2, reads=10, seconds=0.25)))
    assert (_values(figures)[COMPILED], _values(figures)[BUCKET]) == (2.0, 1.0)


def test_what_a_reader_tells_again_replaces_what_it_told_before() -> None:
    figures = Figures(Metrics().registry)
    for compiled in (2, 3):
        figures.take(11, _told(_reader(compiled=compiled, reads=10, seconds=0.25)))
    assert _values(figures)[COMPILED] == 3.0


def test_counts_of_a_reader_that_has_ended_stay_and_its_gauges_do_not() -> None:
    figures = Figures(Metrics().registry)
    figures.take(11, _told(_reader(compiled=2, reads=10, seconds=0.25)))
    figures.retire(11)
    figures.retire(12)  # never told anything
    figures.take(13, _told(_reader(compiled=1, reads=5, seconds=0.25)))
    values = _values(figures)
    assert (values[COMPILED], values[READS], values[SUM]) == (3.0, 5.0, 0.5)


def test_the_exposition_is_the_hubs_own_where_there_are_no_readers() -> None:
    metrics = _reader(compiled=3, reads=7, seconds=0.25)
    assert Figures(metrics.registry).text() == metrics.text()


def test_a_document_is_one_row_whoever_answered_it() -> None:
    def row(name: str, count: int, total: float, slowest: float) -> dict[str, Any]:
        return {"document": name, "count": count, "failed": 1, "statements": count, "totalMs": total, "readMs": total,
                "slowestMs": slowest}  # fmt: skip

    figures = Figures(Metrics().registry)
    figures.take(11, _told(Metrics(), row("sha256:a", 2, 4.1, 3.0), row("sha256:b", 1, 9.0, 9.0)))
    figures.take(12, _told(Metrics(), row("sha256:a", 4, 4.1, 2.0)))
    assert figures.documents({"documents": [row("sha256:a", 1, 2.0, 2.0)]}) == {
        "documents": [
            {**row("sha256:a", 7, 10.2, 3.0), "failed": 3},
            row("sha256:b", 1, 9.0, 9.0),
        ]
    }
