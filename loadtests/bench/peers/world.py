"""What all contenders stand on: a graph engine, the replay server before it, and a hub that has filled the graph.

    with running_world(folder, "replay", licenses=300) as world:
        world.graph       where the contenders find the graph
        world.town        the hub's alliance

`replay` takes the engine out of the way once it has answered (programs/replay); `embedded` and `neo4j` leave it in.
A Neo4j server is emptied first: it must be one that is there for tests.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import httpx2
import psutil
from neo4j import AsyncGraphDatabase

from hub.graph.embedded import ArcadeEngine
from hub.keyfiles import write_private
from hub.processes import end_with_parent, free_ports, is_free
from loadtests.bench.peers.tools import REPLAY
from loadtests.bench.town import ONE_CLIENT, Town, running_town

__all__ = ["Database", "GraphPlace", "Replay", "World", "pin", "replaying", "running_world"]

Database = Literal["replay", "embedded", "neo4j"]
_START_S: Final = 20.0
_RUN_S: Final = "3600"  # a run is longer than a token lives by default
_EMPTY: Final = "MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 10000 ROWS"


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphPlace:
    """Where a graph is found over Bolt. pid: of the engine's process, None if it is not on this machine."""

    uri: str
    user: str
    password: str
    database: str
    pid: int | None


@dataclass(frozen=True, slots=True)
class Replay:
    """The running replay server: its Bolt URI, and where it tells its counts."""

    uri: str
    counts_url: str

    def counts(self) -> dict[str, Any]:
        """Give hits, misses and the texts that were missed since the last call, and begin anew."""
        found: dict[str, Any] = httpx2.get(f"{self.counts_url}/counts?reset", trust_env=False).json()
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What runs. graph: as the contenders see it. replay: None when they see the engine itself."""

    town: Town
    graph: GraphPlace
    replay: Replay | None

    def restart_hub(self) -> None:
        """Start the hub anew, with empty caches."""
        self.town.alliance.stop("hub")
        self.town.alliance.start("hub")


@contextmanager
def running_world(folder: Path, database: Database, *, licenses: int, neo4j: Path) -> Iterator[World]:
    """Start engine, replay server and alliance; all of it ends with the block. neo4j: its connection.json."""
    engine = _neo4j(neo4j) if database == "neo4j" else _embedded(folder / "graph")
    with engine as place, replaying(place) if database == "replay" else nullcontext((place, None)) as (seen, replay):
        secret = folder / "graph-password"
        write_private(secret, place.password.encode())
        settings = {
            **ONE_CLIENT,
            "TONGBAN_ENGINE": "neo4j",
            "TONGBAN_NEO4J_URI": seen.uri,
            "TONGBAN_NEO4J_USER": seen.user,
            "TONGBAN_NEO4J_PASSWORD_FILE": str(secret),
            "TONGBAN_NEO4J_DATABASE": seen.database,
            "TONGBAN_TOKEN_LIFETIME_S": _RUN_S,
        }
        with running_town(folder / "town", licenses=licenses, settings=settings) as town:
            yield World(town=town, graph=seen, replay=replay)


@contextmanager
def _embedded(folder: Path) -> Iterator[GraphPlace]:
    engine = ArcadeEngine(folder)
    asyncio.run(engine.start())
    try:
        user, password = engine.auth
        yield GraphPlace(uri=engine.uri, user=user, password=password, database=engine.database, pid=engine.pid)
    finally:
        asyncio.run(engine.stop())


@contextmanager
def _neo4j(connection: Path) -> Iterator[GraphPlace]:
    if not connection.exists():
        raise SystemExit("no Neo4j runs for tests: `make neo4j` starts one")
    said = json.loads(connection.read_text("utf-8"))
    password = Path(said["password_file"]).read_text("utf-8").strip()
    place = GraphPlace(
        uri=said["uri"], user=said["user"], password=password, database=said["database"], pid=said["pid"]
    )
    asyncio.run(_emptied(place))
    yield place


async def _emptied(place: GraphPlace) -> None:
    async with (
        AsyncGraphDatabase.driver(place.uri, auth=(place.user, place.password)) as driver,
        driver.session(database=place.database) as session,
    ):
        await (await session.run(_EMPTY)).consume()


@contextmanager
def replaying(place: GraphPlace) -> Iterator[tuple[GraphPlace, Replay]]:
    """Run the replay server before an engine; give where the graph is seen through it, and the server."""
    bolt, told = free_ports(2)
    command = [str(REPLAY), "-listen", f"127.0.0.1:{bolt}", "-engine", urlsplit(place.uri).netloc]
    command += ["-counts", f"127.0.0.1:{told}"]
    environment = {**os.environ, "GOMAXPROCS": "1"}
    with subprocess.Popen(command, env=environment, preexec_fn=end_with_parent()) as process:  # noqa: PLW1509  # two system calls
        try:
            _wait_taken(bolt)
            seen = GraphPlace(
                uri=f"bolt://127.0.0.1:{bolt}", user=place.user, password=place.password, database=place.database,
                pid=process.pid,
            )  # fmt: skip
            yield seen, Replay(seen.uri, f"http://127.0.0.1:{told}")
        finally:
            process.terminate()


def _wait_taken(port: int) -> None:
    end = time.monotonic() + _START_S
    while is_free(port):
        if time.monotonic() > end:
            raise TimeoutError("the replay server does not listen")
        time.sleep(0.02)


def pin(pid: int, core: int) -> None:
    """Keep a process, with its threads and children, to one core; on a machine of one core nothing is to be done."""
    if len(os.sched_getaffinity(0)) < 2:
        return
    process = psutil.Process(pid)
    for each in (process, *process.children(recursive=True)):
        for thread in each.threads():
            os.sched_setaffinity(thread.id, {core})
