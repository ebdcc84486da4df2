"""Entities: the types that other subgraphs of a supergraph may name and add to, and how they name one node.

    {"__typename": "Matter", "code": "000101002000"}     one representation: its type and its key, nothing else

Only types of the catalogue can be asked for by a representation. It has no place for a `useCause` or a basis, so a
person's record that was read by one would have been read for no reason, and its access record would say nothing. The
keys of such types are `resolvable: false`: another subgraph may add fields to a license that this one has shown, under
the rule of `license`; one that hands out licenses by itself does not compose. `schema.conformance` refuses an entity
that is not public.

Source: Apollo Federation v2, subgraph specification (`_Any`, `_entities`, `@key`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

__all__ = ["ENTITIES", "MAX_REPRESENTATIONS", "REFERENCES", "REPRESENTATION", "AnyRepresentation", "Representation"]

ENTITIES: Final[dict[str, str]] = {
    "Authority": "code",
    "Jurisdiction": "code",
    "LicenseType": "code",
    "Material": "code",
    "Matter": "code",
    "Offering": "code",
}
"""Types that `_entities` resolves, each with its key: field, property and unique key of the label of the same name."""

REFERENCES: Final[dict[str, str]] = {
    "Case": "caseNumber",
    "Consent": "id",
    "License": "certificateIdentifier",
    "Objection": "id",
}
"""Types of a person's records with their keys: other subgraphs may add to one, but none is read by its key."""

MAX_REPRESENTATIONS: Final = 1000
"""Most representations of one `_entities`; what they cost is counted one by one."""

_KEY: Final = re.compile(r"[0-9A-Za-z@._-]{1,64}")  # the form of CatalogueCode

AnyRepresentation = NewType("AnyRepresentation", object)


@dataclass(frozen=True, slots=True)
class Representation:
    """One node that another subgraph names: its type and its key."""

    type_name: str
    key: str


def _parsed(value: Any) -> Representation:
    """Read one representation. Raises GraphQLError bad_variables, which never repeats the value."""
    named = value.get("__typename") if isinstance(value, Mapping) else None
    if not isinstance(named, str) or named not in ENTITIES:
        raise _fault("an object whose __typename is an entity of this subgraph")
    field = ENTITIES[named]
    key = value.get(field)
    if len(value) != 2 or not isinstance(key, str) or _KEY.fullmatch(key) is None:
        raise _fault(f"{field} beside __typename, of 1-64 letters, digits and @ . _ -, and nothing else")
    return Representation(named, key)


def _fault(expected: str) -> GraphQLError:
    return GraphQLError(f"_Any: expected {expected}", extensions={"code": "bad_variables"})


REPRESENTATION: Final[Mapping[object, ScalarDefinition]] = {
    AnyRepresentation: strawberry.scalar(
        name="_Any",
        description="A node that another subgraph names: an object of __typename and the type's key.",
        serialize=lambda value: value,
        parse_value=_parsed,
    )
}
