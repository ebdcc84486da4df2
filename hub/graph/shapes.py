"""The part of a root field's plan that follows from its shape alone: statement, shaper, coordinates.

    query A { matter(code: "1") { name } }      query B($c: CatalogueCode!) { matter(code: $c) { name } }

Two documents that differ in names, arguments and white space have one shape for callers with one set of scopes, so it
is made once. The shape is what was selected, under which response names, and what of it was refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hub.graph.compiler import CompiledRoot, compile_root
from hub.graph.hybrid import computed_shape
from hub.graph.rows import Connection, Node
from hub.graph.selection import Selected
from hub.graph.shaper import Shaper
from hub.graph.tables import FieldEntry, Tables

__all__ = ["RootShape", "root_shape"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RootShape:
    """One root field compiled. fields: coordinates of what was selected. computed: what computed fields read."""

    compiled: CompiledRoot
    shaper: Shaper
    computed: Node | Connection | None
    fields: tuple[str, ...]


def root_shape(tables: Tables, root: Selected, entry: FieldEntry, scopes: frozenset[str]) -> RootShape:
    """Give the shape of a stored root field for callers with these scopes; made once."""
    key = (scopes, _key(root))
    known: RootShape | None = tables.shapes.get(key)
    if known is not None:
        return known
    compiled = compile_root(tables, root, entry, scopes)
    fields: dict[str, None] = {}
    _coordinates(root.children, fields)
    made = RootShape(
        compiled=compiled,
        shaper=Shaper(compiled.shape, single=compiled.single, nullable=entry.nullable),
        computed=computed_shape(compiled.shape),
        fields=tuple(sorted(fields)),
    )
    tables.shapes.put(key, made)
    return made


def _key(one: Selected) -> tuple[Any, ...]:
    name = one.entry.name if one.entry is not None else one.nodes[0].name.value
    below = tuple([_key(child) for child in one.children]) if one.children else ()
    return one.path[-1], name, one.refused, below


def _coordinates(children: Sequence[Selected], found: dict[str, None]) -> None:
    for child in children:
        if child.entry is not None and not child.refused:
            if child.entry.declaration.cost:
                found[child.entry.coordinate] = None
            _coordinates(child.children, found)
