"""A graph at the port that divides: small enough to foresee, and with a key that no engine can answer.

    division(4)    RETURN [10 / $v] AS r         [2]      by 0: an error of the statement, on every engine

It takes the form for many askers, too. It can be held: then statements wait until they are let go, one by one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final

from neo4j.exceptions import ClientError, ServiceUnavailable

from hub.graph.batches import ASKERS, NUMBER, batch_of
from ledger.errors import Unavailable
from schema.context import Statement

__all__ = ["DividingGraph", "division"]

_TEXT: Final = "RETURN [10 / $v] AS"


def division(value: Any, *, note: str = "", **shared: int) -> Statement:
    """Make the read of one quotient. note: makes another text of it. shared: bounds that a whole statement has."""
    return Statement(
        text=f"{note}{_TEXT} r",
        parameters={"v": value, **shared},
        batch=batch_of([f"{note}{_TEXT} x"], tuple(shared)),
    )


@dataclass(slots=True)
class DividingGraph:
    """Divides, and keeps the numbers of each statement. held: statements wait for `let_go`. away: nobody answers."""

    held: bool = False
    away: bool = False
    asked: list[list[Any]] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)
    cut: int = 0

    async def read(self, statement: Statement) -> Any:
        """Answer one asker, or many."""
        askers = statement.parameters.get(ASKERS)
        self.statements.append(statement)
        self.asked.append([statement.parameters["v"]] if askers is None else [one["v"] for one in askers])
        if self.held:
            await self._hold()
        if self.away:
            raise Unavailable("graph_unavailable", "the graph does not answer") from ServiceUnavailable("gone")
        if askers is None:
            return _quotient(statement.parameters["v"])
        return [[one[NUMBER], _quotient(one["v"])] for one in askers]

    def let_go(self) -> bool:
        """Let the oldest statement go on; False when none waits."""
        while self.waiting:
            oldest = self.waiting.popleft()
            if not oldest.done():
                oldest.set_result(None)
                return True
        return False

    async def _hold(self) -> None:
        gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.append(gate)
        try:
            await gate
        except asyncio.CancelledError:
            self.cut += 1
            raise


def _quotient(value: Any) -> list[int]:
    try:
        return [10 // value]
    except ZeroDivisionError as error:
        blamed = ClientError("text is never read")
        blamed._neo4j_code = "Neo.ClientError.Statement.ArithmeticError"
        blamed.__cause__ = error
        raise Unavailable("graph_unavailable", "the graph does not answer: ArithmeticError") from blamed
