"""GraphQL look-up of a holder's licenses over HTTP, beside raw driver calls of the very same statement.

Both sides ask the same running engine for the same holders, 32 at a time, from this process: ours over 32 keep-alive
connections to the hub (token, parsing, access rules, access record on disk, answer checked for content), beside it the
`neo4j` driver with one auto-commit `session.run` a call, as many at a time. The statement is the one that the hub's
compiler makes of the document, with its parameters.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Final, LiteralString, cast

import uvloop
from neo4j import READ_ACCESS, AsyncDriver, AsyncGraphDatabase

from loadtests.bench.measuring import Effort, Gate, Pair, Reading
from loadtests.bench.statement import statements_of
from loadtests.bench.town import Town
from loadtests.bench.wire import Connection, closed_loop, connected
from loadtests.operations import operation
from loadtests.population import Holder
from schema.context import Statement

__all__ = ["measure"]

CLIENTS: Final = 32
_LOOK_UPS: Final = 1_600
_DATABASE: Final = "hub"


def measure(effort: Effort, town: Town) -> list[Reading]:
    """Measure the figure `lookup`."""
    holders = list(town.holders(effort.amount(_LOOK_UPS, least=2 * CLIENTS)))
    text = operation("licenses")
    statements = statements_of([(text, holder.variables()) for holder in holders], town.holder_key)
    pairs = uvloop.run(_pairs(effort, town, holders, statements))
    return [
        Reading(
            name="lookup",
            title="GraphQL look-up of a holder's licenses, warm document, HTTP included",
            unit="look-ups/s",
            beside="raw driver calls of the same statement",
            pairs=pairs,
            gate=Gate(of="ratio", sign=">=", bound=0.25),
            note=f"{CLIENTS} at a time on both sides, {len(town.population.holders)} holders",
        )
    ]


async def _pairs(
    effort: Effort, town: Town, holders: Sequence[Holder], statements: Sequence[Statement]
) -> tuple[Pair, ...]:
    uri, auth = town.bolt
    async with (
        connected(town.url, CLIENTS) as connections,
        AsyncGraphDatabase.driver(uri, auth=auth, max_connection_pool_size=CLIENTS, telemetry_disabled=True) as driver,
    ):
        await _round(town, connections, driver, holders, statements)  # warms document, plans, pools and the engine
        return tuple([await _round(town, connections, driver, holders, statements) for _ in range(effort.rounds)])


async def _round(
    town: Town,
    connections: Sequence[Connection],
    driver: AsyncDriver,
    holders: Sequence[Holder],
    statements: Sequence[Statement],
) -> Pair:
    ours = await closed_loop(connections, town.look_ups(len(holders)))
    beside = await _raw_calls(driver, holders, statements)
    return Pair(len(holders) / ours, len(holders) / beside)


async def _raw_calls(driver: AsyncDriver, holders: Sequence[Holder], statements: Sequence[Statement]) -> float:
    waiting = iter(list(zip(holders, statements, strict=True)))

    async def client() -> None:
        for holder, statement in waiting:
            rows = await _raw_call(driver, statement)
            if len(rows) != len(holder.identifiers):
                raise ValueError(f"expected {len(holder.identifiers)} rows, got {len(rows)}")

    start = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return time.perf_counter() - start


async def _raw_call(driver: AsyncDriver, statement: Statement) -> Any:
    async with driver.session(database=_DATABASE, default_access_mode=READ_ACCESS) as session:
        result = await session.run(cast("LiteralString", statement.text), dict(statement.parameters))
        record = await result.single(strict=True)
        return record[0]
