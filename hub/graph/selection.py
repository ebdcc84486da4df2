"""One operation of a document, expanded: fragments spread, equal response names merged, skipped fields left out.

What the caller may not see is marked here, from the document and the caller's scopes alone and before any I/O: a
refused field keeps its place in the answer as null, with one error; a refused field that cannot be null takes its
parent with it, and so on up to the whole answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from graphql import (
    DirectiveNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLObjectType,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    is_abstract_type,
)

from hub.graph.arguments import ArgumentReader, argument_reader
from hub.graph.tables import FieldEntry, Tables
from ledger.errors import Refused
from schema.access import AccessRule
from schema.mapping import Computed

__all__ = ["Conditions", "Refusal", "Selected", "Selection", "condition_variables", "select"]

Conditions: TypeAlias = "Mapping[str, bool | None]"
"""Variable name -> value, for the variables that stand in `@skip` and `@include`."""

PathKey: TypeAlias = tuple[tuple[str, str], ...]
"""Where a field stands in any answer: (type name, response name) from the root down, list indexes left out."""


@dataclass(slots=True, kw_only=True)
class Selected:
    """One response field. entry: None for `__typename` and introspection. path: from the root, itself included.

    nodes: the field's nodes in the document, merged into one response field. refused: it is null by its rule. computed:
    the field, or one below it, is given by a resolver.
    """

    response: str
    entry: FieldEntry | None
    nodes: list[FieldNode]
    path: PathKey
    children: list[Selected]
    refused: bool = False
    computed: bool = False
    _reader: ArgumentReader | None = None

    def reader(self, entry: FieldEntry) -> ArgumentReader:
        """Give the reader of the field's arguments; made once."""
        if self._reader is None:
            self._reader = argument_reader(entry, self.nodes[0])
        return self._reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One field that the caller may not see: its code, and where an error points to.

    path: response names from the root; below a list it ends at the list, because one error stands for all of its rows.
    """

    code: str
    path: tuple[str, ...]
    node: FieldNode

    def error(self) -> Refused:
        """Give the refusal as an error of the tree; it says nothing about data, because none was read."""
        return Refused(self.code, _MESSAGES[self.code])


_MESSAGES: Final = {
    "forbidden": "the token's scopes do not allow this field",
    "token_required": "this field needs an access token",
    "use_cause": "this field needs a useCause of 1 to 200 characters on its root field",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The operation's root fields. empty: a refusal reached the top, so that the whole answer is null."""

    roots: tuple[Selected, ...]
    refusals: tuple[Refusal, ...]
    empty: bool


def condition_variables(definitions: Iterable[Any]) -> tuple[str, ...]:
    """Give the names of the variables that decide a `@skip` or `@include` anywhere in these definitions, sorted."""
    found: set[str] = set()
    waiting: list[SelectionSetNode] = [definition.selection_set for definition in definitions]
    while waiting:
        for node in waiting.pop().selections:
            for directive in node.directives or ():
                value = _condition(directive)
                if isinstance(value, VariableNode):
                    found.add(value.name.value)
            if isinstance(node, (FieldNode, InlineFragmentNode)) and node.selection_set:
                waiting.append(node.selection_set)
    return tuple(sorted(found))


def _condition(directive: DirectiveNode) -> ValueNode | None:
    """Give the `if` of a `@skip` or `@include`, None for another directive."""
    if directive.name.value not in {"skip", "include"} or not directive.arguments:
        return None
    return directive.arguments[0].value


