"""What tests of every layer share: the two graph engines, what is said when one is missing, the rounds of kills.

    arcade         the embedded engine, one child for the whole run
    neo4j_engine   the server of `make neo4j`, from .neo4j/connection.json
    engine         each of the two in turn
    seeds          a seed for each round of a kill test
    driver         a BoltDriver over each of the two in turn, over an empty graph with its constraints

A test that asks for Neo4j carries the mark `neo4j`. Where no server runs, those tests do not run, the summary says how
many, and with TONGBAN_REQUIRE_NEO4J=1 the run fails: a green run never rests on one engine alone.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from typing import Final, cast

import pytest
from hypothesis import HealthCheck, settings

from hub.folderfiles import locked_folder
from hub.graph.constraints import apply_constraints
from hub.graph.driver import BoltDriver
from hub.graph.embedded import ArcadeEngine
from hub.graph.engine import Engine, answers
from hub.graph.external import Neo4jEngine
from ledger.errors import TongbanError
from tests.graphs import PATIENT, empty
from tests.kill.rounds import seeds_of_rounds

# No test asserts on time, and a busy machine makes the first example of a property slow.
settings.register_profile("tongban", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tongban")

ENGINES: Final = ("arcadedb", "neo4j")
_CONNECTION: Final = Path(__file__).parent.parent / ".neo4j" / "connection.json"
_NO_NEO4J: Final = "no Neo4j: run `make neo4j`"
_not_run = pytest.StashKey[set[str]]()


@pytest.fixture
def seeds() -> list[int]:
    """Give the seed of each round of a kill test."""
    return seeds_of_rounds()


def _names_neo4j(item: pytest.Item) -> bool:
    parameters = cast("pytest.Function", item).callspec.params.values() if hasattr(item, "callspec") else ()
    return "neo4j" in parameters or "neo4j_engine" in getattr(item, "fixturenames", ())


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep modules and collected tests from the garbage collector: a walk over all of them takes half a second.

    They stay to the end, and tests collect garbage hundreds of times, by themselves or on purpose.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


def pytest_unconfigure() -> None:
    """Give back what was kept, so that extension modules end clean."""
    gc.unfreeze()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs Neo4j, so that `-m neo4j` finds it."""
    for item in items:
        if _names_neo4j(item):
            item.add_marker(pytest.mark.neo4j)


def pytest_configure(config: pytest.Config) -> None:
    """Start the list of tests that did not run."""
    config.stash[_not_run] = set()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run when tests did not run that the environment requires."""
    if session.config.stash[_not_run] and os.environ.get("TONGBAN_REQUIRE_NEO4J") == "1":
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests did not run."""
    if count := len(terminalreporter.config.stash[_not_run]):
        terminalreporter.write_sep("!", f"{count} tests did not run: no Neo4j", red=True, bold=True)


@pytest.fixture(scope="session")
def arcade(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArcadeEngine]:
    """Run the embedded engine for the whole session."""
    engine = ArcadeEngine(tmp_path_factory.mktemp("arcade") / "graph", memory_mb=512)
    asyncio.run(engine.start())
    yield engine
    asyncio.run(engine.stop())


@pytest.fixture(scope="session")
def _neo4j() -> Neo4jEngine | None:
    try:
        known = json.loads(_CONNECTION.read_text("utf-8"))
        password_file = Path(known["password_file"])
        engine = Neo4jEngine(known["uri"], user=known["user"], password_file=password_file, database=known["database"])
        return engine if asyncio.run(answers(engine)) else None
    except (OSError, TongbanError):
        return None


def _or_skip(engine: Neo4jEngine | None, request: pytest.FixtureRequest) -> Neo4jEngine:
    if engine is None:
        request.config.stash[_not_run].add(request.node.nodeid)
        pytest.skip(_NO_NEO4J)
    return engine


@pytest.fixture
def neo4j_engine(_neo4j: Neo4jEngine | None, request: pytest.FixtureRequest) -> Iterator[Neo4jEngine]:
    """Give the Neo4j server, or count the test as not run; to one test at a time, of all runs on this machine.

    Each test empties the graph first: that of another run would be gone in the middle.
    """
    engine = _or_skip(_neo4j, request)
    with locked_folder(_CONNECTION.parent):
        yield engine


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    """Give each engine in turn."""
    return cast("Engine", request.getfixturevalue("arcade" if request.param == "arcadedb" else "neo4j_engine"))


@pytest.fixture
async def driver(engine: Engine) -> AsyncIterator[BoltDriver]:
    """Give a driver over an empty graph with its constraints."""
    async with BoltDriver(engine, deadlines=PATIENT) as opened:
        await empty(opened)
        await apply_constraints(opened)
        yield opened
