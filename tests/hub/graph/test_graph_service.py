"""The graph kept up: whatever goes wrong is shown, and tried again."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, LiteralString

import pytest

from hub.graph.bolt.lane import BoltLane
from hub.graph.driver import BoltDriver
from hub.graph.engine import keep
from hub.graph.failures import Row
from hub.graph.projection import Projector
from hub.graph.service import GraphService
from ledger.errors import Unavailable
from ledger.workdays import WorkingCalendar
from schema.context import Statement
from tests.statements import MemoryLog


@dataclass(slots=True)
class FailingEngine:
    """An engine whose starts fail one after the other, as `faults` say; then it is alive, and nobody answers."""

    faults: list[Exception]
    uri: str = "bolt://127.0.0.1:1"
    auth: tuple[str, str] = ("root", "none")
    database: str = "hub"
    alive: bool = False
    fenced: bool = False
    starts: int = 0
    settled: asyncio.Event = field(default_factory=asyncio.Event)

    def fence(self, reason: str) -> None:
        raise AssertionError(reason)

    def check_writable(self) -> None:
        raise Unavailable("graph_unavailable", "nobody answers")

    async def start(self) -> None:
        if self.faults:
            raise self.faults.pop(0)
        self.alive = True
        self.settled.set()

    async def stop(self) -> None:
        self.alive = False


def _service(engine: FailingEngine, *, bolt_lane: bool = True) -> GraphService:
    log = MemoryLog()
    return GraphService(
        engine, ledger=log, journal=log, catalogue={}, catalogue_digest="", calendar=WorkingCalendar(), retry_s=0.01,
        bolt_lane=bolt_lane,
    )  # fmt: skip


async def test_a_start_that_fails_in_an_unforeseen_way_is_tried_again() -> None:
    engine = FailingEngine([OSError("no room"), Unavailable("graph_unavailable", "busy"), RuntimeError("x")])
    async with asyncio.timeout(20), _service(engine).running():
        await engine.settled.wait()
    assert engine.faults == []


async def test_a_keeper_outlives_a_restart_that_fails() -> None:
    engine = FailingEngine([PermissionError("root-password"), Unavailable("graph_unavailable", "busy")])
    keeper = asyncio.create_task(keep(engine))
    async with asyncio.timeout(20):
        await engine.settled.wait()
    assert not keeper.done()
    keeper.cancel()
    await asyncio.gather(keeper, return_exceptions=True)


async def test_a_graph_that_is_not_filled_yet_gives_no_answer() -> None:
    """An empty graph would say that no license exists."""
    service = _service(FailingEngine([]))
    with pytest.raises(Unavailable, match=r"^graph_unavailable: the graph is not ready$"):
        await service.graph.read(Statement(text="RETURN 1", parameters={}))
    assert (service.statements, service.fault) == (0, "the engine is not running")


async def test_reads_take_the_lane_unless_it_is_off_or_the_codec_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(_service(FailingEngine([]))._reads._reads, BoltLane)
    off = _service(FailingEngine([]), bolt_lane=False)
    assert off._reads._reads is off.driver
    monkeypatch.setitem(sys.modules, "neo4j._codec.hydration", None)
    without = _service(FailingEngine([]))
    assert without._reads._reads is without.driver


async def _until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(90):
        while not done():  # noqa: ASYNC110  # a property sets no event
            await asyncio.sleep(0.01)


class Away(BoltDriver):
    """A driver whose server can be taken away."""

    away = False

    async def rows(self, text: LiteralString, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        if self.away:
            raise Unavailable("graph_unavailable", "the graph does not answer")
        return await super().rows(text, parameters)


async def test_an_engine_that_does_not_answer_is_not_ready_although_nothing_is_new(driver: BoltDriver) -> None:
    async with Away(driver.engine) as away:
        projector = Projector(away, MemoryLog(), MemoryLog())
        task = asyncio.create_task(projector.run())
        away.away = True
        await _until(lambda: projector.fault == "the graph does not answer")
        away.away = False
        projector.wake()
        await _until(lambda: projector.fault is None)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