class _Expansion:
    """Walks one operation; holds what every step of the walk needs."""

    def __init__(
        self,
        tables: Tables,
        fragments: Mapping[str, FragmentDefinitionNode],
        conditions: Conditions,
        scopes: frozenset[str] | None,
    ) -> None:
        self.tables = tables
        self.fragments = fragments
        self.conditions = conditions
        self.scopes = scopes
        self.refusals: list[Refusal] = []
        self.lists: set[PathKey] = set()
        self._closed: dict[str, str | None] = {}

    def fields(self, sets: Sequence[SelectionSetNode], parent: GraphQLObjectType) -> dict[str, list[FieldNode]]:
        """Collect the fields of one object by response name, in the order of the answer."""
        found: dict[str, list[FieldNode]] = {}
        visited: set[str] = set()
        for selection_set in sets:
            self._collect(selection_set, parent, found, visited)
        return found

    def _collect(
        self, sets: SelectionSetNode, parent: GraphQLObjectType, found: dict[str, list[FieldNode]], visited: set[str]
    ) -> None:
        for node in sets.selections:
            if node.directives and not self._included(node):
                continue
            if isinstance(node, FieldNode):
                found.setdefault(node.alias.value if node.alias else node.name.value, []).append(node)
            elif isinstance(node, InlineFragmentNode):
                if self._applies(node.type_condition, parent):
                    self._collect(node.selection_set, parent, found, visited)
            elif isinstance(node, FragmentSpreadNode) and node.name.value not in visited:
                visited.add(node.name.value)
                fragment = self.fragments[node.name.value]
                if self._applies(fragment.type_condition, parent):
                    self._collect(fragment.selection_set, parent, found, visited)

    def _included(self, node: Any) -> bool:
        for directive in node.directives:
            value: Any = _condition(directive)
            if value is None:
                continue
            given = self.conditions.get(value.name.value) if isinstance(value, VariableNode) else value.value
            if given is (directive.name.value == "skip"):
                return False
        return True

    def _applies(self, condition: Any, parent: GraphQLObjectType) -> bool:
        if condition is None or condition.name.value == parent.name:
            return True
        named = self.tables.schema.type_map[condition.name.value]
        return is_abstract_type(named) and self.tables.schema.is_sub_type(named, parent)

    def children(self, entry: FieldEntry, nodes: list[FieldNode], path: PathKey, *, cause: bool) -> list[Selected]:
        """Expand the selection below one field, for every object type that can stand there."""
        sets = [node.selection_set for node in nodes if node.selection_set]
        return [
            self.selected(response, own, parent, path, cause=cause)
            for parent in entry.parents
            for response, own in self.fields(sets, parent).items()
        ]

    def selected(
        self, response: str, nodes: list[FieldNode], parent: GraphQLObjectType, above: PathKey, *, cause: bool
    ) -> Selected:
        """Expand one response field, and decide whether the caller may see it. cause: the root can carry a useCause."""
        name = nodes[0].name.value
        entry = self.tables.entries.get((parent.name, name))
        path = (*above, (parent.name, response))
        here = Selected(response=response, entry=entry, nodes=nodes, path=path, children=[])
        if entry is None:
            here.computed = name != "__typename"
            return here
        here.computed = isinstance(entry.declaration.place, Computed)
        cause = cause or "useCause" in entry.field.args
        code = self._refusal(entry, cause=cause)
        if code is not None:
            here.refused = True
            self.refusals.append(Refusal(code=code, path=self._shown(path), node=nodes[0]))
            return here
        if entry.many:
            self.lists.add(path)
        if entry.parents:
            here.children = self.children(entry, nodes, path, cause=cause)
            for child in here.children:
                here.computed = here.computed or child.computed
                if child.refused and child.entry and not child.entry.nullable:
                    here.refused = True
        return here

    def _shown(self, path: PathKey) -> tuple[str, ...]:
        above = (length for length in range(1, len(path)) if path[:length] in self.lists)
        return tuple(name for _, name in path[: next(above, len(path))])

    def _refusal(self, entry: FieldEntry, *, cause: bool) -> str | None:
        name = entry.declaration.access
        if name not in self._closed:
            self._closed[name] = _closed(entry.rule, self.scopes)
        return self._closed[name] or ("use_cause" if entry.rule.use_cause and not cause else None)


def _closed(rule: AccessRule, scopes: frozenset[str] | None) -> str | None:
    """Give the code by which a rule is closed to these scopes, whatever the document; None: it is open."""
    if rule.scopes and scopes is None:
        return "token_required"
    return None if rule.open_to(scopes or frozenset()) else "forbidden"


def select(
    tables: Tables,
    operation: OperationDefinitionNode,
    fragments: Mapping[str, FragmentDefinitionNode],
    conditions: Conditions,
    scopes: frozenset[str] | None,
) -> Selection:
    """Expand one operation of a valid document for a caller with these scopes; None: a caller without token."""
    walk = _Expansion(tables, fragments, conditions, scopes)
    parent = tables.schema.get_root_type(operation.operation)
    if parent is None:
        return Selection(roots=(), refusals=(), empty=False)
    named = walk.fields([operation.selection_set], parent)
    roots = tuple(walk.selected(response, nodes, parent, (), cause=False) for response, nodes in named.items())
    empty = any(one.refused and one.entry and not one.entry.nullable for one in roots)
    return Selection(roots=roots, refusals=tuple(walk.refusals), empty=empty)
