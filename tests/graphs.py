"""What graph tests share: time enough, emptying a graph, a statement without end, an engine that is away."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from hub.graph.driver import BoltDriver, Deadlines, Step, Unit
from hub.graphql.limits import LIMITS, Limits

__all__ = ["FOREVER", "PATIENT", "UNHURRIED", "PlacedEngine", "empty"]

PATIENT: Final = Deadlines(read_s=60.0, write_s=120.0, acquire_s=30.0)
"""For tests that are about something else: a busy machine's first query may take longer than a request may wait."""

UNHURRIED: Final[Limits] = replace(LIMITS, seconds=60.0)
"""The same for a whole document, whose own limit would end before the driver's."""

FOREVER: Final = (
    "UNWIND range(1, 100000) AS a UNWIND range(1, 100000) AS b UNWIND range(1, 100000) AS c "
    "WITH a, b, c WHERE a + b + c = -1 RETURN count(*) AS r"
)


@dataclass(slots=True)
class PlacedEngine:
    """An engine that is no more than its place; by default nobody listens there."""

    uri: str = "bolt://127.0.0.1:1"
    auth: tuple[str, str] = ("neo4j", "password")
    database: str = "hub"
    alive: bool = True
    fenced: bool = False
    starts: int = 1

    def fence(self, reason: str) -> None:
        """Remember it."""
        self.fenced = bool(reason)

    def check_writable(self) -> None:
        """Let it pass."""

    async def start(self) -> None:
        """Do nothing."""

    async def stop(self) -> None:
        """Do nothing."""


async def empty(driver: BoltDriver) -> None:
    """Delete every node, 2,000 a transaction: one big delete runs into the engine's time limit."""
    delete = Unit(steps=[Step(text="MATCH (n) WITH n LIMIT 2000 DETACH DELETE n", parameters={})])
    while await driver.rows("MATCH (n) RETURN 1 LIMIT 1"):
        await driver.write(delete)
