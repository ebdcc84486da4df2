"""The form for many askers: on both engines, each asker gets what the single form gives him alone."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from hub.graph.batches import ASKERS, NUMBER, batch_of
from hub.graph.driver import BoltDriver, BoltGraph
from hub.graph.embedded import ArcadeEngine
from hub.graph.engine import Engine
from hub.graph.lanes import Lanes
from schema.context import Statement
from tests.compiled_documents import DOCUMENTS, SCOPES, statements
from tests.graph_world import HOLDERS, LICENSES
from tests.graphs import PATIENT
from tests.lane_graphs import division

_KEYS: Final = ("nothing", *HOLDERS.values(), *(one["certificateIdentifier"] for one in LICENSES))
_OTHERS: Final[Mapping[str, tuple[Any, ...]]] = {
    "k0": _KEYS,
    "c0": ("", LICENSES[1]["certificateIdentifier"], "~"),
    "basis_holder": (None, *HOLDERS.values()),
    "caller_county": ("370214", "220103", "999999"),
    "caller_holder": (None, *HOLDERS.values()),
    "holder_key": ("nothing", *HOLDERS.values()),
    "now": ("2026-06-01T09:00:00.000Z", "2026-07-02T00:00:00.000Z"),
    "today": ("2025-06-01", "2026-06-01", "2027-02-01"),
}
"""Values that askers of one statement may differ in: those of the row rules, and absent keys among the keys."""


def askers(one: Statement, count: int) -> list[dict[str, Any]]:
    """Draw the values of several askers of one statement, the first of them its own; the same in every run."""
    assert one.batch is not None
    own = {name: value for name, value in one.parameters.items() if name not in one.batch.shared}
    chance = random.Random(one.text)
    drawn = [
        {name: chance.choice((value, *_OTHERS.get(name, ()))) for name, value in own.items()} for _ in range(count - 1)
    ]
    return [own, *drawn]


def together(one: Statement, values: list[dict[str, Any]]) -> Statement:
    """Make the one statement of all of them."""
    assert one.batch is not None
    rows = [{NUMBER: number, **each} for number, each in enumerate(values)]
    return Statement(
        text=one.batch.text, parameters={ASKERS: rows, **{name: one.parameters[name] for name in one.batch.shared}}
    )


def test_the_form_reads_each_value_from_its_asker_and_the_bounds_from_all() -> None:
    lines = ["MATCH (a0:Matter {code: $k0})", "WHERE a0.on <= $today", "RETURN collect([a0.name][..$p0]) AS x"]
    assert batch_of(lines, ("p0",)).text == (
        "UNWIND $ks AS k\n"
        "CALL (k) {\n"
        "  MATCH (a0:Matter {code: k.k0})\n"
        "  WHERE a0.on <= k.today\n"
        "  RETURN collect([a0.name][..$p0]) AS x\n"
        "}\n"
        "RETURN collect([k.i0, x]) AS r"
    )


def test_the_start_stands_in_a_clause_of_its_own() -> None:
    """Else the embedded engine begins at the rows: it walks every license above the cursor, for each asker."""
    (wallet,) = statements("wallet", "all")
    assert wallet.batch is not None
    start, rows = wallet.batch.text.split("\n")[2:4]
    assert (start, rows) == ("  MATCH (a0:Holder {key: k.k0})", "  MATCH (a0)<-[:HELD_BY]-(a1:License)")


def test_every_statement_of_the_documents_has_the_form_and_its_bounds() -> None:
    for name in DOCUMENTS:
        for one in statements(name, "all"):
            assert (one.batch is None) is one.text.startswith(f"UNWIND ${ASKERS}")  # that of `_entities` is the form
            if one.batch is None:
                continue
            limits = {word[1:] for word in one.batch.text.split() if word.startswith("$") and word != f"${ASKERS}"}
            assert limits == set(one.batch.shared) <= set(one.parameters)


async def test_many_askers_get_what_each_gets_alone(world: Engine) -> None:
    """Subjects, bases, counties and days differ within one statement; absent keys give an empty list."""
    every = {one.text: one for name in DOCUMENTS for caller in SCOPES for one in statements(name, caller) if one.batch}
    apart = 0
    async with BoltDriver(world, deadlines=PATIENT) as driver:
        for one in every.values():
            values = askers(one, 6)
            alone = [
                await driver.read(Statement(text=one.text, parameters={**one.parameters, **each})) for each in values
            ]
            pairs = await driver.read(together(one, values))
            assert sorted(pairs, key=lambda pair: pair[0]) == [[number, rows] for number, rows in enumerate(alone)]
            apart += any(rows != alone[0] for rows in alone)
    assert apart > len(every) / 2


async def test_one_subject_read_by_two_consents_at_once_gives_each_reader_his_own_rows(world: Engine) -> None:
    """The second consent is another holder's: of the license that both hold, and of no other, there is a row."""
    (wallet,) = statements("wallet", "all")
    async with BoltDriver(world, deadlines=PATIENT) as driver:
        graph = BoltGraph(driver)
        lanes = Lanes(graph)
        bases = [*HOLDERS.values()] * 8
        found = await asyncio.gather(
            *(lanes.read(_by(wallet, basis_holder=holder)) for holder in bases),
            *(lanes.read(_by(wallet, k0="nothing", basis_holder=holder)) for holder in bases),
        )
    shown = [[row[0] for row in rows] for rows in found]
    first, second, third = (one["certificateIdentifier"] for one in LICENSES[:3])
    assert shown == [[first, second, third], [second]] * 8 + [[]] * 16
    assert (graph.statements, lanes.shared) == (1, 28)


def _by(one: Statement, **values: Any) -> Statement:
    return Statement(text=one.text, parameters={**one.parameters, **values}, batch=one.batch)


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[ArcadeEngine]:
    """Run an engine of the test's own, which it may kill."""
    engine = ArcadeEngine(tmp_path / "graph", memory_mb=256)
    await engine.start()
    yield engine
    await engine.stop()


@pytest.mark.engine
async def test_an_engine_killed_under_a_statement_fails_its_readers_and_serves_the_next(own: ArcadeEngine) -> None:
    async with BoltDriver(own, deadlines=PATIENT) as driver:
        graph = BoltGraph(driver)
        lanes = Lanes(graph)
        assert await lanes.read(division(5)) == [2]
        assert own.pid is not None
        os.kill(own.pid, signal.SIGSTOP)
        readers = [asyncio.create_task(lanes.read(division(value % 8 + 1))) for value in range(32)]
        async with asyncio.timeout(60):
            while graph.statements < 2:  # noqa: ASYNC110  # no event says it
                await asyncio.sleep(0.01)
        os.kill(own.pid, signal.SIGKILL)
        outcomes = await asyncio.gather(*readers, return_exceptions=True)
        assert {getattr(outcome, "code", None) for outcome in outcomes} == {"graph_unavailable"}
        assert graph.statements == 2
        await own.start()
        assert await asyncio.gather(*(lanes.read(division(value)) for value in (1, 2, 5))) == [[10], [5], [2]]
