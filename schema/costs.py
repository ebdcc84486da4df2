"""The cost of a field in the SDL, in the words of the GraphQL cost specification of IBM.

    issuedBy: Authority @cost(weight: "2")
    materials: [Material!]! @cost(weight: "2") @listSize(assumedSize: 100)
    licenses(..., first: Int! = 20): LicenseConnection @listSize(slicingArguments: ["first"], sizedFields: ["edges"])

A field without `@cost` costs 1, or 0 where it only gives a part of what a costlier field has made.
"""

from __future__ import annotations

import strawberry
from strawberry.schema_directive import Location

__all__ = ["Cost", "ListSize", "cost_directives"]


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="cost",
    description="What the field costs by itself; a list multiplies what stands below it.",
)
class Cost:
    """A weight as text, as the cost specification has it."""

    weight: str


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="listSize",
    description="How many rows to count for a list: a fixed number, or the value of an argument.",
)
class ListSize:
    """Members that do not apply stay unset."""

    assumed_size: int | None = strawberry.UNSET
    slicing_arguments: list[str] | None = strawberry.UNSET
    sized_fields: list[str] | None = strawberry.UNSET


def cost_directives(cost: int, *, rows: int | None = None, paged: bool = False) -> list[object]:
    """Give the directives of a field: its cost if above 1; `rows` of a bounded list; `paged` for a connection."""
    directives: list[object] = []
    if cost > 1:
        directives.append(Cost(weight=str(cost)))
    if rows is not None:
        directives.append(ListSize(assumed_size=rows))
    if paged:
        directives.append(ListSize(slicing_arguments=["first"], sized_fields=["edges"]))
    return directives
