"""Variables by their types: what graphql-core makes of them, or nothing at all."""

from __future__ import annotations

from typing import Any, Final

import pytest
from graphql import OperationDefinitionNode, build_schema, parse
from graphql.execution.values import VariableValues, get_variable_values
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.graphql.variables import VariableTypes, coerced
from tests.document_files import DOCUMENTS
from tests.read_documents import SCHEMA

TOY: Final = build_schema("""
    scalar Any
    enum Colour { RED GREEN }
    input Point { x: Int!, y: Float = 1.5, colour: Colour, name: String }
    input One @oneOf { a: Int, b: String }
    input Deep { point: Point, many: [Int!] }
    type Query { f(a: Int): Int }
""")
TYPES: Final = (
    "Int",
    "Float",
    "String",
    "Boolean",
    "ID",
    "Any",
    "Colour",
    "Point",
    "One",
    "Deep",
    "[Int!]",
    "[[Point]]",
)
DEFAULTS: Final = {"Int": "3", "Float": "2", "String": '"s"', "Boolean": "true", "ID": "7", "Colour": "RED", "Any": "{a: [1]}",
                   "Point": "{x: 1}", "One": '{b: "b"}', "[Int!]": "[1]"}  # fmt: skip
LEAVES: Final = st.sampled_from(
    [None, True, False, 0, 1, -1, 2**31, 1.5, 2.0, "", "s", "RED", "BLUE", [], [1], ["s"], {}, {"a": 1}]
)
VALUES: Final = LEAVES | st.dictionaries(
    st.sampled_from(["x", "y", "colour", "name", "a", "b", "point", "many", "z"]), LEAVES
)


def operation(text: str) -> OperationDefinitionNode:
    found = parse(text).definitions[0]
    assert isinstance(found, OperationDefinitionNode)
    return found


def check(schema: Any, asked: OperationDefinitionNode, values: dict[str, Any]) -> bool:
    """Check the values that are taken against graphql-core's; tell whether they are."""
    found = coerced(VariableTypes(schema).of(asked), values)
    if found is None:
        return False
    expected = get_variable_values(schema, asked.variable_definitions or (), values)
    assert isinstance(expected, VariableValues)
    assert found.coerced == expected.coerced
    assert [type(one) for one in found.coerced.values()] == [type(one) for one in expected.coerced.values()]
    assert list(found.coerced) == list(expected.coerced)
    assert _sources(found) == _sources(expected)
    return True


def _sources(values: VariableValues) -> dict[str, Any]:
    return {name: (str(source.signature.type), source.value) for name, source in values.sources.items()}


@st.composite
def definitions(draw: st.DrawFn) -> str:
    kind = draw(st.sampled_from(TYPES))
    default = f" = {DEFAULTS[kind]}" if kind in DEFAULTS and draw(st.booleans()) else ""
    return f"{kind}{draw(st.sampled_from(['', '!']))}{default}"


@given(
    st.lists(definitions(), min_size=1, max_size=3), st.dictionaries(st.sampled_from(["v0", "v1", "v2", "w"]), VALUES)
)
@settings(max_examples=400)
def test_values_are_taken_as_graphql_core_takes_them(kinds: list[str], values: dict[str, Any]) -> None:
    header = ", ".join(f"$v{number}: {kind}" for number, kind in enumerate(kinds))
    check(TOY, operation(f"query({header}) {{ f }}"), values)


@pytest.mark.parametrize("name", [name for name, one in DOCUMENTS.items() if one.is_query and one.asked])
def test_variables_of_our_documents_are_taken(name: str) -> None:
    for asked in DOCUMENTS[name].asked:
        assert check(SCHEMA, operation(DOCUMENTS[name].text), asked.variables)


@pytest.mark.parametrize(
    ("kind", "value"),
    [("Int!", None), ("Int", "1"), ("Int", 2**31), ("Colour", "BLUE"), ("Point", {"y": 1}), ("Point", {"x": 1, "z": 1}), ("Deep", {}),
     ("One", {}), ("One", {"a": 1, "b": "b"}), ("One", {"a": None}), ("[Int!]", [1]), ("Point", [{"x": 1}])],
)  # fmt: skip
def test_what_is_wrong_or_rare_is_left(kind: str, value: Any) -> None:
    assert coerced(VariableTypes(TOY).of(operation(f"query($v: {kind}) {{ f }}")), {"v": value}) is None
    assert coerced(VariableTypes(TOY).of(operation("query($v: Int!) { f }")), {}) is None
