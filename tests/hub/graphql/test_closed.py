"""Nothing to find: the checks of graphql-cop, what clairvoyance learns from errors, and Strawberry's advisories."""

from __future__ import annotations

import json
import re
from importlib.metadata import version
from typing import Any, Final

import httpx2
import pytest
from graphql import is_enum_type, is_input_object_type, is_interface_type, is_object_type

from hub.graphql.admission import Admission
from hub.graphql.trusted import document_id
from schema.inspection import core_schema
from tests.graph_fakes import CannedGraph
from tests.graphql_http import MATTER, NEW, SCHEMA, client, code_of, codes_of
from tests.named_tests import is_test

NAME: Final = re.compile(r"[_A-Za-z][_0-9A-Za-z]*")
CORE: Final = core_schema(SCHEMA)


async def post(query: str, **options: Any) -> httpx2.Response:
    async with client(CannedGraph(), **options) as http:
        return await http.post("/graphql", json={"query": query}, headers={"Accept": NEW})


def repeated(text: str, times: int) -> str:
    return "query c { " + text * times + " }"


@pytest.mark.parametrize(
    ("check", "query"),
    [
        ("field_suggestions", "query c { __schema { directive } }"),
        ("introspection", "query c { __schema { types { name fields { name } } } }"),
        ("alias_overloading", "query c { " + "".join(f"alias{n}:__typename \n" for n in range(101)) + "}"),
        ("directive_overloading", "query c { __typename " + "@aa" * 10 + "@include(if: true)" * 51 + " }"),
        ("circular_query_introspection", "query c { __schema { types { fields { type { fields { name } } } } } }"),
        ("field_duplication", repeated("__typename \n", 500)),
    ],
)
async def test_graphql_cop_finds_nothing_by_a_document(check: str, query: str) -> None:
    """graphql-cop calls it a finding when the answer has data, or an error with a suggestion."""
    response = await post(query)
    assert (check, response.status_code, "data" in response.json()) == (check, 400, False)
    assert "Did you mean" not in response.text


async def test_graphql_cop_finds_no_batches() -> None:
    """batch_query."""
    async with client() as http:
        response = await http.post("/graphql", json=[{"query": "query c { __typename }"}] * 10)
    assert (response.status_code, code_of(response)) == (400, "bad_request")


async def test_graphql_cop_finds_no_explorer_and_no_traces() -> None:
    """detect_graphiql, trace_mode."""
    async with client() as http:
        page = await http.get("/graphql", headers={"Accept": "text/html"})
        traced = await http.post("/graphql", json={"query": MATTER, "extensions": {"tracing": True}})
    assert (page.status_code, "html" in page.text) == (406, False)
    assert list(traced.json()) == ["data"]


async def test_graphql_cop_finds_no_change_by_get_and_no_foreign_post() -> None:
    """get_method_support, get_based_mutation, post_based_csrf: GET reads what is public, and changes nothing."""
    mutation = 'mutation { submitEntries(entries: ["a"]) { __typename } }'
    async with client() as http:
        read = await http.get("/graphql", params={"query": "query c { __typename }"})
        changed = await http.get("/graphql", params={"query": mutation})
        form = await http.post("/graphql", data={"query": "query c { __typename }"})
    assert (read.status_code, changed.status_code, form.status_code) == (200, 405, 415)


async def test_graphql_cop_finds_no_unhandled_error() -> None:
    """unhandled_error_detection: it looks for `exception` and traces in the answer to a broken document."""
    response = await post("qwerty c { abc }")
    assert (response.status_code, codes_of(response.json())) == (400, ["bad_document"])
    assert not {"exception", "stacktrace", "traceback"} & set(NAME.findall(response.text.lower()))


def guesses() -> list[str]:
    """Documents that guess in every place where graphql-core could help: each type, field, argument, value, input."""
    made = ["{ wrong }", "query($v: Wrong) { wrong(v: $v) }", "{ ... on Wrong { wrong } }"]
    query = CORE.query_type
    assert query is not None
    for name, field in query.fields.items():
        made += [f"{{ {name} }}", f"{{ {name}(wrong: 1) {{ wrong }} }}", f"{{ {name} {{ wrong }} }}"]
        for argument in field.args:
            made += [f"{{ {name}({argument}: {value}) {{ wrong }} }}" for value in ("WRONG", "{wrong: 1}")]
    for name, one in CORE.type_map.items():
        if name.startswith("__"):
            continue
        if is_object_type(one) or is_interface_type(one):
            made.append(f"{{ ...A }} fragment A on {name} {{ wrong }}")
        if is_enum_type(one) or is_input_object_type(one):
            made += [f"query($v: {name} = WRONG) {{ wrong(v: $v) }}", f"query($v: {name} = {{}}) {{ wrong(v: $v) }}"]
    return made


