"""Variables of a request, coerced by readers that are made once a type; whatever is odd is graphql-core's.

    query($holder: HolderInput!, $first: Int)        {"holder": {...}}   ->  coerced {"holder": {...}}

A reader takes what graphql-core takes without a default, a list of one or an error, and calls the same scalars. It says
nothing of what is wrong: a value that it does not take is coerced again by graphql-core, which words the error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from graphql import (
    GraphQLInputType,
    GraphQLSchema,
    OperationDefinitionNode,
    Undefined,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
    is_required_input_field,
)
from graphql.execution.get_variable_signature import GraphQLVariableSignature, get_variable_signature
from graphql.execution.values import VariableValues, VariableValueSource

__all__ = ["VariableReader", "variable_reader"]


class _Odd(Exception):
    """Not a value that a reader takes."""


_Read: TypeAlias = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class VariableReader:
    """Reads all variables of one operation. readers: of each variable, by its signature."""

    readers: tuple[tuple[GraphQLVariableSignature, _Read], ...]

    def read(self, given: Mapping[str, Any]) -> VariableValues | None:
        """Give the coerced values; None where graphql-core must look at them."""
        sources: dict[str, VariableValueSource] = {}
        coerced: dict[str, Any] = {}
        try:
            for signature, read in self.readers:
                name = signature.name
                value = given.get(name, Undefined)
                sources[name] = VariableValueSource(signature, value)
                if value is not Undefined:
                    coerced[name] = read(value)
                elif signature.default is not None or is_non_null_type(signature.type):
                    return None
        except Exception:  # noqa: BLE001  # a scalar may refuse a value by any error; graphql-core says which
            return None
        return VariableValues(sources, coerced)


def variable_reader(schema: GraphQLSchema, operation: OperationDefinitionNode) -> VariableReader:
    """Make the reader of an operation of a valid document."""
    readers: list[tuple[GraphQLVariableSignature, _Read]] = []
    for node in operation.variable_definitions or ():
        signature = get_variable_signature(schema, node)
        if isinstance(signature, GraphQLVariableSignature):
            readers.append((signature, _reader(signature.type, ())))
    return VariableReader(tuple(readers))


def _reader(kind: GraphQLInputType, above: tuple[str, ...]) -> _Read:
    must = is_non_null_type(kind)
    plain: Any = kind.of_type if is_non_null_type(kind) else kind
    if is_list_type(plain):
        return _list(_reader(plain.of_type, above), must=must)
    if is_input_object_type(plain):
        return _never if plain.name in above else _object(plain, (*above, plain.name), must_be=must)
    return _leaf(plain.coerce_input_value, must=must)


def _never(_value: Any) -> Any:
    # An input that holds itself can be nested without end: graphql-core counts how deep.
    raise _Odd


def _list(read: _Read, *, must: bool) -> _Read:
    def items(value: Any) -> Any:
        if type(value) is list:
            return [read(item) for item in value]
        if value is None and not must:
            return None
        raise _Odd

    return items


def _leaf(coerce: _Read, *, must: bool) -> _Read:
    def leaf(value: Any) -> Any:
        if value is None:
            if must:
                raise _Odd
            return None
        coerced = coerce(value)
        if coerced is Undefined:
            raise _Odd
        return coerced

    return leaf


def _object(kind: Any, above: tuple[str, ...], *, must_be: bool) -> _Read:
    fields: Final[Sequence[tuple[str, str, bool, _Read]]] = [
        (
            name,
            field.out_name or name,
            is_required_input_field(field) or field.default is not None or field.default_value is not Undefined,
            _reader(field.type, above),
        )
        for name, field in kind.fields.items()
    ]

    one_of, made = kind.is_one_of, kind.out_type

    def members(value: Any) -> Any:
        if type(value) is not dict:
            if value is None and not must_be:
                return None
            raise _Odd
        found: dict[str, Any] = {}
        for name, out, must, read in fields:
            if name in value:
                found[out] = read(value[name])
            elif must:
                raise _Odd
        if len(found) != len(value) or (one_of and (len(found) != 1 or None in found.values())):
            raise _Odd
        return made(found)

    return members
