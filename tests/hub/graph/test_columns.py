"""Columns laid together, and rows made narrow again: each shape gets what it would get alone."""

from __future__ import annotations

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.graph.columns import Below, Column, Columns, columns_text, laid_together, narrowed, width

_VALUES: Final = st.sampled_from(["a1.x", "a1.y", "a1.z", "toLower(a1.x)"])
_OPENINGS: Final = st.sampled_from(["head([(a1)-[:T]->(a2:L) | ", "COLLECT { MATCH (a1)-[:U]->(a2:M) RETURN "])


def _below(columns: st.SearchStrategy[Columns]) -> st.SearchStrategy[Column]:
    return st.builds(
        lambda opening, inner: Below(opening, inner, "])" if opening.startswith("head") else " }", opening[0] == "C"),
        _OPENINGS,
        columns,
    )


def _lists(column: st.SearchStrategy[Column]) -> st.SearchStrategy[Columns]:
    """Columns as the compiler makes them: each once, and one relation twice where a document names it twice."""
    return st.lists(column, max_size=4, unique=True).map(tuple)


COLUMNS: Final = _lists(st.recursive(_VALUES, lambda inner: _below(_lists(inner)), max_leaves=12))


def row_of(columns: Columns, above: str = "") -> list[Any]:
    """Give the row that an engine would: values are their own text, with the way to them."""
    return [_cell(one, above) for one in columns]


def _cell(column: Column, above: str) -> Any:
    if isinstance(column, str):
        return above + column
    inner = f"{above}{column.opening}"
    if column.many:
        return [row_of(column.columns, f"{inner}{number} ") for number in range(2)]
    return row_of(column.columns, inner) if len(above) < 40 else None


@given(shapes=st.lists(COLUMNS, min_size=1, max_size=5))
def test_each_shape_finds_its_own_row_in_the_wide_one(shapes: list[Columns]) -> None:
    wide: Columns = ()
    for one in shapes:
        wide = laid_together(wide, one)
    row = row_of(wide)
    for one in shapes:
        narrow = narrowed(wide, one)
        assert (row if narrow is None else narrow(row)) == row_of(one)
    assert len(set(_frames(wide))) == len(_frames(wide))
    assert width(wide) <= sum(map(width, shapes))


def _frames(columns: Columns, above: str = "") -> list[str]:
    """Give the way to every column, those of inner rows too."""
    found = []
    for one in columns:
        found.append(above + (one if isinstance(one, str) else one.opening))
        if not isinstance(one, str):
            found += _frames(one.columns, found[-1])
    return found


def test_rows_of_one_relation_become_one_column() -> None:
    first: Columns = ("a1.x", Below("head([(a1)-[:T]->(a2:L) | ", ("a2.x",), "])", many=False))
    other: Columns = (Below("head([(a1)-[:T]->(a2:L) | ", ("a2.y", "a2.x"), "])", many=False), "a1.y")
    wide = laid_together(first, other)
    assert columns_text(wide) == "[a1.x,\n  head([(a1)-[:T]->(a2:L) | [a2.x, a2.y]]), a1.y]"
    narrow = narrowed(wide, other)
    assert narrow is not None
    assert (narrow([1, [2, 3], 4]), narrow([1, None, 4])) == ([[3, 2], 4], [None, 4])


def test_a_column_that_is_not_there_is_no_null() -> None:
    with pytest.raises(ValueError, match="lacks a column"):
        narrowed(("a1.x",), ("a1.y",))
