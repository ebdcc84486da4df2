"""The schema keeps its own rules, field by field; and each rule is broken once on purpose, to see the walk find it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import strawberry
from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLObjectType, GraphQLUnionType
from strawberry.schema.config import StrawberryConfig

from schema.access import RULES, SCOPES, TYPES
from schema.assembly import build_schema
from schema.conformance import LABELS, check, faults
from schema.connections import Connection
from schema.consents import ReadBasis
from schema.inspection import SchemaFault, WalkedField, core_schema, walk
from schema.licenses import License
from schema.mapping import (
    Computed,
    Declaration,
    EntityStart,
    Expression,
    Gather,
    KeyStart,
    PageStart,
    Place,
    Property,
    Relation,
    Start,
    attribute,
    computed,
    root,
    stored,
)
from schema.scalars import SCALARS, UseCause

SCHEMA = build_schema()
FIELDS = list(walk(SCHEMA))


def coordinate(field: WalkedField) -> str:
    """The field's schema coordinate."""
    return f"{field.type_name}.{field.name}"


def test_the_schema_has_no_fault() -> None:
    assert faults(SCHEMA) == ()


@pytest.mark.parametrize("field", FIELDS, ids=coordinate)
def test_a_field_declares_place_rule_and_cost(field: WalkedField) -> None:
    assert field.declaration is not None
    assert field.declaration.access in RULES
    assert field.declaration.cost >= 0
    assert field.resolved is isinstance(field.declaration.place, Computed | Start)


@pytest.mark.parametrize("field", FIELDS, ids=coordinate)
def test_a_field_is_documented(field: WalkedField) -> None:
    """Descriptions are the partner developer's manual: a sentence, one line."""
    description = field.field.description
    assert description is not None
    assert description.endswith(".")
    assert "\n" not in description


def test_every_type_enum_value_and_input_field_is_documented() -> None:
    missing = []
    for name, named in core_schema(SCHEMA).type_map.items():
        if name.startswith("__"):
            continue
        if isinstance(named, GraphQLObjectType | GraphQLUnionType | GraphQLEnumType | GraphQLInputObjectType):
            missing += [name] if not named.description else []
        parts: dict[str, Any] = {}
        if isinstance(named, GraphQLEnumType):
            parts = dict(named.values)
        elif isinstance(named, GraphQLInputObjectType):
            parts = dict(named.fields)
        missing += [f"{name}.{part}" for part, value in parts.items() if not value.description]
    assert missing == []


def test_every_stored_name_is_that_of_the_api() -> None:
    """D1: names in the graph are the names of the API; a relation has a name of its own."""
    other = {
        coordinate(field): field.declaration.place.name
        for field in FIELDS
        if field.declaration is not None
        and isinstance(field.declaration.place, Property)
        and field.declaration.place.name != field.name
    }
    assert other == {}


def test_personal_roots_are_those_that_lead_to_licenses_and_cases() -> None:
    personal = sorted(coordinate(field) for field in FIELDS if field.declaration and field.declaration.personal)
    assert personal.pop() == "Subscription.caseEvents"  # no person's identifier can stand in its arguments
    named = "accessRecords case cases checklist escalation license licenses objection objections receipt"
    assert personal == [f"Query.{name}" for name in named.split()]
    by_post = sorted(coordinate(field) for field in FIELDS if field.declaration and field.declaration.post_only)
    assert by_post == sorted([*personal, "Query.consents", "Query.verify"])


def test_the_access_table_names_known_scopes_and_types() -> None:
    assert {scope for rule in RULES.values() for scope in rule.scopes} <= set(SCOPES)
    types = core_schema(SCHEMA).type_map
    assert [name for name, rule in TYPES.items() if name not in types or rule not in RULES] == []


def test_labels_are_those_of_the_graph() -> None:
    names = "Assistance Authority Case Clock Consent FollowUp Holder HotlineAppeal Jurisdiction License"
    more = "LicenseType Material Matter MatterVersion Objection Offering PeriodCount Step"
    assert sorted(LABELS) == f"{names} {more}".split()


def toy(member: Any, annotation: Any = str | None, *, name: str = "broken") -> strawberry.Schema:
    """A schema whose type Thing has one field, declared by `member`."""
    thing = strawberry.type(type("Thing", (), {"__annotations__": {name: annotation}, name: member}))

    def start(code: str) -> Any:
        raise NotImplementedError

    start.__annotations__["return"] = thing | None
    query = type(
        "Query", (), {"start": root(KeyStart(label="Matter", key="code", argument="code"), access="public")(start)}
    )
    return strawberry.Schema(query=strawberry.type(query), config=StrawberryConfig(scalar_map=SCALARS))


def toy_root(start: KeyStart | PageStart, function: Callable[..., Any], **options: Any) -> strawberry.Schema:
    """A schema with one root field."""
    query = type("Query", (), {"broken": root(start, **({"access": "public"} | options))(function)})
    return strawberry.Schema(query=strawberry.type(query), config=StrawberryConfig(scalar_map=SCALARS))


def by_code(code: str) -> str | None:
    """A root's function with the argument `code`."""
    raise NotImplementedError


