"""The very statement of a look-up, caught where the hub's execution hands it to the graph: text and parameters."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from hub.graphql.execution import Execution, GraphQLRequest
from ledger.identifiers import holder_key
from loadtests.operations import operation
from loadtests.population import Holder
from schema.access import SCOPES, Principal
from schema.assembly import build_schema
from schema.context import Access, Context, Statement

__all__ = ["statements_of"]


class _Listener:
    """A graph that answers every read with nothing, a journal that keeps nothing; both listen."""

    def __init__(self) -> None:
        self.heard: list[Statement] = []

    async def read(self, statement: Statement) -> list[Any]:
        """Keep the statement."""
        self.heard.append(statement)
        return []

    async def record_access(self, _access: Access) -> int:
        """Take the record of a read that did not happen."""
        return 0


def statements_of(name: str, holders: Sequence[Holder], secret: bytes) -> list[Statement]:
    """Compile one operation of ours for each holder. secret: the alliance's holder key, 32 bytes."""
    return asyncio.run(_compiled(name, holders, secret))


async def _compiled(name: str, holders: Sequence[Holder], secret: bytes) -> list[Statement]:
    listener: Any = _Listener()
    execution = Execution(build_schema(), listener)
    context = Context(
        principal=Principal(county="320583", client="320583#3", scopes=frozenset(SCOPES)),
        registry=listener,
        journal=listener,
        faces=listener,
        events=listener,
        calendar=listener,
        clock=lambda: 0,
        verify=listener,
        holder_key=lambda type_code, code: holder_key(secret, type_code, code),
    )
    for holder in holders:
        await execution.run(GraphQLRequest(query=operation(name), variables=holder.variables()), context)
    return list(listener.heard)
