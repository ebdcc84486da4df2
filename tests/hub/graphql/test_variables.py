"""Variables read by a reader are graphql-core's; whatever is odd is left to it."""

from __future__ import annotations

from typing import Any, Final

import pytest
from graphql import OperationDefinitionNode, build_schema, parse
from graphql.execution.values import VariableValues, get_variable_values
from hypothesis import given
from hypothesis import strategies as st

from hub.graphql.variables import variable_reader
from schema.assembly import build_schema as product_schema
from schema.inspection import core_schema

SCHEMA: Final = core_schema(product_schema())
TEXT: Final = """query($h: HolderInput!, $b: ReadBasis, $n: Int, $l: JurisdictionLevel, $s: [String!], $c: UseCause!,
  $o: Boolean, $d: Int = 3) { __typename }"""
GOOD: Final[dict[str, Any]] = {
    "h": {"certificateHolderTypeCode": "001", "certificateHolderCode": "X"},
    "b": {"consent": "A" * 22},
    "n": 7,
    "l": "COUNTY",
    "s": ["a", "b"],
    "c": "a counter",
    "o": True,
    "d": 4,
}
TOY: Final = build_schema(
    "type Query { a(x: Tree, y: Named): String } input Tree { of: Tree } input Named { n: Int = 3, m: [Int] }"
)


def _operation(text: str) -> OperationDefinitionNode:
    operation = parse(text).definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    return operation


OPERATION: Final = _operation(TEXT)
READER: Final = variable_reader(SCHEMA, OPERATION)
ODD: Final = (
    None, "", "x" * 300, 2**31, 1.0, 1.5, True, "7", [], ["a", None], [None], {}, {"consent": None}, {"a": 1},
    {"consent": "A" * 22, "case": "0" * 43}, {"certificateHolderTypeCode": "1"}, [["a"]], "COUNTRY", "\ud800",
)  # fmt: skip


def _judged(values: dict[str, Any]) -> Any:
    found = get_variable_values(SCHEMA, OPERATION.variable_definitions or (), values)
    return _told(found) if isinstance(found, VariableValues) else found


def _told(found: VariableValues | None) -> Any:
    """Give the coerced values, and what each came from."""
    return found and (found.coerced, {name: source.value for name, source in found.sources.items()})


def test_good_values_are_read() -> None:
    found = READER.read(GOOD)
    assert found is not None
    assert _told(found) == _judged(GOOD)


def test_what_is_not_given_is_left_out() -> None:
    """But for a default, which is graphql-core's."""
    few = {name: GOOD[name] for name in ("h", "c", "d")}
    assert _told(READER.read(few)) == _judged(few)
    assert READER.read({name: GOOD[name] for name in ("h", "c")}) is None


@given(st.dictionaries(st.sampled_from(sorted(GOOD)), st.sampled_from(ODD)), st.sets(st.sampled_from(sorted(GOOD))))
def test_what_is_read_is_what_graphql_core_reads(odd: dict[str, Any], without: set[str]) -> None:
    values = {name: value for name, value in (GOOD | odd).items() if name not in without}
    found = READER.read(values)
    assert found is None or _told(found) == _judged(values)


@pytest.mark.parametrize(
    "values", [{"y": {"m": [1]}}, {"y": {"n": 1, "m": 2}}, {"x": {"of": {"of": None}}}, {"y": {"k": 1}}, {"y": 1}]
)
def test_defaults_lists_of_one_and_endless_inputs_are_left(values: dict[str, Any]) -> None:
    """An input that may hold itself is never read: graphql-core counts its depth."""
    operation = _operation("query($x: Tree, $y: Named) { a(x: $x, y: $y) }")
    assert variable_reader(TOY, operation).read(values) is None
