"""What can be asked: Strawberry types with place, access rule and cost, and the ports that the hub implements."""

from __future__ import annotations

import strawberry
from strawberry.schema.config import StrawberryConfig

from schema.queries import Query
from schema.scalars import SCALARS

__all__ = ["build_schema"]


def build_schema() -> strawberry.Schema:
    """Build the schema; field suggestions in errors are off, because they would tell names apart."""
    return strawberry.Schema(query=Query, config=StrawberryConfig(scalar_map=SCALARS, disable_field_suggestions=True))
