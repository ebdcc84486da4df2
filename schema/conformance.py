"""What a schema must hold to be served: every field declares place, rule and cost, and the declarations fit the types.

`check` runs when the schema is built, so that a field that forgot its rule fails the build, not a caller. Rules:

    place      declared; a computed field has a resolver, a stored one has none; names are letters and underscores
    target     a known label; one or many, null or not, as the GraphQL type says; a list has an order and a page
    start      by a key whose arguments exist, or a page of a small catalogue label; never a whole label
    access     the rule has a row; a field stricter than its type can be null; a field is as strict as the type it gives
    personal   a root field under a rule that needs a useCause has the argument, and is marked personal; so has a
               subscription, and whatever it gives is under its rule
    entity     public: who names one gives neither useCause nor basis
    basis      a root field under a rule that needs a basis has the argument, and can be null
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

import strawberry
from graphql import (
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    get_nullable_type,
)

from schema.access import RULES, AccessRule, rule_of_type
from schema.binding import BINDINGS, argument_names
from schema.inspection import SchemaFault, WalkedField, core_schema, declaration_of, walk
from schema.mapping import (
    Attribute,
    Computed,
    Declaration,
    EdgeProperty,
    EntityStart,
    Expression,
    KeyStart,
    PageStart,
    Property,
    Relation,
    Start,
    Structure,
)

__all__ = ["LABELS", "PAGED_LABELS", "check", "faults"]

LABELS: Final = frozenset(
    {
        "Assistance", "Authority", "Case", "Clock", "Consent", "FollowUp", "Holder", "HotlineAppeal", "Jurisdiction",
        "License",
        "LicenseType", "Material", "Matter", "MatterVersion", "Objection", "Offering", "PeriodCount", "Step",
    }
)  # fmt: skip
"""The labels of the graph."""

PAGED_LABELS: Final = frozenset({"Jurisdiction", "LicenseType", "Matter", "MatterVersion"})
"""Labels small enough to be paged through as a whole."""

_NAME: Final = re.compile(r"[A-Za-z_]+")
_PARAMETER: Final = re.compile(r"\$([A-Za-z_0-9]+)")
_WRITES: Final = re.compile(
    r"\b(CREATE|MERGE|SET|DELETE|DETACH|REMOVE|DROP|LOAD|FOREACH|CALL|ALTER|GRANT)\b", re.IGNORECASE
)
_MAX_ROWS: Final = 100
_MAX_GATHERED: Final = 1000

_Check = Callable[[WalkedField, Declaration, GraphQLSchema], Iterator[str]]


def check(schema: strawberry.Schema) -> None:
    """Raise SchemaFault that lists everything wrong with the schema, if anything is."""
    found = faults(schema)
    if found:
        raise SchemaFault("\n".join(found))


def faults(schema: strawberry.Schema) -> tuple[str, ...]:
    """List what is wrong with the schema, each line beginning with the field's coordinate."""
    core = core_schema(schema)
    found: list[str] = []
    for field in walk(schema):
        if field.declaration is None:
            found.append(f"{field.type_name}.{field.name}: declares no place, rule and cost")
            continue
        for one in _CHECKS:
            found += [f"{field.type_name}.{field.name}: {text}" for text in one(field, field.declaration, core)]
    return tuple(found)


def _names(place: object) -> Iterator[str]:
    """Give every name of a place that can reach a statement."""
    if isinstance(place, Property | EdgeProperty):
        yield place.name
    elif isinstance(place, Relation):
        yield from (place.type, place.target, *filter(None, (place.order,)))
    elif isinstance(place, Expression):
        yield from (*place.parameters, *filter(None, (place.target, place.order)))
    elif isinstance(place, Computed):
        yield from place.needs
        for gather in place.all_gathers():
            yield from (gather.name, *gather.properties, *gather.edge, *_names(gather.place))
    elif isinstance(place, KeyStart):
        yield from (place.label, place.key, *argument_names(place), *_names(place.via), *_names(place.where))
    elif isinstance(place, PageStart):
        yield from (place.label, place.key, *(name for pair in place.filters for name in pair), *_names(place.where))
    elif isinstance(place, EntityStart):
        yield from (*place.entities, *place.entities.values())


def _check_place(field: WalkedField, declaration: Declaration, _: GraphQLSchema) -> Iterator[str]:
    place = declaration.place
    if isinstance(place, Computed | Start):
        if not field.resolved:
            yield "has neither a mapping nor a resolver"
    elif field.resolved:
        yield "is stored, but has a resolver"
    for name in _names(place):
        if not _NAME.fullmatch(name):
            yield f"{name!r} is no name of letters and underscores"
    if declaration.cost < 0:
        yield "has a cost below 0"


def _is_list(field: WalkedField) -> bool:
    return isinstance(get_nullable_type(field.field.type), GraphQLList)


