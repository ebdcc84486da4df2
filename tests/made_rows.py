"""Made-up rows for any compiled root field: right ones, and ones with values that break their type here and there.

    rows = MadeRows(random.Random(7), spoiled=0.05).of(root, most=4)

What a resolver needs is made by the property's name, so that most computed fields give a value and some fail.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any, Final

from graphql import GraphQLEnumType, get_nullable_type, is_list_type, is_non_null_type

from hub.graph.plan import RootPlan
from hub.graph.rows import Cell, Connection, Edges, Leaf, Nested, Node, PersonalKeys, Source

__all__ = ["BROKEN", "NEAR", "MadeRows"]

BROKEN: Final = (
    None, None, True, 0, -1, 2**31 - 1, 2**31, -(2**31) - 1, 2**53, 2**70, 1.5, float("nan"), float("inf"), "", "VALID",
    "城阳区", '\u2028\x00"\\', "\ud800", [], ["a", None], [1], {}, {"a": 1},
)  # fmt: skip
"""Values that stand where none of them should: each is right for some type, and wrong for another."""

NEAR: Final = {"Int": (2**31, -(2**31) - 1, True, 1.0, "1"), "Boolean": (0, 1, "true"), "String": (1, True, 1.5)}
"""Values that are almost of a type: graphql-core converts some, and refuses others."""

_TEXTS: Final = ("", "名", "1.2.156.3005.2.0", "370214", 'a\nb\t"c"\\', "é🙂", "\x7f\u2028", "000101002000")


@dataclass(slots=True)
class MadeRows:
    """Makes rows from one source of chance. spoiled: the part of the leaves that break their type, 0..1.

    kind: only leaves of this scalar are spoiled, all by one value that is almost right; None: any, by anything.
    """

    random: random.Random
    spoiled: float = 0.0
    kind: str | None = None
    _near: Any = field(init=False)

    def __post_init__(self) -> None:
        self._near = self.random.choice(NEAR[self.kind]) if self.kind else None

    def of(self, root: RootPlan, *, most: int) -> list[Any]:
        """Make the rows of one record, at most `most`."""
        compiled = root.compiled
        count = self.random.randint(0, 1 if compiled.single else most)
        return [self._row(compiled.shape, compiled.keys) for _ in range(count)]

    def _row(self, shape: Node | Connection, keys: PersonalKeys) -> list[Any]:
        found: dict[int, Any] = {}
        for node in _nodes(shape):
            self._fill(node, found)
        if isinstance(shape, Connection) and shape.key is not None:
            found[shape.key] = self._text()
        self._mark(keys, found)
        return [found.get(place) for place in range(max(found, default=-1) + 1)]

    def _fill(self, node: Node, found: dict[int, Any]) -> None:
        for name, cell in node.members:
            if isinstance(cell, Source):
                self._fill(cell.node, found)
            elif isinstance(cell, Leaf):
                found[cell.place] = self._leaf(cell.type) if cell.type else self._needed(name)
            elif isinstance(cell, Nested):
                found[cell.place] = self._nested(cell)

    def _nested(self, cell: Cell) -> Any:
        assert isinstance(cell, Nested)
        if cell.many:
            return [self._row(cell.node, PersonalKeys()) for _ in range(self.random.choice([0, 1, 1, 2]))]
        absent = self.random.random() < (0.2 if cell.nullable else self.spoiled)
        return None if absent else self._row(cell.node, PersonalKeys())

    def _mark(self, keys: PersonalKeys, found: dict[int, Any]) -> None:
        """Give every personal record a key, also where no field reads it."""
        for place in keys.keys:
            found[place] = self._text()
        for place, many, below in keys.below:
            value = found.get(place)
            for row in (value or ()) if many else (value,) if value is not None else ():
                inner = dict(enumerate(row))
                self._mark(below, inner)
                row[:] = [inner.get(index) for index in range(max(inner, default=-1) + 1)]

    def _leaf(self, output: Any) -> Any:
        named = get_nullable_type(output)
        if self.random.random() < self.spoiled and (self.kind is None or self.kind == str(named)):
            return self.random.choice(BROKEN) if self.kind is None else self._near
        if not is_non_null_type(output) and self.random.random() < 0.2:
            return None
        if is_list_type(named):
            return [self._leaf(named.of_type) for _ in range(self.random.randint(0, 3))]
        if isinstance(named, GraphQLEnumType):
            return self.random.choice(sorted(named.values))
        return self._scalar(named.name)

    def _scalar(self, name: str) -> Any:
        if name in {"Int", "LogNumber"}:
            return self.random.choice([0, 1, 7, 2**31 - 1, -(2**31)])
        return self.random.random() < 0.5 if name == "Boolean" else self._text()

    def _needed(self, name: str) -> Any:
        if name.endswith(("Index", "Count", "Days", "sequence", "order")):
            return self.random.randint(0, 9)
        if name.endswith("At"):
            return "2026-05-01T08:00:00.000Z"
        return "2026-05-01" if name.endswith("Date") else self.random.choice([None, "VALID", *_TEXTS])

    def _text(self) -> str:
        return self.random.choice(_TEXTS)


def _nodes(shape: Node | Connection) -> list[Node]:
    if isinstance(shape, Node):
        return [shape]
    edges = [wrapper for _, wrapper in shape.members if isinstance(wrapper, Edges)]
    return [node for each in edges for _, node in each.members if isinstance(node, Node)]
