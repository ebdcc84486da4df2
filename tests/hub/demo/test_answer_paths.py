"""The demo's last line: which share of the requests was compiled."""

from __future__ import annotations

from hub.demo.answerpaths import AnswerPaths
from hub.observability import Metrics


def test_the_processes_of_a_demo_are_summed() -> None:
    paths = AnswerPaths()
    for answered in (["compiled", "compiled", "hybrid"], ["compiled", "completed", "compiled"]):
        metrics = Metrics()
        for path in answered:
            metrics.document(path, {}, 1)
        paths.add(metrics.text().decode())
    assert paths.sentence() == "67 % of 6 GraphQL requests were compiled (1 hybrid, 1 completed)"


def test_nothing_was_asked() -> None:
    assert AnswerPaths().sentence() == "0 % of 0 GraphQL requests were compiled (0 hybrid, 0 completed)"