def expression(cypher: str, **members: Any) -> Any:
    """A field with an own expression."""
    return stored(Expression(cypher=cypher, **members), access="public")


def gathering(place: Relation | Expression, *, optional: bool = False) -> Any:
    """A computed field that gathers nodes behind other nodes."""
    inner = Gather(name="rows", place=place, optional=optional)
    return computed(gathers=(Gather(name="outer", place=MATTERS, gathers=(inner,)),), access="public")(by_code)


MATTERS = Relation(type="IMPLEMENTS", direction="out", target="Matter", many=True, order="code")

BROKEN_FIELDS: list[tuple[Any, Any, str]] = [
    (strawberry.field(), str | None, "declares no place, rule and cost"),
    (stored(Property("na me"), access="public"), str | None, "'na me' is no name of letters and underscores"),
    (stored(Property("name\n"), access="public"), str | None, "'name\\n' is no name of letters and underscores"),
    (stored(Property("name1"), access="public"), str | None, "'name1' is no name of letters and underscores"),
    (
        stored(Property("name"), access="nobody"),
        str | None,
        "names the rule 'nobody' in the type Thing; one of them has no row",
    ),
    (stored(Property("name"), access="public", cost=-1), str | None, "has a cost below 0"),
    (stored(Property("name"), access="license.read"), str, "can be refused where its type is not, but cannot be null"),
    (
        stored(Relation(type="OF", direction="out", target="Nothing"), access="public"),
        str | None,
        "leads to 'Nothing', which is no label of the graph",
    ),
    (
        stored(Relation(type="OF", direction="out", target="Matter", many=True, order="code"), access="public"),
        str | None,
        "is a list in one of GraphQL and the mapping, but not in the other",
    ),
    (
        stored(Relation(type="OF", direction="out", target="Matter", many=True), access="public"),
        list[str],
        "is a list without an order",
    ),
    (
        stored(
            Relation(type="OF", direction="out", target="Matter", many=True, order="code", page=101), access="public"
        ),
        list[str],
        "has a page of 101 rows, expected 1 to 100",
    ),
    (
        stored(Relation(type="OF", direction="out", target="Matter"), access="public"),
        str,
        "may be absent in the graph, but is not null in GraphQL",
    ),
    (
        stored(Relation(type="HELD_BY", direction="out", target="License"), access="public"),
        License | None,
        "is less strict than License, which it gives",
    ),
    (expression("{n}.a SET {n}.b = 1"), str | None, "has an expression with a writing clause"),
    (expression("head([({n})--() | 1]) // merge"), str | None, "has an expression with a writing clause"),
    (expression("{n}.a = $b"), str | None, "has an expression whose parameters are not those it declares"),
    (
        expression("{n}.a", parameters=("b",)),
        str | None,
        "has an expression whose parameters are not those it declares",
    ),
    (expression("1"), str | None, "has an expression that does not name its nodes {n} and {t}"),
    (
        expression("({n})--(:Matter)", target="Matter"),
        str | None,
        "has an expression that does not name its nodes {n} and {t}",
    ),
    (
        computed(needs=("name",), access="public")(by_code),
        str | None,
        "needs 'name', which no field of its type stores",
    ),
    (gathering(Relation(type="OF", direction="out", target="Nothing", many=True, order="code")), str | None,
     "gathers 'Nothing', which is no label of the graph"),
    (gathering(Relation(type="OF", direction="out", target="Matter", order="code")), str | None,
     "gathers rows without an order"),
    (gathering(Relation(type="OF", direction="out", target="Matter", many=True)), str | None,
     "gathers rows without an order"),
    (gathering(Relation(type="OF", direction="out", target="Matter", many=True, order="code", page=1001)), str | None,
     "gathers 1001 rows, expected 1 to 1000"),
    (gathering(Relation(type="HELD_BY", direction="in", target="License", many=True, order="logIndex")), str | None,
     "is less strict than License, which it gathers"),
    (gathering(Relation(type="HELD_BY", direction="in", target="License", many=True, order="logIndex"), optional=True),
     str | None, "is less strict than License, which it gathers"),
    (gathering(Expression(cypher="({n})--({t}) SET {n}.a = 1", target="Matter", many=True, order="code")), str | None,
     "has an expression with a writing clause"),
    (computed(gathers=(Gather(name="r1", place=MATTERS),), access="public")(by_code), str | None,
     "'r1' is no name of letters and underscores"),
]  # fmt: skip


def _ids(cases: list[tuple[Any, Any, str]]) -> list[str]:
    return [re.sub(r"\W+", " ", case[2]) for case in cases]


@pytest.mark.parametrize(("member", "annotation", "text"), BROKEN_FIELDS, ids=_ids(BROKEN_FIELDS))
def test_a_broken_field_is_found(member: Any, annotation: Any, text: str) -> None:
    schema = toy(member, annotation)
    assert f"Thing.broken: {text}" in faults(schema)
    with pytest.raises(SchemaFault, match=re.escape(text)):
        check(schema)


def paged(first: int, after: str | None = None) -> str | None:
    """A root's function with the arguments of a page."""
    raise NotImplementedError


