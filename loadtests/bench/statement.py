"""The very statement of a look-up, caught where the hub's execution hands it to the graph: text and parameters."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from loadtests.bench.asking import Asking
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


def statements_of(
    questions: Sequence[tuple[str, Mapping[str, Any]]], secret: bytes, *, now: int = 0
) -> list[Statement]:
    """Compile documents with their variables, one root field each. secret: the alliance's holder key, 32 bytes."""
    return asyncio.run(_compiled(questions, secret, now))


async def _compiled(questions: Sequence[tuple[str, Mapping[str, Any]]], secret: bytes, now: int) -> list[Statement]:
    listener = _Listener()
    asking = Asking(listener, secret=secret, now=now)
    for document, variables in questions:
        with suppress(ValueError):  # the listener has no matter, and says so
            await asking.ask(document, variables)
    return listener.heard
