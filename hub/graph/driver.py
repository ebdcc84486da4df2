"""BoltDriver: the one way to the graph. Reads in READ mode, writes in managed transactions, all bounded in time.

How its errors are told apart stands in failures.py. Only the asynchronous driver is used: the synchronous one hangs
when threads share it after a failed statement.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, LiteralString, Self, cast

from neo4j import (
    READ_ACCESS,
    WRITE_ACCESS,
    AsyncDriver,
    AsyncGraphDatabase,
    AsyncManagedTransaction,
    Bookmarks,
    unit_of_work,
)
from neo4j.exceptions import ConstraintError, DriverError, Neo4jError

from hub.graph.failures import (
    FIRST_PAUSE_S,
    PAUSE_FACTOR,
    Row,
    code_of,
    ended_by,
    kind_of,
    only_value,
    pause_s,
    timed_out,
    unavailable,
    until_read,
)
from ledger.errors import Conflict, Malformed, TongbanError, Unavailable

if TYPE_CHECKING:
    from hub.graph.engine import Engine
    from schema.context import Graph, Statement

__all__ = ["BoltDriver", "BoltGraph", "Deadlines", "Step", "Unit"]

_POOL: Final = 16
_CONSTRAINT_TRIES: Final = 5
_ROUTED: Final = "neo4j"
_OWN_FAULT: Final = "Neo.ClientError.Statement."


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """Longest time of one call, retries included, in seconds."""

    read_s: float = 2.0
    write_s: float = 20.0
    acquire_s: float = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One complete, literal statement of a write unit, with its parameters."""

    text: LiteralString
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """Steps of one transaction, all or nothing, safe to run twice: the outcome of a commit can be unknown.

    guard: a statement that locks a node first and gives a row only when its state is the expected one; without a row
    nothing of the unit happens. A unit without guard may only MERGE.
    """

    steps: Sequence[Step]
    guard: Step | None = None


class _Stale(Exception):  # rolls the transaction back; never leaves this module
    pass


