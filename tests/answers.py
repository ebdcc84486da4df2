"""GraphQL without HTTP and without a graph: computed fields over given rows, with fakes at the ports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import strawberry
from strawberry.schema.config import StrawberryConfig

from schema.assembly import build_schema
from schema.context import Context
from schema.licenses import License, LicenseReceipt
from schema.scalars import SCALARS

__all__ = ["ask", "ask_licenses", "data_of"]

SCHEMA = build_schema()


@strawberry.type
class _Rows:
    """The root of a schema whose licenses are rows that the test gives: what the compiler would have fetched."""

    @strawberry.field
    def licenses(self, info: strawberry.Info[Context, Any]) -> list[License]:
        return info.context.loaders["rows"]  # type: ignore[no-any-return]  # rows stand for licenses

    @strawberry.field
    def receipt(self, info: strawberry.Info[Context, Any]) -> LicenseReceipt:
        return info.context.loaders["rows"][0]  # type: ignore[no-any-return]  # a row stands for a license


_ROWS = strawberry.Schema(query=_Rows, config=StrawberryConfig(scalar_map=SCALARS))


def data_of(result: Any) -> dict[str, Any]:
    """Give the data of an answer without errors."""
    assert result.errors is None, result.errors
    data: dict[str, Any] = result.data
    return data


async def ask(query: str, context: Context, **variables: Any) -> Any:
    """Run a document of the product's schema that reads no graph."""
    return await SCHEMA.execute(query, context_value=context, variable_values=variables)


async def ask_licenses(
    selection: str, context: Context, rows: Sequence[Mapping[str, Any]], *, use_cause: str = "办理食品经营许可"
) -> dict[str, Any]:
    """Select computed fields of licenses whose needed properties are given as rows."""
    context.loaders["rows"] = list(rows)
    context.arguments["licenses"] = {"useCause": use_cause}
    return data_of(await _ROWS.execute(selection, context_value=context))
