"""One shaper in both of its forms: what it passes, and what it leaves to graphql-core."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLOutputType,
    GraphQLScalarType,
    GraphQLString,
)

from hub.graph.rows import (
    ABSENT,
    Connection,
    Edges,
    Leaf,
    Nested,
    Node,
    Page,
    PageFacts,
    Source,
    TypeName,
)
from hub.graph.shapecode import Unsure, generated, source_of
from hub.graph.shaper import READ_ROWS, UNSURE, Shaper
from schema.connections import encode_cursor

TEXT: Final = GraphQLNonNull(GraphQLString)
NAME: Final = Node((("name", Leaf(0, TEXT)),))
STATUS: Final = GraphQLEnumType("Status", {"VALID": "VALID", "REVOKED": "REVOKED"})
CONVERTED: Final = GraphQLEnumType("Other", {"VALID": 1})
DATE: Final = GraphQLScalarType("Date", coerce_output_value=lambda value: value)
UPPER: Final = GraphQLScalarType("Upper", coerce_output_value=lambda value: str(value).upper())
TEXTS: Final = GraphQLNonNull(GraphQLList(TEXT))


def shape(node: Node | Connection, rows: list[Any], page: Page | None = None, **options: bool) -> Any:
    """Shape one object, or what the options say: read cell by cell, and generated, which must be the same."""
    shaper = Shaper(node, **({"single": True, "nullable": True} | options))
    function = generated(node, **({"single": True, "nullable": True} | options))
    try:
        found = shaper(rows, page)
    except UNSURE:
        with pytest.raises(UNSURE):
            function(rows, page)
        raise
    made = function(rows, page)
    assert json.dumps(found) == json.dumps(made)
    return found


def leaf(output: GraphQLOutputType, value: Any) -> Any:
    """Shape one value of a type."""
    return shape(Node((("x", Leaf(0, output)),)), [[value]])["x"]


@pytest.mark.parametrize(
    ("output", "value"),
    [
        (GraphQLString, "名"), (GraphQLString, None), (GraphQLString, ""), (GraphQLID, "1"), (GraphQLBoolean, False),
        (GraphQLInt, 2**31 - 1), (GraphQLInt, -(2**31)), (GraphQLInt, None), (STATUS, "VALID"), (STATUS, None),
        (DATE, "2026-05-01"), (DATE, 7), (GraphQLList(GraphQLString), ["a", None]), (GraphQLList(TEXT), None),
        (TEXTS, []), (GraphQLList(GraphQLList(GraphQLInt)), [[1], None]), (GraphQLFloat, None),
    ],
)  # fmt: skip
def test_a_value_of_its_type_passes_as_it_is(output: GraphQLOutputType, value: Any) -> None:
    assert leaf(output, value) == value


@pytest.mark.parametrize(
    ("output", "value"),
    [
        (TEXT, None), (GraphQLString, 1), (GraphQLString, True), (GraphQLString, ["a"]), (GraphQLID, 1),
        (GraphQLBoolean, 1), (GraphQLBoolean, "true"), (GraphQLInt, 2**31), (GraphQLInt, -(2**31) - 1),
        (GraphQLInt, True), (GraphQLInt, 1.0), (GraphQLInt, "1"), (STATUS, "LOST"), (STATUS, ["VALID"]), (STATUS, 1),
        (CONVERTED, "VALID"), (UPPER, "a"), (DATE, 1.5), (DATE, float("nan")), (DATE, {"a": 1}), (GraphQLFloat, 1.5),
        (TEXTS, None), (TEXTS, ["a", None]), (TEXTS, "ab"), (TEXTS, ("a",)), (GraphQLList(GraphQLInt), [1, 2**31]),
    ],
)  # fmt: skip
def test_whatever_needs_a_look_is_left_to_graphql_core(output: GraphQLOutputType, value: Any) -> None:
    """Also what it would convert: a number as a String, an enum's value as its name."""
    with pytest.raises(UNSURE):
        leaf(output, value)


def test_members_stand_in_the_order_of_the_answer() -> None:
    node = Node(
        (("b", Leaf(1, TEXT)), ("t", TypeName("Matter")), ("a", Leaf(0, TEXT)), ("no", ABSENT), ("face", Source(NAME)))
    )
    assert list(shape(node, [["x", "y"]]).items()) == [
        ("b", "y"), ("t", "Matter"), ("a", "x"), ("no", None), ("face", None),
    ]  # fmt: skip


def test_one_object_is_null_where_it_may_be() -> None:
    assert shape(NAME, []) is None
    with pytest.raises(UNSURE):
        shape(NAME, [], nullable=False)


