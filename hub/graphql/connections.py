"""How many streams are open at once, sockets and event streams together: each holds a connection for hours.

one     a place among all, from the opening request on
of      and one among those of the caller's county, as soon as it is known: no county takes the places of all, and
        callers without a token, who may be anybody, have those of one county together
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ledger.errors import Unavailable

__all__ = ["Connections"]


class Connections:
    """Counts with bounds: in all, and of one county. Used from the event loop alone."""

    def __init__(self, most: int, *, county: int) -> None:
        self._most: Final = most
        self._most_of_county: Final = county
        self._open = 0
        self._of: Final[Counter[str | None]] = Counter()

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

    @contextmanager
    def of(self, county: str | None) -> Iterator[None]:
        """Count one of a county, or of callers without a token, while the block runs.

        Raises Unavailable pushback beyond the bound.
        """
        if self._of[county] >= self._most_of_county:
            raise Unavailable("pushback", "too many streams of this caller are open: end one, or try again later")
        self._of[county] += 1
        try:
            yield
        finally:
            self._of[county] -= 1
            if not self._of[county]:
                del self._of[county]
