"""A graph that loses what it held while the hub runs: seen, said, not asked, and whole again with its catalogue."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hub.graph.cursors import read_cursors
from hub.graph.driver import BoltDriver, Step, Unit
from hub.graph.dump import GraphDump, dump_graph
from hub.graph.embedded import ArcadeEngine
from hub.graph.engine import Engine
from hub.graph.external import Neo4jEngine
from hub.graph.projection import Position, Projector
from hub.graph.service import GraphService
from ledger.errors import Unavailable
from ledger.workdays import WorkingCalendar
from schema.context import Statement
from tests.graphs import PATIENT, empty
from tests.small_catalogue import small_tables
from tests.statements import County, MemoryLog, genesis

pytestmark = pytest.mark.engine

_LOST = "the graph has lost what it held, and is filled again"
_COUNT = Statement(text="MATCH (l:License) RETURN count(l)", parameters={})


@dataclass(slots=True)
class GatedLog(MemoryLog):
    """A log that can be read while its gate is open."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self, start: int, limit: int) -> Sequence[bytes]:
        await self.gate.wait()
        return self.entries[start : start + limit]


def _served(engine: Engine) -> Engine:
    """Give the engine as a server that others run: the end of a service leaves it up."""
    if not isinstance(engine, ArcadeEngine):
        return engine
    password = engine.directory / "root-password"
    return Neo4jEngine(engine.uri, user=engine.auth[0], password_file=password, database=engine.database)


def _service(engine: Engine, ledger: MemoryLog) -> GraphService:
    """Make a service over two licenses, whose type and authority the catalogue lists."""
    journal = MemoryLog()
    county = County("370214", ledger, journal)
    for serial in (1, 2):
        county.state(county.seal(serial), serial)
    return GraphService(
        engine,
        ledger=ledger,
        journal=journal,
        catalogue=small_tables(),
        catalogue_digest="v1",
        calendar=WorkingCalendar(),
        retry_s=0.05,
    )


async def _until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(90):
        while not done():  # noqa: ASYNC110  # a property sets no event
            await asyncio.sleep(0.01)


async def _licenses(service: GraphService) -> object:
    """Count as a request does; what a busy machine does not answer in time is asked again."""
    async with asyncio.timeout(90):
        while True:
            with suppress(Unavailable):
                return await service.graph.read(_COUNT)
            await asyncio.sleep(0.01)


async def _dump(engine: Engine) -> GraphDump:
    async with BoltDriver(engine, deadlines=PATIENT) as driver:
        return await dump_graph(driver)


def _links_of_licenses(graph: GraphDump) -> list[str]:
    return [kind for start, kind, _, _ in graph.relationships if start.startswith("License:")]


async def test_a_graph_that_is_emptied_under_the_hub_is_filled_again_before_it_is_asked(driver: BoltDriver) -> None:
    ledger = GatedLog([genesis("370214")])
    ledger.gate.set()
    service = _service(_served(driver.engine), ledger)
    async with service.running():
        await _until(lambda: service.fault is None)
        whole = await dump_graph(driver)
        assert _links_of_licenses(whole) == ["HELD_BY", "ISSUED_BY", "OF_TYPE"] * 2

        ledger.gate.clear()
        await empty(driver)
        await _until(lambda: service.fault == _LOST)
        with pytest.raises(Unavailable, match=r"^graph_unavailable: the graph is not ready$"):
            await service.graph.read(_COUNT)

        ledger.gate.set()
        await _until(lambda: service.fault is None)
        assert await _licenses(service) == 2
        assert await dump_graph(driver) == whole


async def test_a_cursor_without_properties_stands_at_nothing_until_it_is_made_again(driver: BoltDriver) -> None:
    """So Neo4j shows a node that is deleted while it is read."""
    await empty(driver)
    await driver.write(Unit(steps=[Step(text="CREATE (:Cursor {id: 'ledger'})", parameters={})]))
    assert await read_cursors(driver) == {"ledger": (0, ""), "journal": (0, "")}
    ledger = MemoryLog([genesis("370214")])
    assert await Projector(driver, ledger, MemoryLog()).catch_up() == Position(ledger=1, journal=0)
    assert (await read_cursors(driver))["ledger"][0] == 1


async def test_an_engine_that_comes_back_without_its_folder_is_filled_again(tmp_path: Path) -> None:
    """Its password is another one, too."""
    engine = ArcadeEngine(tmp_path / "graph", memory_mb=256)
    service = _service(engine, MemoryLog([genesis("370214")]))
    async with service.running():
        await _until(lambda: service.fault is None)
        whole = await _dump(engine)
        child = engine.pid
        assert child is not None
        gone = engine.directory.rename(tmp_path / "gone")  # at once, as the engine goes on writing there
        os.kill(child, signal.SIGKILL)
        shutil.rmtree(gone, ignore_errors=True)
        await _until(lambda: service.fault is None and engine.pid not in {child, None})
        assert await _licenses(service) == 2
        assert await _dump(engine) == whole
