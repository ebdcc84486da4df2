"""How many streams are open at once, sockets and event streams together: each holds a connection for hours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ledger.errors import Unavailable

__all__ = ["Connections"]


class Connections:
    """A count with a bound. Used from the event loop alone."""

    def __init__(self, most: int) -> None:
        self._most: Final = most
        self._open = 0

    @property
    def open(self) -> int:
        """How many are open now."""
        return self._open

    @contextmanager
    def one(self) -> Iterator[None]:
        """Count one while the block runs. Raises Unavailable pushback beyond the bound."""
        if self._open >= self._most:
            raise Unavailable("pushback", "too many streams are open: try again later")
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1
