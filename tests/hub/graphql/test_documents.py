"""Documents: parsed, validated and planned once, refused once, in bounded caches."""

from __future__ import annotations

from typing import Any, Final

import pytest
from graphql.execution.values import VariableValues, get_variable_values

from hub.graph.plan import Plan
from hub.graph.tables import build_tables
from hub.graphql.documents import Document, DocumentRefused, Documents, Fault, wording
from hub.graphql.limits import LIMITS, Limits
from hub.lru import CacheCount, Lru
from ledger.errors import Malformed, Unavailable
from schema.assembly import build_schema

TABLES: Final = build_tables(build_schema())
MATTER: Final = '{ matter(code: "1") { name } }'
ALL: Final = frozenset({"license.read"})


def documents(*, dev: bool = False, limits: Limits = LIMITS) -> Documents:
    return Documents(TABLES, limits, dev=dev)


def faults(text: str, *, dev: bool = False) -> list[tuple[str, str]]:
    """Give code and message of every fault of a document."""
    with pytest.raises(DocumentRefused) as caught:
        documents(dev=dev).load(text)
    return [(fault.code, fault.message) for fault in caught.value.faults]


def plan_of(known: Documents, text: str, scopes: frozenset[str] | None, **variables: Any) -> Plan:
    document = known.load(text)
    operation = document.operation(None)
    values = get_variable_values(TABLES.schema, operation.variable_definitions or (), variables)
    assert isinstance(values, VariableValues)
    return known.plan(document, operation, values, scopes)


def test_a_document_is_read_once() -> None:
    known = documents()
    assert known.load(MATTER) is known.load(MATTER)


def test_a_refused_document_is_refused_from_memory() -> None:
    known = documents()
    refusals = []
    for _ in range(2):
        with pytest.raises(DocumentRefused) as caught:
            known.load("{ nothing }")
        refusals.append(caught.value.faults)
    assert refusals[0] is refusals[1]


def test_documents_are_counted_by_the_way_they_went() -> None:
    known = documents()
    for text in (MATTER, MATTER, "mutation { __typename }", "mutation { __typename }"):
        known.load(text)
    for _ in range(2):
        with pytest.raises(DocumentRefused):
            known.load("{ nothing }")
    assert known.ways == {"cached": 2, "onepass": 1, "graphql_core": 1, "refused": 2}
    assert known.caches["document"] == CacheCount(hits=2, misses=4)


def test_what_graphql_core_must_judge_is_admitted_first() -> None:
    """Nothing is remembered of what was not admitted; what is known, or read in one pass, needs no admission."""
    known = documents()

    def refuse() -> None:
        raise Unavailable("not_ready", "later")

    assert known.load(MATTER, admit=refuse) is known.load(MATTER)
    for _ in range(2):
        with pytest.raises(Unavailable):
            known.load("mutation { __typename }", admit=refuse)
    asked: list[str] = []
    judged = known.load("mutation { __typename }", admit=lambda: asked.append("once"))
    assert known.load("mutation { __typename }", admit=refuse) is judged
    with pytest.raises(DocumentRefused):
        known.load("{ nothing }", admit=lambda: asked.append("twice"))
    with pytest.raises(DocumentRefused):
        known.load("{ nothing }", admit=refuse)
    assert asked == ["once", "twice"]


def test_a_long_refused_document_is_remembered_by_its_digest() -> None:
    known = documents(limits=Limits(cached_chars=20))
    text = "{ nothing }" + " " * 20
    for _ in range(2):
        with pytest.raises(DocumentRefused):
            known.load(text)
    assert known.ways["refused"] == 2


def test_a_long_document_is_not_kept() -> None:
    known = documents(limits=Limits(cached_chars=20))
    assert known.load(MATTER) is not known.load(MATTER)


