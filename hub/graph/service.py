"""The graph as the hub runs it: engine up, keys and catalogue in place, projection going, all of it kept so.

    service = GraphService(engine, ledger=..., journal=...)
    async with service.running():
        await service.graph.read(statement)

The hub answers for the ledger while the engine is still starting; `fault` tells why the graph cannot be asked yet. It
is not asked before the projection has caught up. An engine that ends or is fenced is started anew, and the projection
goes on from its cursors; a graph that was emptied meanwhile gets keys and catalogue again, and is filled before it is
asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import structlog

from hub.graph.bolt.lane import lane_beside
from hub.graph.catalogue import load_catalogue
from hub.graph.constraints import apply_constraints
from hub.graph.driver import BoltDriver, BoltGraph
from hub.graph.engine import Engine, keep
from hub.graph.lanes import Lanes
from hub.graph.listing import Tables
from hub.graph.projection import Ledger, LogReader, Projector
from ledger.errors import TongbanError, Unavailable
from ledger.workdays import WorkingCalendar
from schema.context import Graph

__all__ = ["GraphService"]

RETRY_S: Final = 2.0

_log = structlog.get_logger(__name__)


class GraphService:
    """Engine, driver and projection of one hub.

    catalogue: the data tables, and a digest that changes with them. calendar: the working days. lanes: puts lanes
    over the graph; None sends each look-up alone. bolt_lane: whether reads go pipelined, beside the driver.
    """

    def __init__(  # noqa: PLR0913  # its parts, each by name
        self, engine: Engine, *, ledger: Ledger, journal: LogReader, catalogue: Tables, catalogue_digest: str,
        calendar: WorkingCalendar, retry_s: float = RETRY_S, lanes: Callable[[Graph], Lanes] | None = None,
        bolt_lane: bool = True,
    ) -> None:  # fmt: skip
        self.engine: Final = engine
        self.driver: Final = BoltDriver(engine)
        self._bolt_lane = lane_beside(self.driver) if bolt_lane else None
        self._reads = BoltGraph(self._bolt_lane or self.driver, ready=lambda: self.ready)
        self.lanes: Final = None if lanes is None else lanes(self._reads)
        self.projector: Final = Projector(self.driver, ledger, journal, prepare=self._prepare, calendar=calendar)
        self._catalogue = catalogue
        self._digest = catalogue_digest
        self._retry_s = retry_s
        self._fault: str | None = "the engine is starting"

    @property
    def graph(self) -> Graph:
        """The schema's port."""
        return self.lanes or self._reads

    @property
    def statements(self) -> int:
        """Reads sent to the graph since the start."""
        return self._reads.statements

    @property
    def fault(self) -> str | None:
        """Why the graph cannot be asked now, or None."""
        if not self.engine.alive:
            return "the engine is not running"
        if self.engine.fenced:
            return "the engine is fenced after a failed write, and is being started anew"
        return self._missing or self.projector.fault

    @property
    def ready(self) -> bool:
        """Whether the graph may be read now."""
        return self._missing is None

    @property
    def _missing(self) -> str | None:
        return self._fault or self.projector.gap

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run engine and projection beside the caller; both end with the block."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            if self.lanes is not None:
                await self.lanes.close()
            if self._bolt_lane is not None:
                await self._bolt_lane.close()
            await self.driver.close()
            await self.engine.stop()

    async def _run(self) -> None:
        await self._until_it_holds(self.engine.start)
        keeper = asyncio.create_task(keep(self.engine, on_start=self.projector.wake))
        try:
            await self._until_it_holds(self._project)
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)

    async def _until_it_holds(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work again until it ends well, or in a fault that does not pass by itself."""
        while True:
            try:
                return await work()
            except Unavailable as error:
                _log.warning("graph_unavailable", code=error.code, reason=error.message)
            except TongbanError as error:  # a graph of another ledger: a person must look at it
                self._fault = error.message
                _log.critical("graph_stopped", code=error.code, reason=error.message)
                return None
            except Exception as error:  # noqa: BLE001  # a projection that dies unseen would answer old things for ever
                self._fault = f"the graph failed and is tried again: {type(error).__name__}"
                _log.error("graph_failed", kind=type(error).__name__)
            await asyncio.sleep(self._retry_s)

    async def _prepare(self) -> None:
        await apply_constraints(self.driver)
        await load_catalogue(self.driver, self._catalogue, self._digest)

    async def _project(self) -> None:
        self._fault = "the projection is catching up"
        await self.projector.catch_up()
        self._fault = None
        await self.projector.run()
