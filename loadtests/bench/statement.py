"""The very statement of a look-up, caught where the hub's execution hands it to the graph: text and parameters."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from loadtests.bench.asking import Asking
from loadtests.operations import operation
from loadtests.population import Holder
from schema.context import Statement

__all__ = ["statements_of"]


class _Listener:
    """A graph that answers every read with nothing, and listens."""

    def __init__(self) -> None:
        self.heard: list[Statement] = []

    async def read(self, statement: Statement) -> list[Any]:
        """Keep the statement."""
        self.heard.append(statement)
        return []


def statements_of(name: str, holders: Sequence[Holder], secret: bytes) -> list[Statement]:
    """Compile one operation of ours for each holder. secret: the alliance's holder key, 32 bytes."""
    return asyncio.run(_compiled(name, holders, secret))


async def _compiled(name: str, holders: Sequence[Holder], secret: bytes) -> list[Statement]:
    listener = _Listener()
    asking = Asking(listener, secret=secret)
    for holder in holders:
        await asking.ask(operation(name), holder.variables())
    return listener.heard