def _check_target(field: WalkedField, declaration: Declaration, _: GraphQLSchema) -> Iterator[str]:
    place = declaration.place
    if not isinstance(place, Relation | Expression) or place.target is None:
        return
    if place.target not in LABELS:
        yield f"leads to {place.target!r}, which is no label of the graph"
    if place.many != _is_list(field):
        yield "is a list in one of GraphQL and the mapping, but not in the other"
    if place.many and place.order is None:
        yield "is a list without an order"
    if place.many and not 1 <= place.page <= _MAX_ROWS:
        yield f"has a page of {place.page} rows, expected 1 to {_MAX_ROWS}"
    may_be_absent = not place.many and not (isinstance(place, Relation) and not place.nullable)
    if may_be_absent and isinstance(field.field.type, GraphQLNonNull):
        yield "may be absent in the graph, but is not null in GraphQL"


def _check_expression(_field: WalkedField, declaration: Declaration, _: GraphQLSchema) -> Iterator[str]:
    for place in _expressions(declaration.place):
        if _WRITES.search(place.cypher):
            yield "has an expression with a writing clause"
        if set(_PARAMETER.findall(place.cypher)) != set(place.parameters):
            yield "has an expression whose parameters are not those it declares"
        if "{n}" not in place.cypher or ("{t}" in place.cypher) != (place.target is not None):
            yield "has an expression that does not name its nodes {n} and {t}"


def _expressions(place: object) -> Iterator[Expression]:
    """Give every own expression of a place."""
    if isinstance(place, Expression):
        yield place
    elif isinstance(place, Computed):
        yield from (one.place for one in place.all_gathers() if isinstance(one.place, Expression))
    elif isinstance(place, KeyStart | PageStart) and place.where is not None:
        yield place.where


def _check_gathers(_field: WalkedField, declaration: Declaration, _: GraphQLSchema) -> Iterator[str]:
    """Hold what a resolver gathers to what a list must be, but for its bound: it is no page of the API."""
    place = declaration.place
    for gather in place.all_gathers() if isinstance(place, Computed) else ():
        if gather.place.target not in LABELS:
            yield f"gathers {gather.place.target!r}, which is no label of the graph"
        if not gather.place.many or gather.place.order is None:
            yield f"gathers {gather.name} without an order"
        if not 1 <= gather.place.page <= _MAX_GATHERED:
            yield f"gathers {gather.place.page} rows, expected 1 to {_MAX_GATHERED}"
        wanted, rule = RULES.get(rule_of_type(gather.place.target or "")), RULES.get(declaration.access)
        if wanted is not None and rule is not None and gather.optional:
            wanted = replace(wanted, scopes=rule.scopes)  # the compiler asks for those
        if wanted is None or rule is None or _stricter(wanted, rule):
            yield f"is less strict than {gather.place.target}, which it gathers"


def _check_start(field: WalkedField, declaration: Declaration, _: GraphQLSchema) -> Iterator[str]:
    start = declaration.place
    if not isinstance(start, KeyStart | PageStart):
        return
    if start.label not in LABELS:
        yield f"starts at {start.label!r}, which is no label of the graph"
    needed = {"first", "after"} if isinstance(start, PageStart) or start.page else set()
    if isinstance(start, PageStart):
        if start.label not in PAGED_LABELS:
            yield f"pages through {start.label}, which can only be started by key"
        needed |= {argument for argument, _ in start.filters}
    else:
        yield from _check_key(start)
        needed |= {*argument_names(start), *start.bound_arguments()}
    for argument in sorted(needed - set(field.field.args)):
        yield f"has no argument {argument!r}"


def _check_entities(field: WalkedField, declaration: Declaration, core: GraphQLSchema) -> Iterator[str]:
    start = declaration.place
    for name, key in start.entities.items() if isinstance(start, EntityStart) else ():
        named = core.type_map.get(name)
        if name not in LABELS or not isinstance(named, GraphQLObjectType) or key not in named.fields:
            yield f"resolves {name!r} by {key!r}, which is no label with a type and field of that name"
        if rule_of_type(name) != "public":
            yield f"resolves {name}, which is not public: a representation names no useCause and no basis"
    if isinstance(start, EntityStart) and {one.name for one in _members(get_named_type(field.field.type))} != set(
        start.entities
    ):
        yield "gives other types than those that it resolves"


def _check_key(start: KeyStart) -> Iterator[str]:
    for _, name in start.binds:
        if name not in BINDINGS:
            yield f"binds by {name!r}, which has no row in BINDINGS"
    if start.bind is not None and (start.bind not in BINDINGS or not isinstance(start.argument, str)):
        yield f"binds by {start.bind!r}, which takes one argument and has a row in BINDINGS"
    if not isinstance(start.argument, str) and not start.separator:
        yield "joins arguments without a separator: two keys could be one"
    if start.via is not None and start.via.target not in LABELS:
        yield f"leads to {start.via.target!r}, which is no label of the graph"
    if start.page and (start.via is None or not start.via.many or start.via.order is None):
        yield "is a page of no ordered list"


