"""From positional rows to nested values keyed by response name.

A statement gives lists, a place for each expression of its projection; a shape knows which response name reads which
place. Aliases live here only: no text of the document reaches a statement.

    ['1.2.156...', ['市监局', ['城阳区']]]
    {"id": "1.2.156...", "issuedBy": {"name": "市监局", "at": {"name": "城阳区"}}}

The value of a computed field is what it needs, as a dict: properties by their names in the graph, lists of gathered
nodes by the names of the gathers. The field's resolver gets that dict as its source. At an abstract place the dict also
says its type under `TYPE_KEY`, which is no GraphQL name and so never a response name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final, TypeAlias

from schema.connections import encode_cursor

__all__ = [
    "TYPE_KEY",
    "Cell",
    "Connection",
    "Member",
    "Page",
    "Row",
    "Shape",
    "absent",
    "connection_of",
    "edges_of",
    "leaf",
    "list_of",
    "node_of",
    "nothing",
    "page_info",
    "to_one",
]

TYPE_KEY: Final = "@type"

Row: TypeAlias = "list[Any]"
Cell: TypeAlias = Callable[[Row], Any]
"""Reads one response field's value out of a row."""


@dataclass(frozen=True, slots=True)
class Page:
    """What a page was asked for: its size, whether it starts after a row, and the label of its cursors."""

    first: int
    after: bool
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Builds one object from one row, and finds the keys of a person's records in it.

    keys: places of such keys in the row itself. below: (place, many, shape) of nested objects that may hold more.
    """

    build: Callable[[Row], dict[str, Any]]
    keys: tuple[int, ...] = ()
    below: tuple[tuple[int, bool, Shape], ...] = ()

    def collect(self, row: Row | None, found: dict[str, None]) -> None:
        """Add the keys of all personal records of a row to `found`, in the order of the answer."""
        if row is None:
            return
        for place in self.keys:
            found[row[place]] = None
        for place, many, shape in self.below:
            for inner in (row[place] or ()) if many else (row[place],):
                shape.collect(inner, found)


def node_of(members: Sequence[tuple[str, Cell]], type_name: str | None = None) -> Callable[[Row], dict[str, Any]]:
    """Build an object: one value a response name, in their order; `type_name` only at an abstract place."""
    fixed = tuple(members)
    if type_name is None:
        return lambda row: {name: read(row) for name, read in fixed}
    return lambda row: {TYPE_KEY: type_name, **{name: read(row) for name, read in fixed}}


def to_one(place: int, build: Callable[[Row], dict[str, Any]]) -> Cell:
    """Read a nested object, or None where no node was found."""

    def read(row: Row) -> dict[str, Any] | None:
        inner = row[place]
        return None if inner is None else build(inner)

    return read


def list_of(place: int, build: Callable[[Row], dict[str, Any]]) -> Cell:
    """Read a list of nested objects, in the order of the statement."""

    def read(row: Row) -> list[dict[str, Any]]:
        return [build(inner) for inner in row[place] or ()]

    return read


def absent(_row: Row) -> None:
    """Read nothing: the field was refused and left the statement."""


def nothing(_row: Row) -> list[Any]:
    """Read an empty list: what an optional gather is to a caller who may not have it."""
    return []


def leaf(place: int) -> Cell:
    """Read a stored value as it is."""
    return itemgetter(place)


Member: TypeAlias = Callable[[Sequence[Row], Sequence[str], Page, bool], Any]
"""Builds one wrapper of a connection from (rows shown, their cursors, the page asked for, whether more rows follow)."""

_FACTS: Final[dict[str, Callable[[Sequence[str], Page, bool], Any]]] = {
    "hasNextPage": lambda _cursors, _page, more: more,
    "hasPreviousPage": lambda _cursors, page, _more: page.after,
    "startCursor": lambda cursors, _page, _more: cursors[0] if cursors else None,
    "endCursor": lambda cursors, _page, _more: cursors[-1] if cursors else None,
}


def page_info(facts: Sequence[tuple[str, str]]) -> Member:
    """Build a `pageInfo` of (response name, GraphQL name)."""
    fixed = tuple((response, _FACTS[name]) for response, name in facts)
    return lambda _rows, cursors, page, more: {response: fact(cursors, page, more) for response, fact in fixed}


def edges_of(members: Sequence[tuple[str, Cell | None]]) -> Member:
    """Build `edges` of (response name, cell); the cell of a `cursor` is None."""
    fixed = tuple(members)

    def build(rows: Sequence[Row], cursors: Sequence[str], _page: Page, _more: bool) -> list[dict[str, Any]]:  # noqa: FBT001  # the shape of a Member
        return [
            {response: cursors[index] if cell is None else cell(row) for response, cell in fixed}
            for index, row in enumerate(rows)
        ]

    return build


def connection_of(members: Sequence[tuple[str, Member]], key: int | None) -> Connection:
    """Make the builder of one connection. key: the place of the row's key, None when no cursor was asked for."""
    fixed = tuple(members)

    def build(rows: Sequence[Row], page: Page) -> dict[str, Any]:
        shown, more = rows[: page.first], len(rows) > page.first
        cursors = [] if key is None else [encode_cursor(page.label, row[key]) for row in shown]
        return {response: member(shown, cursors, page, more) for response, member in fixed}

    return build


Connection: TypeAlias = Callable[[Sequence[Row], Page], dict[str, Any]]
"""Builds a connection from the rows of a page: one more than its size when another page follows."""
