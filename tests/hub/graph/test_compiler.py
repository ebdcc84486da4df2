"""From a selection to one statement: the text is a function of the shape alone, and no text of a document enters."""

from __future__ import annotations

import re
from typing import Final

import pytest
from graphql import parse, print_ast, visit
from graphql.language import ast, visitor
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.graph.plan import explain
from schema.assembly import build_schema
from schema.inspection import core_schema
from tests.random_documents import random_document
from tests.toy_schema import toy_schema

SCHEMA: Final = build_schema()
TOY: Final = toy_schema()
ALL: Final = frozenset({"license.read", "license.face", "journal.read"})
OWN: Final = frozenset({"license.read.own"})
WORDS: Final = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")


def one(document: str, *, scopes: frozenset[str] = ALL) -> str:
    """Compile a document of one root field."""
    (text,) = explain(document, SCHEMA, scopes=scopes)
    return text


def toy(body: str, *, scopes: frozenset[str] = ALL) -> str:
    """Compile a selection below the toy schema's checklist."""
    root = 'checklist(matter: "m", county: "c", holder: "h", useCause: "x")'
    (text,) = explain(f"{{ {root} {body} }}", TOY, scopes=scopes)
    return text


def test_a_key_start_projects_by_position() -> None:
    text = one('{ matter(code: "1") { code name } }')
    assert text == "MATCH (a0:Matter {code: $k0})\nRETURN collect([a0.code, a0.name]) AS r"


def test_the_order_of_the_fields_does_not_matter() -> None:
    """Columns stand in the type's order, at every depth, and a field that is asked for twice is one of them."""
    below = "type { code name } status certificateIdentifier issuedBy { name jurisdiction { level code } }"
    turned = "issuedBy { jurisdiction { code level } name n: name } certificateIdentifier s: status type { name code }"
    ask = 'license(certificateIdentifier: "1", useCause: "x")'
    assert one(f"{{ {ask} {{ {below} }} }}") == one(f"{{ {ask} {{ {turned} }} }}")


def test_one_node_at_the_other_end_is_the_head_of_a_pattern() -> None:
    text = one('{ authority(code: "1") { jurisdiction { name within { name } } } }')
    assert text == (
        "MATCH (a0:Authority {code: $k0})\n"
        "RETURN collect([\n"
        "  head([(a0)-[:OF]->(a1:Jurisdiction) | [a1.name,\n"
        "    head([(a1)-[:WITHIN]->(a2:Jurisdiction) | [a2.name]])]])]) AS r"
    )


def test_a_list_is_ordered_and_bounded() -> None:
    text = one('{ licenseType(code: "1") { satisfies { name } } }')
    assert text == (
        "MATCH (a0:LicenseType {code: $k0})\n"
        "RETURN collect([\n"
        "  COLLECT { MATCH (a0)<-[:SATISFIED_BY]-(a1:Material) RETURN [a1.name] ORDER BY a1.code LIMIT $p100 }]) AS r"
    )


def test_an_edge_property_names_the_relationship_that_led_to_the_node() -> None:
    text = one('{ offering(matter: "1", county: "2") { materials { need } } }')
    assert "(a0)-[r1:REQUIRES]->(a1:Material) RETURN [r1.need]" in text


def test_a_page_starts_above_a_key_and_asks_for_one_row_more() -> None:
    text = one('{ matters(type: "01") { edges { cursor node { name } } pageInfo { hasNextPage } } }')
    assert text == (
        "MATCH (a0:Matter)\n"
        "WHERE a0.code > $c0\n"
        "  AND ($type IS NULL OR a0.type = $type)\n"
        "  AND ($mode IS NULL OR a0.mode = $mode)\n"
        "WITH a0 ORDER BY a0.code LIMIT $f0\n"
        "RETURN collect([a0.name, a0.code]) AS r"
    )


def test_a_row_rule_stands_wherever_its_label_enters() -> None:
    """At the start, at one node along a relationship, and in an own pattern behind a WITH."""
    document = '{ license(certificateIdentifier: "1", useCause: "x") { status replaces { status } } }'
    held = "($basis_holder IS NULL OR EXISTS { (%s)-[:HELD_BY]->(:Holder {key: $basis_holder}) })"
    assert one(document, scopes=OWN) == (
        "MATCH (a0:License {certificateIdentifier: $k0})\n"
        "WHERE a0.sealedBy = $caller_county\n"
        f"  AND {held % 'a0'}\n"
        "RETURN collect([a0.certificateIdentifier, a0.status,\n"
        f"  head([(a0)-[:REPLACES]->(a1:License) WHERE a1.sealedBy = $caller_county AND {held % 'a1'} "
        "| [a1.certificateIdentifier, a1.status]])]) AS r"
    )
    assert "caller_county" not in one(document)
    assert f"(a1:License) WHERE {held % 'a1'} | " in one(document)
    assert "WITH a2 WHERE a2.sealedBy = $caller_county" in toy("{ items { held { status } } }", scopes=OWN)