class BoltDriver:
    """One driver over one engine for the life of the process; follows the engine to another address after a restart."""

    def __init__(self, engine: Engine, *, deadlines: Deadlines | None = None) -> None:
        self._engine = engine
        self._deadlines = deadlines or Deadlines()
        self._bolt: AsyncDriver | None = None
        self._address: tuple[str, tuple[str, str]] | None = None
        self._bookmarks: tuple[str, ...] = ()

    @property
    def bookmarks(self) -> tuple[str, ...]:
        """Those of the newest write through this driver: a read that carries them sees it, and all before it.

        None unless the URI asks for routing (`neo4j://`): one server shows what is committed to whoever asks next.
        """
        return self._bookmarks if self._engine.uri.startswith(_ROUTED) else ()

    @property
    def engine(self) -> Engine:
        """The engine behind."""
        return self._engine

    @property
    def deadlines(self) -> Deadlines:
        """Its time limits."""
        return self._deadlines

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections; the next call opens new ones."""
        bolt, self._bolt = self._bolt, None
        if bolt is not None:
            await bolt.close()

    async def read(self, statement: Statement) -> Any:
        """Run one compiled read and give the value of its single record.

        Auto-commit in READ mode, the quickest form; a read may be repeated, so transient failures are tried again until
        the deadline. Raises Unavailable graph_unavailable or deadline.
        """
        # The text comes from the compiler alone, which puts names of the checked mapping tables together and no input.
        text = cast("LiteralString", statement.text)  # type: ignore[redundant-cast]  # mypy takes it for str
        return only_value(await self._repeat(text, statement.parameters, statement.bookmarks))

    async def rows(self, text: LiteralString, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """Run one literal read and give its records, values by position. Raises as `read`."""
        return await self._repeat(text, parameters or {})

    async def write(self, unit: Unit) -> bool:
        """Run a unit in one managed transaction; False when its guard gave no row, and then nothing has happened.

        Raises Unavailable graph_unavailable (also while fenced) or deadline, and then the outcome may be unknown;
        Malformed bad_row when the engine refuses statement or rows; Conflict already_exists when a unique key is taken
        for good.
        """
        self._engine.check_writable()
        limit = asyncio.timeout(self._deadlines.write_s)
        try:
            async with limit:
                return await self._write(unit)
        except (DriverError, Neo4jError, OSError) as error:
            raise self._blamed(ended_by(error, limit)) from error

    async def apply(self, text: LiteralString) -> None:
        """Run one schema statement in a transaction of its own. Raises as `write`."""
        await self.write(Unit(steps=[Step(text=text, parameters={})]))

    async def _write(self, unit: Unit) -> bool:
        for tries_left in reversed(range(_CONSTRAINT_TRIES)):
            try:
                bolt = await self._connect()
                async with bolt.session(database=self._engine.database, default_access_mode=WRITE_ACCESS) as session:
                    await session.execute_write(unit_of_work(timeout=self._deadlines.write_s)(_run), unit)
                    self._bookmarks = tuple((await session.last_bookmarks()).raw_values)
            except _Stale:
                return False
            except ConstraintError:
                if not tries_left:
                    raise
                await asyncio.sleep(pause_s(_CONSTRAINT_TRIES - tries_left))
            else:
                return True
        raise AssertionError  # the last try returns or raises

    def _blamed(self, error: Exception) -> TongbanError:
        """Turn the error of a write into ours, and fence the engine when neither statement nor chance explains it."""
        code, kind = code_of(error), kind_of(error)
        if kind == "constraint":
            return Conflict("already_exists", "the graph holds another node with this key")
        if code.startswith(_OWN_FAULT):
            return Malformed("bad_row", f"the graph refuses the statement or its rows: {code}")
        if kind == "other" and not timed_out(error):
            self._engine.fence(code or type(error).__name__)
        return unavailable(error)

    async def _repeat(
        self, text: LiteralString, parameters: Mapping[str, Any], bookmarks: tuple[str, ...] = ()
    ) -> list[Row]:
        async def read() -> list[Row]:
            return await self._read(text, parameters, bookmarks)

        return await until_read(read, self._engine, within_s=self._deadlines.read_s)

    async def _read(self, text: LiteralString, parameters: Mapping[str, Any], bookmarks: tuple[str, ...]) -> list[Row]:
        bolt, name = await self._connect(), self._engine.database
        behind = Bookmarks.from_raw_values(bookmarks) if bookmarks else None
        async with bolt.session(database=name, default_access_mode=READ_ACCESS, bookmarks=behind) as session:
            result = await session.run(text, dict(parameters))
            return [list(record.values()) async for record in result]

    async def _connect(self) -> AsyncDriver:
        engine = self._engine
        address = (engine.uri, engine.auth)  # a folder that was deleted comes back with another password
        if self._bolt is not None and self._address == address:
            return self._bolt
        stale, self._bolt, self._address = self._bolt, _driver(engine, self._deadlines), address
        bolt, self._bookmarks = self._bolt, ()  # another server's, or another start's, mean nothing here
        if stale is not None:
            await stale.close()
        return bolt


def _driver(engine: Engine, deadlines: Deadlines) -> AsyncDriver:
    return AsyncGraphDatabase.driver(
        engine.uri,
        auth=engine.auth,
        max_connection_pool_size=_POOL,
        connection_acquisition_timeout=deadlines.acquire_s,
        connection_timeout=deadlines.acquire_s,
        max_transaction_retry_time=deadlines.write_s / 2,
        initial_retry_delay=FIRST_PAUSE_S,
        retry_delay_multiplier=PAUSE_FACTOR,
        retry_delay_jitter_factor=0.5,
        notifications_min_severity="OFF",
        telemetry_disabled=True,
    )


async def _run(transaction: AsyncManagedTransaction, unit: Unit) -> None:
    if unit.guard is not None:
        guard = await transaction.run(unit.guard.text, dict(unit.guard.parameters))
        if await guard.fetch(1) == []:
            raise _Stale
        await guard.consume()
    for step in unit.steps:
        await (await transaction.run(step.text, dict(step.parameters))).consume()


class BoltGraph:
    """The Graph port of the schema over a BoltDriver, or over the lane beside it; counts its statements.

    ready: whether the graph holds what the logs hold. One that is still being filled would answer that a license does
    not exist, or is not revoked.
    """

    def __init__(self, reads: Graph, *, ready: Callable[[], bool] = lambda: True) -> None:
        self._reads = reads
        self._ready = ready
        self.statements = 0

    async def read(self, statement: Statement) -> Any:
        """Run one compiled read. Raises Unavailable graph_unavailable (not ready, too) or deadline."""
        if not self._ready():
            raise Unavailable("graph_unavailable", "the graph is not ready")
        self.statements += 1
        return await self._reads.read(statement)
