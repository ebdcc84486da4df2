"""`_entities`: nodes of several types by their keys, one statement a type, in the order of the representations.

    _entities(representations: [{__typename: "Matter", code: "0001"}, {__typename: "Matter", code: "0002"}])
      { ... on Matter { name } }

    UNWIND $ks AS k
    CALL (k) {
      MATCH (a0:Matter {code: k.k0})
      RETURN collect([a0.name]) AS x
    }
    RETURN collect([k.i0, x]) AS r

It is the form for many askers (`hub/graph/batches.py`), whose askers are the keys. Each key goes once, and only types
that are asked for have a statement. A key without a node gives null in its place, and so does a node that the caller
may not see.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from graphql.execution.values import VariableValues

from hub.graph.arguments import ArgumentReader
from hub.graph.batches import ASKERS, NUMBER
from hub.graph.compiler import CompiledRoot, compile_root
from hub.graph.costs import Costs, costs_of
from hub.graph.predicates import CONTEXT_VALUES
from hub.graph.rows import Node, node_value
from hub.graph.selection import Selected
from hub.graph.tables import FieldEntry, Tables
from ledger.errors import Malformed
from schema.context import Context, Statement
from schema.entities import MAX_REPRESENTATIONS, Representation
from schema.mapping import KeyStart

__all__ = ["BoundEntities", "EntitiesPlan", "entities_plan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundEntities:
    """The representations of one request, and one statement for each type among them."""

    representations: Sequence[Representation]
    statements: Mapping[str, Statement]
    nodes: Mapping[str, Node]

    def value(self, rows: Sequence[Sequence[Any]]) -> list[dict[str, Any] | None]:
        """Give one object or None a representation. rows: what each statement gave, in the statements' order."""
        found = {
            (name, statement.parameters[ASKERS][number]["k0"]): node_value(self.nodes[name], own[0])
            for (name, statement), each in zip(self.statements.items(), rows, strict=True)
            for number, own in each
            if own
        }
        return [found.get((one.type_name, one.key)) for one in self.representations]


@dataclass(frozen=True, slots=True, kw_only=True)
class EntitiesPlan:
    """One `_entities` of a document: a statement for each type, and what a node of each type costs."""

    response: str
    entry: FieldEntry
    reader: ArgumentReader
    compiled: Mapping[str, CompiledRoot]
    costs: Mapping[str, Costs]

    def total(self, variables: VariableValues) -> int:
        """Sum the cost of every representation; of the field alone where graphql-core will refuse its arguments."""
        own = self.entry.declaration.cost
        try:
            representations = self._representations(variables)
        except Malformed:
            return own
        each = {name: fixed + sum(one.total(variables) for one in costs) for name, (fixed, costs) in self.costs.items()}
        return own + sum(own + each[one.type_name] for one in representations)

    def bind(self, variables: VariableValues, context: Context) -> BoundEntities:
        """Make the statements of one request. Raises Malformed limit_exceeded, bad_variables."""
        representations = self._representations(variables)
        if len(representations) > MAX_REPRESENTATIONS:
            raise Malformed("limit_exceeded", f"representations: at most {MAX_REPRESENTATIONS}")
        keys: dict[str, dict[str, None]] = {}
        for one in representations:
            keys.setdefault(one.type_name, {})[one.key] = None
        statements = {name: _statement(self.compiled[name], list(own), context) for name, own in keys.items()}
        nodes: Any = {name: self.compiled[name].shape for name in keys}  # no pages: a start by key gives nodes
        return BoundEntities(representations=representations, statements=statements, nodes=nodes)

    def _representations(self, variables: VariableValues) -> list[Representation]:
        found: list[Representation] = self.reader.read(variables)["representations"]
        return found


def _statement(compiled: CompiledRoot, keys: list[str], context: Context) -> Statement:
    values = {name: CONTEXT_VALUES[name](context) for name in compiled.parameters}
    askers = [{NUMBER: number, "k0": key, **values} for number, key in enumerate(keys)]
    pages = {one.parameter: one.page for one in compiled.lists}
    return Statement(text=compiled.batch.text, parameters={ASKERS: askers, **pages})


def entities_plan(tables: Tables, root: Selected, entry: FieldEntry, scopes: frozenset[str]) -> EntitiesPlan:
    """Plan one `_entities` for a caller with these scopes."""
    start: Any = entry.declaration.place
    by_type = {name: replace(root, children=_of_type(root, name)) for name in start.entities}
    return EntitiesPlan(
        response=root.response,
        entry=entry,
        reader=root.reader(entry),
        compiled={name: _compiled(tables, own, entry, start.start_of(name), scopes) for name, own in by_type.items()},
        costs={name: costs_of(own.children) for name, own in by_type.items()},
    )


def _compiled(
    tables: Tables, own: Selected, entry: FieldEntry, start: KeyStart, scopes: frozenset[str]
) -> CompiledRoot:
    declaration = replace(entry.declaration, place=start)
    return compile_root(tables, own, replace(entry, declaration=declaration, target=start.label, abstract=True), scopes)


def _of_type(root: Selected, name: str) -> list[Selected]:
    return [child for child in root.children if child.path[-1][0] == name]
