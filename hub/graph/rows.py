"""What stands in a positional row, as data; and the nested values that graphql-core completes, read from it.

A statement gives lists, a place for each expression of its projection; a node says which response name reads which
place. Aliases live here only: no text of the document reaches a statement.

    ['1.2.156...', ['市监局', ['城阳区']]]
    {"id": "1.2.156...", "issuedBy": {"name": "市监局", "at": {"name": "城阳区"}}}

The value of a computed field is what it needs, as a dict: properties by their names in the graph, lists of gathered
nodes by the names of the gathers. The field's resolver gets that dict as its source. At an abstract place the dict also
says its type under `TYPE_KEY`, which is no GraphQL name and so never a response name. `hub.graph.shaper` makes the
answer itself from the same data, without graphql-core.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, TypeAlias

from graphql import GraphQLOutputType

from schema.connections import encode_cursor

__all__ = [
    "ABSENT",
    "TYPE_KEY",
    "Absent",
    "Cell",
    "Connection",
    "Edges",
    "Leaf",
    "Nested",
    "Node",
    "Page",
    "PageFacts",
    "PersonalKeys",
    "Row",
    "Source",
    "TypeName",
    "connection_value",
    "leaf_at",
    "node_value",
]

TYPE_KEY: Final = "@type"
_LEAVES: Final = 4_096

Row: TypeAlias = "list[Any]"


@dataclass(frozen=True, slots=True)
class Page:
    """What a page was asked for: its size, whether it starts after a row, and the label of its cursors."""

    first: int
    after: bool
    label: str


@dataclass(frozen=True, slots=True)
class Leaf:
    """A stored value at a place, and the field's type; None for what a resolver gets as it is."""

    place: int
    type: GraphQLOutputType | None


@lru_cache(maxsize=_LEAVES)
def leaf_at(place: int, output: GraphQLOutputType | None) -> Leaf:
    """Give a leaf; the same ones stand in most shapes."""
    return Leaf(place, output)


@dataclass(frozen=True, slots=True)
class Nested:
    """The nodes at the other end of a relation: one, None where `nullable`, or a list in the statement's order."""

    place: int
    node: Node
    many: bool
    nullable: bool


@dataclass(frozen=True, slots=True)
class Source:
    """What a computed field needs."""

    node: Node


@dataclass(frozen=True, slots=True)
class TypeName:
    """`__typename`. graphql-core says it by itself."""

    name: str


@dataclass(frozen=True, slots=True)
class Absent:
    """Nothing: the field was refused and left the statement."""


ABSENT: Final = Absent()

Cell: TypeAlias = Leaf | Nested | Source | TypeName | Absent
"""What one response name reads."""


@dataclass(frozen=True, slots=True)
class Node:
    """One object: (response name, cell) in the order of the answer. abstract: the type that it says at such a place."""

    members: tuple[tuple[str, Cell], ...]
    abstract: str | None = None


@dataclass(frozen=True, slots=True)
class Edges:
    """`edges` by response name: a node, `__typename`, or None for the cursor."""

    members: tuple[tuple[str, Node | TypeName | None], ...]


@dataclass(frozen=True, slots=True)
class PageFacts:
    """`pageInfo` by response name: a fact's GraphQL name, or `__typename`."""

    members: tuple[tuple[str, str | TypeName], ...]


@dataclass(frozen=True, slots=True)
class Connection:
    """A page of rows: its wrappers by response name, and the place of the row's key where a cursor was asked for."""

    members: tuple[tuple[str, Edges | PageFacts | TypeName], ...]
    key: int | None


@dataclass(frozen=True, slots=True)
class PersonalKeys:
    """Where a row holds the keys of a person's records.

    keys: places in the row itself. below: (place, many, keys) of nested rows that hold more.
    """

    keys: tuple[int, ...] = ()
    below: tuple[tuple[int, bool, PersonalKeys], ...] = ()

    def found(self, rows: Iterable[Row]) -> tuple[str, ...]:
        """Give the keys of all personal records of some rows, each once, in the order of the answer."""
        if len(self.keys) == 1 and not self.below:
            place = self.keys[0]
            return tuple(dict.fromkeys([row[place] for row in rows]))
        found: dict[str, None] = {}
        for row in rows:
            self.collect(row, found)
        return tuple(found)

    def collect(self, row: Row | None, found: dict[str, None]) -> None:
        """Add the keys of all personal records of a row to `found`, in the order of the answer."""
        if row is None:
            return
        for place in self.keys:
            found[row[place]] = None
        for place, many, keys in self.below:
            for inner in (row[place] or ()) if many else (row[place],):
                keys.collect(inner, found)


def node_value(node: Node, row: Row) -> dict[str, Any]:
    """Give one object as a dict by response name."""
    value = {name: _cell_value(cell, row) for name, cell in node.members if not isinstance(cell, TypeName)}
    return value if node.abstract is None else {TYPE_KEY: node.abstract, **value}


def _cell_value(cell: Cell, row: Row) -> Any:
    if isinstance(cell, Leaf):
        return row[cell.place]
    if isinstance(cell, Nested):
        inner = row[cell.place]
        if cell.many:
            return [node_value(cell.node, one) for one in inner or ()]
        return None if inner is None else node_value(cell.node, inner)
    return node_value(cell.node, row) if isinstance(cell, Source) else None


def connection_value(
    connection: Connection, rows: Sequence[Row], page: Page, *, read: Callable[[Node, Row], dict[str, Any]] = node_value
) -> dict[str, Any]:
    """Give a connection from the rows of a page: one more than its size when another page follows.

    read: gives the value of a node.
    """
    shown, more, key = rows[: page.first], len(rows) > page.first, connection.key
    cursors = [] if key is None else [encode_cursor(page.label, row[key]) for row in shown]
    facts = {
        "hasNextPage": more,
        "hasPreviousPage": page.after,
        "startCursor": cursors[0] if cursors else None,
        "endCursor": cursors[-1] if cursors else None,
    }
    value: dict[str, Any] = {}
    for response, member in connection.members:
        if isinstance(member, TypeName):
            value[response] = member.name
        elif isinstance(member, Edges):
            value[response] = [_edge(member, row, cursors, index, read) for index, row in enumerate(shown)]
        else:
            value[response] = {
                name: fact.name if isinstance(fact, TypeName) else facts[fact] for name, fact in member.members
            }
    return value


def _edge(
    edges: Edges, row: Row, cursors: Sequence[str], index: int, read: Callable[[Node, Row], dict[str, Any]]
) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for response, member in edges.members:
        if member is None:
            value[response] = cursors[index]
        else:
            value[response] = member.name if isinstance(member, TypeName) else read(member, row)
    return value
