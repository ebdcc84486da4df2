"""How a call of the graph fails, and how a read is tried again.

The driver's errors come in three kinds, told apart by class and status code, never by text (ArcadeDB conceals its
texts, and the two engines give different codes for one mistake):

    transient    TransientError, ServiceUnavailable, SessionExpired, no free connection    tried again
    constraint   ConstraintError     tried again: on ArcadeDB it may be a race of two MERGEs
    other        everything else     a write that ends so fences the engine, unless
                 the code is Neo.ClientError.Statement.* or a time limit: then the statement or its rows are at fault
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from neo4j.exceptions import (
    ConnectionPoolError,
    ConstraintError,
    DriverError,
    Neo4jError,
    ServiceUnavailable,
    SessionExpired,
    TransientError,
)

from ledger.errors import TongbanError, Unavailable

if TYPE_CHECKING:
    from hub.graph.engine import Engine

__all__ = [
    "FIRST_PAUSE_S",
    "PAUSE_FACTOR",
    "Kind",
    "Row",
    "code_of",
    "ended_by",
    "kind_of",
    "may_be_of_one_key",
    "only_value",
    "pause_s",
    "timed_out",
    "unavailable",
    "until_read",
]

Kind: TypeAlias = Literal["transient", "constraint", "other"]
Row: TypeAlias = list[Any]

FIRST_PAUSE_S: Final = 0.02
PAUSE_FACTOR: Final = 1.6
_LAST_PAUSE_S: Final = 0.5
_TRANSIENT: Final = (TransientError, ServiceUnavailable, SessionExpired, ConnectionPoolError, OSError)
_TIMED_OUT: Final = "Neo.ClientError.Transaction.TransactionTimedOut"


def kind_of(error: Exception) -> Kind:
    """Sort a driver's error into the three kinds."""
    if isinstance(error, ConstraintError):
        return "constraint"
    if isinstance(error, _TRANSIENT):
        return "transient"
    return "other"


def code_of(error: Exception) -> str:
    """Give the engine's status code; empty when it is not the engine that failed."""
    return (error.code or "") if isinstance(error, Neo4jError) else ""


def timed_out(error: Exception) -> bool:
    """Tell whether a time limit, the engine's or ours, ended the call."""
    return isinstance(error, TimeoutError) or code_of(error).startswith(_TIMED_OUT)


def may_be_of_one_key(error: Exception) -> bool:
    """Tell whether a failed read may be at fault itself, by its values or by its length: its parts may still succeed.

    Otherwise the engine is away, or must not be asked yet, and would fail each part too.
    """
    cause = error.__cause__
    if isinstance(error, TongbanError) and error.code == "deadline":
        return True
    return isinstance(cause, Exception) and kind_of(cause) != "transient"


async def until_read(read: Callable[[], Awaitable[list[Row]]], engine: Engine, *, within_s: float) -> list[Row]:
    """Try a read until it gives its rows: a read may be repeated. Raises Unavailable graph_unavailable or deadline."""
    tries, limit = 0, asyncio.timeout(within_s)
    try:
        async with limit:
            while True:
                tries += 1
                try:
                    return await read()
                except (DriverError, Neo4jError, OSError) as error:
                    if kind_of(error) != "transient" or not engine.alive:
                        raise
                await asyncio.sleep(pause_s(tries))
    except (DriverError, Neo4jError, OSError) as error:  # a TimeoutError is an OSError
        raise unavailable(ended_by(error, limit)) from error


def only_value(rows: list[Row]) -> Any:
    """Give the value of a compiled read. Raises Unavailable graph_unavailable when it is not one record with one."""
    if len(rows) != 1 or len(rows[0]) != 1:
        raise Unavailable("graph_unavailable", "a read must give one record with one value")
    return rows[0][0]


def pause_s(tries: int) -> float:
    """Give the pause after the n-th try (n >= 1), in seconds: grows, with jitter so that racers part."""
    pause = min(FIRST_PAUSE_S * PAUSE_FACTOR ** (tries - 1), _LAST_PAUSE_S)
    return pause * random.uniform(0.5, 1.5)  # noqa: S311  # no secret


def ended_by(error: Exception, limit: asyncio.Timeout) -> Exception:
    """Give what ended a call: the driver may turn our cancelling into an error of its own."""
    return TimeoutError() if limit.expired() else error


def unavailable(error: Exception) -> Unavailable:
    """Give a driver's error as ours."""
    if timed_out(error):
        return Unavailable("deadline", "the graph did not answer in time")
    return Unavailable("graph_unavailable", f"the graph does not answer: {code_of(error) or type(error).__name__}")
