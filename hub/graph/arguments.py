"""Arguments of one field, read by what the document holds: a variable's value, a constant, or nothing.

    licenses(holder: $holder, first: 20)      ->  {"holder": the variable's value, "first": 20}

A reader is made once a plan. A literal with variables inside, a list or an input object in the text, and a variable
that is null or missing where there must be a value are graphql-core's, each time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from graphql import (
    FieldNode,
    GraphQLArgument,
    GraphQLError,
    Undefined,
    ValueNode,
    VariableNode,
    is_non_null_type,
    is_required_argument,
)
from graphql.execution.values import VariableValues, get_argument_values
from graphql.utilities import coerce_input_literal

from hub.graph.tables import FieldEntry
from ledger.errors import Malformed

__all__ = ["ArgumentReader", "argument_reader"]

_PLAIN: Final = (str, int, float, Enum, type(None))
"""Constants that no reader of the arguments can change; a boolean is an int."""


@dataclass(frozen=True, slots=True)
class ArgumentReader:
    """Reads the arguments of one field.

    constants: argument -> value, where the document or the schema says it. variables: (argument, variable, value when
    it is missing, whether null is a value); None: graphql-core reads them all.
    """

    entry: FieldEntry
    node: FieldNode
    constants: Mapping[str, Any]
    variables: tuple[tuple[str, str, Any, bool], ...] | None

    def read(self, values: VariableValues) -> dict[str, Any]:
        """Give the arguments of one request. Raises Malformed bad_variables."""
        if self.variables is None:
            return self._judged(values)
        coerced = values.coerced
        found = dict(self.constants)
        for name, variable, missing, nullable in self.variables:
            value = coerced.get(variable, missing)
            if value is not Undefined:
                found[name] = value
            if not nullable and (value is None or value is Undefined):
                return self._judged(values)
        return found

    def read_one(self, name: str, values: VariableValues) -> Any:
        """Give one argument; None where it has no value. Raises Malformed bad_variables."""
        if self.variables is None:
            return self._judged(values).get(name)
        for out, variable, missing, _ in self.variables:
            if out == name:
                value = values.coerced.get(variable, missing)
                return None if value is Undefined else value
        return self.constants.get(name)

    def _judged(self, values: VariableValues) -> dict[str, Any]:
        # What a valid document can still get wrong: null by a variable with a default, not one member of a oneOf input.
        try:
            return get_argument_values(self.entry.field, self.node, values)
        except GraphQLError as error:
            raise Malformed("bad_variables", f"{self.entry.name}: expected values of the arguments' types") from error


def argument_reader(entry: FieldEntry, node: FieldNode) -> ArgumentReader:
    """Make the reader of a field's arguments from one of its nodes in a valid document."""
    given = {one.name.value: one.value for one in node.arguments or ()}
    variables: list[tuple[str, str, Any, bool]] = []
    constants: dict[str, Any] = {}
    for name, argument in entry.field.args.items():
        value, out, constant = given.get(name), argument.out_name or name, argument.default_value
        if isinstance(value, VariableNode):
            variables.append((out, value.name.value, constant, not is_non_null_type(argument.type)))
        elif value is not None:
            constant = _literal(value, argument)
        known = constant is not Undefined
        if argument.default is not None or not (isinstance(constant, _PLAIN) if known else _may_miss(value, argument)):
            return ArgumentReader(entry, node, {}, None)
        if known and not isinstance(value, VariableNode):
            constants[out] = constant
    return ArgumentReader(entry, node, constants, tuple(variables))


def _literal(value: ValueNode, argument: GraphQLArgument) -> Any:
    try:
        return coerce_input_literal(value, argument.type)
    except GraphQLError:  # an input object of which exactly one member must be given
        return Undefined


def _may_miss(value: ValueNode | None, argument: GraphQLArgument) -> bool:
    return isinstance(value, VariableNode) or (value is None and not is_required_argument(argument))
