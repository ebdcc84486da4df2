"""The rights matrix: role x county (or holder) x every field of the API x operation, each cell tried; 0 wrong grants.

What is expected stands in `tests.rights_table`, written by hand; a field without a cell, a root field or a list of
licenses or cases without a place fails here. Each place asks all fields that the table grants in one document, and all
that it refuses in another, against the embedded engine.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

import pytest
from graphql import GraphQLObjectType, get_named_type

from hub.graph.constraints import apply_constraints
from hub.graph.driver import BoltDriver, BoltGraph, Unit
from hub.graph.embedded import ArcadeEngine
from hub.graph.predicates import PERSONAL_KEYS
from hub.graph.tables import build_tables
from hub.graphql.execution import Answer, Execution, GraphQLRequest, refusal_error
from hub.graphql.masking import field_error
from hub.graphql.streams import StreamEnded, Streams
from schema.assembly import build_schema
from schema.context import Context, Statement
from schema.inspection import walk
from schema.mapping import Computed, Expression, KeyStart, Relation
from tests.graph_world import fill_world
from tests.graphs import PATIENT, empty
from tests.rights_places import BESIDE, CALLERS, PLACES, Caller, Place, context_of, document
from tests.rights_table import GRANTED, ROWS

SCHEMA: Final = build_schema()
TABLES: Final = build_tables(SCHEMA)
CELLS: Final = {
    (type_name, field): letters
    for type_name, row in GRANTED.items()
    for letters, fields in row.items()
    for field in fields.split()
}
WAYS: Final = {place: place.way(TABLES.schema) for place in PLACES}


@dataclass(slots=True)
class CountingGraph:
    """The real graph, once there is one, and how often it was asked."""

    graph: BoltGraph | None = None
    asked: int = 0

    async def read(self, statement: Statement) -> Any:
        """Ask on."""
        assert self.graph is not None
        self.asked += 1
        return await self.graph.read(statement)


GRAPH: Final = CountingGraph()
EXECUTION: Final = Execution(SCHEMA, GRAPH)  # one keeps the plans of all callers


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One answer. errors: (field, code) of each; here: the objects at the place; body: all of it but identifiers."""

    errors: set[tuple[str, str]]
    here: list[dict[str, Any]]
    body: tuple[Any, ...]
    asked: int


def _objects(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, list):
        return [found for one in value for found in _objects(one)]
    if not isinstance(value, dict):
        return []
    inner = [found for one in value.values() for found in _objects(one)]
    return [value, *inner] if "here" in value else inner


async def _answer(request: GraphQLRequest, context: Context, operation: str) -> Answer:
    """Give the answer; of a subscription the first, or an empty one when none comes."""
    if operation != "subscription":
        return await EXECUTION.run(request, context)
    if refusals := EXECUTION.prepare(request, context).plan.refusals:
        with pytest.raises(StreamEnded):
            Streams(EXECUTION).open(request, context, lambda: None)
        return Answer(data=None, errors=[refusal_error(one) for one in refusals], personal=True)
    async with aclosing(Streams(EXECUTION).open(request, context, lambda: None)) as stream:
        async for item in stream:
            if item is not None:
                return item.answer
    return Answer(data=None, errors=(), personal=True)


async def _see(place: Place, caller: Caller, fields: list[str], *, nowhere: bool = False) -> Seen:
    before = GRAPH.asked
    text = document(place, WAYS[place][1], fields, nowhere=nowhere)
    answer = await _answer(GraphQLRequest(query=text), context_of(place, caller), place.operation)
    codes = [field_error(error, "r")["extensions"]["code"] for error in answer.errors]
    names = [error.nodes[0].name.value for error in answer.errors if error.nodes]  # type: ignore[attr-defined]
    return Seen(
        errors=set(zip(names, codes, strict=True)),
        here=_objects(answer.data),
        body=(answer.data, codes, [(error.message, error.path) for error in answer.errors]),
        asked=GRAPH.asked - before,
    )


def _callers(place: Place) -> list[Caller]:
    """Give all callers; where nobody is refused and no row is cut, one of each role."""
    if place.rows != "public":
        return list(CALLERS)
    return list({caller.letter: caller for caller in CALLERS}.values())


def _sees(place: Place, caller: Caller) -> bool:
    return any(caller.letter in letters and caller.place in places for letters, places in ROWS[place.rows].items())


