"""One root field of a document into one Cypher statement with a positional projection. The only place that builds text.

    MATCH (a0:Holder {key: $k0})<-[:HELD_BY]-(a1:License)
    WHERE a1.certificateIdentifier > $c0
      AND a1.sealedBy = $caller_county
    WITH a1 ORDER BY a1.certificateIdentifier LIMIT $f0
    RETURN collect([a1.certificateIdentifier,
      head([(a1)-[:ISSUED_BY]->(a2:Authority) | [a2.name,
        head([(a2)-[:OF]->(a3:Jurisdiction) | [a3.name]])]])]) AS r

The text is a function of what is selected, whatever the order and the names: names come from the checked tables,
variables are numbered by depth, every value is a parameter, and neither alias nor value of the document can enter.
Lists are ordered and bounded; a row that the caller may not see is cut wherever its label enters. The dialect is the
portable one (`hub/graph/README.md`): `COLLECT {}` for ordered lists, no pattern as a predicate inside a
comprehension.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from hub.graph.batches import FIRST, rows_batch
from hub.graph.columns import Below, Column, Columns, columns_text
from hub.graph.openings import Guard, arrow, expression_text, guard, opening_of
from hub.graph.predicates import PERSONAL_KEYS
from hub.graph.rows import (
    ABSENT,
    Cell,
    Connection,
    Edges,
    Nested,
    Node,
    PageFacts,
    PersonalKeys,
    Source,
    TypeName,
    leaf_at,
)
from hub.graph.selection import Selected
from hub.graph.tables import FieldEntry, Tables, start_label
from schema.access import RULES, rule_of_type
from schema.context import Batch
from schema.mapping import Computed, EdgeProperty, Expression, Gather, KeyStart, PageStart, Property, Relation

__all__ = ["CompiledRoot", "ListPage", "compile_root"]

_CURSORS: Final = frozenset({"startCursor", "endCursor"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPage:
    """The size of one nested list, and the parameter that carries it."""

    parameter: str
    page: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledRoot:
    """One statement and how to read its record.

    batch: the same for many askers. parameters: names of arguments of the root field and of context values that the
    text reads. shape: what stands in a row, or in the rows of a page. keys: where a row holds the keys of a person's
    records. paged: the statement takes `f0`, the number of rows, and for a page `c0`, the key to start after. keyed: it
    takes `k0`, the key of the start node. single: the value is one object, not a list.
    """

    text: str
    batch: Batch
    parameters: tuple[str, ...]
    lists: tuple[ListPage, ...]
    shape: Node | Connection
    keys: PersonalKeys
    keyed: bool
    paged: bool
    single: bool


class _Projection:
    """The columns of one list, each once. depth: of its node; named: a relationship led to it that can be read."""

    def __init__(self, depth: int, *, named: bool = False) -> None:
        self.depth = depth
        self.variable = f"a{depth}"
        self.edge = f"r{depth}" if named else ""
        self.edge_read = False
        self.columns: dict[Column, int] = {}

    def below(self, place: Any) -> _Projection:
        """Begin the list of the nodes at the other end of a relation or of an own pattern."""
        return _Projection(self.depth + 1, named=isinstance(place, Relation))

    def place(self, column: Column) -> int:
        return self.columns.setdefault(column, len(self.columns))

    @property
    def kept(self) -> Columns:
        return tuple(self.columns)


_Deeper: TypeAlias = "list[tuple[int, bool, PersonalKeys]]"


class _Compiler:
    """Compiles one root field; collects parameters and bounds as they come."""

    def __init__(self, tables: Tables, scopes: frozenset[str]) -> None:
        self.tables = tables
        self.scopes = scopes
        self.parameters: dict[str, None] = {}
        self.lists: dict[ListPage, None] = {}

    def guard(self, label: str, variable: str) -> Guard:
        """Give what guards a node of `label` from this caller."""
        found = guard(self.tables, self.scopes, label, variable)
        self.parameters.update(dict.fromkeys(found.parameters))
        return found

    def node(
        self, children: Sequence[Selected], projection: _Projection, label: str, *, abstract: str | None
    ) -> tuple[Node, PersonalKeys]:
        """Project one node: each stored field a place, nested nodes as lists of their own.

        The columns stand in the order of the type, so that documents that ask for one set of fields, in whatever order
        and under whatever names, share a statement; the members stand in the order of the answer.
        """
        keys = (projection.place(f"{projection.variable}.{PERSONAL_KEYS[label]}"),) if label in PERSONAL_KEYS else ()
        cells: dict[str, Cell] = {}
        found: dict[str, _Deeper] = {}
        for child in sorted(children, key=_order):
            if child.entry is None:
                cells[child.response] = _type_name(child)
            else:
                below = found[child.response] = []
                cells[child.response] = self.member(child, child.entry, projection, below)
        members = tuple([(child.response, cells[child.response]) for child in children])
        deeper = tuple([one for child in children for one in found.get(child.response, ())])
        return Node(members, abstract), PersonalKeys(keys, deeper)

    def member(self, child: Selected, entry: FieldEntry, projection: _Projection, below: _Deeper) -> Cell:
        place = entry.declaration.place
        if child.refused:
            return ABSENT
        if isinstance(place, Property):
            return leaf_at(projection.place(f"{projection.variable}.{place.name}"), entry.field.type)
        if isinstance(place, EdgeProperty):
            return leaf_at(projection.place(self.edge_property(place, projection)), entry.field.type)
        if isinstance(place, Computed):
            return self.needed(place, projection, below)
        if isinstance(place, Expression) and place.target is None:
            return leaf_at(projection.place(self.expression(place, projection.variable)), entry.field.type)
        return self.nested(child, entry, projection, below)

    def needed(self, place: Computed, projection: _Projection, below: _Deeper) -> Source:
        """Project what a resolver needs: properties of the node, and the nodes that it gathers."""
        members: list[tuple[str, Cell]] = [
            (name, leaf_at(projection.place(f"{projection.variable}.{name}"), None)) for name in place.needs
        ]
        members += [(one.name, self.gathered(one, projection, below)) for one in place.gathers]
        return Source(Node(tuple(members)))

    def gathered(self, gather: Gather, projection: _Projection, below: _Deeper) -> Cell:
        place: Any = gather.place
        if gather.optional and not RULES[rule_of_type(place.target)].open_to(self.scopes):
            return ABSENT
        inner, deeper = projection.below(place), list[tuple[int, bool, PersonalKeys]]()
        members: list[tuple[str, Cell]] = [
            (name, leaf_at(inner.place(f"{inner.variable}.{name}"), None)) for name in gather.properties
        ]
        members += [
            (name, leaf_at(inner.place(self.edge_property(EdgeProperty(name), inner)), None)) for name in gather.edge
        ]
        members += [(one.name, self.gathered(one, inner, deeper)) for one in gather.gathers]
        keys = (
            (inner.place(f"{inner.variable}.{PERSONAL_KEYS[place.target]}"),) if place.target in PERSONAL_KEYS else ()
        )
        pattern = self.pattern(place, projection.variable, inner)
        position = projection.place(self.collected(place, pattern, self.guard(place.target, inner.variable), inner))
        if keys or deeper:
            below.append((position, True, PersonalKeys(keys, tuple(deeper))))
        return Nested(position, Node(tuple(members)), many=True, nullable=False)

    def edge_property(self, place: EdgeProperty, projection: _Projection) -> str:
        if not projection.edge:
            return "null"
        projection.edge_read = True
        return f"{projection.edge}.{place.name}"

    def expression(self, place: Expression, variable: str, target: str = "") -> str:
        self.parameters.update(dict.fromkeys(place.parameters))
        return expression_text(place, variable, target)

    def nested(self, child: Selected, entry: FieldEntry, projection: _Projection, below: _Deeper) -> Nested:
        """Project the nodes at the other end of a relation or of an own pattern."""
        place: Any = entry.declaration.place
        inner = projection.below(place)
        node, keys = self.node(child.children, inner, place.target, abstract=entry.target if entry.abstract else None)
        pattern = self.pattern(place, projection.variable, inner)
        guarded = self.guard(place.target, inner.variable)
        if isinstance(place, Relation) and not place.many:
            column = Below(f"head([{pattern}{guarded.where} | ", inner.kept, "])", many=False)
        else:
            column = self.collected(place, pattern, guarded, inner)
        position = projection.place(column)
        if keys.keys or keys.below:
            below.append((position, place.many, keys))
        return Nested(position, node, many=place.many, nullable=entry.nullable)

    def collected(self, place: Relation | Expression, pattern: str, guarded: Guard, inner: _Projection) -> Below:
        limit = place.page if place.many else 1
        page = ListPage(parameter=f"p{limit}", page=limit)  # by its value: the text of one list is always the same
        self.lists[page] = None
        # An own pattern may hold a WHERE of its own, so its conditions stand behind a WITH.
        between = f" WITH {inner.variable}" if guarded.conditions and isinstance(place, Expression) else ""
        order = f" ORDER BY {inner.variable}.{place.order}" if place.order else ""
        opening, closing = (
            f"COLLECT {{ MATCH {pattern}{between}{guarded.where} RETURN ",
            f"{order} LIMIT ${page.parameter} }}",
        )
        if place.many:
            return Below(opening, inner.kept, closing, many=True)
        return Below(f"head({opening}", inner.kept, f"{closing})", many=False)

    def pattern(self, place: Relation | Expression, source: str, inner: _Projection) -> str:
        if isinstance(place, Expression):
            return self.expression(place, source, inner.variable)
        return f"({source}){arrow(place, inner.edge if inner.edge_read else '')}({inner.variable}:{place.target})"


def compile_root(tables: Tables, root: Selected, entry: FieldEntry, scopes: frozenset[str]) -> CompiledRoot:
    """Compile one stored root field for a caller with these scopes."""
    start: Any = entry.declaration.place
    compiler = _Compiler(tables, scopes)
    label = start_label(start)
    paged = isinstance(start, PageStart) or start.page
    first = _Projection(0)
    via = start.via if isinstance(start, KeyStart) else None
    rows = first.below(via) if via else first
    order = start.key if isinstance(start, PageStart) else (via.order if via else None)
    shape, keys = _root_shape(compiler, root, entry, rows, label, order if paged else None)
    opening = opening_of(tables, entry, scopes, (first.variable, rows.variable, rows.edge if rows.edge_read else ""))
    columns, many = rows.kept, order is not None
    bounds = (*([FIRST] if many else ()), *[one.parameter for one in compiler.lists])
    return CompiledRoot(
        text="\n".join([*opening.alone, f"RETURN collect({columns_text(columns)}) AS r"]),
        batch=rows_batch(opening.many, columns, bounds, scopes),
        parameters=tuple(dict.fromkeys((*compiler.parameters, *opening.parameters))),
        lists=tuple(compiler.lists),
        shape=shape,
        keys=keys,
        keyed=isinstance(start, KeyStart),
        paged=many,
        single=not many,
    )


def _root_shape(
    compiler: _Compiler, root: Selected, entry: FieldEntry, rows: _Projection, label: str, order: str | None
) -> tuple[Node | Connection, PersonalKeys]:
    if order is None:
        return compiler.node(root.children, rows, label, abstract=entry.target if entry.abstract else None)
    found: list[PersonalKeys] = []
    members: list[tuple[str, Edges | PageFacts | TypeName]] = []
    for wrapper in root.children:
        if wrapper.entry is None:
            members.append((wrapper.response, _type_name(wrapper)))
        elif wrapper.entry.name == "pageInfo":
            members.append((wrapper.response, _page_facts(wrapper)))
        else:
            members.append((wrapper.response, _edges(compiler, wrapper, rows, label, found)))
    if label in PERSONAL_KEYS and not found:
        found.append(compiler.node((), rows, label, abstract=None)[1])
    place = rows.place(f"{rows.variable}.{order}") if any(_reads_cursors(member) for _, member in members) else None
    return Connection(tuple(members), place), _all_keys(found)


def _page_facts(wrapper: Selected) -> PageFacts:
    facts = ((fact.response, fact.entry.name if fact.entry else _type_name(fact)) for fact in wrapper.children)
    return PageFacts(tuple(facts))


def _edges(compiler: _Compiler, wrapper: Selected, rows: _Projection, label: str, found: list[PersonalKeys]) -> Edges:
    members: list[tuple[str, Node | TypeName | None]] = []
    for inner in wrapper.children:
        if inner.entry is None:
            members.append((inner.response, _type_name(inner)))
        elif inner.entry.name == "cursor":
            members.append((inner.response, None))
        else:
            abstract = inner.entry.target if inner.entry.abstract else None
            node, keys = compiler.node(inner.children, rows, label, abstract=abstract)
            found.append(keys)
            members.append((inner.response, node))
    return Edges(tuple(members))


def _reads_cursors(member: Edges | PageFacts | TypeName) -> bool:
    if isinstance(member, Edges):
        return any(cell is None for _, cell in member.members)
    return isinstance(member, PageFacts) and not _CURSORS.isdisjoint(fact for _, fact in member.members)


def _order(child: Selected) -> int:
    return -1 if child.entry is None else child.entry.order


def _type_name(child: Selected) -> TypeName:
    return TypeName(child.path[-1][0])


def _all_keys(found: list[PersonalKeys]) -> PersonalKeys:
    keys = tuple(dict.fromkeys(place for each in found for place in each.keys))
    return PersonalKeys(keys, tuple(one for each in found for one in each.below))
