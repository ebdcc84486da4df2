"""A small schema over the tests' graph, for what the product's schema does not use yet.

An own expression, an own pattern with a parameter of the root, a computed field with needs, a root that gives a union,
fields of every nullability behind a rule.
"""

from __future__ import annotations

from typing import Annotated

import strawberry

from schema.inspection import core_schema
from schema.mapping import (
    EdgeProperty,
    Expression,
    KeyStart,
    Property,
    Relation,
    attribute,
    computed,
    needed,
    root,
    stored,
)

__all__ = ["toy_schema"]

_HELD = (
    "({n})-[:SATISFIED_BY]->(:LicenseType)<-[:OF_TYPE]-({t}:License)-[:HELD_BY]->(:Holder {key: $holder}) "
    "WHERE {t}.status = 'VALID'"
)


@strawberry.type
class Fault:
    code: str = attribute(access="public")


@strawberry.type
class Held:
    identifier: str = stored(Property("certificateIdentifier"), access="license.read")
    status: str = stored(Property("status"), access="license.read")
    secret: str | None = stored(Property("leafHash"), access="license.face")
    strict: str = stored(Property("leafHash"), access="license.face")

    @computed(needs=("certificateIdentifier", "sealedBy"), access="public", cost=3)
    def label(self, upper: bool | None = None) -> str:
        text = f"{needed(self, 'certificateIdentifier')}/{needed(self, 'sealedBy')}"
        return text.upper() if upper else text

    @computed(needs=("leafHash",), access="license.face")
    async def proof(self) -> str | None:
        return str(needed(self, "leafHash"))


@strawberry.type
class Item:
    code: str = stored(Property("code"), access="public")
    need: bool | None = stored(EdgeProperty("need"), access="public")
    place: int | None = stored(EdgeProperty("order"), access="public")
    upper: str = stored(Expression(cypher="toLower({n}.code)"), access="public")
    held: list[Held] = stored(
        Expression(
            cypher=_HELD,
            parameters=("holder",),
            target="License",
            many=True,
            order="certificateIdentifier",
            page=10,
        ),
        access="license.read",
        cost=2,
    )
    best: Held | None = stored(
        Expression(cypher=_HELD, parameters=("holder",), target="License", order="certificateIdentifier"),
        access="license.read",
    )


@strawberry.type
class Checklist:
    code: str = stored(Property("code"), access="public")
    items: list[Item] = stored(
        Relation(type="REQUIRES", direction="out", target="Material", many=True, order="code", page=50),
        access="public",
        cost=2,
    )


Result = Annotated[Checklist | Fault, strawberry.union("Result")]


@strawberry.type
class Query:
    @root(
        KeyStart(label="Offering", key="code", argument=("matter", "county"), separator="@"),
        access="public",
        personal=True,
    )
    def checklist(self, matter: str, county: str, holder: str, use_cause: str | None = None) -> Checklist | None:
        """What an offering asks for, and what a holder has of it."""
        raise NotImplementedError

    @root(
        KeyStart(label="Offering", key="code", argument="code"),
        access="public",
        personal=True,
    )
    def result(self, code: str, holder: str, use_cause: str) -> Result:
        """The same, as a union."""
        raise NotImplementedError

    @computed(access="public")
    def now(self) -> str:
        """A root field that reads nothing."""
        return "now"


def toy_schema() -> strawberry.Schema:
    """Build the toy schema anew: resolvers are put on it."""
    schema = strawberry.Schema(query=Query)
    core_schema(schema)
    return schema
