"""Batches: several documents in one request, within limits that count documents; and what an answer cost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import httpx2
import pytest

from hub.graphql.admission import Admission
from hub.graphql.limits import LIMITS
from hub.graphql.quotas import Quotas
from tests.graph_fakes import CannedGraph
from tests.graphql_http import LICENSE, MATTER, NEW, client, code_of, codes_of
from tests.ports import FakeClock

THREE: Final = replace(LIMITS, batch_length=3)
NAMED: Final = {"data": {"matter": {"name": "名"}}}


async def batch(*documents: Any, **options: Any) -> httpx2.Response:
    async with client(**{"limits": THREE, **options}) as http:
        return await http.post("/graphql", json=list(documents), headers={"Accept": NEW})


async def test_answers_stand_in_the_order_of_the_documents() -> None:
    graph = CannedGraph(answer=lambda one: [[str(one.parameters["k0"])]])
    texts = [f'{{ matter(code: "{code}") {{ name }} }}' for code in ("1", "2", "3")]
    answer = await batch(*({"query": text} for text in texts), graph=graph)
    assert answer.status_code == 200
    assert answer.json() == [{"data": {"matter": {"name": code}}} for code in ("1", "2", "3")]
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        ({"query": "{"}, "bad_document"),
        ({"query": MATTER, "more": 1}, "unknown_member"),
        ({}, "bad_request"),
        (7, "bad_request"),
        ([{"query": MATTER}], "bad_request"),
        ({"query": LICENSE}, "token_required"),
        ({"query": "{ " + "a " * 11 + "}"}, "limit_exceeded"),
    ],
)
async def test_a_bad_document_does_not_spoil_its_neighbours(bad: Any, code: str) -> None:
    answer = await batch({"query": MATTER}, bad, {"query": MATTER})
    first, second, third = answer.json()
    assert (first, codes_of(second), third) == (NAMED, [code], NAMED)
    assert answer.headers["tongban-error"] == code


async def test_a_defect_stays_with_its_document() -> None:
    def broken_for_2(statement: Any) -> Any:
        if statement.parameters["k0"] == "2":
            raise RuntimeError
        return [["名"]]

    answer = await batch(
        {"query": MATTER}, {"query": '{ matter(code: "2") { name } }'}, graph=CannedGraph(answer=broken_for_2)
    )
    assert [one.get("data") for one in answer.json()] == [NAMED["data"], None]
    assert codes_of(answer.json()[1]) == ["internal"]


@pytest.mark.parametrize("length", [0, 4])
async def test_the_length_of_a_batch_is_bounded(length: int) -> None:
    answer = await batch(*[{"query": MATTER}] * length)
    assert (answer.status_code, code_of(answer)) == (400, "limit_exceeded")


async def test_no_batch_unless_it_is_allowed() -> None:
    answer = await batch({"query": MATTER}, limits=LIMITS)
    assert (answer.status_code, code_of(answer)) == (400, "bad_request")


async def test_quotas_count_documents() -> None:
    admission = Admission(quotas=Quotas(per_second=2, new_per_minute=100, at_once=100, clock=FakeClock()))
    async with client(limits=THREE, admission=admission) as http:
        answers = [await http.post("/graphql", json=[{"query": MATTER}] * 3) for _ in range(2)]
        alone = await http.post("/graphql", json={"query": MATTER})
    assert [one.status_code for one in (*answers, alone)] == [200, 429, 200]
    assert answers[1].headers["retry-after"] == "1"


async def test_the_cost_of_an_answer_is_told_to_who_asks() -> None:
    page = "query($n: Int!) { matters(first: $n) { edges { node { code name } } } }"
    graph, asked = CannedGraph(), {"extensions": {"cost": True}}
    documents = [{"query": page, "variables": {"n": size}, **asked} for size in (1, 10)]
    answer = await batch(*documents, {"query": page, "variables": {"n": 1}}, graph=graph)
    one, ten, silent = answer.json()
    costs = [one["extensions"]["cost"], ten["extensions"]["cost"]]
    assert costs[0] < costs[1] <= LIMITS.cost
    assert "extensions" not in silent
    refused = await batch(documents[1], graph=graph, limits=replace(THREE, cost=costs[1] - 1))
    assert refused.json()[0]["errors"][0]["message"] == f"cost: at most {costs[1] - 1}, got {costs[1]}"
    kept = await batch(documents[1], graph=graph, limits=replace(THREE, cost=costs[1]))
    assert kept.json() == [ten]
