"""The source of a shaper: what `hub.graph.shaper` does with a row, written out for one shape.

    { matter(code: "1") { title: name offerings { code county { code } } } }

    def shape(rows, page):
        if not rows:
            return None
        a0 = rows[0]
        a1 = a0[0]
        if a1.__class__ is not str: raise Unsure
        a2 = []
        for a3 in a0[1] or ():
            ...
            a2.append({'code': a4, 'county': a5})
        return {'title': a1, 'offerings': a2}

What passes needs no conversion: text, a boolean, an Int of 32 bits, an enum's own name, what a scalar takes as it is,
lists of these; and null where the type allows it. The lines that check a value are written here alone: who does not
generate a shape checks its values by functions of the same lines (`check_of`).

The source is made of numbers, of names of the schema and of response names alone, each checked against GraphQL's
form of a name and entered by `repr`; no value of a document or a row can enter. Equal shapes share one function.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final, TypeAlias

from graphql import (
    GraphQLEnumType,
    GraphQLOutputType,
    GraphQLScalarType,
    get_nullable_type,
    is_list_type,
    is_non_null_type,
)

from hub.graph.rows import Cell, Connection, Edges, Leaf, Nested, Node, Page, PageFacts, Row, TypeName
from schema.connections import encode_cursor

__all__ = ["UNSURE", "Check", "Generated", "Unsure", "check_of", "generated", "source_of"]


class Unsure(Exception):
    """The shaper is not sure of a value: graphql-core decides."""


UNSURE: Final = (Unsure, LookupError, TypeError, ValueError)
"""What a shaper raises for rows that are not what the statement promised."""

Generated: TypeAlias = Callable[[Sequence[Row], "Page | None"], Any]
"""Gives the value of one stored root field from the rows of its record."""

Check: TypeAlias = Callable[[Any], None]
"""Raises Unsure for a value that needs graphql-core."""

_KEPT: Final = 2_000
_NAME: Final = re.compile(r"[_A-Za-z][_0-9A-Za-z]*")
_CHECKS: Final = {
    "String": "{v}.__class__ is not str",
    "ID": "{v}.__class__ is not str",
    "Boolean": "{v} is not True and {v} is not False",
    "Int": "{v}.__class__ is not int or not -2147483648 <= {v} <= 2147483647",
}
_PLAIN: Final = "{v}.__class__ is not str and {v}.__class__ is not int"
_NEVER: Final = "True"
_FACTS: Final = {
    "hasNextPage": "more",
    "hasPreviousPage": "page.after",
    "startCursor": "cursor(page.label, rows[0][{key}]) if rows else None",
    "endCursor": "cursor(page.label, rows[-1][{key}]) if rows else None",
}


def generated(shape: Node | Connection, *, single: bool, nullable: bool) -> Generated:
    """Make the function of a shape: single, nullable as of a `Shaper`. Takes as long as some hundred rows.

    Raises Unsure for a name that is none, SyntaxError for a shape that is nested deeper than Python lets blocks be.
    """
    function: Generated = _function(source_of(shape, single=single, nullable=nullable))
    return function


@lru_cache(maxsize=_KEPT)
def check_of(output: GraphQLOutputType) -> Check:
    """Make the check of a type's stored values."""
    writer = _Writer()
    writer.check(output, "value")
    check: Check = _function("\n".join(["def shape(value):", *writer.lines, ""]))
    return check


@lru_cache(maxsize=_KEPT)
def _function(source: str) -> Any:
    names: dict[str, Any] = {"Unsure": Unsure, "cursor": encode_cursor}
    exec(compile(source, "<shaper>", "exec"), names)  # noqa: S102  # made below, of checked names
    return names["shape"]


def source_of(shape: Node | Connection, *, single: bool, nullable: bool) -> str:
    """Write the source of a shaper. Raises Unsure for what only graphql-core can answer."""
    writer = _Writer()
    if isinstance(shape, Connection):
        writer.connection(shape)
    elif single:
        writer.line("if not rows:", "    return None" if nullable else "    raise Unsure")
        row = writer.bound("rows[0]")
        writer.line(f"return {writer.node(shape, row)}")
    else:
        found = writer.list_of(shape, "rows")
        writer.line(f"return {found}")
    return "\n".join(["def shape(rows, page):", *writer.lines, ""])


def _name(text: str) -> str:
    """Give a name as a Python literal."""
    if _NAME.fullmatch(text) is None:
        raise Unsure
    return repr(text)


