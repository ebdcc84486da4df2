"""The walk over the schema, and what it says when Strawberry's private names move."""

from __future__ import annotations

from typing import Any, cast

import pytest
import strawberry
from graphql import GraphQLField, GraphQLString

from schema.assembly import build_schema
from schema.inspection import SchemaFault, core_schema, declaration_of, walk
from schema.mapping import KeyStart, Property


def test_the_walk_gives_every_field_of_every_object_type_once() -> None:
    schema = build_schema()
    walked = [(field.type_name, field.name) for field in walk(schema)]
    assert len(set(walked)) == len(walked)
    assert {name for name, _ in walked if name.startswith("__")} == set()
    core = core_schema(schema)
    expected = {
        (name, field)
        for name, named in core.type_map.items()
        if not name.startswith("__") and hasattr(named, "fields") and hasattr(named, "interfaces")
        for field in named.fields
    }
    assert set(walked) == expected


def test_a_walked_field_carries_its_declaration() -> None:
    fields = {(field.type_name, field.name): field for field in walk(build_schema())}
    status = fields["License", "status"]
    assert status.declaration is not None
    assert status.declaration.place == Property("status")
    assert status.resolved is False
    start = fields["Query", "matter"]
    assert start.declaration is not None
    assert start.declaration.place == KeyStart(label="Matter", key="code", argument="code")
    assert start.resolved is True


def test_a_field_of_strawberry_without_declaration_gives_none() -> None:
    @strawberry.type
    class Query:
        name: str = "x"

    assert [field.declaration for field in walk(strawberry.Schema(query=Query))] == [None]


def test_a_schema_that_keeps_its_core_elsewhere_is_named() -> None:
    with pytest.raises(SchemaFault, match=r"elsewhere than in 0\.341\.2 \(Schema\._schema\)"):
        core_schema(cast("Any", object()))


def test_a_field_that_keeps_its_definition_elsewhere_is_named() -> None:
    with pytest.raises(SchemaFault, match="the definition of a field"):
        declaration_of(GraphQLField(GraphQLString))
