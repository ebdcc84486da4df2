"""How the statement of a root field begins: its start, the way to its rows, and who may see them.

    MATCH (a0:Holder {key: $k0})<-[:HELD_BY]-(a1:License)      alone
    MATCH (a0:Holder {key: $k0})                               for many askers: the key is read from a row
    MATCH (a0)<-[:HELD_BY]-(a1:License)
    WHERE a1.certificateIdentifier > $c0
      AND a1.sealedBy = $caller_county
    WITH a1 ORDER BY a1.certificateIdentifier LIMIT $f0

It follows from the root field and the caller's scopes, whatever is selected, so it is written once for these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from hub.graph.batches import FIRST
from hub.graph.predicates import PREDICATES, predicate_text
from hub.graph.tables import FieldEntry, Tables, start_label
from schema.mapping import Expression, KeyStart, PageStart, Relation

__all__ = ["Guard", "Opening", "arrow", "expression_text", "guard", "opening_of"]

_AFTER: Final = "c0"
_KEY: Final = "k0"
_BASIS: Final = "basis"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """The row predicates over one node, none twice, and the names of the values that they read."""

    conditions: tuple[str, ...]
    parameters: tuple[str, ...]

    @property
    def where(self) -> str:
        """Their clause, with a space before it; empty without any."""
        return f" WHERE {' AND '.join(self.conditions)}" if self.conditions else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """The lines before RETURN, alone and for many askers. parameters: names of the values that they read."""

    alone: tuple[str, ...]
    many: tuple[str, ...]
    parameters: tuple[str, ...]


def guard(tables: Tables, scopes: frozenset[str], label: str, variable: str) -> Guard:
    """Give what guards a node of `label` from callers with these scopes."""
    key = (scopes, label, variable)
    known: Guard | None = tables.guards.get(key)
    if known is None:
        tables.guards.put(key, known := _guard(tables, scopes, label, variable))
    return known


def _guard(tables: Tables, scopes: frozenset[str], label: str, variable: str) -> Guard:
    rules = tables.row_rules.get(label, ())
    names = [row for rule in rules if (row := rule.row_for(scopes)) is not None]
    names += [_BASIS for rule in rules if rule.basis]
    predicates = [PREDICATES[name, label] for name in names]
    return Guard(
        conditions=tuple(dict.fromkeys(predicate_text(one, variable) for one in predicates)),
        parameters=tuple(dict.fromkeys(name for one in predicates for name in one.parameters)),
    )


def expression_text(place: Expression, variable: str, target: str = "") -> str:
    """Write an own expression over the node's variable, and that of the nodes that it ends in."""
    return place.cypher.replace("{n}", variable).replace("{t}", target)


def arrow(relation: Relation, edge: str) -> str:
    """Write a relationship; edge: its variable, empty where nothing of it is read."""
    body = f"-[{edge}:{relation.type}]-"
    return f"{body}>" if relation.direction == "out" else f"<{body}"


def opening_of(tables: Tables, entry: FieldEntry, scopes: frozenset[str], variables: tuple[str, str, str]) -> Opening:
    """Give the opening of a root field for callers with these scopes.

    variables: of the node that it starts from, of the rows, and of the relationship that led to them where it is read.
    """
    start: Any = entry.declaration.place
    key = (scopes, entry.coordinate, start_label(start), variables)
    known: Opening | None = tables.openings.get(key)
    if known is None:
        tables.openings.put(key, known := _opening(tables, start, scopes, variables))
    return known


def _opening(
    tables: Tables, start: KeyStart | PageStart, scopes: frozenset[str], variables: tuple[str, str, str]
) -> Opening:
    first, rows, edge = variables
    via = start.via if isinstance(start, KeyStart) else None
    order = start.key if isinstance(start, PageStart) else (via.order if via else None)
    hidden = guard(tables, scopes, start.label, first) if via else None
    rows_guard = guard(tables, scopes, start_label(start), rows)
    kept = f"{rows}, {edge}" if edge else rows
    ordered = f"{kept} ORDER BY {rows}.{order} LIMIT ${FIRST}"
    paged = isinstance(start, PageStart) or start.page
    where = _where(start, rows, order if paged else None, rows_guard.conditions)
    return Opening(
        alone=(*_match(start, variables, hidden), *where, *([f"WITH {ordered}"] if order else ())),
        many=(*_match(start, variables, hidden, apart=True), *where, *([f"WITH k, {ordered}"] if order else ())),
        parameters=(*rows_guard.parameters, *_values(start), *(hidden.parameters if hidden else ())),
    )


def _values(start: KeyStart | PageStart) -> tuple[str, ...]:
    filters = [argument for argument, _ in start.filters] if isinstance(start, PageStart) else []
    return (*filters, *(start.where.parameters if start.where is not None else ()))


def _match(
    start: KeyStart | PageStart, variables: tuple[str, str, str], hidden: Guard | None, *, apart: bool = False
) -> tuple[str, ...]:
    """Give the start and the way to the rows; apart: as two clauses, for who reads the key from a row."""
    first, rows, edge = variables
    if isinstance(start, PageStart):
        return (f"MATCH ({first}:{start.label})",)
    node = f"MATCH ({first}:{start.label} {{{start.key}: ${_KEY}}})"
    if start.via is None or hidden is None:
        return (node,)
    led, target = arrow(start.via, edge), f"({rows}:{start.via.target})"
    if hidden.conditions or apart:
        return (node, *([hidden.where.lstrip()] if hidden.conditions else ()), f"MATCH ({first}){led}{target}")
    return (f"{node}{led}{target}",)


def _where(start: KeyStart | PageStart, rows: str, order: str | None, conditions: tuple[str, ...]) -> list[str]:
    # `c0` is '' on a first page: every key is text and above it, and the text stays the same for every page.
    parts = [f"{rows}.{order} > ${_AFTER}"] if order else []
    for argument, name in start.filters if isinstance(start, PageStart) else ():
        parts.append(f"(${argument} IS NULL OR {rows}.{name} = ${argument})")
    if start.where is not None:
        parts.append(expression_text(start.where, rows))
    parts.extend(conditions)
    return [f"{'  AND' if index else 'WHERE'} {part}" for index, part in enumerate(parts)]