def test_a_plan_is_made_once_for_each_set_of_scopes_and_conditions() -> None:
    """A key without the scope set would be a leak."""
    known = documents()
    text = (
        'query($x: Boolean!) { license(certificateIdentifier: "1", useCause: "x") { status @skip(if: $x) logIndex } }'
    )
    plan = plan_of(known, text, ALL, x=False)
    assert plan_of(known, text, ALL, x=False) is plan
    assert plan_of(known, text, ALL, x=True) is not plan
    own = plan_of(known, text, frozenset({"license.read.own"}), x=False)
    assert "caller_county" in own.roots[0].compiled.text
    assert "caller_county" not in plan.roots[0].compiled.text
    assert plan_of(known, text, None, x=False).roots == ()


def test_skipped_fields_are_in_no_statement() -> None:
    text = 'query($x: Boolean!) { matter(code: "1") { name @include(if: $x) code @skip(if: $x) } }'
    assert "a0.name" in plan_of(documents(), text, None, x=True).roots[0].compiled.text
    assert "a0.name" not in plan_of(documents(), text, None, x=False).roots[0].compiled.text


def test_the_cache_forgets_what_was_used_longest_ago() -> None:
    kept: Lru[str, int] = Lru(2)
    kept.put("a", 1)
    kept.put("b", 2)
    assert kept.get("a") == 1
    kept.put("c", 3)
    assert [kept.get(key) for key in "abc"] == [1, None, 3]
    assert len(kept) == 2


def test_a_document_that_does_not_parse_says_where() -> None:
    with pytest.raises(DocumentRefused) as caught:
        documents().load("{ matter(")
    assert caught.value.faults == (
        Fault(code="bad_document", message="Syntax Error: Expected Name, found <EOF>.", locations=((1, 10),)),
    )


def test_tokens_are_limited() -> None:
    assert faults("{ " + "x " * 900 + "}") == [("limit_exceeded", "root fields: at most 10")]
    assert faults("{ " + "x " * 1000 + "}") == [("limit_exceeded", "tokens: at most 1000")]


@pytest.mark.parametrize("text", ["{ __schema { types { name } } }", '{ __type(name: "License") { name } }'])
def test_introspection_is_for_development_only(text: str) -> None:
    assert faults(text)[0][0] == "bad_document"
    assert isinstance(documents(dev=True).load(text), Document)


def test_a_type_name_is_no_introspection() -> None:
    assert isinstance(documents().load("{ __typename }"), Document)


@pytest.mark.parametrize(
    "text",
    ["{ mater }", '{ matter(cod: "1") { name } }', '{ matter(code: "1") { nam } }', "{ ...on Mater { name } }"],
)
def test_suggestions_are_for_development_only(text: str) -> None:
    """For fields, arguments and types alike."""
    assert not any("Did you mean" in message for _, message in faults(text))
    assert any("Did you mean" in message for _, message in faults(text, dev=True))


def test_a_suggestion_is_cut_from_a_message() -> None:
    assert wording("Unknown argument 'a'. Did you mean 'b' or 'c'?") == "Unknown argument 'a'."


@pytest.mark.parametrize("dev", [False, True])
def test_what_is_wrong_is_told_in_few_words(dev: bool) -> None:
    """The operation's name stands in the error of each variable: a megabyte of it would be told, and kept, ten times."""
    name = "a" * 100_000
    text = f"query {name} {{ {' '.join(f'a{n}: matter(code: $v{n}) {{ name }}' for n in range(9))} }}"
    found = faults(text, dev=dev)
    assert len(found) == 9
    assert {message for _, message in found} == {"not valid, and what is wrong with it is too long to be told"}


def test_several_operations_need_a_name() -> None:
    document = documents().load('query A { matter(code: "1") { name } } query B { matter(code: "2") { name } }')
    assert document.operation("B").name is not None
    for name in (None, "C", ""):
        with pytest.raises(Malformed, match="bad_request"):
            document.operation(name)


def test_a_document_without_operation_is_refused() -> None:
    document = documents().load('fragment F on Matter { name } { matter(code: "1") { ...F } }')
    assert list(document.fragments) == ["F"]


def test_plans_are_counted_by_what_their_cache_gave() -> None:
    """One plan a set of scopes."""
    known = documents()
    for scopes in (None, None, ALL, ALL, None):
        plan_of(known, MATTER, scopes)
    assert known.caches["plan"] == CacheCount(hits=3, misses=2)
