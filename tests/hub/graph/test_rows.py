"""From positional rows to values keyed by response name."""

from __future__ import annotations

from hub.graph.rows import (
    TYPE_KEY,
    Page,
    Shape,
    absent,
    connection_of,
    edges_of,
    leaf,
    list_of,
    node_of,
    page_info,
    to_one,
)
from schema.connections import encode_cursor


def test_a_node_reads_places_in_the_order_of_the_answer() -> None:
    build = node_of([("b", leaf(1)), ("a", leaf(0)), ("again", leaf(1)), ("none", absent)])
    assert list(build(["x", "y"]).items()) == [("b", "y"), ("a", "x"), ("again", "y"), ("none", None)]


def test_a_node_at_an_abstract_place_says_its_type() -> None:
    assert node_of([("a", leaf(0))], "License")([1]) == {TYPE_KEY: "License", "a": 1}


def test_one_node_may_be_absent() -> None:
    read = to_one(0, node_of([("name", leaf(0))]))
    assert read([["城阳区"]]) == {"name": "城阳区"}
    assert read([None]) is None


def test_a_list_keeps_its_order_and_null_is_no_rows() -> None:
    read = list_of(0, node_of([("n", leaf(0))]))
    assert read([[[2], [1]]]) == [{"n": 2}, {"n": 1}]
    assert read([None]) == []


def test_a_connection_cuts_the_row_that_only_tells_of_more() -> None:
    build = connection_of(
        [
            ("edges", edges_of([("c", None), ("node", node_of([("code", leaf(0))]))])),
            ("info", page_info([("more", "hasNextPage"), ("end", "endCursor"), ("start", "startCursor")])),
        ],
        0,
    )
    first, second = encode_cursor("Matter", "1"), encode_cursor("Matter", "2")
    assert build([["1"], ["2"], ["3"]], Page(first=2, after=False, label="Matter")) == {
        "edges": [{"c": first, "node": {"code": "1"}}, {"c": second, "node": {"code": "2"}}],
        "info": {"more": True, "end": second, "start": first},
    }


def test_an_empty_page_has_no_cursors() -> None:
    facts = ["hasNextPage", "hasPreviousPage", "startCursor", "endCursor"]
    build = connection_of([("pageInfo", page_info([(fact, fact) for fact in facts]))], 0)
    assert build([], Page(first=5, after=True, label="Matter")) == {
        "pageInfo": {"hasNextPage": False, "hasPreviousPage": True, "startCursor": None, "endCursor": None}
    }


def test_keys_of_personal_records_are_found_at_every_depth_once() -> None:
    """In the order of the answer; a null along the way is passed over."""
    inner = Shape(build=node_of([]), keys=(0,))
    outer = Shape(build=node_of([]), keys=(0,), below=((1, False, inner), (2, True, inner)))
    found: dict[str, None] = {}
    outer.collect(["a", ["b"], [["c"], ["a"]]], found)
    outer.collect(["d", None, None], found)
    assert list(found) == ["a", "b", "c", "d"]
