"""Graph = projection: a graph is compared with what its logs give when they are replayed into an empty engine.

One engine serves all replays. What the logs made is deleted between them; the catalogue, which comes from data files
and costs more to load than a round's logs, stays as it was loaded into the empty engine at first.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final, LiteralString

from hub.graph.catalogue import load_catalogue
from hub.graph.constraints import apply_constraints
from hub.graph.cursors import read_cursors
from hub.graph.driver import BoltDriver, Deadlines, Step, Unit
from hub.graph.dump import GraphDump, dump_graph
from hub.graph.engine import Engine
from hub.graph.projection import Projector
from hub.ingest.data import TABLES, catalogue_digest, read_table
from ledger.errors import Unavailable
from ledger.workdays import read_full_calendar
from tests.graphs import PATIENT, empty
from tests.statements import MemoryLog

__all__ = ["dump_when_projected", "emptied", "replayed", "unlike"]

_PATIENCE_S: Final = 180.0
_DUMP: Final = Deadlines(read_s=15.0, acquire_s=10.0)  # of an engine that may end meanwhile, and be another one
_POLL_S: Final = 0.05
_OF_LOGS: Final[LiteralString] = (
    "MATCH (n) WHERE n:License OR n:Holder OR n:Offering OR n:Material OR n:Case OR n:Clock OR n:Step "
    "OR n:PeriodCount OR (n:Cursor AND n.id <> 'catalogue')"
)
_MEMBERS: Final[LiteralString] = "MATCH (j:Jurisdiction) SET j.member = false"


def dump_when_projected(find: Callable[[], Engine], *, ledger: int, journal: int) -> GraphDump:
    """Wait until the first `ledger` entries and `journal` records are in a graph, and dump it.

    find: gives the engine as it is now; it may be another process each time.
    """
    return asyncio.run(_dump_when_projected(find, {"ledger": ledger, "journal": journal}))


async def _dump_when_projected(find: Callable[[], Engine], wanted: dict[str, int]) -> GraphDump:
    at: dict[str, int] = {}
    end = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end:
        try:
            async with BoltDriver(find(), deadlines=_DUMP) as driver:
                at = {name: position for name, (position, _) in (await read_cursors(driver)).items()}
                if all(at[name] >= count for name, count in wanted.items()):
                    return await dump_graph(driver)
        except Unavailable:
            pass  # the engine is starting
        await asyncio.sleep(_POLL_S)
    raise AssertionError(f"the graph has come to {at} only, of {wanted}")


def emptied(engine: Engine) -> None:
    """Delete everything."""

    async def run() -> None:
        async with BoltDriver(engine, deadlines=PATIENT) as driver:
            await empty(driver)

    asyncio.run(run())


def replayed(engine: Engine, entries: list[bytes], records: list[bytes]) -> GraphDump:
    """Delete what earlier logs made, replay ledger entries and journal records, and dump the graph."""
    return asyncio.run(_replayed(engine, entries, records))


async def _replayed(engine: Engine, entries: list[bytes], records: list[bytes]) -> GraphDump:
    async with BoltDriver(engine, deadlines=PATIENT) as driver:
        while await driver.rows(f"{_OF_LOGS} RETURN 1 LIMIT 1"):
            await driver.write(_unit(f"{_OF_LOGS} WITH n LIMIT 2000 DETACH DELETE n"))
        await driver.write(_unit(_MEMBERS))
        await apply_constraints(driver)
        await load_catalogue(driver, {name: read_table(name) for name in TABLES}, catalogue_digest())
        calendar = read_full_calendar(read_table("calendar"))
        await Projector(driver, MemoryLog(entries), MemoryLog(records), calendar=calendar).catch_up()
        return await dump_graph(driver)


def _unit(text: LiteralString) -> Unit:
    return Unit(steps=[Step(text=text, parameters={})])


def unlike(one: GraphDump, other: GraphDump) -> list[str]:
    """Name the first differences of two graphs, at most ten; empty if they are equal."""
    nodes = [
        f"{name}: {one.nodes.get(name)} / {other.nodes.get(name)}"
        for name in sorted(one.nodes.keys() | other.nodes.keys())
        if one.nodes.get(name) != other.nodes.get(name)
    ]
    links, others = ([repr(link) for link in dump.relationships] for dump in (one, other))
    if links == others:
        return nodes[:10]
    changed = [f"{link}: on one side only" for link in sorted(set(links) ^ set(others))]
    return [*nodes[:5], *(changed[:5] or ["a relationship is there twice"])]
