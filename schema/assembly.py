"""The schema put together: types, scalars, and the check that every declaration holds."""

from __future__ import annotations

import strawberry
from strawberry.schema.config import StrawberryConfig

from schema.conformance import check
from schema.entities import REPRESENTATION
from schema.mutations import Mutation
from schema.queries import Query
from schema.scalars import SCALARS
from schema.subscriptions import Subscription

__all__ = ["build_schema", "export_schema"]


def build_schema() -> strawberry.Schema:
    """Build the schema and check it. Suggestions in errors are off: "did you mean" would tell names that are refused.

    Raises SchemaFault that lists every field whose declarations do not hold together.
    """
    config = StrawberryConfig(scalar_map={**SCALARS, **REPRESENTATION}, disable_field_suggestions=True)
    schema = strawberry.Schema(query=Query, mutation=Mutation, subscription=Subscription, config=config)
    check(schema)
    return schema


def export_schema() -> str:
    """Give the schema as SDL: the text of schema/schema.graphql, byte for byte."""
    return build_schema().as_str() + "\n"