async def _wrong_at(place: Place, caller: Caller) -> list[str]:
    """Try every cell of one place for one caller, and say what is not as the tables have it."""
    (way, named), code = WAYS[place], "token_required" if caller.letter == "-" else "forbidden"
    fields = list(named.fields)
    closed = [name for type_name, name in way if caller.letter not in CELLS[type_name, name]]
    if closed:
        seen = await _see(place, caller, fields)
        right = seen.errors == {(closed[0], code)} and not seen.here and (closed[0] != way[0][1] or not seen.asked)
        return [] if right else [f"{place.path} as {caller.letter}{caller.place}: {closed[0]} is not refused: {seen}"]
    granted = [name for name in fields if caller.letter in CELLS[named.name, name]]
    refused = [name for name in fields if name not in granted]
    seen = await _see(place, caller, granted)
    if place.bound and caller.letter == "O" and caller.place != "1":
        right = seen.errors == {(way[0][1], "forbidden")} and not seen.here and not seen.asked
    else:
        right = not seen.errors and bool(seen.here) == _sees(place, caller)
        right = right and all(set(granted) <= one.keys() for one in seen.here)
    wrong = [] if right else [f"{place.path} as {caller.letter}{caller.place}: {seen}"]
    if place.personal and not seen.here and not {"accessRecords", "cases", "objections"} & {name for _, name in way}:
        absent = await _see(place, caller, granted, nowhere=True)
        wrong += [] if absent.body == seen.body else [f"{place.path} as {caller.letter}{caller.place}: not as absent"]
    if refused and not seen.errors:
        wrong += await _wrong_refusals(place, caller, refused, code)
    return wrong


async def _wrong_refusals(place: Place, caller: Caller, refused: list[str], code: str) -> list[str]:
    seen = await _see(place, caller, refused)
    shown = [name for one in seen.here for name in refused if one.get(name) is not None]
    right = seen.errors == {(name, code) for name in refused} and not shown
    return [] if right else [f"{place.path} as {caller.letter}{caller.place}: {refused} are not refused: {seen}"]


async def test_every_cell_is_granted_or_refused_as_the_tables_say(arcade: ArcadeEngine) -> None:
    async with BoltDriver(arcade, deadlines=PATIENT) as driver:
        await empty(driver)
        await apply_constraints(driver)
        await fill_world(driver)
        await driver.write(Unit(steps=BESIDE))
        GRAPH.graph = BoltGraph(driver)
        wrong = [line for place in PLACES for caller in _callers(place) for line in await _wrong_at(place, caller)]
    assert not wrong, "\n".join(wrong)
    assert GRAPH.asked > len(PLACES)


def test_every_field_has_a_cell_and_every_cell_a_field() -> None:
    assert sorted(CELLS) == sorted((field.type_name, field.name) for field in walk(SCHEMA))


def test_no_field_has_two_cells() -> None:
    named = [
        (type_name, field) for type_name, row in GRANTED.items() for text in row.values() for field in text.split()
    ]
    assert len(named) == len(CELLS)


def test_every_type_and_every_root_field_has_a_place() -> None:
    roots = {way[0] for way, _ in WAYS.values()}
    assert roots == {(name, field) for name, field in CELLS if name in {"Query", "Mutation", "Subscription"}}
    ends = {named.name for _, named in WAYS.values()} | {type_name for way, _ in WAYS.values() for type_name, _ in way}
    assert sorted(ends) == sorted(GRANTED)


def _labels(place: Any) -> set[str | None]:
    """Give the labels whose nodes enter an answer at a place."""
    if isinstance(place, KeyStart):
        return {place.via.target if place.via else place.label}
    if isinstance(place, Computed):
        return {one.place.target for one in place.all_gathers()}
    return {place.target} if isinstance(place, Relation | Expression) else set()


def test_every_way_to_a_persons_record_has_a_place() -> None:
    """Wherever a license or a case can enter an answer, its row rule is tried."""
    tried = {step for way, _ in WAYS.values() for step in way}
    for entry in TABLES.entries.values():
        if not PERSONAL_KEYS.keys().isdisjoint(_labels(entry.declaration.place)):
            assert (entry.type_name, entry.name) in tried, entry.coordinate


@pytest.mark.parametrize("named", [n for n in TABLES.schema.type_map.values() if n.name.endswith("Connection")])
def test_no_list_says_how_many_rows_it_has(named: Any) -> None:
    """A count over what may not be seen would be a grant, too."""
    assert isinstance(named, GraphQLObjectType)
    assert sorted(named.fields) == ["edges", "pageInfo"]
    assert sorted(get_named_type(named.fields["pageInfo"].type).fields) == [
        "endCursor", "hasNextPage", "hasPreviousPage", "startCursor",
    ]  # fmt: skip
