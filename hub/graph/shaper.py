"""Answers straight from positional rows, instead of graphql-core's completion.

    ["食品经营许可", [["370214"], ["220103"]]]  ->  {"title": "食品经营许可", "offerings": [{"code": "370214"}, ...]}

A shaper gives what graphql-core gives for the same rows, or raises: then graphql-core completes them, with its nulls,
paths and errors. A computed field is null here: its value is laid over it (`hub.graph.hybrid`).

It has two forms. Most shapes that come new never come again, and to generate a function takes as long as some hundred
rows. So the first rows of a shape are read cell by cell, below; a shape that goes on is generated
(`hub.graph.shapecode`), and then takes a fifth of the time. What a value must be to pass stands there alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from hub.graph.rows import Connection, Leaf, Nested, Node, Page, Row, TypeName, connection_value
from hub.graph.shapecode import UNSURE, Generated, Unsure, check_of, generated

__all__ = ["READ_ROWS", "UNSURE", "Shaper", "Unsure"]

READ_ROWS: Final = 256
"""Rows that a shape reads cell by cell before it is generated; an answer counts as so many rows more:"""
_ANSWER: Final = 16


class Shaper:
    """Gives the value of one stored root field from the rows of its record. Raises one of UNSURE.

    single: the value is one object, null where `nullable`; else a list, or the page of a connection.
    """

    __slots__ = ("_generated", "_left", "_nullable", "_shape", "_single")

    def __init__(self, shape: Node | Connection, *, single: bool, nullable: bool) -> None:
        self._shape = shape
        self._single = single
        self._nullable = nullable
        self._left = READ_ROWS
        self._generated: Generated | None = None

    def __call__(self, rows: Sequence[Row], page: Page | None) -> Any:
        """Give the value. page: what was asked for, of a connection."""
        if self._generated is None and self._left > 0:
            self._left -= len(rows) + _ANSWER
            if self._left <= 0:
                self.generate()
        return self._read(rows, page) if self._generated is None else self._generated(rows, page)

    @property
    def is_generated(self) -> bool:
        """Whether rows go through a generated function now."""
        return self._generated is not None

    def generate(self) -> None:
        """Go on with a generated function; once, as what cannot be generated stays so."""
        self._left = 0
        with suppress(Unsure, SyntaxError):  # nested deeper than Python lets blocks be
            self._generated = generated(self._shape, single=self._single, nullable=self._nullable)

    def _read(self, rows: Sequence[Row], page: Page | None) -> Any:
        shape = self._shape
        if isinstance(shape, Connection):
            assert page is not None  # noqa: S101  # a connection is asked for by pages
            return connection_value(shape, rows, page, read=_node)
        if not self._single:
            return [_node(shape, row) for row in rows]
        return _node(shape, rows[0]) if rows else _missing(nullable=self._nullable)


def _node(node: Node, row: Row) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for response, cell in node.members:
        if isinstance(cell, Leaf):
            value = row[cell.place]
            if cell.type is None:
                raise Unsure
            check_of(cell.type)(value)
        elif isinstance(cell, Nested):
            value = _nested(cell, row[cell.place])
        else:
            value = cell.name if isinstance(cell, TypeName) else None
        found[response] = value
    return found


def _nested(nested: Nested, value: Any) -> Any:
    if nested.many:
        return [_node(nested.node, row) for row in value or ()]
    return _missing(nullable=nested.nullable) if value is None else _node(nested.node, value)


def _missing(*, nullable: bool) -> None:
    if not nullable:
        raise Unsure