def _stricter(rule: AccessRule, other: AccessRule) -> bool:
    """Tell whether some caller that meets `other` before any row is read does not meet `rule`."""
    scopes = bool(rule.scopes) and not (other.scopes and other.scopes <= rule.scopes)
    return scopes or (rule.use_cause and not other.use_cause)


def _members(named: GraphQLNamedType) -> tuple[GraphQLObjectType, ...]:
    if isinstance(named, GraphQLUnionType):
        return tuple(named.types)
    return (named,) if isinstance(named, GraphQLObjectType) else ()


def _check_access(field: WalkedField, declaration: Declaration, core: GraphQLSchema) -> Iterator[str]:
    rule, own = RULES.get(declaration.access), RULES.get(rule_of_type(field.type_name))
    if rule is None or own is None:
        yield f"names the rule {declaration.access!r} in the type {field.type_name}; one of them has no row"
        return
    stream = (
        core.subscription_type is not None and field.type_name == core.subscription_type.name
    )  # begins, or does not
    if not stream and _stricter(rule, own) and isinstance(field.field.type, GraphQLNonNull):
        yield "can be refused where its type is not, but cannot be null"
    if isinstance(declaration.place, Structure | Attribute):
        rule = own  # reached through its own type only, whose rule a caller has met
    for member in _members(get_named_type(field.field.type)):
        wanted = RULES.get(rule_of_type(member.name))
        if wanted is None or _stricter(wanted, rule) or (wanted.row is not None and wanted.row != rule.row):
            yield f"is less strict than {member.name}, which it gives"


def _check_personal(field: WalkedField, declaration: Declaration, core: GraphQLSchema) -> Iterator[str]:
    roots = {root.name for root in (core.query_type, core.subscription_type) if root is not None}
    if field.type_name not in roots:
        if declaration.personal:
            yield "is personal, but no root field"
        return
    rule = RULES.get(declaration.access)
    if rule is None or rule.use_cause != declaration.personal:
        yield "is personal exactly when its rule needs a useCause"
    cause = field.field.args.get("useCause")
    if declaration.personal and (cause is None or str(cause.type) != "UseCause!"):
        yield "is personal, but has no argument useCause: UseCause!"


def _check_basis(field: WalkedField, declaration: Declaration, core: GraphQLSchema) -> Iterator[str]:
    rule = RULES.get(declaration.access)
    if core.query_type is None or field.type_name != core.query_type.name or rule is None:
        return
    basis = field.field.args.get("basis")
    if rule.basis and (basis is None or str(basis.type) != "ReadBasis"):
        yield "reads by a basis, but has no argument basis: ReadBasis"
    if basis is not None and not rule.basis:
        yield "takes a basis, but its rule needs none"
    if rule.basis and isinstance(field.field.type, GraphQLNonNull):
        yield "can lose its basis while it is read, but cannot be null"


def _check_subscription(field: WalkedField, declaration: Declaration, core: GraphQLSchema) -> Iterator[str]:
    subscription = core.subscription_type
    if subscription is None or field.type_name != subscription.name:
        return
    if not isinstance(declaration.place, Computed) or field.field.subscribe is None:
        yield "is a subscription without a stream of its own"
    rule = RULES.get(declaration.access)
    if rule is None or not rule.scopes:
        yield "is a subscription that everyone may hold open"
    if any(rule_of_type(member.name) != declaration.access for member in _members(get_named_type(field.field.type))):
        yield "gives a type under another rule than its own"


def _check_needs(field: WalkedField, declaration: Declaration, core: GraphQLSchema) -> Iterator[str]:
    if not isinstance(declaration.place, Computed) or not declaration.place.needs:
        return
    stored = {place.name for place in _properties(core, field.type_name)}
    for name in declaration.place.needs:
        if name not in stored:
            yield f"needs {name!r}, which no field of its type stores"


def _properties(core: GraphQLSchema, type_name: str) -> Iterator[Property]:
    named = core.type_map[type_name]
    for one in named.fields.values() if isinstance(named, GraphQLObjectType) else ():
        declaration = declaration_of(one)
        if declaration is not None and isinstance(declaration.place, Property):
            yield declaration.place


_CHECKS: Final[tuple[_Check, ...]] = (
    _check_place,
    _check_target,
    _check_expression,
    _check_gathers,
    _check_start,
    _check_entities,
    _check_access,
    _check_personal,
    _check_basis,
    _check_subscription,
    _check_needs,
)
