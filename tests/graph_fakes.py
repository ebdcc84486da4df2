"""Graphs for tests without an engine: one that answers from a list, one that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ledger.errors import TongbanError
from schema.context import Statement

__all__ = ["CannedGraph", "SlowGraph"]


@dataclass(slots=True)
class CannedGraph:
    """Gives `rows` for every statement, or what `answer` makes of it, or raises `down`; keeps what it was asked."""

    rows: list[Any] = field(default_factory=list)
    answer: Callable[[Statement], Any] | None = None
    down: TongbanError | None = None
    asked: list[Statement] = field(default_factory=list)

    async def read(self, statement: Statement) -> Any:
        """Answer, and keep the statement."""
        self.asked.append(statement)
        if self.down is not None:
            raise self.down
        return self.rows if self.answer is None else self.answer(statement)


@dataclass(slots=True)
class SlowGraph:
    """Never answers."""

    async def read(self, statement: Statement) -> Any:
        """Wait for good."""
        await asyncio.Event().wait()
