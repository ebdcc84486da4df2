"""The worlds that the kill tests kill; the summary says what all rounds saw."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from hub.demo.alliance import EngineChoice
from hub.graph.embedded import ArcadeEngine
from hub.graph.engine import Engine
from hub.graph.external import Neo4jEngine
from ledger.errors import Unavailable
from tests.kill.replay import emptied
from tests.kill.world import World

_CONNECTION: Final = Path(__file__).parents[2] / ".neo4j" / "connection.json"
# Its partner asks about licenses that the graph does not have yet, round after round: none of that is a guess.
_UNGUARDED: Final = {"TONGBAN_ASKED_PER_HOUR": "100000", "TONGBAN_MISSES_PER_HOUR": "100000"}
_counts = pytest.StashKey[dict[str, Counter[str]]]()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what the kill tests saw, for each kind."""
    for kind, counts in terminalreporter.config.stash.get(_counts, {}).items():
        told = ", ".join(f"{counts[name]} {name}" for name in sorted(counts) if counts[name])
        terminalreporter.write_line(f"{kind}: {told}")


@pytest.fixture
def world_on_neo4j(
    neo4j_engine: Neo4jEngine, arcade: ArcadeEngine, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[World]:
    """Run an alliance whose hub uses the Neo4j server, emptied first: a killed hub takes no engine with it."""
    emptied(neo4j_engine)
    emptied(arcade)
    choice = EngineChoice(
        variables={
            **_UNGUARDED,
            "TONGBAN_ENGINE": "neo4j",
            "TONGBAN_NEO4J_URI": neo4j_engine.uri,
            "TONGBAN_NEO4J_USER": neo4j_engine.auth[0],
            "TONGBAN_NEO4J_DATABASE": neo4j_engine.database,
            "TONGBAN_NEO4J_PASSWORD_FILE": json.loads(_CONNECTION.read_text("utf-8"))["password_file"],
        }
    )
    world = World.found(tmp_path / "alliance", choice, lambda _: neo4j_engine, arcade)
    with world.running():
        yield world
    _tell(world, request)


@pytest.fixture(scope="module")
def _arcade_world(arcade: ArcadeEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    emptied(arcade)
    choice = EngineChoice(variables={**_UNGUARDED, "TONGBAN_ENGINE_MEMORY_MB": "512"})
    world = World.found(tmp_path_factory.mktemp("world") / "alliance", choice, _embedded, arcade)
    with world.running():
        yield world


@pytest.fixture
def world_on_arcade(_arcade_world: World, request: pytest.FixtureRequest) -> Iterator[World]:
    """Give the module's alliance, whose hub has the embedded engine as its child; the tests of a module share it."""
    _arcade_world.counts.clear()
    yield _arcade_world
    _tell(_arcade_world, request)


def _embedded(world: World) -> Engine:
    """Give the hub's child engine as a server that others run: its port stands in its command line."""
    process = world.engine_process()
    if process is None:
        raise Unavailable("not_ready", "the hub has no engine yet")
    (port,) = (part.partition("=")[2] for part in process.command if part.startswith("-Darcadedb.bolt.port="))
    password = world.alliance.data("hub") / "graph" / "root-password"
    return Neo4jEngine(f"bolt://127.0.0.1:{port}", user="root", password_file=password, database="hub")


def _tell(world: World, request: pytest.FixtureRequest) -> None:
    request.config.stash.setdefault(_counts, {})[request.node.name] = world.counts.copy()