def schema_names() -> frozenset[str]:
    """Give every name of the schema that is no word of an error's own prose, and that an error might therefore tell."""
    found = set[str]()
    for name, one in CORE.type_map.items():
        if name.startswith("__") or name in {"Int", "Float", "String", "Boolean", "ID"}:
            continue
        found.add(name)
        for inner, field in getattr(one, "fields", {}).items():
            found.update((inner, *getattr(field, "args", ())))
        found.update(getattr(one, "values", ()))
    return frozenset(name for name in found if any(letter.isupper() for letter in name))


async def test_no_error_tells_a_name_that_the_document_does_not_hold() -> None:
    """Clairvoyance builds a schema from errors alone: of fields, arguments, types, enum values and input fields."""
    names = schema_names()
    assert len(names) > 300
    told: list[tuple[str, list[str]]] = []
    async with client(CannedGraph()) as http:
        for document in guesses():
            response = await http.post("/graphql", json={"query": document})
            words = "".join(error["message"] for error in response.json().get("errors", ()))
            leaked = (set(NAME.findall(words)) & names) - set(NAME.findall(document))
            told += [(document, sorted(leaked))] if leaked else []
    assert told == []


async def test_no_error_of_a_variable_tells_a_name() -> None:
    document = 'query($h: HolderInput!) { licenses(holder: $h, useCause: "x") { edges { cursor } } }'
    values: tuple[Any, ...] = (None, 7, {}, {"wrong": 1}, [], {"certificateHolderTypeCode": 1})
    async with client() as http:
        for value in values:
            response = await http.post("/graphql", json={"query": document, "variables": {"h": value}})
            words = "".join(error["message"] for error in response.json()["errors"])
            sent = set(NAME.findall(document + json.dumps(value)))
            assert (set(NAME.findall(words)) & schema_names()) - sent == set()


async def test_development_keeps_the_words_of_graphql_core() -> None:
    response = await post("{ matter { name } }", dev=True)
    assert "Argument 'Query.matter(code:)' of type 'CatalogueCode!' is required" in response.text


async def test_in_mode_only_nothing_is_learnt() -> None:
    """Every guess, right ones too, is answered by the same bytes."""
    admission = Admission(texts={document_id(MATTER): MATTER}, mode="only")
    async with client(CannedGraph(), admission=admission) as http:
        documents = [*guesses(), "{ __typename }", "{ matters { edges { cursor } } }"]
        answers = {(await http.post("/graphql", json={"query": one})).content for one in documents}
    (answer,) = answers
    assert b"untrusted_document" in answer


def test_strawberry_is_newer_than_its_advisories() -> None:
    """CVE-2026-107727 is fixed in 0.327.2, the others before it."""
    assert tuple(map(int, version("strawberry-graphql").split(".")))[:3] >= (0, 327, 2)


async def test_aliases_are_counted_through_fragments() -> None:
    """CVE-2026-47707."""
    spread = (
        '{ matter(code: "1") { ...A ...A } } fragment A on Matter { ' + "".join(f"a{n}: name " for n in range(8)) + "}"
    )
    response = await post(spread)
    assert (response.status_code, code_of(response)) == (400, "limit_exceeded")


@pytest.mark.parametrize(
    "shown",
    [
        "tests/hub/graphql/test_sockets.py::test_the_legacy_protocol_is_not_spoken",  # CVE-2026-35523
        "tests/hub/graphql/test_sockets.py::test_operations_of_one_socket_are_bounded",  # CVE-2026-35526
    ],
)
def test_advisories_on_sockets_have_their_tests(shown: str) -> None:
    """The legacy protocol skipped connection_init; subscriptions of one socket were unbounded."""
    assert is_test(shown)


async def test_a_multipart_post_is_refused() -> None:
    """CVE-2024-47082: a form of another site uploads a mutation."""
    async with client() as http:
        response = await http.post("/graphql", files={"operations": (None, '{"query":"{ __typename }"}')})
    assert (response.status_code, code_of(response)) == (415, "bad_request")


async def test_an_identifier_of_another_type_gives_no_node() -> None:
    """CVE-2025-22151: Relay's `node(id:)` gave a node of a type that the caller named; there is no such field."""
    response = await post('{ node(id: "1") { ... on License { status } } }')
    assert codes_of(response.json()) == ["bad_document"]
    query = CORE.query_type
    assert query is not None
    assert not {"node", "nodes"} & query.fields.keys()
