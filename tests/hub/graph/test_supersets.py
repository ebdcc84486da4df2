"""Supersets: who goes together, who never does, and that everybody gets what he would get alone."""

from __future__ import annotations

import ast
import asyncio
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from hub.graph import supersets
from hub.graph.batches import ASKERS, NUMBER, rows_batch
from hub.graph.columns import Columns, narrowed
from hub.graph.driver import BoltDriver, BoltGraph
from hub.graph.engine import Engine
from hub.graph.lanes import LaneLimits, Lanes
from hub.graph.supersets import Superset, Supersets
from schema.context import Statement
from tests.compiled_documents import SCOPES, VARIABLES, bound
from tests.graph_world import HOLDERS
from tests.graphs import PATIENT

_MIX: Final = sorted((Path(__file__).parents[3] / "loadtests" / "operations" / "mix").glob("*.graphql"))
_MATTERS: Final = ("000101002000", "000707003000", "999999")
_ALL: Final = frozenset({"license.read"})


def look_up(*names: str, scopes: frozenset[str] = _ALL, first: int = 21) -> Statement:
    """Make a read of some columns."""
    columns: Columns = tuple(f"a1.{name}" for name in names)
    batch = rows_batch(["MATCH (a1:L {key: $k0}) WITH k, a1 LIMIT $f0"], columns, ("f0",), scopes)
    return Statement(text=f"RETURN {columns}", parameters={"k0": "x", "f0": first}, batch=batch)


def asked(kept: Supersets, one: Statement, times: int = 1) -> Superset | None:
    for _ in range(times - 1):
        kept.of(one)
    return kept.of(one)


def test_shapes_that_are_asked_often_go_together() -> None:
    kept, status, name = Supersets(often=3), look_up("status"), look_up("name", "status")
    assert (asked(kept, status, 9), asked(kept, name, 2)) == (None, None)
    wide = asked(kept, name)
    assert wide is not None
    assert wide is kept.of(status) is kept.of(name)
    assert wide.text.count("a1.status") == wide.text.count("a1.name") == 1
    assert asked(kept, look_up("rare")) is None


def test_other_scopes_are_another_family_and_no_family_is_alone() -> None:
    """A column that one of them may not see never stands in the statement of the other."""
    kept = Supersets(often=1)
    own = frozenset({"license.read.own"})
    assert asked(kept, look_up("status"), 9) is None
    assert asked(kept, look_up("secret", scopes=own), 9) is None
    assert asked(kept, Statement(text="RETURN 1 AS r", parameters={}), 9) is None


_CASE: Final = 'query($number: CaseNumber!) { case(caseNumber: $number, useCause: "counter") { %s } }'


def test_who_sends_other_values_is_another_family() -> None:
    """The basis of a case's licenses: a reader without one would read them all, for null keeps no row back."""
    kept = Supersets(often=1)
    for fields in ("stage", "mode", "stage uses { status }", "uses { certificateIdentifier }"):
        asked(kept, bound(_CASE % fields, VARIABLES["case"], "all")[0])
    wide = {fields: asked(kept, bound(_CASE % fields, VARIABLES["case"], "all")[0]) for fields in ("mode", "stage")}
    assert [one is not None and "basis_holder" in one.text for one in wide.values()] == [False, False]
    licenses = asked(kept, bound(_CASE % "stage uses { status }", VARIABLES["case"], "all")[0])
    assert licenses is not None
    assert "k.basis_holder IS NULL" in licenses.text


def test_one_relation_under_two_names_inside_a_list() -> None:
    """Whatever one document asks twice, the others of its family get their answers."""
    kept, query = Supersets(often=1), "query($code: String!) { matter(code: $code) { %s } }"
    fields = ("offerings { a: county { code } b: county { name } }", "name offerings { county { level } }")
    found = [asked(kept, bound(query % each, {"code": "000101002000"}, "all")[0]) for each in fields]
    assert found[0] is None
    assert found[1] is not None
    assert found[1].text.count(":Jurisdiction") == 1


