"""From positional rows to values keyed by response name, as graphql-core completes them."""

from __future__ import annotations

from typing import Final

from hub.graph.rows import (
    ABSENT,
    TYPE_KEY,
    Connection,
    Edges,
    Leaf,
    Nested,
    Node,
    Page,
    PageFacts,
    PersonalKeys,
    Source,
    TypeName,
    connection_value,
    node_value,
)
from schema.connections import encode_cursor

NAME: Final = Node((("name", Leaf(0, None)),))


def test_a_node_reads_places_in_the_order_of_the_answer() -> None:
    """`__typename` is graphql-core's own."""
    node = Node(
        (("b", Leaf(1, None)), ("a", Leaf(0, None)), ("t", TypeName("T")), ("again", Leaf(1, None)), ("none", ABSENT))
    )
    assert list(node_value(node, ["x", "y"]).items()) == [("b", "y"), ("a", "x"), ("again", "y"), ("none", None)]


def test_a_node_at_an_abstract_place_says_its_type() -> None:
    assert node_value(Node((("a", Leaf(0, None)),), "License"), [1]) == {TYPE_KEY: "License", "a": 1}


def test_one_node_may_be_absent() -> None:
    node = Node((("at", Nested(0, NAME, many=False, nullable=True)),))
    assert node_value(node, [["城阳区"]]) == {"at": {"name": "城阳区"}}
    assert node_value(node, [None]) == {"at": None}


def test_a_list_keeps_its_order_and_null_is_no_rows() -> None:
    node = Node((("all", Nested(0, NAME, many=True, nullable=False)),))
    assert node_value(node, [[[2], [1]]]) == {"all": [{"name": 2}, {"name": 1}]}
    assert node_value(node, [None]) == {"all": []}


def test_what_a_resolver_needs_comes_from_the_same_row() -> None:
    assert node_value(Node((("face", Source(NAME)), ("n", Leaf(0, None)))), ["x"]) == {"face": {"name": "x"}, "n": "x"}


def test_a_connection_cuts_the_row_that_only_tells_of_more() -> None:
    facts = PageFacts((("more", "hasNextPage"), ("end", "endCursor"), ("start", "startCursor"), ("t", TypeName("P"))))
    edges = Edges((("c", None), ("t", TypeName("E")), ("node", NAME)))
    shape = Connection((("edges", edges), ("t", TypeName("C")), ("info", facts)), 0)
    first, second = encode_cursor("Matter", "1"), encode_cursor("Matter", "2")
    assert connection_value(shape, [["1"], ["2"], ["3"]], Page(first=2, after=False, label="Matter")) == {
        "edges": [{"c": first, "t": "E", "node": {"name": "1"}}, {"c": second, "t": "E", "node": {"name": "2"}}],
        "t": "C",
        "info": {"more": True, "end": second, "start": first, "t": "P"},
    }


def test_an_empty_page_has_no_cursors() -> None:
    facts = ["hasNextPage", "hasPreviousPage", "startCursor", "endCursor"]
    shape = Connection((("pageInfo", PageFacts(tuple((fact, fact) for fact in facts))),), 0)
    assert connection_value(shape, [], Page(first=5, after=True, label="Matter")) == {
        "pageInfo": {"hasNextPage": False, "hasPreviousPage": True, "startCursor": None, "endCursor": None}
    }


def test_keys_of_personal_records_are_found_at_every_depth_once() -> None:
    """In the order of the answer; a null along the way is passed over."""
    inner = PersonalKeys((0,))
    outer = PersonalKeys((0,), ((1, False, inner), (2, True, inner)))
    rows = [["a", ["b"], [["c"], ["a"]]], ["d", None, None]]
    assert outer.found(rows) == ("a", "b", "c", "d")
    assert inner.found([["c"], ["a"], ["c"]]) == ("c", "a")
    assert PersonalKeys().found(rows) == ()
