"""Supersets: which shapes of one look-up go together in a statement that has the columns of all of them.

    licenses(holder: A) { status }                  asked often  ─┐  UNWIND $ks AS k CALL (k) { … RETURN collect([
    licenses(holder: B) { status type { name } }    asked often  ─┼─   a1.status, head([… | [a2.name]]),
    licenses(holder: A) { issuedBy { name } }       asked often  ─┘    head([… | [a2.name]])]) AS x } …
    licenses(holder: C) { … everything … }          asked once         a statement of its own

Reads are of one family when they differ in nothing but their columns, access predicates and the callers' scopes
included: whatever stands in a superset every caller of the family may see. They send values of the same names, so that
no predicate of a column is read with a value that is missing: `$basis_holder IS NULL` would let every row pass. A shape
joins when it was asked often lately, and leaves when it is not any more, so a rare or a wide one costs the others
nothing. The text changes only with who belongs, and the server's plan cache keeps it. Each reader gets his own columns
in his own order, and no others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hub.graph.batches import FIRST, text_around
from hub.graph.columns import Columns, Narrow, laid_together, narrowed, width
from hub.lru import Lru
from schema.context import Batch, Statement

__all__ = ["Superset", "Supersets"]

_FAMILIES: Final = 256
_SHAPES: Final = 256  # that a family counts
_TOGETHER: Final = 16
_WIDTH: Final = 64
_AGE: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Superset:
    """One statement for several shapes. bounds: of its lists, with their values. own: a shape's part, by its text."""

    text: str
    columns: Columns
    bounds: Mapping[str, Any]
    own: Mapping[str, Narrow | None]

    def rows_of(self, batch: Batch, rows: Sequence[Any]) -> Sequence[Any]:
        """Give the rows that a shape's own statement would give."""
        narrow = self.own[batch.text]
        return rows if narrow is None else [narrow(row) for row in rows]


class Supersets:
    """The supersets of all families, by what was asked lately. often: how many times before a shape joins."""

    def __init__(self, *, often: int) -> None:
        self._often = often
        self._families: Lru[tuple[str, str, frozenset[str], frozenset[str]], _Family] = Lru(_FAMILIES)

    def of(self, statement: Statement) -> Superset | None:
        """Count a look-up, and give the superset that its shape belongs to now, if it does."""
        batch = statement.batch
        if batch is None or batch.family is None:
            return None
        family = self._families.get(batch.family)
        if family is None:
            self._families.put(batch.family, family := _Family(batch.family, self._often))
        return family.asked(batch, statement.parameters)


@dataclass(slots=True)
class _Family:
    name: tuple[str, str, frozenset[str], frozenset[str]]
    often: int
    total: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    shapes: dict[str, tuple[Batch, Mapping[str, Any]]] = field(default_factory=dict)
    superset: Superset | None = None

    def asked(self, batch: Batch, parameters: Mapping[str, Any]) -> Superset | None:
        count = self.counts[batch.text] = self.counts.get(batch.text, 0) + 1
        self.total += 1
        if count == self.often:
            bounds = {name: parameters[name] for name in batch.shared if name != FIRST}
            self.shapes[batch.text] = (batch, bounds)
            self._gather()
        if self.total % _AGE == 0 or len(self.counts) > _SHAPES:
            self._age()
        superset = self.superset
        return superset if superset is not None and batch.text in superset.own else None

    def _age(self) -> None:
        """Halve what was counted, so that it is of lately, and let go who is not asked any more."""
        self.counts = {text: count // 2 for text, count in self.counts.items() if count > 1}
        kept = {text: shape for text, shape in self.shapes.items() if self.counts.get(text, 0) * 4 >= self.often}
        if kept.keys() != self.shapes.keys():
            self.shapes = kept
            self._gather()

    def _gather(self) -> None:
        """Lay the columns of the shapes together, in an order of their own, up to a width."""
        columns: Columns = ()
        together: dict[str, tuple[Batch, Mapping[str, Any]]] = {}
        for text, (batch, bounds) in sorted(self.shapes.items()):
            wider = laid_together(columns, batch.columns)
            if width(wider) <= _WIDTH and len(together) < _TOGETHER:
                columns, together[text] = wider, (batch, bounds)
        before, behind, *_ = self.name
        self.superset = (
            None
            if len(together) < 2
            else Superset(
                text=text_around(before, columns, behind),
                columns=columns,
                bounds={name: value for _, bounds in together.values() for name, value in bounds.items()},
                own={text: narrowed(columns, batch.columns) for text, (batch, _) in together.items()},
            )
        )
