"""The Engine port: one graph engine behind Bolt, its fence, its readiness, and what brings it back.

Two engines implement the port: `embedded.ArcadeEngine`, a child process of the hub, and `external.Neo4jEngine`, a
server that others run. Both speak the dialect of README.md beside this file. An engine holds nothing that is bound to
an event loop, so it may be started in one loop and used in another.

A write that ends in an error which is neither transient, nor a constraint, nor the statement's own fault *fences* the
engine: its state in memory can no longer be trusted (a full disk leaves ArcadeDB so), and nothing is written until it
has been restarted and the projection has compared its cursors. The ledger is the truth; the graph can be rebuilt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

import structlog
from neo4j import READ_ACCESS, AsyncGraphDatabase
from neo4j.exceptions import AuthError, DriverError, Neo4jError

from ledger.errors import Unavailable

__all__ = ["Engine", "answers", "keep", "wait_until_ready"]

_POLL_S: Final = 0.15
_ANSWER_S: Final = 2.0
_FIRST_PAUSE_S: Final = 0.2
_LAST_PAUSE_S: Final = 30.0

_log = structlog.get_logger(__name__)


class Engine(Protocol):
    """One graph engine: where it answers, whether it may be written to, and how it starts and stops."""

    @property
    def uri(self) -> str:
        """The Bolt URI; it may change with a restart."""
        ...

    @property
    def auth(self) -> tuple[str, str]:
        """User and password."""
        ...

    @property
    def database(self) -> str:
        """The name of the database; every session names it."""
        ...

    @property
    def alive(self) -> bool:
        """Whether the engine can be running, as far as is known without asking it."""
        ...

    @property
    def starts(self) -> int:
        """How often it was started; when this has changed, it may hold something else than before."""
        ...

    @property
    def fenced(self) -> bool:
        """Whether writes are refused until the next restart."""
        ...

    def fence(self, reason: str) -> None:
        """Refuse writes until the next restart. `reason` is a status code or a short text, for the log."""
        ...

    def check_writable(self) -> None:
        """Raise Unavailable graph_unavailable while fenced, or while the disk has too little room."""
        ...

    async def start(self) -> None:
        """Bring the engine up and wait until it answers a query; lifts the fence.

        Raises Unavailable graph_unavailable.
        """
        ...

    async def stop(self) -> None:
        """End the engine cleanly; does nothing when it is not running."""
        ...


async def answers(engine: Engine) -> bool:
    """Ask the engine one trivial query over a connection of its own.

    An open port says nothing: it opens before the database exists. Raises Unavailable graph_unavailable when the engine
    refuses the password: waiting would not help, and Neo4j locks a user who tries again.
    """
    try:
        async with (
            asyncio.timeout(_ANSWER_S),
            AsyncGraphDatabase.driver(
                engine.uri, auth=engine.auth, telemetry_disabled=True, notifications_min_severity="OFF"
            ) as driver,
            driver.session(database=engine.database, default_access_mode=READ_ACCESS) as session,
        ):
            await (await session.run("RETURN 1")).consume()
    except AuthError as error:
        raise Unavailable("graph_unavailable", "the graph engine refuses the password") from error
    except (DriverError, Neo4jError, OSError, TimeoutError):
        return False
    return True


async def wait_until_ready(engine: Engine, *, within_s: float) -> None:
    """Poll until the engine answers. Raises Unavailable graph_unavailable when it ends before, or takes too long."""
    try:
        async with asyncio.timeout(within_s):
            while not await answers(engine):
                if not engine.alive:
                    raise Unavailable("graph_unavailable", "the graph engine ended before it answered")
                await asyncio.sleep(_POLL_S)
    except TimeoutError as error:
        raise Unavailable("graph_unavailable", f"the graph engine did not answer within {within_s:g} s") from error


async def keep(engine: Engine, *, on_start: Callable[[], None] = lambda: None) -> None:
    """Restart the engine whenever it has ended or is fenced, with back-off, until cancelled; `on_start` after each.

    Whatever a restart fails with, it is tried again: the fence stays, readiness says so, and the pause grows.
    """
    pause = _FIRST_PAUSE_S
    while True:
        await asyncio.sleep(pause)
        if engine.alive and not engine.fenced:
            pause = _FIRST_PAUSE_S
            continue
        pause = min(2 * pause, _LAST_PAUSE_S)
        try:
            await engine.stop()
            await engine.start()
            on_start()
        except Exception as error:  # noqa: BLE001  # a keeper that dies unseen leaves the hub without a graph
            _log.error("engine_restart_failed", kind=type(error).__name__, code=getattr(error, "code", "internal"))