def test_what_is_not_asked_any_more_leaves() -> None:
    kept, status, name, old = Supersets(often=2), look_up("status"), look_up("name"), look_up("old")
    for one in (status, name, old):
        asked(kept, one, 2)
    wide = kept.of(status)
    assert wide is not None
    assert "a1.old" in wide.text
    for _ in range(10_000):
        kept.of(status), kept.of(name)
    later = kept.of(name)
    assert later is not None
    assert ("a1.old" in later.text, kept.of(old)) == (False, None)


def test_what_is_too_wide_stays_alone() -> None:
    kept = Supersets(often=1)
    wide = look_up(*(f"c{number}" for number in range(70)))
    asked(kept, look_up("status")), asked(kept, look_up("name"))
    assert (asked(kept, wide, 9), asked(kept, look_up("status")) is None) == (None, False)


@dataclass
class ColumnGraph:
    """A graph whose row holds the texts of its columns. Statements wait for `gate`."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self, statement: Statement) -> Any:
        await self.gate.wait()
        if ASKERS not in statement.parameters:
            return [list(ast.literal_eval(statement.text.removeprefix("RETURN ")))]
        columns = statement.text.partition("collect([")[2].partition("])")[0].split(", ")
        return [[asker[NUMBER], [columns]] for asker in statement.parameters[ASKERS]]


async def test_a_superset_that_is_one_of_its_shapes_keeps_the_others_apart() -> None:
    """Its text is that shape's own, for which readers may wait that came before the superset."""
    graph, both, status = ColumnGraph(), look_up("name", "status"), look_up("status")
    lanes = Lanes(graph, limits=LaneLimits(often=2))
    asked = [both, both, status, status, both, status, both]
    tasks = [asyncio.create_task(lanes.read(one)) for one in asked]
    await asyncio.sleep(0)
    graph.gate.set()
    assert await asyncio.gather(*tasks) == [[list(ast.literal_eval(one.text[7:]))] for one in asked]


def _look_ups() -> list[Statement]:
    """The ten documents of the mix, for every holder or matter, by callers with and without a row rule."""
    found = []
    for path in _MIX:
        text = path.read_text("utf-8")
        holders = [{"holder": {"certificateHolderTypeCode": "001", "certificateHolderCode": code}} for code in HOLDERS]
        values: list[dict[str, Any]] = [each | {"useCause": "counter"} for each in holders]
        for given in [{"code": code} for code in _MATTERS] if path.stem.startswith("m") else values:
            found += [one for caller in SCOPES for one in bound(text, given, caller)]
    random.Random(6).shuffle(found)
    return found


async def _through_lanes(graph: BoltGraph, statements: list[Statement]) -> list[Any]:
    lanes = Lanes(graph, limits=LaneLimits(often=1, wait_s=PATIENT.read_s))
    await asyncio.gather(*(lanes.read(one) for one in statements))
    before = graph.statements
    found = await asyncio.gather(*(lanes.read(one) for one in statements))
    assert graph.statements - before < len(statements) / 4
    return found


async def test_everybody_gets_what_he_gets_alone(world: Engine) -> None:
    statements = _look_ups()
    async with BoltDriver(world, deadlines=PATIENT) as driver:
        graph = BoltGraph(driver)
        alone = [await graph.read(one) for one in statements]
        assert await _through_lanes(graph, statements) == alone
    assert len({str(rows) for rows in alone}) > len(_MIX)


async def test_a_wrong_column_is_found(world: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison above can fail: a bug planted in what makes rows narrow."""

    def planted(wide: Columns, own: Columns) -> Any:
        narrow = narrowed(wide, own)
        return None if narrow is None else lambda row: narrow([row[-1], *row[1:]])

    monkeypatch.setattr(supersets, "narrowed", planted)
    statements = _look_ups()
    async with BoltDriver(world, deadlines=PATIENT) as driver:
        graph = BoltGraph(driver)
        alone = [await graph.read(one) for one in statements]
        assert await _through_lanes(graph, statements) != alone