def test_own_expressions_stand_over_the_node_at_hand() -> None:
    text = toy("{ items { upper held { status } best { status } } }")
    assert "toLower(a1.code)" in text
    assert "({t}" not in text
    assert "head(COLLECT { MATCH (a1)-[:SATISFIED_BY]->(:LicenseType)<-[:OF_TYPE]-(a2:License)" in text


def test_a_computed_field_brings_its_needs_once() -> None:
    text = toy("{ items { held { identifier a: label b: label(upper: true) } } }")
    assert "RETURN [a2.certificateIdentifier, a2.sealedBy] ORDER BY" in text


def test_a_refused_field_leaves_the_statement() -> None:
    """Also with everything that it needs."""
    text = toy("{ items { held { status secret proof } } }")
    assert "leafHash" in text
    assert "leafHash" not in toy("{ items { held { status secret proof } } }", scopes=OWN)


def test_a_refused_field_that_cannot_be_null_takes_its_parent_out_of_the_statement() -> None:
    assert "License" not in toy("{ code items { code best { status strict } } }", scopes=OWN)


def test_the_same_field_twice_is_projected_once() -> None:
    plain = one('{ matter(code: "1") { name } }')
    assert one('{ matter(code: "2") { a: name b: name ... on Matter { name } } }') == plain


def test_a_refused_root_has_no_statement() -> None:
    document = '{ license(certificateIdentifier: "1", useCause: "x") { status } }'
    assert explain(document, SCHEMA, scopes=None) == []


class Respelled(visitor.Visitor):
    """Another spelling of the same shape: other aliases, other operation name, other values."""

    def enter_field(self, node: ast.FieldNode, *_: object) -> ast.FieldNode:
        alias = ast.NameNode(value=f"zz_{node.name.value}_{node.loc.start if node.loc else 0}")
        return ast.FieldNode(
            alias=alias,
            name=node.name,
            arguments=node.arguments,
            directives=node.directives,
            selection_set=node.selection_set,
        )

    def enter_operation_definition(self, node: ast.OperationDefinitionNode, *_: object) -> ast.OperationDefinitionNode:
        return ast.OperationDefinitionNode(
            operation=node.operation,
            name=ast.NameNode(value="DETACH_DELETE"),
            variable_definitions=node.variable_definitions,
            directives=node.directives,
            selection_set=node.selection_set,
        )

    def enter_string_value(self, node: ast.StringValueNode, *_: object) -> ast.StringValueNode:
        return ast.StringValueNode(value="'}) DETACH DELETE n //")


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), scopes=st.sampled_from([ALL, OWN]))
def test_no_text_of_the_document_reaches_a_statement(seed: int, scopes: frozenset[str]) -> None:
    """Other names, aliases and values give the same statements; a shared alias merges fields, so each gets its own."""
    document = random_document(core_schema(SCHEMA), seed).text
    plain = explain(document, SCHEMA, scopes=scopes)
    other = explain(print_ast(visit(parse(document), Respelled())), SCHEMA, scopes=scopes)
    assert [set(WORDS.findall(text)) for text in other] == [set(WORDS.findall(text)) for text in plain]
    assert not any("zz_" in text or "DETACH" in text for text in other)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_spelling_does_not_matter(seed: int) -> None:
    """White space, the operation's name and the values of arguments change no statement."""
    document = random_document(core_schema(SCHEMA), seed).text
    plain = explain(document, SCHEMA, scopes=ALL)
    assert explain(print_ast(parse(document)).replace("\n", "\n\n  "), SCHEMA, scopes=ALL) == plain
    assert explain(re.sub(r'"[^"]*"', '"another"', document), SCHEMA, scopes=ALL) == plain


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_values_are_parameters(seed: int) -> None:
    """No statement holds a quoted text, or a number but the 0 of an own expression."""
    document = random_document(core_schema(SCHEMA), seed).text
    for text in explain(document, SCHEMA, scopes=OWN):
        assert '"' not in text
        assert "'" not in text
        assert set(re.findall(r"\b[0-9]+\b", text)) <= {"0"}


@pytest.mark.parametrize("word", ["CREATE", "MERGE", "SET", "DELETE", "REMOVE", "DROP", "SKIP"])
def test_no_statement_writes_or_skips(word: str) -> None:
    """READ mode does not stop a write on the embedded engine, so no compiled text may hold one."""
    for seed in range(40):
        for text in explain(random_document(core_schema(SCHEMA), seed).text, SCHEMA, scopes=OWN):
            assert word not in text.split()
