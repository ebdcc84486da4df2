"""Fail points: every call over a port is one, by its name, and one of them fails: before or after it took effect.

    store.commit                    a method of a port: the names come from the Protocol itself
    ledger: INSERT INTO entry       a statement over a connection
    ledger: COMMIT #2               the second time that this point is reached

Nothing of it is in the product. The parts of the product take their store, connection, signer, clock and transport as
arguments; here these are wrapped. A run without a failing point says which points there are, in order (`reached`).
"""

from __future__ import annotations

import os
import re
import signal
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol, TypeAlias, TypeVar, cast, get_type_hints

__all__ = ["HOWS", "MOMENTS", "FailPoints", "FailingConnection", "How", "Moment", "failing", "failing_call", "methods"]

T = TypeVar("T")

Moment: TypeAlias = Literal["not done", "done, not reported"]
How: TypeAlias = Literal["error", "kill"]

MOMENTS: Final[tuple[Moment, ...]] = ("not done", "done, not reported")
HOWS: Final[tuple[How, ...]] = ("error", "kill")

_STATEMENT: Final = re.compile(
    r"\s*(BEGIN IMMEDIATE|COMMIT|ROLLBACK|PRAGMA \w+|CREATE \w+|UPDATE \w+|DELETE FROM \w+|SELECT"
    r"|INSERT (?:OR \w+ )?INTO \w+)"
)
_TABLE: Final = re.compile(r"FROM (\w+)")


@dataclass(slots=True)
class FailPoints:
    """The points of one run. at: the name of the one that fails, None for a run in which nothing does. reached: in order.

    how: `kill` ends the own process by SIGKILL, `error` raises what such a call raises.
    """

    at: str | None = None
    moment: Moment = "not done"
    how: How = "kill"
    reached: list[str] = field(default_factory=list)
    _counts: Counter[str] = field(default_factory=Counter)

    def around(self, name: str, act: Callable[[], T], error: Exception) -> T:
        """Do one step under its name; if it is the one that fails, before or after it is done."""
        if not self._is_the_one(name):
            return act()
        if self.moment == "done, not reported":
            act()
        raise self._failed(error)

    async def around_async(self, name: str, act: Callable[[], Any], error: Exception) -> Any:
        """Do the same with a step that is awaited."""
        if not self._is_the_one(name):
            return await act()
        if self.moment == "done, not reported":
            await act()
        raise self._failed(error)

    def _is_the_one(self, name: str) -> bool:
        self._counts[name] += 1
        numbered = name if self._counts[name] == 1 else f"{name} #{self._counts[name]}"
        self.reached.append(numbered)
        return numbered == self.at

    def _failed(self, error: Exception) -> Exception:
        if self.how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        return error


def methods(port: type) -> dict[str, bool]:
    """Give what a port has: its names, and whether each is a property."""
    return {name: isinstance(value, property) for name, value in vars(port).items() if not name.startswith("_")}


class _FailingPort:
    """A port whose every method is a fail point; a property that is itself a port is wrapped, too; nothing else is."""

    def __init__(self, inner: object, port: type, name: str, points: FailPoints, error: Exception) -> None:
        self._inner: Final = inner
        self._port: Final = port
        self._name: Final = name
        self._points: Final = points
        self._error: Final = error

    def __getattr__(self, attribute: str) -> Any:
        is_property = methods(self._port)[attribute]
        value = getattr(self._inner, attribute)
        if not is_property:
            return failing_call(value, f"{self._name}.{attribute}", self._points, self._error)
        kind = get_type_hints(getattr(self._port, attribute).fget)["return"]
        nested = Protocol in getattr(kind, "__mro__", ())
        return _FailingPort(value, kind, f"{self._name}.{attribute}", self._points, self._error) if nested else value


def failing(inner: T, port: type, name: str, points: FailPoints, error: Exception) -> T:
    """Wrap an implementation of a port: each method is the fail point `<name>.<method>`; it has no other methods."""
    return cast("T", _FailingPort(inner, port, name, points, error))


def failing_call(call: Callable[..., T], name: str, points: FailPoints, error: Exception) -> Callable[..., T]:
    """Wrap a port that is one function."""
    return lambda *values, **named: points.around(name, lambda: call(*values, **named), error)


class FailingConnection:
    """A connection each of whose statements is a fail point, `<name>: <statement>`; it fails as SQLite does."""

    def __init__(self, inner: sqlite3.Connection, name: str, points: FailPoints) -> None:
        self._inner: Final = inner
        self._name: Final = name
        self._points: Final = points

    @property
    def in_transaction(self) -> bool:
        return self._inner.in_transaction

    def execute(self, text: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        return self._around(statement(text), lambda: self._inner.execute(text, values))

    def executemany(self, text: str, rows: Iterable[Sequence[object]]) -> sqlite3.Cursor:
        return self._around(statement(text), lambda: self._inner.executemany(text, rows))

    def executescript(self, text: str) -> sqlite3.Cursor:
        return self._around("tables", lambda: self._inner.executescript(text))

    def commit(self) -> None:
        self._around("COMMIT", self._inner.commit)

    def rollback(self) -> None:
        self._around("ROLLBACK", self._inner.rollback)

    def close(self) -> None:
        self._around("close", self._inner.close)

    def _around(self, step: str, act: Callable[[], T]) -> T:
        return self._points.around(f"{self._name}: {step}", act, sqlite3.OperationalError("disk I/O error, as told"))


def statement(text: str) -> str:
    """Name a statement by its verb and its table."""
    found = _STATEMENT.match(text)
    assert found, f"a statement of an unknown kind: {text[:60]}"
    if found[1] != "SELECT":
        return found[1]
    table = _TABLE.search(text)
    return f"SELECT FROM {table[1]}" if table else "SELECT"
