"""The variables of one request by what is known of their types, for the types that requests have.

    query($c: CatalogueCode!, $h: HolderInput!)   ->   two variables, each with the function that takes its value

Scalars, enums and input objects of them are taken here, with graphql-core's own functions for each; lists, and inputs
inside of inputs, are not. It gives what graphql-core's `get_variable_values` gives, or None: then that is asked, and
words the errors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from graphql import (
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    get_nullable_type,
    is_input_object_type,
    is_leaf_type,
    is_non_null_type,
)
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource
from graphql.utilities import coerce_input_value
from graphql.utilities.coerce_input_value import coerce_default_value

__all__ = ["Variables", "coerced", "variables_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
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


def variables_of(schema: GraphQLSchema, operation: OperationDefinitionNode) -> Variables:
    """Look at the variables of one operation of a valid document."""
    found = []
    for definition in operation.variable_definitions or ():
        variable = _variable(get_variable_signature(schema, definition))
        if variable is None:
            return None
        found.append(variable)
    return tuple(found)


def _variable(signature: GraphQLVariableSignature | GraphQLError) -> _Variable | None:
    if isinstance(signature, GraphQLError):
        return None
    plain: Any = get_nullable_type(signature.type)
    if is_leaf_type(plain):
        take = plain.coerce_input_value
    elif is_input_object_type(plain) and all(
        is_leaf_type(get_nullable_type(one.type)) for one in plain.fields.values()
    ):
        take = _object(plain)
    else:
        return None
    if signature.default is not None and not is_leaf_type(plain):
        return None
    return _Variable(
        name=signature.name,
        signature=signature,
        strict=is_non_null_type(signature.type),
        take=take,
        absent=coerce_default_value(signature),
    )


def _object(plain: Any) -> Callable[[Any], Any]:
    return lambda value: coerce_input_value(value, plain)


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
