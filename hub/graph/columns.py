"""What a statement projects, as data: the columns of a row, and of the rows inside it; their text, and several as one.

    a1.status                                                          a value
    head([(a1)-[:OF_TYPE]->(a2:LicenseType) | [a2.name, a2.code]])     a row, or null
    COLLECT { MATCH (a0)<-[:IMPLEMENTS]-(a1:Offering) RETURN [a1.code] ORDER BY a1.code LIMIT $p100 }     rows

A variable is numbered by its depth and a bound is named by its value, so one relation has one text wherever it stands
in a document. So the columns of several documents can be laid together, each once, and a row of all of them be made
narrow again: every document gets its own columns in its own order, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

__all__ = ["Below", "Column", "Columns", "Narrow", "columns_text", "laid_together", "narrowed", "rewritten", "width"]


@dataclass(frozen=True, slots=True)
class Below:
    """A column that holds rows of its own. opening, closing: the text around them. many: a list; else one or null."""

    opening: str
    columns: Columns
    closing: str
    many: bool


Column: TypeAlias = "str | Below"
Columns: TypeAlias = "tuple[Column, ...]"
Narrow: TypeAlias = Callable[[Sequence[Any]], list[Any]]
"""Makes a wide row a document's own."""


def columns_text(columns: Columns) -> str:
    """Write the list of some columns; rows inside it start lines of their own."""
    return f"[{', '.join(map(_text, columns))}]".replace(" \n", "\n")


def _text(column: Column) -> str:
    if isinstance(column, str):
        return column
    lines = f"{column.opening}{columns_text(column.columns)}{column.closing}".split("\n")
    return "\n" + "\n".join(f"  {line}" for line in lines)


def rewritten(columns: Columns, change: Callable[[str], str]) -> Columns:
    """Change every text of some columns."""
    return tuple(
        change(one)
        if isinstance(one, str)
        else replace(
            one, opening=change(one.opening), columns=rewritten(one.columns, change), closing=change(one.closing)
        )
        for one in columns
    )


def width(columns: Columns) -> int:
    """Count the columns, those of inner rows too."""
    return sum(1 if isinstance(one, str) else 1 + width(one.columns) for one in columns)


def laid_together(columns: Columns, others: Columns) -> Columns:
    """Give `columns` and behind them what only `others` have; rows of one relation become one column, in any depth.

    A document may ask for one relation twice, under two response names: its own columns are laid together, too, or who
    looks for a column would find only the first of them.
    """
    found = list(columns)
    for other in others:
        place = _place(found, other)
        if place is None:
            found.append(other if isinstance(other, str) else replace(other, columns=laid_together((), other.columns)))
        elif isinstance(other, Below):
            known: Any = found[place]
            found[place] = replace(known, columns=laid_together(known.columns, other.columns))
    return tuple(found)


def narrowed(wide: Columns, own: Columns) -> Narrow | None:
    """Give what makes a row of `wide` one of `own`, all of whose columns are in it; None where both are one."""
    if wide == own:
        return None
    picks = [(_place(wide, column), column) for column in own]
    cells = [_cell(place, wide[place], column) for place, column in picks if place is not None]
    if len(cells) < len(own):
        raise ValueError("a wide row lacks a column")
    return lambda row: [cell(row) for cell in cells]


def _cell(place: int, wide: Column, own: Column) -> Callable[[Sequence[Any]], Any]:
    if isinstance(wide, str) or isinstance(own, str):
        return lambda row: row[place]
    inner = narrowed(wide.columns, own.columns)
    if inner is None:
        return lambda row: row[place]
    if own.many:
        return lambda row: None if row[place] is None else [inner(one) for one in row[place]]
    return lambda row: None if row[place] is None else inner(row[place])


def _place(columns: Sequence[Column], wanted: Column) -> int | None:
    """Find a column: a value by its text, rows by what stands around them."""
    for place, one in enumerate(columns):
        if isinstance(one, str) or isinstance(wanted, str):
            if one == wanted:
                return place
        elif (one.opening, one.closing, one.many) == (wanted.opening, wanted.closing, wanted.many):
            return place
    return None
