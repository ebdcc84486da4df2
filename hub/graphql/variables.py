"""The variables of one request by what is known of their types, for the types that requests have.

    query($c: CatalogueCode!, $h: HolderInput!)   ->   two variables, each with the function that takes its value

Scalars, enums and input objects of them are taken here, with graphql-core's own functions for each; lists, and inputs
inside of inputs, are not. It gives what graphql-core's `get_variable_values` gives, or None: then that is asked, and
words the errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from graphql import (
    GraphQLDefaultInput,
    GraphQLNonNull,
    GraphQLSchema,
    NamedTypeNode,
    NonNullTypeNode,
    OperationDefinitionNode,
    Undefined,
    VariableDefinitionNode,
    get_nullable_type,
    is_input_object_type,
    is_leaf_type,
)
from graphql.execution.get_variable_signature import GraphQLVariableSignature
from graphql.execution.values import VariableValues, VariableValueSource
from graphql.utilities import coerce_input_value
from graphql.utilities.coerce_input_value import coerce_default_value

__all__ = ["VariableTypes", "Variables", "coerced"]


@dataclass(frozen=True, slots=True)
class _Variable:
    """One variable.

    take: gives a value as it is used, or Undefined, or raises. absent: what a missing value becomes. strict: not null.
    """

    name: str
    signature: GraphQLVariableSignature
    strict: bool
    take: Callable[[Any], Any]
    absent: Any


Variables: TypeAlias = "tuple[_Variable, ...] | None"
"""The variables of one operation; None where one of them is left to graphql-core."""


class VariableTypes:
    """The types of a schema that are taken here, by name."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._types: Final[dict[str, tuple[Any, Any, Callable[[Any], Any]]]] = {
            name: (named, GraphQLNonNull(named), take)
            for name, named in _named(schema)
            if (take := _take(named)) is not None
        }

    def of(self, operation: OperationDefinitionNode) -> Variables:
        """Look at the variables of one operation of a valid document."""
        found = []
        for definition in operation.variable_definitions or ():
            variable = self._variable(definition)
            if variable is None:
                return None
            found.append(variable)
        return tuple(found)

    def _variable(self, definition: VariableDefinitionNode) -> _Variable | None:
        written = definition.type
        strict = isinstance(written, NonNullTypeNode)
        named = written.type if isinstance(written, NonNullTypeNode) else written
        known = self._types.get(named.name.value) if isinstance(named, NamedTypeNode) else None
        if known is None:
            return None
        nullable, non_null, take = known
        literal = definition.default_value
        default = None if literal is None else GraphQLDefaultInput(literal=literal)
        signature = GraphQLVariableSignature(definition.variable.name.value, non_null if strict else nullable, default)
        absent = Undefined if default is None else coerce_default_value(signature)
        return _Variable(signature.name, signature, strict, take, absent)


def _named(schema: GraphQLSchema) -> Iterable[tuple[str, Any]]:
    return schema.type_map.items()


def _take(named: Any) -> Callable[[Any], Any] | None:
    if is_leaf_type(named):
        return named.coerce_input_value
    if is_input_object_type(named) and all(is_leaf_type(get_nullable_type(one.type)) for one in named.fields.values()):
        return lambda value: coerce_input_value(value, named)
    return None


def coerced(variables: Variables, given: Mapping[str, Any]) -> VariableValues | None:
    """Take the values of one request; None where graphql-core must decide."""
    if variables is None:
        return None
    sources: dict[str, VariableValueSource] = {}
    values: dict[str, Any] = {}
    for one in variables:
        value = given.get(one.name, Undefined)
        sources[one.name] = VariableValueSource(one.signature, value)
        if value is Undefined:
            if one.absent is not Undefined:
                values[one.name] = one.absent
            elif one.strict:
                return None
        elif value is None:
            if one.strict:
                return None
            values[one.name] = None
        else:
            try:
                values[one.name] = taken = one.take(value)
            except Exception:  # noqa: BLE001  # whatever a scalar raises: graphql-core words it
                return None
            if taken is Undefined:
                return None
    return VariableValues(sources, values)
