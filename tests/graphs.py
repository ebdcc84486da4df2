"""What graph tests share: emptying a graph."""

from __future__ import annotations

from hub.graph.driver import BoltDriver, Step, Unit

__all__ = ["empty"]


async def empty(driver: BoltDriver) -> None:
    """Delete every node, 2,000 a transaction: one big delete runs into the engine's time limit."""
    delete = Unit(steps=[Step(text="MATCH (n) WITH n LIMIT 2000 DETACH DELETE n", parameters={})])
    while await driver.rows("MATCH (n) RETURN 1 LIMIT 1"):
        await driver.write(delete)
