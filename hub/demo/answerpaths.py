"""How the hub answered the GraphQL requests of the demo, from its metrics: they end with its process.

tongban_graphql_requests_total{path="compiled"} 41.0
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

__all__ = ["AnswerPaths"]

_LINE: Final = re.compile(r'^tongban_graphql_requests_total\{path="([a-z]+)"\} ([0-9.]+)$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class AnswerPaths:
    """Requests by path, over all processes that answered. `hub.graphql.execution` says what a path is."""

    counts: Counter[str] = field(default_factory=Counter)

    def add(self, exposition: str) -> None:
        """Add what one process tells of itself before it ends."""
        for path, count in _LINE.findall(exposition):
            self.counts[path] += int(float(count))

    def sentence(self) -> str:
        """Say the share of requests that were compiled, and what became of the others."""
        total = self.counts.total()
        share = round(100 * self.counts["compiled"] / total) if total else 0
        others = ", ".join(f"{self.counts[path]} {path}" for path in ("hybrid", "completed"))
        return f"{share} % of {total} GraphQL requests were compiled ({others})"
