r"""The schema walked once into tables: what the compiler knows of every field.

Every name that can reach a statement is checked here, at boot: labels, relationship types, properties and parameters
are letters and underscores (`re.fullmatch`: a bare `$` also matches before a final newline). So is what a schema can
get wrong and only data would show: an expression that writes, or reads a parameter that its root does not have; a
person's records below a root field that leaves no access record; a stored type that no statement can reach.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import strawberry
from graphql import (
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)

from hub.graph.predicates import CONTEXT_VALUES, PERSONAL_KEYS, PREDICATES
from hub.lru import Lru
from schema.access import RULES, AccessRule
from schema.binding import argument_names
from schema.connections import MAX_PAGE
from schema.inspection import SchemaFault, core_schema, declaration_of, walk
from schema.mapping import (
    Computed,
    Declaration,
    EdgeProperty,
    EntityStart,
    Expression,
    KeyStart,
    PageStart,
    Property,
    Relation,
    Structure,
)

__all__ = ["FieldEntry", "Tables", "build_tables", "start_label"]

_NAME: Final = re.compile(r"[A-Za-z_]+")
_PARAMETER: Final = re.compile(r"\$([A-Za-z_0-9]+)")
_WRITES: Final = re.compile(r"\b(CREATE|MERGE|SET|DELETE|DETACH|REMOVE|DROP|LOAD|FOREACH|CALL)\b", re.IGNORECASE)
_SHAPES: Final = 2_000
_STORED: Final = (Property, EdgeProperty, Relation, Expression)
_STARTS: Final = (KeyStart, PageStart)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldEntry:
    """One field: its declaration, its rule, and what GraphQL says of its type.

    coordinate: `License.status`. order: where the field stands in its type. target: name of the object type that it
    gives, None for a leaf and for an abstract type of computed values. A union at a stored place stands for its one
    member with stored fields. parents: the object types whose fields can be selected below it. abstract: the row must
    say its type. rows: what is below it counts so many times in a document's cost, or, where it is sized, as often as
    its argument `first` says, no more.
    """

    coordinate: str
    order: int

    type_name: str
    name: str
    declaration: Declaration
    rule: AccessRule
    field: GraphQLField
    target: str | None
    parents: tuple[GraphQLObjectType, ...]
    abstract: bool
    nullable: bool
    many: bool
    rows: int
    sized: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """The whole schema for the compiler. row_rules: label -> rules whose row predicate guards its nodes.

    shapes: what `hub.graph.shapes` has compiled, by shape and scopes. guards, openings: what `hub.graph.openings` has
    written, by scopes and place.
    """

    schema: GraphQLSchema
    entries: Mapping[tuple[str, str], FieldEntry]
    row_rules: Mapping[str, tuple[AccessRule, ...]]
    shapes: Lru[Any, Any] = field(default_factory=lambda: Lru(_SHAPES), compare=False)
    guards: Lru[Any, Any] = field(default_factory=lambda: Lru(_SHAPES), compare=False)
    openings: Lru[Any, Any] = field(default_factory=lambda: Lru(_SHAPES), compare=False)

    def entry(self, type_name: str, name: str) -> FieldEntry:
        """Give one field by type and name."""
        return self.entries[type_name, name]

    def of_type(self, type_name: str) -> Iterator[FieldEntry]:
        """Give the fields of one object type."""
        fields = self.schema.type_map[type_name].fields  # type: ignore[attr-defined]  # object types only
        return (self.entries[type_name, name] for name in fields)


def start_label(start: KeyStart | PageStart) -> str:
    """Give the label of the rows that a start ends in."""
    return start.via.target if isinstance(start, KeyStart) and start.via else start.label


def build_tables(schema: strawberry.Schema) -> Tables:
    """Walk the schema into tables and check them.

    Raises SchemaFault for a field without declaration or rule, a name that is not letters and underscores, and
    everything else that this module's docstring names.
    """
    core = core_schema(schema)
    entries: dict[tuple[str, str], FieldEntry] = {}
    for walked in walk(schema):
        where = f"{walked.type_name}.{walked.name}"
        if walked.declaration is None:
            raise SchemaFault(f"{where} declares neither a place nor a start")
        rule = RULES.get(walked.declaration.access)
        if rule is None:
            raise SchemaFault(f"{where} names the rule {walked.declaration.access!r}, which has no row")
        entries[walked.type_name, walked.name] = _entry(core, walked.type_name, walked.name, walked.declaration, rule)
    for entry in entries.values():
        _check_names(entry)
    tables = Tables(schema=core, entries=entries, row_rules=_row_rules(core, entries))
    for entry in entries.values():
        place = entry.declaration.place
        if isinstance(place, _STARTS):
            _check_reach(tables, entry, _target_label(place), node_type(tables, entry))
        elif isinstance(place, EntityStart):
            for name in place.entities:
                _check_reach(tables, entry, name, name)
        elif isinstance(place, Computed) and entry.target is not None:
            _check_computed(tables, entry)
    return tables


def _entry(core: GraphQLSchema, type_name: str, name: str, declaration: Declaration, rule: AccessRule) -> FieldEntry:
    field = core.type_map[type_name].fields[name]  # type: ignore[attr-defined]  # object types only
    stored = isinstance(declaration.place, (*_STORED, *_STARTS))
    target = _row_type(core, field.type, f"{type_name}.{name}") if stored else get_named_type(field.type)
    return FieldEntry(
        coordinate=f"{type_name}.{name}",
        order=list(core.type_map[type_name].fields).index(name),  # type: ignore[attr-defined]  # as above
        type_name=type_name,
        name=name,
        declaration=declaration,
        rule=rule,
        field=field,
        target=target.name if isinstance(target, GraphQLObjectType) else None,
        parents=_parents(core, target),
        abstract=stored and is_abstract_type(get_named_type(field.type)),
        nullable=not is_non_null_type(field.type),
        many=is_list_type(get_nullable_type(field.type)),
        rows=_rows(declaration.place, sized="first" in field.args),
        sized="first" in field.args,
    )


def _rows(place: object, *, sized: bool) -> int:
    relation = place.via if isinstance(place, KeyStart) else place
    if isinstance(relation, (Relation, Expression)) and relation.many:
        return min(relation.page, MAX_PAGE)
    return MAX_PAGE if sized else 1


def _row_type(core: GraphQLSchema, output: GraphQLOutputType, where: str) -> GraphQLObjectType | None:
    named = get_named_type(output)
    if is_object_type(named):
        return named
    if not is_abstract_type(named):
        return None
    members = [member for member in core.get_possible_types(named) if _is_stored(member)]
    if len(members) != 1:
        raise SchemaFault(f"{where}: expected one type with stored fields among the members of {named.name}")
    return members[0]


def _parents(core: GraphQLSchema, target: object) -> tuple[GraphQLObjectType, ...]:
    if isinstance(target, GraphQLObjectType):
        return (target,)
    return tuple(core.get_possible_types(target)) if is_abstract_type(target) else ()


def _is_stored(member: GraphQLObjectType) -> bool:
    declared = [declaration_of(field) for field in member.fields.values()]
    return any(one is not None and isinstance(one.place, (*_STORED, Structure)) for one in declared)


def node_type(tables: Tables, entry: FieldEntry) -> str | None:
    """Give the object type of the nodes that an entry leads to: below `edges { node }` for a connection."""
    if entry.target is None or (entry.target, "edges") not in tables.entries:
        return entry.target
    edge = tables.entry(entry.target, "edges").target
    return tables.entry(edge, "node").target if edge else None


def _target_label(place: object) -> str | None:
    if isinstance(place, _STARTS):
        return start_label(place)
    return place.target if isinstance(place, (Relation, Expression)) else None


def _row_rules(core: GraphQLSchema, entries: Mapping[tuple[str, str], FieldEntry]) -> dict[str, tuple[AccessRule, ...]]:
    bare = Tables(schema=core, entries=entries, row_rules={})
    found: dict[str, dict[AccessRule, None]] = {}
    for entry in entries.values():
        label, target = _target_label(entry.declaration.place), node_type(bare, entry)
        if label is None or target is None:
            continue
        for below in bare.of_type(target):
            if below.rule.row is not None:
                guarded = _guarded_label(below, below.rule.rows(), label)
                found.setdefault(guarded, {})[below.rule] = None
    return {label: tuple(rules) for label, rules in found.items()}


def _guarded_label(field: FieldEntry, rows: tuple[str, ...], label: str) -> str:
    """Give the label that a rule's rows guard: of the field's own node, or of the nodes that the field leads to."""
    for guarded in (label, _target_label(field.declaration.place)):
        if guarded is not None and all((row, guarded) in PREDICATES for row in rows):
            return guarded
    raise SchemaFault(f"{field.coordinate}: no predicate for the row rule {' or '.join(rows)!r} of {label}")


def _check_names(entry: FieldEntry) -> None:
    for name in _names(entry.declaration.place):
        if not _NAME.fullmatch(name):
            raise SchemaFault(f"{entry.coordinate}: {name!r} is no name of letters and underscores")
    place = entry.declaration.place
    for expression in _expressions(place):
        _check_expression(entry, expression)
    relation = place.via if isinstance(place, KeyStart) else place
    if isinstance(relation, (Relation, Expression)) and relation.many and relation.order is None:
        raise SchemaFault(f"{entry.coordinate}: a list needs an order")


def _names(place: object) -> Iterator[str]:
    if isinstance(place, (Property, EdgeProperty)):
        yield place.name
    elif isinstance(place, Relation):
        yield from (place.type, place.target, *((place.order,) if place.order else ()))
    elif isinstance(place, Expression):
        yield from (
            *place.parameters,
            *((place.target,) if place.target else ()),
            *((place.order,) if place.order else ()),
        )
    elif isinstance(place, Computed):
        yield from place.needs
        for gather in place.all_gathers():
            yield from (gather.name, *gather.properties, *gather.edge, *_names(gather.place))
    elif isinstance(place, KeyStart):
        yield from (place.label, place.key, *argument_names(place), *place.bound_arguments())
        yield from (*(name for _, name in place.binds), *_names(place.via), *_names(place.where))
    elif isinstance(place, PageStart):
        yield from (place.label, place.key, *(name for pair in place.filters for name in pair))
    elif isinstance(place, EntityStart):
        yield from (*place.entities, *place.entities.values())


def _expressions(place: object) -> Iterator[Expression]:
    """Give every own expression of a place."""
    if isinstance(place, Expression):
        yield place
    elif isinstance(place, Computed):
        yield from (one.place for one in place.all_gathers() if isinstance(one.place, Expression))
    elif isinstance(place, KeyStart) and place.where is not None:
        yield place.where


def _check_expression(entry: FieldEntry, place: Expression) -> None:
    read = set(_PARAMETER.findall(place.cypher))
    if read != set(place.parameters):
        raise SchemaFault(
            f"{entry.coordinate}: the expression reads {sorted(read)}, declared are {sorted(place.parameters)}"
        )
    if _WRITES.search(place.cypher):
        raise SchemaFault(f"{entry.coordinate}: the expression holds a writing clause")
    if "{n}" not in place.cypher or (place.target is not None) != ("{t}" in place.cypher):
        raise SchemaFault(f"{entry.coordinate}: the expression must hold {{n}}, and {{t}} exactly when it has a target")


def _check_reach(tables: Tables, root: FieldEntry, label: str | None, first: str | None) -> None:
    """Check every field below a stored root: its parameters, and that a person's records leave an access record.

    label, first: of the nodes that the root starts from, and their type.
    """
    if label in PERSONAL_KEYS and not root.declaration.personal:
        raise SchemaFault(f"{root.coordinate}: a root field that reads {label} is personal")
    _check_below(root, root)
    seen: set[str] = set()
    waiting = [first] if first else []
    while waiting:
        type_name = waiting.pop()
        if type_name in seen:
            continue
        seen.add(type_name)
        for entry in tables.of_type(type_name):
            _check_below(root, entry)
            if isinstance(entry.declaration.place, (Relation, Expression)) and entry.target:
                waiting.append(entry.target)


def _check_below(root: FieldEntry, entry: FieldEntry) -> None:
    for expression in _expressions(entry.declaration.place):
        for name in expression.parameters:
            _check_parameter(root, entry, name)
    for target in _targets(entry.declaration.place):
        if target in PERSONAL_KEYS and not root.declaration.personal:
            raise SchemaFault(f"{entry.coordinate}: {target} below {root.coordinate}, which is not personal")


def _check_parameter(root: FieldEntry, entry: FieldEntry, name: str) -> None:
    start: Any = root.declaration.place
    bound = isinstance(start, KeyStart) and name in {binding for _, binding in start.binds}
    argument = root.field.args.get(name)
    if argument is None and name not in CONTEXT_VALUES and not bound:
        raise SchemaFault(f"{entry.coordinate} reads ${name}, which {root.coordinate} does not have")
    clashes = name in CONTEXT_VALUES or bound or (argument and is_input_object_type(get_named_type(argument.type)))
    if argument is not None and clashes:
        raise SchemaFault(f"{entry.coordinate} reads ${name}, which can be no parameter of {root.coordinate}")


def _targets(place: object) -> Iterator[str | None]:
    """Give the labels that a place reads beyond the node at hand."""
    if isinstance(place, (Relation, Expression)):
        yield place.target
    elif isinstance(place, Computed):
        yield from (one.place.target for one in place.all_gathers())


def _check_computed(tables: Tables, entry: FieldEntry) -> None:
    """Refuse stored fields below a resolver's value: no statement would fetch them."""
    seen: set[str] = set()
    waiting = [entry.target] if entry.target else []
    while waiting:
        type_name = waiting.pop()
        if type_name in seen:
            continue
        seen.add(type_name)
        for below in tables.of_type(type_name):
            if isinstance(below.declaration.place, (*_STORED, *_STARTS)):
                raise SchemaFault(f"{below.coordinate} is stored, but {entry.coordinate} gives it from a resolver")
            if below.target:
                waiting.append(below.target)