def caused(code: str, use_cause: str) -> License | None:
    """A root's function with a cause that is no UseCause."""
    raise NotImplementedError


def of_license(code: str, use_cause: UseCause, basis: ReadBasis | None = None) -> License | None:
    """A root's function as it should be."""
    raise NotImplementedError


def many_licenses(code: str, first: int, after: str | None = None) -> Connection[License] | None:
    """A root's function for a page of licenses."""
    raise NotImplementedError


LICENSE = KeyStart(label="License", key="certificateIdentifier", argument="code")

BROKEN_ROOTS: list[tuple[Any, Any, dict[str, Any], str]] = [
    (
        EntityStart({"License": "certificateIdentifier"}),
        by_code,
        {},
        "resolves License, which is not public: a representation names no useCause and no basis",
    ),
    (
        EntityStart({"Matter": "number_of_it"}),
        by_code,
        {},
        "resolves 'Matter' by 'number_of_it', which is no label with a type and field of that name",
    ),
    (EntityStart({}), of_license, {}, "gives other types than those that it resolves"),
    (
        KeyStart(label="Thing", key="code", argument="code"),
        by_code,
        {},
        "starts at 'Thing', which is no label of the graph",
    ),
    (KeyStart(label="Matter", key="code", argument="number"), by_code, {}, "has no argument 'number'"),
    (
        PageStart(label="License", key="certificateIdentifier"),
        paged,
        {},
        "pages through License, which can only be started by key",
    ),
    (PageStart(label="Matter", key="code"), by_code, {}, "has no argument 'first'"),
    (PageStart(label="Matter", key="code", filters=(("mode", "mode"),)), paged, {}, "has no argument 'mode'"),
    (
        KeyStart(label="Holder", key="key", argument="code", bind="made_up"),
        by_code,
        {},
        "binds by 'made_up', which takes one argument and has a row in BINDINGS",
    ),
    (
        KeyStart(label="Matter", key="code", argument="code", binds=(("code", "made_up"),)),
        by_code,
        {},
        "binds by 'made_up', which has no row in BINDINGS",
    ),
    (
        KeyStart(label="Matter", key="code", argument="code", binds=(("holder", "holder_key"),)),
        by_code,
        {},
        "has no argument 'holder'",
    ),
    (
        KeyStart(label="Matter", key="code", argument="code", where=Expression(cypher="{n}.a = $code")),
        by_code,
        {},
        "has an expression whose parameters are not those it declares",
    ),
    (
        KeyStart(label="Offering", key="code", argument=("code", "code")),
        by_code,
        {},
        "joins arguments without a separator: two keys could be one",
    ),
    (
        KeyStart(label="Holder", key="key", argument="code", page=True),
        many_licenses,
        {},
        "is a page of no ordered list",
    ),
    (
        KeyStart(label="Holder", key="key", argument="code", via=Relation(type="A", direction="in", target="B")),
        by_code,
        {},
        "leads to 'B', which is no label of the graph",
    ),
    (LICENSE, of_license, {"access": "license.read"}, "is personal exactly when its rule needs a useCause"),
    (LICENSE, by_code, {"personal": True}, "is personal exactly when its rule needs a useCause"),
    (
        LICENSE,
        caused,
        {"access": "license.read", "personal": True},
        "is personal, but has no argument useCause: UseCause!",
    ),
    (LICENSE, of_license, {}, "is less strict than License, which it gives"),
    (
        LICENSE,
        of_license,
        {"access": "license.log", "personal": True},
        "is less strict than License, which it gives",
    ),
]


@pytest.mark.parametrize(("start", "function", "options", "text"), BROKEN_ROOTS, ids=[case[3] for case in BROKEN_ROOTS])
def test_a_broken_root_is_found(start: Any, function: Any, options: dict[str, Any], text: str) -> None:
    assert f"Query.broken: {text}" in faults(toy_root(start, function, **options))


def test_a_sound_root_has_no_fault() -> None:
    schema = toy_root(LICENSE, of_license, access="license.read", personal=True)
    assert [fault for fault in faults(schema) if fault.startswith("Query.")] == []


def test_a_sound_field_has_no_fault() -> None:
    assert faults(toy(stored(Property("name"), access="public"), str)) == ()
    assert faults(toy(attribute(access="public"), str)) == ()
    assert faults(toy(expression("{n}.a = $today", parameters=("today",)), bool | None)) == ()


def test_a_stored_field_with_a_resolver_is_found() -> None:
    """A resolver on a stored field would never run: the compiler fetches it."""

    def resolver() -> str:
        raise NotImplementedError

    member = stored(Property("name"), access="public", resolver=resolver)
    assert "Thing.broken: is stored, but has a resolver" in faults(toy(member, str))


def test_a_mapping_of_computed_without_resolver_is_found() -> None:
    member = strawberry.field(metadata={"tongban": _declared(Computed())})
    assert "Thing.broken: has neither a mapping nor a resolver" in faults(toy(member, str))


def _declared(place: Place) -> Any:
    return Declaration(place=place, access="public")