class _Writer:
    """Writes statements line by line; a value becomes a numbered variable before it enters a dict."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._depth = 1
        self._variables = 0

    def line(self, *texts: str) -> None:
        self.lines.extend(f"{'    ' * self._depth}{text}" for text in texts)

    def variable(self) -> str:
        self._variables += 1
        return f"a{self._variables}"

    def bound(self, expression: str) -> str:
        variable = self.variable()
        self.line(f"{variable} = {expression}")
        return variable

    def block(self, head: str) -> None:
        self.line(head)
        self._depth += 1

    def end(self) -> None:
        self._depth -= 1

    def node(self, node: Node, row: str) -> str:
        """Write what one object needs, and give its dict display."""
        members = [f"{_name(response)}: {self.cell(cell, row)}" for response, cell in node.members]
        return f"{{{', '.join(members)}}}"

    def list_of(self, node: Node, rows: str) -> str:
        found = self.bound("[]")
        row = self.variable()
        self.block(f"for {row} in {rows}:")
        self.line(f"{found}.append({self.node(node, row)})")
        self.end()
        return found

    def cell(self, cell: Cell, row: str) -> str:
        if isinstance(cell, Leaf):
            return self.leaf(cell, row)
        if isinstance(cell, TypeName):
            return _name(cell.name)
        return self.nested(cell, row) if isinstance(cell, Nested) else "None"

    def leaf(self, leaf: Leaf, row: str) -> str:
        variable = self.bound(f"{row}[{int(leaf.place)}]")
        if leaf.type is None:
            raise Unsure
        self.check(leaf.type, variable)
        return variable

    def check(self, output: GraphQLOutputType, variable: str) -> None:
        inner: Any = get_nullable_type(output)
        present = "" if is_non_null_type(output) else f"{variable} is not None and "
        if not is_list_type(inner):
            bad = _bad(inner).format(v=variable)
            self.line(f"if {present}({bad}):", "    raise Unsure")
            return
        self.line(f"if {present}{variable}.__class__ is not list:", "    raise Unsure")
        one = self.variable()
        self.block(f"for {one} in {variable} or ():")
        self.check(inner.of_type, one)
        self.end()

    def nested(self, nested: Nested, row: str) -> str:
        place = f"{row}[{int(nested.place)}]"
        if nested.many:
            return self.list_of(nested.node, f"{place} or ()")
        inner, found = self.bound(place), self.variable()
        self.block(f"if {inner} is None:")
        self.line(f"{found} = None" if nested.nullable else "raise Unsure")
        self.end()
        self.block("else:")
        self.line(f"{found} = {self.node(nested.node, inner)}")
        self.end()
        return found

    def connection(self, connection: Connection) -> None:
        self.line("more = len(rows) > page.first", "if more:", "    rows = rows[:page.first]")
        members = []
        for response, member in connection.members:
            if isinstance(member, Edges):
                value = self.edges(member, connection.key)
            else:
                value = _name(member.name) if isinstance(member, TypeName) else _page_info(member, connection.key)
            members.append(f"{_name(response)}: {value}")
        self.line(f"return {{{', '.join(members)}}}")

    def edges(self, edges: Edges, key: int | None) -> str:
        found = self.bound("[]")
        row = self.variable()
        self.block(f"for {row} in rows:")
        members = []
        for response, member in edges.members:
            if member is None:
                value = f"cursor(page.label, {row}[{key}])"
            else:
                value = _name(member.name) if isinstance(member, TypeName) else self.node(member, row)
            members.append(f"{_name(response)}: {value}")
        self.line(f"{found}.append({{{', '.join(members)}}})")
        self.end()
        return found


def _page_info(facts: PageFacts, key: int | None) -> str:
    members = [
        f"{_name(response)}: {_name(fact.name) if isinstance(fact, TypeName) else _FACTS[fact].format(key=key)}"
        for response, fact in facts.members
    ]
    return f"{{{', '.join(members)}}}"


def _bad(named: object) -> str:
    """Give the condition under which a value that is not null needs graphql-core."""
    if isinstance(named, GraphQLEnumType):
        if any(value.value != name for name, value in named.values.items()):
            return _NEVER
        return f"{{v}} not in {{{{{', '.join(_name(name) for name in sorted(named.values))}}}}}"
    if not isinstance(named, GraphQLScalarType):
        return _NEVER
    return _CHECKS.get(named.name) or (_PLAIN if _is_identity(named) else _NEVER)


def _is_identity(scalar: GraphQLScalarType) -> bool:
    """Tell whether a scalar's stored value is its value in the answer, whatever it is."""
    stored = object()
    try:
        return scalar.coerce_output_value(stored) is stored
    except Exception:  # noqa: BLE001  # a scalar that refuses it is none
        return False
