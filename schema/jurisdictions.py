"""Jurisdictions and authorities: who is in charge where.

(:Jurisdiction {code, name, level, validFrom, validTo, member})-[:WITHIN]->(:Jurisdiction)
(:Authority {code, name})-[:OF]->(:Jurisdiction)
"""

from __future__ import annotations

from enum import Enum

import strawberry

from schema.mapping import Property, Relation, stored
from schema.scalars import CatalogueCode, Date

__all__ = ["Authority", "Jurisdiction", "JurisdictionLevel"]


@strawberry.enum(description="The level of a jurisdiction (GB/T 2260).")
class JurisdictionLevel(Enum):
    """Each value is its GraphQL name, as the graph stores it."""

    PROVINCE = strawberry.enum_value("PROVINCE", description="Province, autonomous region or municipality.")
    CITY = strawberry.enum_value("CITY", description="City or prefecture.")
    COUNTY = strawberry.enum_value("COUNTY", description="County, district or county-level city.")


@strawberry.type(description="A province, city or county, by its division code (GB/T 2260).")
class Jurisdiction:
    """A node `Jurisdiction`."""

    code: CatalogueCode = stored(Property("code"), access="public", description="Division code, 6 digits.")
    name: str = stored(Property("name"), access="public", description="Name in Chinese.")
    level: JurisdictionLevel = stored(Property("level"), access="public", description="Province, city or county.")
    valid_from: Date | None = stored(
        Property("validFrom"), access="public", description="First day on which the code is in force; null: unknown."
    )
    valid_to: Date | None = stored(
        Property("validTo"), access="public", description="Last day on which the code is in force; null: still."
    )
    member: bool = stored(
        Property("member"), access="public", description="Whether the county is a member of the alliance."
    )
    source: str | None = stored(Property("source"), access="public", description="Where this row was taken from.")
    confidence: str | None = stored(Property("confidence"), access="public", description="How sure it is; see Matter.")
    within: Jurisdiction | None = stored(
        Relation(type="WITHIN", direction="out", target="Jurisdiction"),
        access="public",
        cost=2,
        description="The jurisdiction above: a county's city, a city's province; null for a province.",
    )
    contains: list[Jurisdiction] = stored(
        Relation(type="WITHIN", direction="in", target="Jurisdiction", many=True, order="code", page=50),
        access="public",
        cost=2,
        description="The jurisdictions right below, by code; at most 50.",
    )
    authorities: list[Authority] = stored(
        Relation(type="OF", direction="in", target="Authority", many=True, order="code", page=20),
        access="public",
        cost=2,
        description="The authorities of this jurisdiction, by code; at most 20.",
    )


@strawberry.type(description="A body that issues licenses, by its unified social credit code.")
class Authority:
    """A node `Authority`."""

    code: CatalogueCode = stored(
        Property("code"), access="public", description="Unified social credit code (GB 32100), 18 characters."
    )
    name: str = stored(Property("name"), access="public", description="Name in Chinese.")
    source: str | None = stored(Property("source"), access="public", description="Where this row was taken from.")
    confidence: str | None = stored(Property("confidence"), access="public", description="How sure it is; see Matter.")
    jurisdiction: Jurisdiction = stored(
        Relation(type="OF", direction="out", target="Jurisdiction", nullable=False),
        access="public",
        cost=2,
        description="Where it has its jurisdiction.",
    )
