"""BoltDriver: the one way to the graph. Reads in READ mode, writes in managed transactions, all bounded in time.

The driver's errors come in three kinds, told apart by class and status code, never by text (ArcadeDB conceals its
texts, and the two engines give different codes for one mistake):

    transient    TransientError, ServiceUnavailable, SessionExpired, no free connection    tried again
    constraint   ConstraintError     tried again: on ArcadeDB it may be a race of two MERGEs
    other        everything else     a write that ends so fences the engine, unless
                 the code is Neo.ClientError.Statement.* or a time limit: then the statement or its rows are at fault

Only the asynchronous driver is used: the synchronous one hangs when threads share it after a failed statement.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, LiteralString, Self, TypeAlias, cast

from neo4j import (
    READ_ACCESS,
    WRITE_ACCESS,
    AsyncDriver,
    AsyncGraphDatabase,
    AsyncManagedTransaction,
    Bookmarks,
    unit_of_work,
)
from neo4j.exceptions import (
    ConnectionPoolError,
    ConstraintError,
    DriverError,
    Neo4jError,
    ServiceUnavailable,
    SessionExpired,
    TransientError,
)

from ledger.errors import Conflict, Malformed, TongbanError, Unavailable

if TYPE_CHECKING:
    from hub.graph.engine import Engine
    from schema.context import Statement

__all__ = [
    "BoltDriver",
    "BoltGraph",
    "Deadlines",
    "Kind",
    "Row",
    "Step",
    "Unit",
    "kind_of",
    "may_be_of_one_key",
    "timed_out",
]

Kind: TypeAlias = Literal["transient", "constraint", "other"]
Row: TypeAlias = list[Any]

_POOL: Final = 16
_CONSTRAINT_TRIES: Final = 5
_FIRST_PAUSE_S: Final = 0.02
_PAUSE_FACTOR: Final = 1.6
_LAST_PAUSE_S: Final = 0.5
_TRANSIENT: Final = (TransientError, ServiceUnavailable, SessionExpired, ConnectionPoolError, OSError)
_TIMED_OUT: Final = "Neo.ClientError.Transaction.TransactionTimedOut"
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


def kind_of(error: Exception) -> Kind:
    """Sort a driver's error into the three kinds."""
    if isinstance(error, ConstraintError):
        return "constraint"
    if isinstance(error, _TRANSIENT):
        return "transient"
    return "other"


def timed_out(error: Exception) -> bool:
    """Tell whether a time limit, the engine's or ours, ended the call."""
    return isinstance(error, TimeoutError) or _code(error).startswith(_TIMED_OUT)


def may_be_of_one_key(error: Exception) -> bool:
    """Tell whether a failed read may be at fault itself, by its values or by its length: its parts may still succeed.

    Otherwise the engine is away, or must not be asked yet, and would fail each part too.
    """
    cause = error.__cause__
    if isinstance(error, TongbanError) and error.code == "deadline":
        return True
    return isinstance(cause, Exception) and kind_of(cause) != "transient"


def _code(error: Exception) -> str:
    return (error.code or "") if isinstance(error, Neo4jError) else ""


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
        rows = await self._repeat(text, statement.parameters, statement.bookmarks)
        if len(rows) != 1 or len(rows[0]) != 1:
            raise Unavailable("graph_unavailable", "a read must give one record with one value")
        return rows[0][0]

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
            raise self._blamed(_ended_by(error, limit)) from error

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
                await asyncio.sleep(_pause(_CONSTRAINT_TRIES - tries_left))
            else:
                return True
        raise AssertionError  # the last try returns or raises

    def _blamed(self, error: Exception) -> TongbanError:
        """Turn the error of a write into ours, and fence the engine when neither statement nor chance explains it."""
        code, kind = _code(error), kind_of(error)
        if kind == "constraint":
            return Conflict("already_exists", "the graph holds another node with this key")
        if code.startswith(_OWN_FAULT):
            return Malformed("bad_row", f"the graph refuses the statement or its rows: {code}")
        if kind == "other" and not timed_out(error):
            self._engine.fence(code or type(error).__name__)
        return _unavailable(error)

    async def _repeat(
        self, text: LiteralString, parameters: Mapping[str, Any], bookmarks: tuple[str, ...] = ()
    ) -> list[Row]:
        tries, limit = 0, asyncio.timeout(self._deadlines.read_s)
        try:
            async with limit:
                while True:
                    tries += 1
                    try:
                        return await self._read(text, parameters, bookmarks)
                    except (DriverError, Neo4jError, OSError) as error:
                        if kind_of(error) != "transient" or not self._engine.alive:
                            raise
                    await asyncio.sleep(_pause(tries))
        except (DriverError, Neo4jError, OSError) as error:  # a TimeoutError is an OSError
            raise _unavailable(_ended_by(error, limit)) from error

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
        initial_retry_delay=_FIRST_PAUSE_S,
        retry_delay_multiplier=_PAUSE_FACTOR,
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


def _pause(tries: int) -> float:
    """Give the pause after the n-th try (n >= 1), in seconds: grows, with jitter so that racers part."""
    pause = min(_FIRST_PAUSE_S * _PAUSE_FACTOR ** (tries - 1), _LAST_PAUSE_S)
    return pause * random.uniform(0.5, 1.5)  # noqa: S311  # no secret


def _ended_by(error: Exception, limit: asyncio.Timeout) -> Exception:
    """Give what ended a call: the driver may turn our cancelling into an error of its own."""
    return TimeoutError() if limit.expired() else error


def _unavailable(error: Exception) -> Unavailable:
    if timed_out(error):
        return Unavailable("deadline", "the graph did not answer in time")
    return Unavailable("graph_unavailable", f"the graph does not answer: {_code(error) or type(error).__name__}")


class BoltGraph:
    """The Graph port of the schema over a BoltDriver; counts its statements.

    ready: whether the graph holds what the logs hold. One that is still being filled would answer that a license does
    not exist, or is not revoked.
    """

    def __init__(self, driver: BoltDriver, *, ready: Callable[[], bool] = lambda: True) -> None:
        self._driver = driver
        self._ready = ready
        self.statements = 0

    async def read(self, statement: Statement) -> Any:
        """Run one compiled read. Raises Unavailable graph_unavailable (not ready, too) or deadline."""
        if not self._ready():
            raise Unavailable("graph_unavailable", "the graph is not ready")
        self.statements += 1
        return await self._driver.read(statement)
