"""From the arguments of a root field to the key of its start node.

    KeyStart(argument="code")                                   arguments["code"]
    KeyStart(argument=("matter", "county"), separator="@")      "001001001000@370214"
    KeyStart(argument="holder", bind="holder_key")              HMAC of the holder's code type and code

A binding is a named function of the argument's value and the request's context. The key is a parameter of the
statement, never part of its text. `binds` makes further parameters the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final

from schema.context import Context
from schema.mapping import KeyStart
from schema.periods import earlier_periods, periods_of

__all__ = ["BINDINGS", "argument_names", "bound_values", "key_of"]


def _holder_key(value: Any, context: Context) -> str:
    return context.holder_key(value["certificateHolderTypeCode"], value["certificateHolderCode"])


def _periods(values: tuple[str, str, Enum], _context: Context) -> list[str]:
    first, last, by = values
    return periods_of(first, last, by.value)


def _earlier(values: tuple[str, Enum], _context: Context) -> list[str]:
    first, by = values
    return earlier_periods(first, by.value)


BINDINGS: Final[dict[str, Callable[[Any, Context], Any]]] = {
    "earlier": _earlier,
    "holder_key": _holder_key,
    "periods": _periods,
}


def argument_names(start: KeyStart) -> tuple[str, ...]:
    """Give the names of the arguments that the start's key is made of."""
    return (start.argument,) if isinstance(start.argument, str) else start.argument


def bound_values(start: KeyStart, arguments: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Give the values that arguments are bound to beside the key, by the names of their bindings.

    Raises as the bindings do: Malformed bad_variables, limit_exceeded for periods.
    """
    return {name: BINDINGS[name](_value(arguments, argument), context) for argument, name in start.binds}


def _value(arguments: Mapping[str, Any], argument: str | tuple[str, ...]) -> Any:
    return arguments[argument] if isinstance(argument, str) else tuple(arguments[name] for name in argument)


def key_of(start: KeyStart, arguments: Mapping[str, Any], context: Context) -> str:
    """Give the text of the start node's key for these arguments (coerced, by GraphQL name)."""
    values = [arguments[name] for name in argument_names(start)]
    if start.bind is not None:
        return str(BINDINGS[start.bind](values[0], context))
    return start.separator.join(str(value) for value in values)
