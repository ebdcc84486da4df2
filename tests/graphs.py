"""What graph tests share: time enough, and emptying a graph."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from hub.graph.driver import BoltDriver, Deadlines, Step, Unit
from hub.graphql.limits import LIMITS, Limits

__all__ = ["PATIENT", "UNHURRIED", "empty"]

PATIENT: Final = Deadlines(read_s=60.0, write_s=120.0, acquire_s=30.0)
"""For tests that are about something else: a busy machine's first query may take longer than a request may wait."""

UNHURRIED: Final[Limits] = replace(LIMITS, seconds=60.0)
"""The same for a whole document, whose own limit would end before the driver's."""


async def empty(driver: BoltDriver) -> None:
    """Delete every node, 2,000 a transaction: one big delete runs into the engine's time limit."""
    delete = Unit(steps=[Step(text="MATCH (n) WITH n LIMIT 2000 DETACH DELETE n", parameters={})])
    while await driver.rows("MATCH (n) RETURN 1 LIMIT 1"):
        await driver.write(delete)
