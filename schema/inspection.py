"""The schema as tables: every field of every object type with its declaration.

Strawberry keeps the metadata of a field on its own definition, which graphql-core's field carries among its
extensions. Both places are private names of one pinned release; `walk` checks them and says so when they moved.

    for field in walk(schema):
        field.type_name, field.name, field.declaration
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import strawberry
from graphql import GraphQLField, GraphQLObjectType, GraphQLSchema
from strawberry.schema.schema_converter import GraphQLCoreConverter

from schema.mapping import METADATA_KEY, Declaration

__all__ = ["SchemaFault", "WalkedField", "core_schema", "declaration_of", "walk"]

_MOVED: Final = (
    "strawberry-graphql keeps its definitions elsewhere than in 0.341.2 ({what}): "
    "pin that release again, or adapt schema/inspection.py"
)


class SchemaFault(Exception):
    """The schema contradicts its own rules, or Strawberry's private names moved: the hub does not start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkedField:
    """One field of one object type. declaration: None when the field forgot it, which fails the build.

    resolved: the field has a resolver of its own.
    """

    type_name: str
    name: str
    declaration: Declaration | None
    resolved: bool
    field: GraphQLField


def core_schema(schema: strawberry.Schema) -> GraphQLSchema:
    """Give the graphql-core schema inside; raises SchemaFault when it is not where it was."""
    core = getattr(schema, "_schema", None)
    if not isinstance(core, GraphQLSchema):
        raise SchemaFault(_MOVED.format(what="Schema._schema"))
    return core


def _definition_of(field: GraphQLField) -> Any:
    key = getattr(GraphQLCoreConverter, "DEFINITION_BACKREF", None)
    if not isinstance(key, str):
        raise SchemaFault(_MOVED.format(what="GraphQLCoreConverter.DEFINITION_BACKREF"))
    definition = field.extensions.get(key)
    if not hasattr(definition, "metadata") or not hasattr(definition, "base_resolver"):
        raise SchemaFault(_MOVED.format(what="the definition of a field"))
    return definition


def declaration_of(field: GraphQLField) -> Declaration | None:
    """Give what one field declares of itself, or None when it declares nothing.

    Raises SchemaFault when Strawberry's definition is not where it was.
    """
    declaration = _definition_of(field).metadata.get(METADATA_KEY)
    return declaration if isinstance(declaration, Declaration) else None


def walk(schema: strawberry.Schema) -> Iterator[WalkedField]:
    """Give every field of every object type, introspection apart, in the order of the SDL.

    Raises SchemaFault when Strawberry's private names moved.
    """
    for name, graphql_type in sorted(core_schema(schema).type_map.items()):
        if name.startswith("__") or not isinstance(graphql_type, GraphQLObjectType):
            continue
        for field_name, field in graphql_type.fields.items():
            yield WalkedField(
                type_name=name,
                name=field_name,
                declaration=declaration_of(field),
                resolved=_definition_of(field).base_resolver is not None,
                field=field,
            )
