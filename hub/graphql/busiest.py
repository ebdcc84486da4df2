"""The view by document: which documents take the hub's time. `GET /metrics/documents`, `tongban documents`.

    {"documents":[{"document":"sha256:2cf2…","count":812,"failed":3,"statements":812,"totalMs":904.1,"readMs":801.7,
                   "slowestMs":14.2}, …]}

A digest would be a label without a bound, so the view stands beside the metrics: at most 256 documents, and the one
that was asked longest ago leaves. A document is named by the digest of its text, as a trusted one is by its identifier;
there is nothing else of it here. Those that were refused before they were judged are not in the view.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from hub.graphql.trusted import document_id
from hub.lru import Lru

if TYPE_CHECKING:
    from ledger.encoding import JsonValue

__all__ = ["MOST_DOCUMENTS", "BusiestDocuments", "named"]

MOST_DOCUMENTS: Final = 256
_SHORT: Final = 4096  # characters: 256 texts of these are remembered with their digests

_named: Final = lru_cache(maxsize=256)(document_id)


def named(identifier: str | None, text: str) -> str:
    """Give the identifier of a document: the one it was asked by, or that of its text."""
    return identifier or (_named(text) if len(text) <= _SHORT else document_id(text))


@dataclass(slots=True)
class _Sum:
    count: int = 0
    failed: int = 0
    statements: int = 0
    seconds: float = 0.0
    read_s: float = 0.0
    slowest_s: float = 0.0


class BusiestDocuments:
    """Sums since start by document. most: how many are kept. Used from the event loop alone."""

    def __init__(self, most: int = MOST_DOCUMENTS) -> None:
        self._sums: Final[Lru[str, _Sum]] = Lru(most)

    def add(self, name: str, seconds: float, read_s: float, statements: int, *, failed: bool) -> None:
        """Add one document under its identifier.

        seconds: all its stages. read_s: of these, the one in which the graph is read. failed: it was not answered.
        """
        found = self._sums.get(name)
        if found is None:
            found = _Sum()
            self._sums.put(name, found)
        found.count += 1
        found.failed += failed
        found.statements += statements
        found.seconds += seconds
        found.read_s += read_s
        found.slowest_s = max(found.slowest_s, seconds)

    def view(self) -> dict[str, JsonValue]:
        """Give the view, the document that took the most time first."""
        rows = sorted(self._sums.items(), key=lambda row: (-row[1].seconds, row[0]))
        return {"documents": [_row(name, one) for name, one in rows]}


def _row(name: str, one: _Sum) -> dict[str, JsonValue]:
    return {
        "document": name,
        "count": one.count,
        "failed": one.failed,
        "statements": one.statements,
        "totalMs": _ms(one.seconds),
        "readMs": _ms(one.read_s),
        "slowestMs": _ms(one.slowest_s),
    }


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
