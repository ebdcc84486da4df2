"""A plan: what one operation of a document becomes for callers with one set of scopes.

    document + operation + @skip/@include values + scopes  ->  Plan: one statement a stored root field, refusals, cost

A plan holds no value of a request, so it is cached under exactly those four; a key without the scope set would be a
leak. Binding turns it, with the values of one request, into statements: arguments, page sizes and cursors become
parameters, after they were checked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import strawberry
from graphql import FragmentDefinitionNode, OperationDefinitionNode, OperationType, parse
from graphql.execution.values import VariableValues

from hub.graph.arguments import ArgumentReader
from hub.graph.compiler import CompiledRoot
from hub.graph.costs import Costed, costs_of
from hub.graph.entities import EntitiesPlan, entities_plan
from hub.graph.hybrid import computed_operation
from hub.graph.predicates import CONTEXT_VALUES
from hub.graph.rows import Connection, Node, Page, TypeName, connection_value, node_value
from hub.graph.selection import Conditions, PathKey, Refusal, Selected, select
from hub.graph.shaper import Shaper
from hub.graph.shapes import root_shape
from hub.graph.tables import FieldEntry, Tables, build_tables, start_label
from ledger.errors import Malformed, Refused
from schema.binding import bound_values, key_of
from schema.connections import MAX_PAGE, bound_label, decode_cursor, page_size
from schema.consents import NO_BASIS
from schema.context import Basis, Context, Statement
from schema.mapping import EntityStart, KeyStart, PageStart

__all__ = ["BoundRoot", "Plan", "RootPlan", "explain", "make_plan"]

_CAUSE: Final = "useCause"
_BASIS_HOLDER: Final = "basis_holder"
_UNBOUND: Final[Mapping[str, Any]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundRoot:
    """One root field of one request, ready to run. holder: the key of the Holder whose records it reads, if it does.

    subject: whom or what it asks about: that holder, or the key of the node that it starts from.
    """

    statement: Statement
    page: Page | None
    arguments: Mapping[str, Any]
    holder: str | None
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RootPlan:
    """One stored root field: its statement and how to read the record. fields: coordinates of what was selected.

    beyond: the caller's scopes reach beyond the own county, so that a basis must be named. shaper: gives the value
    from the rows. computed: what of a row computed fields read.
    """

    response: str
    entry: FieldEntry
    reader: ArgumentReader
    compiled: CompiledRoot
    label: str
    fields: tuple[str, ...]
    beyond: bool
    shaper: Shaper
    computed: Node | Connection | None

    def arguments(self, variables: VariableValues) -> Mapping[str, Any]:
        """Give the arguments of one request. Raises Refused use_cause, basis_required; Malformed bad_variables."""
        arguments = self.reader.read(variables)
        if self.entry.declaration.personal and not arguments.get(_CAUSE):
            raise Refused("use_cause", "expected a useCause of 1 to 200 characters")
        if self.beyond and arguments.get("basis") is None:
            raise Refused("basis_required", "name a consent or a case as the basis, or ask with license.read.own")
        return arguments

    def bind(self, arguments: Mapping[str, Any], context: Context, basis: Basis | None = None) -> BoundRoot:
        """Check the values of one request and make its statement. basis: what the arguments name, judged good.

        Raises Refused no_basis (it is another holder's), forbidden (a holder's token for another holder), Malformed
        limit_exceeded (`first`), bad_cursor (`after`).
        """
        start = self.entry.declaration.place
        bound = bound_values(start, arguments, context) if isinstance(start, KeyStart) and start.binds else _UNBOUND
        parameters: dict[str, Any] = {}
        holder = self._bind_key(arguments, context, bound, parameters)
        if holder is not None and context.principal.holder not in {None, holder}:
            raise Refused("forbidden", "the token is bound to another holder")
        if basis is not None and holder not in {None, basis.holder}:
            raise Refused("no_basis", NO_BASIS)
        page = self._bind_page(arguments, context, parameters)
        for one in self.compiled.lists:
            parameters[one.parameter] = one.page
        for name in self.compiled.parameters:  # an argument, what arguments are bound to, or the context's
            if name in self.entry.field.args:
                parameters[name] = _wire(arguments.get(name))
            else:
                parameters[name] = bound[name] if name in bound else CONTEXT_VALUES[name](context)
        if _BASIS_HOLDER in parameters:
            parameters[_BASIS_HOLDER] = None if basis is None else basis.holder
        holder = holder if basis is None else basis.holder
        statement = Statement(text=self.compiled.text, parameters=parameters, batch=self.compiled.batch)
        subject = holder or str(parameters.get("k0"))
        return BoundRoot(statement=statement, page=page, arguments=arguments, holder=holder, subject=subject)

    def _bind_key(
        self, arguments: Mapping[str, Any], context: Context, bound: Mapping[str, Any], parameters: dict[str, Any]
    ) -> str | None:
        start = self.entry.declaration.place
        if not isinstance(start, KeyStart):
            return None
        key = parameters["k0"] = key_of(start, arguments, context)
        return key if start.label == "Holder" else bound.get("holder_key")

    def _bind_page(self, arguments: Mapping[str, Any], context: Context, parameters: dict[str, Any]) -> Page | None:
        shape = self.compiled.shape
        if not isinstance(shape, Connection):
            if self.compiled.paged:
                start = self.entry.declaration.place
                parameters["f0"] = start.via.page if isinstance(start, KeyStart) and start.via else MAX_PAGE
            return None
        first, after, label = page_size(arguments["first"]), arguments.get("after"), self.label
        if (after is not None or shape.key is not None) and self.entry.declaration.post_only:
            # A cursor of a list of one person is good for that one, whom the arguments name.
            label = bound_label(label, context.principal.county or "", str(parameters.get("k0")))
        parameters["f0"] = first + 1
        parameters["c0"] = "" if after is None else decode_cursor(label, after)
        return Page(first=first, after=after is not None, label=label)

    def value(self, rows: Sequence[Any], page: Page | None) -> Any:
        """Give the record's value for graphql-core: a connection, a list, or one object or None."""
        return self._read(self.compiled.shape, rows, page)

    def computed_value(self, rows: Sequence[Any], page: Page | None) -> Any:
        """Give the part of the record's value that computed fields read."""
        return None if self.computed is None else self._read(self.computed, rows, page)

    def _read(self, shape: Node | Connection, rows: Sequence[Any], page: Page | None) -> Any:
        if isinstance(shape, Connection):
            return None if page is None else connection_value(shape, rows, page)
        if self.compiled.single:
            return node_value(shape, rows[0]) if rows else None
        return [node_value(shape, row) for row in rows]

    def personal_keys(self, rows: Sequence[Any], page: Page | None) -> tuple[str, ...]:
        """Give the keys of all personal records in the answer, each once, in its order."""
        return self.compiled.keys.found(rows if page is None else rows[: page.first])

    def found(self, rows: Sequence[Any], page: Page | None) -> bool:
        """Tell whether what was asked after is there: a personal record, or a row of a root that shows none itself."""
        keys = self.compiled.keys
        return bool(self.personal_keys(rows, page) if keys.keys or keys.below else rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one operation becomes.

    top: response name -> root field with a statement, `__typename`, or None for what is null or computed. computed: the
    operation with nothing but its computed fields; None if it has none. shaped: every statement's rows can be shaped.
    refused: where computed fields must not run. empty: a refusal reached the top, and the answer's data is null.
    personal: a root field reads a person's records. post_only: a root field must not be asked by GET.
    """

    roots: tuple[RootPlan, ...]
    entities: tuple[EntitiesPlan, ...]
    top: tuple[tuple[str, RootPlan | TypeName | None], ...]
    computed: OperationDefinitionNode | None
    shaped: bool
    refusals: tuple[Refusal, ...]
    refused: frozenset[PathKey]
    empty: bool
    personal: bool
    post_only: bool
    fixed_cost: int
    costs: tuple[Costed, ...]

    def cost(self, variables: VariableValues) -> int:
        """Sum the costs on the expanded tree, with the list sizes of this request."""
        total = self.fixed_cost
        for one in self.costs:
            total += one.total(variables)
        return total


def make_plan(
    tables: Tables,
    operation: OperationDefinitionNode,
    fragments: Mapping[str, FragmentDefinitionNode],
    conditions: Conditions,
    scopes: frozenset[str] | None,
) -> Plan:
    """Plan one operation of a valid document for callers with these scopes; None: callers without a token."""
    selection = select(tables, operation, fragments, conditions, scopes)
    refused: dict[PathKey, None] = {}
    for one in selection.roots:
        _note_refused(one, refused)
    top = tuple((one.response, _top(tables, one, scopes or frozenset())) for one in selection.roots)
    roots = tuple(root for _, root in top if isinstance(root, RootPlan))
    below = {one.response: entities for one in selection.roots if (entities := _entities(tables, one, scopes))}
    declared = [one.entry.declaration for one in selection.roots if one.entry is not None]
    fixed, costs = costs_of(one for one in selection.roots if one.response not in below)
    return Plan(
        roots=roots,
        entities=tuple(below.values()),
        top=top,
        computed=computed_operation(operation, selection.roots),
        shaped=_is_query(operation, conditions) and not below,
        refusals=selection.refusals,
        refused=frozenset(refused),
        empty=selection.empty,
        personal=any(one.personal for one in declared),
        post_only=any(one.post_only for one in declared),
        fixed_cost=fixed,
        costs=(*costs, *below.values()),
    )


def _is_query(operation: OperationDefinitionNode, conditions: Conditions) -> bool:
    """Tell whether it is a query whose `@skip` and `@include` are decided: null for one is an error of its parent."""
    names = [one.variable.name.value for one in operation.variable_definitions or ()]
    return operation.operation is OperationType.QUERY and all(conditions.get(name, False) is not None for name in names)


def _top(tables: Tables, one: Selected, scopes: frozenset[str]) -> RootPlan | TypeName | None:
    if one.entry is None:
        return TypeName(one.path[-1][0]) if one.nodes[0].name.value == "__typename" else None
    stored = isinstance(one.entry.declaration.place, (KeyStart, PageStart))
    return _root_plan(tables, one, one.entry, scopes) if stored and not one.refused else None


def _entities(tables: Tables, one: Selected, scopes: frozenset[str] | None) -> EntitiesPlan | None:
    if one.entry is None or one.refused or not isinstance(one.entry.declaration.place, EntityStart):
        return None
    return entities_plan(tables, one, one.entry, scopes or frozenset())


def _root_plan(tables: Tables, root: Selected, entry: FieldEntry, scopes: frozenset[str]) -> RootPlan:
    start: Any = entry.declaration.place
    shape = root_shape(tables, root, entry, scopes)
    return RootPlan(
        response=root.response,
        entry=entry,
        reader=root.reader(entry),
        compiled=shape.compiled,
        label=start_label(start),
        fields=shape.fields,
        beyond=not entry.rule.basis.isdisjoint(scopes),
        shaper=shape.shaper,
        computed=shape.computed,
    )


def _note_refused(one: Selected, found: dict[PathKey, None]) -> None:
    if one.refused:
        found[one.path] = None
    for child in one.children:
        _note_refused(child, found)


def _wire(value: Any) -> Any:
    """Give an argument's value as the graph stores it: enums by their GraphQL name."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, list):
        return [_wire(one) for one in value]
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    raise Malformed("bad_variables", "expected a plain value")


def explain(document: str, schema: strawberry.Schema, *, scopes: frozenset[str] | None = None) -> list[str]:
    """Compile every stored root field of every query of a document, for callers with these scopes; in its order.

    The document must be valid; `@skip` and `@include` on variables count as if nothing was skipped. scopes: None for
    callers without a token.
    """
    tables = build_tables(schema)
    tree = parse(document)
    fragments = {one.name.value: one for one in tree.definitions if isinstance(one, FragmentDefinitionNode)}
    statements: list[str] = []
    for operation in tree.definitions:
        if isinstance(operation, OperationDefinitionNode):
            plan = make_plan(tables, operation, fragments, {}, scopes)
            statements.extend(root.compiled.text for root in plan.roots)
            statements.extend(one.batch.text for each in plan.entities for one in each.compiled.values())
    return statements
