"""Shaped answers are graphql-core's, byte by byte; and a bug in a shaper does not stay unseen."""

from __future__ import annotations

from typing import Any, Final

import pytest
import structlog

from hub.graph import shapecode, shaper
from hub.graphql.execution import Answer, AnswerPath, Execution, GraphQLRequest
from hub.graphql.masking import field_error
from schema.assembly import build_schema
from tests.differential import Difference, Differential
from tests.graph_fakes import CannedGraph
from tests.ports import CONSENT, CONSENTS, FakeFaceSources, request_context

SCHEMA: Final = build_schema()
LICENSE: Final = f'license(certificateIdentifier: "1.2.156.1", useCause: "x", basis: {{consent: "{CONSENT}"}})'
FACE: Final = "face { __typename ... on Face { certificateName } ... on FaceUnavailable { code } }"


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    with structlog.testing.capture_logs():
        yield


def test_crooked_documents_are_answered_alike() -> None:
    """By all three paths."""
    campaign = Differential()
    campaign.crooked(120)
    assert campaign.paths.keys() >= {"compiled", "hybrid", "completed"}


def test_generated_documents_are_answered_alike() -> None:
    campaign = Differential()
    campaign.generated(80)
    assert campaign.paths["compiled"] > 10


@pytest.mark.parametrize(
    ("table", "name", "planted"),
    [
        ("_FACTS", "hasNextPage", "not more"),
        ("_FACTS", "endCursor", "cursor(page.label, rows[0][{key}]) if rows else None"),
        ("_CHECKS", "String", "False"),
        ("_CHECKS", "Int", "{v}.__class__ is not int"),
        ("_CHECKS", "Boolean", "{v}.__class__ is not bool and {v}.__class__ is not int"),
    ],
)
def test_a_planted_bug_is_found(monkeypatch: pytest.MonkeyPatch, table: str, name: str, planted: str) -> None:
    """In what is generated: a fact turned round, a cursor of the wrong row, a check too few."""
    monkeypatch.setitem(getattr(shapecode, table), name, planted)
    with pytest.raises(Difference):
        Differential().crooked(2_000)


def test_a_planted_bug_is_found_where_nothing_is_generated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shaper, "check_of", lambda _: lambda _value: None)
    with pytest.raises(Difference):
        Differential().crooked(2_000)


async def _answer(text: str, rows: list[Any], **ports: Any) -> Answer:
    return await Execution(SCHEMA, CannedGraph(rows=rows)).run(GraphQLRequest(query=text), request_context(**ports))


@pytest.mark.parametrize(
    ("text", "rows", "path"),
    [
        ('{ __typename matter(code: "1") { __typename name } }', [["名"]], "compiled"),
        ('{ matter(code: "1") { name } }', [], "compiled"),
        (f"{{ {LICENSE} {{ status standing {{ __typename }} }} }}", [["1.2.156.1", "VALID", 7]], "hybrid"),
        ('{ matter(code: "1") { name } checkpoint { size } }', [["名"]], "hybrid"),
        ('{ matter(code: "1") { name } }', [[None]], "completed"),
        ("{ matters(first: 0) { edges { cursor } } }", [], "completed"),
        ('mutation { submitEntries(entries: ["a"]) { __typename } }', [], "completed"),
    ],
)  # fmt: skip
async def test_the_path_of_an_answer(text: str, rows: list[Any], path: AnswerPath) -> None:
    assert (await _answer(text, rows)).path == path


OPEN: Final = {"data": None, "errors": ["bad_variables"]}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('matter(code: "1") { name @include(if: $on) }', {"data": {"matter": None}, "errors": ["bad_variables"]}),
        ('matter(code: "1") { ... @skip(if: $on) { name } }', {"data": {"matter": None}, "errors": ["bad_variables"]}),
        ('__typename matter(code: "1") @skip(if: $on) { name }', OPEN),
    ],
)
async def test_a_null_decides_no_condition(text: str, told: dict[str, Any]) -> None:
    """Where a variable has a default it may be null, and then its place is graphql-core's to refuse."""
    request = GraphQLRequest(query=f"query($on: Boolean = true) {{ {text} }}", variables={"on": None})
    answers = [
        await Execution(SCHEMA, CannedGraph(rows=[["名"]]), shaped=shaped).run(request, request_context())
        for shaped in (True, False)
    ]
    found = [
        {"data": one.data, "errors": [field_error(error, "r")["extensions"]["code"] for error in one.errors]}
        for one in answers
    ]
    assert found == [told, told]


async def test_a_condition_of_another_operation_changes_no_path() -> None:
    text = 'query A { matter(code: "1") { name } } query B($on: Boolean = true) { matter(code: "1") { name @skip(if: $on) } }'
    request = GraphQLRequest(query=text, operation_name="A")
    answer = await Execution(SCHEMA, CannedGraph(rows=[["名"]])).run(request, request_context())
    assert (answer.data, answer.path) == ({"matter": {"name": "名"}}, "compiled")


async def test_a_null_for_a_size_is_refused_in_its_place() -> None:
    """Its cost is that of the largest page, since it is counted before anything is refused."""
    text = 'query($n: Int = 3) { matter(code: "1") { name } jurisdictions(first: $n) { edges { cursor } } }'
    request = GraphQLRequest(query=text, variables={"n": None}, tell_cost=True)
    answer = await Execution(SCHEMA, CannedGraph(rows=[["名"]])).run(request, request_context())
    (error,) = [field_error(one, "r") for one in answer.errors]
    assert (error["path"], error["extensions"]["code"]) == (["jurisdictions"], "bad_variables")


async def test_computed_values_are_laid_over_stored_ones() -> None:
    """In the document's order, and every face is asked for once."""
    faces = FakeFaceSources(kept={"1.2.156.1": {"certificateName": "营业执照"}})
    text = f"{{ a: {LICENSE} {{ status one: {FACE} of: issuedBy {{ name }} }} }}"
    answer = await _answer(text, [["1.2.156.1", "VALID", ["市监局"], "370214"]], faces=faces)
    assert list((answer.data or {})["a"].items()) == [
        ("status", "VALID"),
        ("one", {"__typename": "Face", "certificateName": "营业执照"}),
        ("of", {"name": "市监局"}),
    ]
    assert (answer.errors, answer.path, len(faces.calls)) == ([], "hybrid", 1)


async def test_an_error_of_a_computed_field_has_its_own_place() -> None:
    """Below a list that was shaped: its null goes up to the root field."""
    holder = '{certificateHolderTypeCode: "001", certificateHolderCode: "X"}'
    basis = f'{{consent: "{CONSENTS["key of 001 X"]}"}}'
    text = f"""{{ licenses(holder: {holder}, useCause: "x", basis: {basis}) {{
      edges {{ node {{ status
        standing {{ __typename }} }} }} }} }}"""
    answer = await _answer(text, [["1.2.156.1", "VALID", {"no": "index"}]])
    errors = [field_error(error, "request-1") for error in answer.errors]
    assert [(each["path"], each["locations"]) for each in errors] == [
        (["licenses", "edges", 0, "node", "standing"], [{"line": 3, "column": 9}])
    ]
    assert (answer.data, answer.path) == ({"licenses": None}, "hybrid")
