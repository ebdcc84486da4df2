"""What a document costs: its fields' declared costs, a list times the rows that it may have.

    { matters(first: $n) { edges { node { name } } } }      own + $n * (everything below)

What no argument changes is summed when the plan is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from graphql.execution.values import VariableValues

from hub.graph.arguments import ArgumentReader
from hub.graph.selection import Selected
from hub.graph.tables import FieldEntry
from ledger.errors import Malformed

__all__ = ["Costed", "Costs", "costs_of"]


class Costed(Protocol):
    """Something whose cost depends on the variables."""

    def total(self, variables: VariableValues) -> int:
        """Sum the cost."""
        ...


Costs: TypeAlias = tuple[int, Sequence[Costed]]
"""Of several fields: what no argument changes, and what is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cost:
    """The cost of one field: its own, and that of everything below times the rows that its list may have.

    fixed: the part below that no argument changes, summed when the plan is made. sized: the field whose `first` says
    how many rows to count, `rows` at most; None when `rows` is all there is to say.
    """

    own: int
    rows: int
    fixed: int
    sized: ArgumentReader | None
    below: Sequence[Costed]

    def total(self, variables: VariableValues) -> int:
        inner = self.fixed + sum(one.total(variables) for one in self.below)
        return self.own + inner * self._rows(variables)

    def _rows(self, variables: VariableValues) -> int:
        if self.sized is None:
            return self.rows
        try:
            first = self.sized.read(variables).get("first")
        except Malformed:  # graphql-core refuses the field in its place
            return self.rows
        return first if isinstance(first, int) and 0 < first < self.rows else self.rows


def costs_of(fields: Iterable[Selected]) -> Costs:
    """Sum the costs of these fields."""
    fixed, left = 0, list[Costed]()
    for one in fields:
        found = 0 if one.entry is None else _cost(one, one.entry)
        if isinstance(found, int):
            fixed += found
        else:
            left.append(found)
    return fixed, left


def _cost(one: Selected, entry: FieldEntry) -> _Cost | int:
    own = entry.declaration.cost
    if not one.children and not entry.sized:
        return own
    fixed, below = costs_of(one.children)
    if not entry.sized and not below:
        return own + fixed * entry.rows
    sized = one.reader(entry) if entry.sized else None
    return _Cost(own=own, rows=entry.rows, fixed=fixed, sized=sized, below=below)
