"""The subgraph's SDL follows from the declarations; `make interop` composes it with Apollo's own library."""

from __future__ import annotations

from typing import Any, Final

from graphql import ObjectTypeDefinitionNode, parse, print_ast

from schema.access import RULES, rule_of_type
from schema.assembly import build_schema
from schema.entities import ENTITIES, REFERENCES
from schema.inspection import walk
from schema.subgraph import subgraph_text

SCHEMA: Final = build_schema()
TEXT: Final = subgraph_text(SCHEMA)
TYPES: Final = {node.name.value: node for node in parse(TEXT).definitions if isinstance(node, ObjectTypeDefinitionNode)}


def directives(node: Any) -> list[str]:
    """Give the directives of a node as text."""
    return [print_ast(one) for one in node.directives or ()]


def field(coordinate: str) -> list[str]:
    """Give the directives of one field."""
    type_name, _, name = coordinate.partition(".")
    (found,) = [one for one in TYPES[type_name].fields or () if one.name.value == name]
    return directives(found)


def scopes(found: list[str]) -> frozenset[str]:
    """Give the scopes of which one is asked for; none: everyone may."""
    (text,) = [one for one in found if one.startswith("@requiresScopes")] or [""]
    return frozenset(text.split('"')[1::2])


def test_keys_are_those_of_the_entities() -> None:
    keys = {name: [one for one in directives(node) if one.startswith("@key")] for name, node in TYPES.items()}
    assert {name: own for name, own in keys.items() if own} == {
        **{name: [f'@key(fields: "{key}")'] for name, key in ENTITIES.items()},
        **{name: [f'@key(fields: "{key}", resolvable: false)'] for name, key in REFERENCES.items()},
    }


def test_every_field_asks_for_the_scopes_of_its_rule() -> None:
    """On the field, or on its type where that asks for the same."""
    for one in walk(SCHEMA):
        if one.type_name == "_Service" or one.name.startswith("_"):
            continue
        assert one.declaration is not None
        own, rule = scopes(directives(TYPES[one.type_name])), RULES[one.declaration.access].scopes
        assert own == RULES[rule_of_type(one.type_name)].scopes
        assert scopes(field(f"{one.type_name}.{one.name}")) == (frozenset() if rule == own else rule)


def test_costs_and_list_sizes_are_written_as_federation_has_them() -> None:
    assert field("License.face") == [
        "@cost(weight: 20)",
        '@requiresScopes(scopes: [["holder.read"], ["license.face"]])',
    ]
    assert field("Offering.materials") == ["@cost(weight: 2)", "@listSize(assumedSize: 30)"]
    assert field("Query.matters") == [
        '@listSize(slicingArguments: ["first"], sizedFields: ["edges"], assumedSize: 20, requireOneSlicingArgument: false)'
    ]


def test_what_others_may_hold_is_shareable() -> None:
    assert directives(TYPES["PageInfo"]) == ["@shareable"]
    shareable = {
        f"{name}.{one.name.value}"
        for name, node in TYPES.items()
        for one in node.fields or ()
        if "@shareable" in directives(one)
    }
    assert shareable == {"Authority.name", "Jurisdiction.level", "Jurisdiction.name"}


def test_what_every_subgraph_has_is_left_out() -> None:
    assert "_Any" not in TEXT
    assert "_Entity" not in TEXT
    assert not {"_service", "_entities"} & {one.name.value for one in TYPES["Query"].fields or ()}
    assert TEXT.startswith('extend schema\n  @link(url: "https://specs.apollo.dev/federation/v2.9", import: [')
