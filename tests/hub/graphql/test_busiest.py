"""The view by document: sums by digest, bounded, the busiest first, and nothing of what was sent."""

from __future__ import annotations

from typing import Any, Final

from hub.graphql.busiest import BusiestDocuments, named
from hub.graphql.execution import GraphQLRequest
from hub.graphql.timings import SlowDocuments, Timing
from hub.graphql.trusted import document_id
from hub.observability import Metrics

QUICK: Final = (0.002, 0.001, 1)
SLOW: Final = (0.5, 0.4, 3)


def rows(view: BusiestDocuments) -> list[Any]:
    listed: Any = view.view()["documents"]
    return list(listed)


def test_a_document_is_summed_and_the_busiest_stands_first() -> None:
    view = BusiestDocuments()
    for name, took, failed in (("a", QUICK, False), ("b", SLOW, True), ("a", QUICK, False), ("b", QUICK, False)):
        view.add(name, *took, failed=failed)
    assert rows(view) == [
        {"document": "b", "count": 2, "failed": 1, "statements": 4, "totalMs": 502.0, "readMs": 401.0, "slowestMs": 500.0},
        {"document": "a", "count": 2, "failed": 0, "statements": 2, "totalMs": 4.0, "readMs": 2.0, "slowestMs": 2.0},
    ]  # fmt: skip


def test_the_one_that_was_asked_longest_ago_leaves() -> None:
    view = BusiestDocuments(most=2)
    for name in ("a", "b", "a", "c"):
        view.add(name, *(SLOW if name == "b" else QUICK), failed=False)
    assert [(row["document"], row["count"]) for row in rows(view)] == [("a", 2), ("c", 1)]


def test_a_document_is_named_by_its_digest_however_long() -> None:
    for text in ("{ a }", "{ a }" + " " * 5_000, "{ \ud800 }"):
        assert named(None, text) == document_id(text)
    assert named("sha256:00", "") == "sha256:00"


def test_what_was_refused_before_it_was_judged_is_in_no_view() -> None:
    told = SlowDocuments(Metrics(), slow_ms=0)
    told.answered(GraphQLRequest(query="{ rubbish }"), Timing(), "r")
    told.answered(GraphQLRequest(query="{ late }"), Timing(cost=1), "r")
    told.answered(GraphQLRequest(query="{ good }"), Timing(cost=1, path="compiled"), "r")
    assert {(row["document"], row["failed"]) for row in rows(told.busiest)} == {
        (document_id("{ late }"), 1),
        (document_id("{ good }"), 0),
    }
