"""The schema as a subgraph of Apollo Federation v2: what `_service { sdl }` gives, made from the declarations.

    extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@shareable", ...])

    type Matter @key(fields: "code") { ... }
    type License @key(fields: "certificateIdentifier", resolvable: false) @requiresScopes(scopes: [...]) {
      face(...): FaceResult @cost(weight: 20) @requiresScopes(scopes: [["holder.read"], ["license.face"]])

    @key                the entities and references of `schema.entities`
    @requiresScopes     the access rule of a type or field: any one of its scopes is enough
    @shareable          pages, and what public registers say, so that other subgraphs may hold it, too
    @cost, @listSize    those of `schema.costs`, whose weights are text, as the cost specification has it, here numbers

`_service`, `_entities` and their types are left out: every subgraph has them, and no supergraph does. A router may
refuse by `@requiresScopes` before it asks; whatever it did, this subgraph decides by its own rules.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

import strawberry
from graphql import (
    ConstDirectiveNode,
    DirectiveDefinitionNode,
    DocumentNode,
    FieldDefinitionNode,
    ObjectTypeDefinitionNode,
    parse,
    print_ast,
)

from schema.access import RULES, rule_of_type
from schema.connections import DEFAULT_PAGE
from schema.entities import ENTITIES, REFERENCES
from schema.inspection import walk
from schema.mapping import attribute

__all__ = ["Service", "subgraph_sdl", "subgraph_text"]

_LINK: Final = """\
extend schema
  @link(url: "https://specs.apollo.dev/federation/v2.9", import: [
    "@cost", "@key", "@listSize", "@requiresScopes", "@shareable"
  ])
"""
_TRANSLATED: Final = frozenset({"cost", "listSize"})
_ADDED_TYPES: Final = frozenset({"_Any", "_Entity", "_Service"})
_ADDED_FIELDS: Final = frozenset({("Query", "_service"), ("Query", "_entities")})
_SHAREABLE_TYPES: Final = frozenset({"PageInfo"})
_SHAREABLE: Final = frozenset({("Authority", "name"), ("Jurisdiction", "level"), ("Jurisdiction", "name")})
_PAGED: Final = f"assumedSize: {DEFAULT_PAGE}, requireOneSlicingArgument: false"  # `first` may be left out


@strawberry.type(name="_Service", description="This subgraph of a supergraph.")
class Service:
    """What a supergraph is composed of."""

    sdl: str = attribute(access="schema.read", description="Its types, with the directives of Apollo Federation v2.")


async def subgraph_sdl(schema: Any) -> str:
    """Give the subgraph's SDL: made once, beside the event loop, and the same text from then on."""
    return await asyncio.to_thread(_kept, schema)


@lru_cache(maxsize=4)
def _kept(schema: strawberry.Schema) -> str:
    return subgraph_text(schema)


def subgraph_text(schema: strawberry.Schema) -> str:
    """Write the schema as a Federation v2 subgraph."""
    rules = {(one.type_name, one.name): one.declaration.access for one in walk(schema) if one.declaration}
    definitions: list[Any] = []
    for node in parse(schema.as_str(), no_location=True).definitions:
        own: Any = node
        if isinstance(node, DirectiveDefinitionNode) and node.name.value in _TRANSLATED:
            continue
        if own.name.value not in _ADDED_TYPES:
            definitions.append(_federated(node, rules) if isinstance(node, ObjectTypeDefinitionNode) else node)
    return f"{_LINK}\n{print_ast(DocumentNode(definitions=tuple(definitions)))}\n"


def _federated(node: ObjectTypeDefinitionNode, rules: Mapping[tuple[str, str], str]) -> ObjectTypeDefinitionNode:
    name = node.name.value
    own = RULES[rule_of_type(name)].scopes
    fields = []
    for field in node.fields or ():
        place = (name, field.name.value)
        if place not in _ADDED_FIELDS:
            scopes = RULES[rules[place]].scopes  # what the type asks for need not be said again
            fields.append(_federated_field(field, place, frozenset() if scopes == own else scopes))
    return replace(node, fields=tuple(fields), directives=_directives(_of_type(name, own)))


def _federated_field(field: FieldDefinitionNode, place: tuple[str, str], scopes: frozenset[str]) -> FieldDefinitionNode:
    texts = [_translated(one) for one in field.directives or ()]
    texts += ["@shareable"] if place in _SHAREABLE else []
    return replace(field, directives=_directives([*texts, *_scopes(scopes)]))


def _of_type(name: str, scopes: frozenset[str]) -> Iterable[str]:
    if name in ENTITIES:
        yield f'@key(fields: "{ENTITIES[name]}")'
    if name in REFERENCES:
        yield f'@key(fields: "{REFERENCES[name]}", resolvable: false)'
    if name in _SHAREABLE_TYPES:
        yield "@shareable"
    yield from _scopes(scopes)


def _scopes(scopes: frozenset[str]) -> list[str]:
    any_of = ", ".join(f'["{scope}"]' for scope in sorted(scopes))
    return [f"@requiresScopes(scopes: [{any_of}])"] if any_of else []


def _translated(directive: ConstDirectiveNode) -> str:
    """Write one directive of `schema.costs` as Federation has it."""
    text = print_ast(directive)
    if directive.name.value == "cost":
        return text.replace('"', "")
    return text.replace(")", f", {_PAGED})") if "slicingArguments" in text else text


def _directives(texts: Iterable[str]) -> tuple[ConstDirectiveNode, ...]:
    node: Any = parse(f"scalar Any {' '.join(texts)}", no_location=True).definitions[0]
    return tuple(node.directives or ())
