"""Arguments read by a reader are graphql-core's."""

from __future__ import annotations

from typing import Any, Final

import pytest
from graphql import FieldNode, OperationDefinitionNode, parse
from graphql.execution.values import VariableValues, get_argument_values, get_variable_values

from hub.graph.arguments import argument_reader
from hub.graph.tables import build_tables
from ledger.errors import Malformed
from schema.assembly import build_schema

TABLES: Final = build_tables(build_schema())
HOLDER: Final = {"certificateHolderTypeCode": "001", "certificateHolderCode": "X"}
MATTERS: Final = "query($a: Cursor, $n: Int! = 7, $m: Int, $t: String) { matters(%s) { edges { cursor } } }"
PART: Final = """query($c: HolderCode!) {
  licenses(holder: {certificateHolderTypeCode: "001", certificateHolderCode: $c}, useCause: "x") { __typename } }"""


def _asked(text: str, given: dict[str, Any]) -> tuple[Any, FieldNode, VariableValues]:
    operation = parse(text).definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    node = operation.selection_set.selections[0]
    assert isinstance(node, FieldNode)
    values = get_variable_values(TABLES.schema, operation.variable_definitions or (), given)
    assert isinstance(values, VariableValues), values
    return TABLES.entry("Query", node.name.value), node, values


@pytest.mark.parametrize(
    ("text", "given", "read"),
    [
        ("{ matters { edges { cursor } } }", {}, True),
        (MATTERS % 'first: 3, type: "01"', {}, True),
        (MATTERS % "first: $n, after: $a", {"a": "x"}, True),
        (MATTERS % "first: $n, after: $a, type: $t", {"n": 3, "t": None}, True),
        ("{ jurisdictions(level: COUNTY, after: null) { edges { cursor } } }", {}, True),
        ("query($l: JurisdictionLevel) { jurisdictions(level: $l) { edges { cursor } } }", {"l": "CITY"}, True),
        (
            'query($h: HolderInput!, $b: ReadBasis) { licenses(holder: $h, useCause: "x", basis: $b) { __typename } }',
            {"h": HOLDER, "b": {"case": "0" * 43}},
            True,
        ),
        (
            PART,
            {"c": "X"},
            False,
        ),
    ],
)  # fmt: skip
def test_the_same_arguments_are_read(text: str, given: dict[str, Any], *, read: bool) -> None:
    """read: without graphql-core."""
    entry, node, values = _asked(text, given)
    reader = argument_reader(entry, node)
    assert reader.read(values) == get_argument_values(entry.field, node, values)
    assert (reader.variables is not None) is read


@pytest.mark.parametrize("basis", ["{}", '{consent: "a", case: "b"}'])
def test_a_basis_of_none_or_two_is_refused(basis: str) -> None:
    entry, node, values = _asked(
        f'{{ license(certificateIdentifier: "1", useCause: "x", basis: {basis}) {{ status }} }}', {}
    )
    with pytest.raises(Malformed) as error:
        argument_reader(entry, node).read(values)
    assert error.value.code == "bad_variables"


def test_constants_of_one_request_are_not_another_s() -> None:
    entry, node, values = _asked(MATTERS % "first: 3", {})
    reader = argument_reader(entry, node)
    reader.read(values)["first"] = 99
    assert reader.read(values)["first"] == 3
