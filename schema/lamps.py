"""The lamp of a limit (红黄蓝), as every clock and every duty shows it."""

from __future__ import annotations

from enum import Enum

import strawberry

__all__ = ["CaseLamp"]


@strawberry.enum(description="What a limit shows (红黄蓝).")
class CaseLamp(Enum):
    """Each value is its GraphQL name."""

    BLUE = strawberry.enum_value("BLUE", description="In time.")
    YELLOW = strawberry.enum_value("YELLOW", description="One working day or less is left.")
    RED = strawberry.enum_value("RED", description="Overdue.")