def test_a_nested_object_is_null_where_it_may_be() -> None:
    for nullable in (True, False):
        node = Node((("at", Nested(0, NAME, many=False, nullable=nullable)),))
        assert shape(node, [[["城阳区"]]]) == {"at": {"name": "城阳区"}}
    assert shape(Node((("at", Nested(0, NAME, many=False, nullable=True)),)), [[None]]) == {"at": None}
    with pytest.raises(UNSURE):
        shape(Node((("at", Nested(0, NAME, many=False, nullable=False)),)), [[None]])


def test_lists_keep_their_order_and_null_is_no_rows() -> None:
    node = Node((("all", Nested(0, NAME, many=True, nullable=False)),))
    assert shape(node, [[[["2"], ["1"]]]]) == {"all": [{"name": "2"}, {"name": "1"}]}
    assert shape(node, [[None]]) == {"all": []}
    assert shape(NAME, [["1"], ["2"]], single=False) == [{"name": "1"}, {"name": "2"}]


def test_a_page_has_its_rows_cursors_and_facts() -> None:
    facts = ("hasNextPage", "hasPreviousPage", "startCursor", "endCursor")
    members = (
        ("edges", Edges((("c", None), ("t", TypeName("MatterEdge")), ("node", NAME)))),
        ("t", TypeName("MatterConnection")),
        ("pageInfo", PageFacts((*((fact, fact) for fact in facts), ("t", TypeName("PageInfo"))))),
    )
    first, second = encode_cursor("Matter", "1"), encode_cursor("Matter", "2")
    found = shape(Connection(members, 0), [["1"], ["2"], ["3"]], Page(2, after=True, label="Matter"), single=False)
    assert found == {
        "edges": [
            {"c": first, "t": "MatterEdge", "node": {"name": "1"}},
            {"c": second, "t": "MatterEdge", "node": {"name": "2"}},
        ],
        "t": "MatterConnection",
        "pageInfo": {
            "hasNextPage": True, "hasPreviousPage": True, "startCursor": first, "endCursor": second, "t": "PageInfo",
        },
    }  # fmt: skip
    empty = shape(Connection(members, 0), [], Page(2, after=False, label="Matter"), single=False)
    assert empty["edges"] == []
    assert empty["pageInfo"] == dict(zip((*facts, "t"), (False, False, None, None, "PageInfo"), strict=True))


@pytest.mark.parametrize("name", ["a b", "a'", "1a", "", "a\n", "名", "a': __import__('os')", "a\\"])
def test_no_text_that_is_no_name_enters_the_source(name: str) -> None:
    """The parser lets none through; nothing is generated for one all the same."""
    for node in (
        Node(((name, Leaf(0, TEXT)),)),
        Node((("a", TypeName(name)),)),
        Node((("a", Nested(0, Node(((name, ABSENT),)), many=True, nullable=False)),)),
        Connection(((name, Edges(())),), None),
    ):
        with pytest.raises(Unsure):
            source_of(node, single=True, nullable=True)


def test_equal_shapes_share_one_function() -> None:
    """Aliases are part of a shape, types that are checked alike are not."""
    made = [
        generated(Node(((name, Leaf(0, output)),)), single=True, nullable=True)
        for name, output in (("a", GraphQLString), ("a", GraphQLID), ("b", GraphQLString))
    ]
    assert made[0] is made[1]
    assert made[0] is not made[2]


def test_a_shape_that_goes_on_is_generated() -> None:
    """What it gives is the same before and after, by many small answers or by one that is large."""
    for size in (0, 1, 4, READ_ROWS):
        shaper = Shaper(NAME, single=False, nullable=False)
        rows = [[str(number)] for number in range(size)]
        for _ in range(READ_ROWS):
            assert shaper(rows, None) == [{"name": str(number)} for number in range(size)]
        with pytest.raises(UNSURE):
            shaper([[None]], None)
        assert shaper.is_generated


def test_a_shape_too_deep_for_blocks_is_read_cell_by_cell() -> None:
    node, rows, value = NAME, [["1"]], {"name": "1"}
    for _ in range(30):
        node, rows, value = Node((("x", Nested(0, node, many=True, nullable=False)),)), [[rows]], {"x": [value]}
    shaper = Shaper(node, single=True, nullable=True)
    for _ in range(READ_ROWS):
        assert shaper(rows, None) == value
    assert not shaper.is_generated


def test_the_source_holds_checked_names_and_numbers_only() -> None:
    node = Node((("title", Leaf(0, TEXT)), ("status", Leaf(1, STATUS))))
    assert source_of(node, single=True, nullable=True) == (
        "def shape(rows, page):\n"
        "    if not rows:\n"
        "        return None\n"
        "    a1 = rows[0]\n"
        "    a2 = a1[0]\n"
        "    if (a2.__class__ is not str):\n"
        "        raise Unsure\n"
        "    a3 = a1[1]\n"
        "    if a3 is not None and (a3 not in {'REVOKED', 'VALID'}):\n"
        "        raise Unsure\n"
        "    return {'title': a2, 'status': a3}\n"
    )
