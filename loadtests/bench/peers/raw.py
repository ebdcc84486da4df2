"""The raw driver: the statements of the mix, 32 at a time, with nothing around them; what a gateway is measured by.

    python -m loadtests.bench.peers.raw FILE SECONDS       {"requests": 4500, "asked": 6000, "seconds": 3.0, …}

FILE: {"uri", "user", "password", "database", "statements": [[text, parameters], …]}. Every statement is asked once
before the clock runs, and each later answer must equal the first.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from pathlib import Path
from typing import Any, Final, LiteralString, cast

import uvloop
from neo4j import READ_ACCESS, AsyncDriver, AsyncGraphDatabase

__all__ = ["call", "run"]

CLIENTS: Final = 32
_POOL: Final = 64


async def run(said: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Ask for so many seconds. Raises ValueError for an answer that differs."""
    auth = (said["user"], said["password"])
    statements = [(text, parameters) for text, parameters in said["statements"]]
    async with AsyncGraphDatabase.driver(
        said["uri"],
        auth=auth,
        max_connection_pool_size=_POOL,
        telemetry_disabled=True,
        notifications_min_severity="OFF",
    ) as driver:
        known = [await call(driver, said["database"], *each) for each in statements]
        waits: list[float] = []
        end = time.perf_counter() + seconds

        async def client(chance: random.Random) -> None:
            while (start := time.perf_counter()) < end:
                place = chance.randrange(len(statements))
                if await call(driver, said["database"], *statements[place]) != known[place]:
                    raise ValueError("an answer differs from the first one")
                waits.append(time.perf_counter() - start)

        begun, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(client(random.Random(number)) for number in range(CLIENTS)))
        took, used = time.perf_counter() - begun, time.process_time() - cpu
    waits.sort()
    p50, p99 = (waits[int(part * (len(waits) - 1))] * 1e6 for part in (0.5, 0.99))
    return {
        "requests": len(waits),
        "asked": len(waits) + len(known),
        "seconds": took,
        "cpu_s": used,
        "p50_us": p50,
        "p99_us": p99,
    }


async def call(driver: AsyncDriver, database: str, text: str, parameters: dict[str, Any]) -> Any:
    """Read once: a session of its own, auto-commit, the value of the single record."""
    async with driver.session(database=database, default_access_mode=READ_ACCESS) as session:
        record = await (await session.run(cast("LiteralString", text), parameters)).single(strict=True)
        return record[0]


if __name__ == "__main__":
    print(json.dumps(uvloop.run(run(json.loads(Path(sys.argv[1]).read_text("utf-8")), float(sys.argv[2])))))
