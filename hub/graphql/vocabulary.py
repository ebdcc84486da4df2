"""The schema as the one-pass reader looks it up: which words may stand where, and what follows them.

Made once, at boot. A name that graphql-core alone decides on (introspection but `__typename`) is not in here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from graphql import (
    FieldNode,
    GraphQLArgument,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputType,
    GraphQLSchema,
    GraphQLString,
    NameNode,
    Undefined,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_composite_type,
    is_input_object_type,
    is_input_type,
    is_list_type,
    is_required_argument,
)

__all__ = ["FieldWord", "InputWord", "Vocabulary"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InputWord:
    """One place for a value: an argument, or a member of an input object.

    text: its type as written. of_one: a member of a oneOf input, which takes no variable that can be null. members:
    name of the input object type whose members may stand here, None for a leaf and for a list. item: a list's item.
    """

    name: NameNode
    type: GraphQLInputType
    text: str
    default: bool
    of_one: bool
    members: str | None
    item: InputWord | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldWord:
    """One field. text: its type as written. below: name of the composite type that it gives, None for a leaf.

    bare: what a node of the field holds where its name stands alone; None where something must follow.
    """

    name: NameNode
    text: str
    below: str | None
    arguments: Mapping[str, InputWord]
    required: frozenset[str]
    bare: Mapping[str, Any] | None


class Vocabulary:
    """Fields by composite type, members by input object type, and which types overlap."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self.schema: Final = schema
        self.query: Final = schema.query_type.name if schema.query_type else ""
        self.inputs: Final = frozenset(name for name, one in schema.type_map.items() if is_input_type(one))
        self.members: Final[dict[str, dict[str, InputWord]]] = {
            name: _members(one) for name, one in schema.type_map.items() if is_input_object_type(one)
        }
        self.fields: Final[dict[str, dict[str, FieldWord]]] = {
            name: _fields(one) for name, one in schema.type_map.items() if is_composite_type(one)
        }
        self._objects: Final = {name: _objects(schema, name) for name in self.fields}

    def overlap(self, one: str, other: str) -> bool:
        """Tell whether an object can be of both composite types."""
        return one == other or not self._objects[one].isdisjoint(self._objects[other])

    @cached_property
    def condition(self) -> FieldWord:
        """`@skip` and `@include`, which take the same argument, as a field's arguments are looked up."""
        arguments = self.schema.get_directive("skip").args  # type: ignore[union-attr]  # every schema has it
        return _field("skip", GraphQLField(GraphQLString, args=arguments))


def _objects(schema: GraphQLSchema, name: str) -> frozenset[str]:
    named: Any = schema.type_map[name]
    members = [one.name for one in schema.get_possible_types(named)] if is_abstract_type(named) else [name]
    return frozenset(members)


def _members(named: Any) -> dict[str, InputWord]:
    return {name: _input(name, one, of_one=named.is_one_of) for name, one in named.fields.items()}


def _fields(named: Any) -> dict[str, FieldWord]:
    own = {"__typename": GraphQLField(GraphQLString)} | getattr(named, "fields", {})  # a union has no fields of its own
    return {name: _field(name, one) for name, one in own.items() if name == "__typename" or not name.startswith("__")}


def _field(name: str, field: GraphQLField) -> FieldWord:
    named, node = get_named_type(field.type), NameNode(value=name)
    required = frozenset(key for key, one in field.args.items() if is_required_argument(one))
    return FieldWord(
        name=node,
        text=str(field.type),
        below=named.name if is_composite_type(named) else None,
        arguments={key: _input(key, one) for key, one in field.args.items()},
        required=required,
        bare=None if required or is_composite_type(named) else vars(FieldNode(name=node)),
    )


def _input(name: str, one: GraphQLArgument | GraphQLInputField, *, of_one: bool = False) -> InputWord:
    default = one.default is not None or one.default_value is not Undefined
    return _word(name, one.type, default=default, of_one=of_one)


def _word(name: str, given: GraphQLInputType, *, default: bool = False, of_one: bool = False) -> InputWord:
    plain: Any = get_nullable_type(given)
    return InputWord(
        name=NameNode(value=name),
        type=given,
        text=str(given),
        default=default,
        of_one=of_one,
        members=plain.name if is_input_object_type(plain) else None,
        item=_word(name, plain.of_type) if is_list_type(plain) else None,
    )
