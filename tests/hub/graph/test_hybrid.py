"""The computed part of a document, and its values over the stored ones."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import FragmentDefinitionNode, OperationDefinitionNode, parse, print_ast

from hub.graph.hybrid import computed_operation, computed_shape, laid_over
from hub.graph.rows import Connection, Edges, Leaf, Nested, Node, PageFacts, Source
from hub.graph.selection import select
from hub.graph.tables import build_tables
from schema.access import SCOPES
from tests.toy_schema import toy_schema

NEEDS = Source(Node((("code", Leaf(0, None)),)))


def _computed(text: str, scopes: frozenset[str] = frozenset(SCOPES)) -> str | None:
    tree = parse(text)
    operation = tree.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    fragments = {one.name.value: one for one in tree.definitions if isinstance(one, FragmentDefinitionNode)}
    selection = select(build_tables(toy_schema()), operation, fragments, {}, scopes)
    found = computed_operation(operation, selection.roots)
    return None if found is None else " ".join(print_ast(found).split())


def test_what_is_left_is_the_computed_fields_and_the_way_to_them() -> None:
    """Fragments are spread, skipped fields gone, response names and arguments kept."""
    text = """query Q($h: String!) {
      __typename
      a: checklist(matter: "m", county: "c", holder: $h, useCause: "x") {
        code items { code ...F held @skip(if: true) { label } } }
      now
    }
    fragment F on Item { upper best { l: label(upper: true) status } }"""
    arguments = 'matter: "m", county: "c", holder: $h, useCause: "x"'
    left = f"a: checklist({arguments}) {{ items {{ best {{ l: label(upper: true) }} }} }} now"
    assert _computed(text) == f"query Q($h: String!) {{ {left} }}"


def test_nothing_is_left_of_stored_fields() -> None:
    assert (
        _computed('{ result(code: "1", holder: "h", useCause: "x") { __typename ... on Checklist { code } } }') is None
    )


def test_a_refused_field_is_not_run() -> None:
    text = '{ result(code: "1", holder: "h", useCause: "x") { ... on Checklist { items { best { proof } } } } }'
    assert _computed(text, frozenset({"license.read"})) is None
    assert _computed(text) is not None


def test_rows_are_read_for_the_computed_part_alone() -> None:
    node = Node((("id", Leaf(1, None)), ("face", NEEDS), ("at", Nested(2, Node((("n", Leaf(0, None)),)), True, True))))  # noqa: FBT003  # many, nullable
    deep = Node((("of", Nested(3, node, many=False, nullable=True)),), "License")
    assert computed_shape(deep) == Node(
        (("of", Nested(3, Node((("face", NEEDS),)), many=False, nullable=True)),), "License"
    )
    page = Connection((("edges", Edges((("c", None), ("node", node)))), ("pageInfo", PageFacts(()))), 0)
    assert computed_shape(page) == Connection((("edges", Edges((("node", Node((("face", NEEDS),))),))),), None)
    assert computed_shape(Node((("id", Leaf(0, None)),))) is None
    assert computed_shape(Connection((("edges", Edges((("c", None),))),), 0)) is None


@pytest.mark.parametrize(
    ("stored", "computed", "found"),
    [
        ({"a": 1, "f": None, "b": 2}, {"f": {"x": 1}}, {"a": 1, "f": {"x": 1}, "b": 2}),
        ({"l": [{"f": None, "n": 1}, {"f": None, "n": 2}]}, {"l": [{"f": 7}, None]}, {"l": [{"f": 7, "n": 1}, None]}),
        ({"o": {"f": None, "n": 1}}, {"o": None}, {"o": None}),
        ({"o": None, "f": None}, {"o": None, "f": [1]}, {"o": None, "f": [1]}),
        ({"a": 1, "f": None}, None, None),
    ],
)
def test_computed_values_stand_where_the_document_has_them(stored: Any, computed: Any, found: Any) -> None:
    """A null that an error carried upwards ends at its place."""
    value = laid_over(stored, computed)
    assert value == found
    assert list(value or ()) == list(found or ())
