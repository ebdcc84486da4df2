"""A part of the product that commits: what a child process does with it, and what must be true after any end of it.

prepare   the state that every round begins with, made once and copied
work      in the child: a few commits, each acknowledgement told to the parent as it comes
check     in the parent, after the child has ended in whatever way: opened as at a restart, checked in whole,
          compared with what was told, all that was sent is sent again, compared again
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from tests.faults.points import FailPoints

__all__ = ["Finding", "Part", "Tell", "Told"]

Tell: TypeAlias = Callable[..., None]
"""tell(what, *values): text, numbers, hexadecimal bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a child told, in order, and its end. error: code or class of what stopped it, None if nothing did."""

    lines: Sequence[Sequence[Any]]
    killed: bool
    error: str | None

    def of(self, what: str) -> list[Any]:
        """Give the values of every line of a kind."""
        return [values for kind, *values in self.lines if kind == what]

    def each(self, what: str) -> dict[bytes, Any]:
        """Give a kind's lines (hexadecimal, value) by bytes; one and the same value where it was told twice."""
        found: dict[bytes, Any] = {}
        for key, value in self.of(what):
            assert found.setdefault(bytes.fromhex(key), value) == value, f"{what} told twice, and not the same"
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Counts of one round, as in `FaultCount`."""

    acknowledged: int = 0
    unknown: int = 0
    stored: int = 0
    lost: int = 0
    twice: int = 0


class Part(Protocol):
    """One store with the code that writes it. Methods as the module's text says; `name` is a word."""

    name: str

    def prepare(self, folder: Path) -> None:
        """Make the files that a round begins with."""
        ...

    def work(self, folder: Path, points: FailPoints, tell: Tell) -> None:
        """Write and tell. May raise what the product raises."""
        ...

    def check(self, folder: Path, told: Told) -> Finding:
        """Raise AssertionError or what the product raises where something does not hold."""
        ...
