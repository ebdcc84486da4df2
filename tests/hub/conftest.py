"""Fixtures of the hub's tests: both engines with the small world in them."""

from __future__ import annotations

import pytest

from hub.graph.constraints import apply_constraints
from hub.graph.driver import BoltDriver
from hub.graph.engine import Engine
from tests.graph_world import fill_world
from tests.graphs import PATIENT, empty


@pytest.fixture
async def world(engine: Engine) -> Engine:
    """Give each engine in turn, with the small world and nothing else in it."""
    await _fill(engine)
    return engine


async def _fill(engine: Engine) -> None:
    async with BoltDriver(engine, deadlines=PATIENT) as driver:
        await empty(driver)
        await apply_constraints(driver)
        await fill_world(driver)
