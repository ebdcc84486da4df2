"""BoltDriver on both engines: reads, units, guards, time limits, and the three kinds of error."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from neo4j.exceptions import ClientError, ConstraintError, Neo4jError, ServiceUnavailable, TransientError

from hub.graph.driver import BoltDriver, BoltGraph, Deadlines, Step, Unit
from hub.graph.engine import Engine
from hub.graph.failures import kind_of, timed_out
from ledger.errors import Conflict, Malformed, Unavailable
from schema.context import Statement
from tests.graphs import FOREVER, PATIENT, PlacedEngine

_MAKE = "UNWIND $codes AS code MERGE (m:Matter {code: code})"
_COUNT = "MATCH (m:Matter) RETURN count(m)"
_CLAIM = "MATCH (c:Cursor {id: $id}) SET c.lock = true WITH c WHERE c.at = $from SET c.at = $to RETURN c.at"


def _make(*codes: str | None) -> Step:
    return Step(text=_MAKE, parameters={"codes": list(codes)})


def _claim(start: int, end: int) -> Step:
    return Step(text=_CLAIM, parameters={"id": "test", "from": start, "to": end})


async def _cursor(driver: BoltDriver) -> None:
    made = Step(text="MERGE (c:Cursor {id: 'test'}) ON CREATE SET c.at = 0", parameters={})
    await driver.write(Unit(steps=[made]))


async def test_a_read_gives_the_value_of_its_single_record(driver: BoltDriver) -> None:
    graph = BoltGraph(driver)
    assert await graph.read(Statement(text="RETURN [1, 'a', null, $x] AS r", parameters={"x": "中"})) == [
        1,
        "a",
        None,
        "中",
    ]
    assert graph.statements == 1


async def test_a_read_with_two_records_is_refused(driver: BoltDriver) -> None:
    with pytest.raises(Unavailable, match=r"^graph_unavailable: "):
        await driver.read(Statement(text="UNWIND [1, 2] AS r RETURN r", parameters={}))


async def test_a_unit_is_one_transaction(driver: BoltDriver) -> None:
    wrong = Step(text="MATCH (m:Matter {code: 'a'}) SET m.x = 1 / 0", parameters={})
    with pytest.raises(Malformed, match=r"^bad_row: "):
        await driver.write(Unit(steps=[_make("a", "b"), wrong]))
    assert await driver.rows(_COUNT) == [[0]]
    assert not driver.engine.fenced


async def test_a_guard_without_a_row_lets_nothing_happen(driver: BoltDriver) -> None:
    await _cursor(driver)
    unit = Unit(guard=_claim(0, 1), steps=[_make("a")])
    assert [await driver.write(unit), await driver.write(unit)] == [True, False]
    other = Unit(guard=_claim(0, 1), steps=[_make("b")])
    assert not await driver.write(other)
    assert await driver.rows("MATCH (m:Matter) RETURN m.code") == [["a"]]


async def test_one_of_eight_racing_units_wins_each_step(driver: BoltDriver) -> None:
    await _cursor(driver)
    for at in range(5):
        units = [Unit(guard=_claim(at, at + 1), steps=[_make(f"{at}-{racer}")]) for racer in range(8)]
        assert sum(await asyncio.gather(*map(driver.write, units))) == 1
    assert await driver.rows(_COUNT) == [[5]]


async def test_merges_of_one_key_by_eight_writers_all_succeed(driver: BoltDriver) -> None:
    units = [Unit(steps=[_make(*(f"m{n}" for n in range(50)))]) for _ in range(8)]
    assert all(await asyncio.gather(*map(driver.write, units)))
    assert await driver.rows(_COUNT) == [[50]]


async def test_a_taken_key_is_a_conflict_and_no_fence(driver: BoltDriver) -> None:
    twice = Step(text="CREATE (:Matter {code: 'a'}), (:Matter {code: 'a'})", parameters={})
    with pytest.raises(Conflict, match=r"^already_exists: "):
        await driver.write(Unit(steps=[twice]))
    assert await driver.rows(_COUNT) == [[0]]
    assert not driver.engine.fenced


async def test_bad_syntax_blames_the_statement_and_not_the_engine(driver: BoltDriver) -> None:
    with pytest.raises(Malformed, match=r"^bad_row: .*Neo\.ClientError\.Statement\.\w+$"):
        await driver.write(Unit(steps=[Step(text="MERGE (", parameters={})]))
    assert not driver.engine.fenced


async def test_a_read_ends_at_its_deadline(engine: Engine) -> None:
    async with (
        BoltDriver(engine, deadlines=Deadlines(read_s=0.3)) as short,
        BoltDriver(engine, deadlines=PATIENT) as driver,
    ):
        with pytest.raises(Unavailable, match=r"^deadline: "):
            await short.rows(FOREVER)
        assert await driver.rows("RETURN 1") == [[1]]


async def test_a_write_that_meets_its_time_limit_does_not_fence(engine: Engine) -> None:
    async with BoltDriver(engine, deadlines=Deadlines(write_s=0.3)) as driver:
        with pytest.raises(Unavailable, match=r"^deadline: "):
            await driver.write(Unit(steps=[Step(text=FOREVER, parameters={})]))
        assert not engine.fenced


async def test_a_cancelled_write_is_all_or_nothing(driver: BoltDriver) -> None:
    for tries in range(10):
        await _cursor(driver)
        codes = [f"{tries}-{n}" for n in range(200)]
        task = asyncio.create_task(driver.write(Unit(steps=[_make(*codes)])))
        await asyncio.sleep(tries * 0.006)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        count = "MATCH (m:Matter) WHERE m.code STARTS WITH $prefix RETURN count(m)"
        assert (await driver.rows(count, {"prefix": f"{tries}-"}))[0][0] in {0, 200}


async def test_nothing_is_sent_while_the_engine_is_fenced(driver: BoltDriver, fence: list[str]) -> None:
    driver.engine.fence("Neo.ClientError.Transaction.TransactionNotFound")
    with pytest.raises(Unavailable, match=r"^graph_unavailable: the graph is fenced: .*TransactionNotFound$"):
        await driver.write(Unit(steps=[_make("a")]))
    assert await driver.rows(_COUNT) == [[0]]


@pytest.fixture
async def fence(engine: Engine) -> AsyncIterator[list[str]]:
    """Lift the fence that a test puts up, as a restart would."""
    yield []
    await engine.stop()
    await engine.start()


def _coded(kind: type[Neo4jError], code: str) -> Neo4jError:
    error = kind("text is never read")
    error._neo4j_code = code
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (_coded(ConstraintError, "Neo.ClientError.Schema.ConstraintValidationFailed"), "constraint"),
        (_coded(TransientError, "Neo.TransientError.Transaction.DeadlockDetected"), "transient"),
        (ServiceUnavailable("gone"), "transient"),
        (ConnectionResetError(), "transient"),
        (_coded(ClientError, "Neo.ClientError.Transaction.TransactionNotFound"), "other"),
        (_coded(ClientError, "Neo.ClientError.Statement.SyntaxError"), "other"),
    ],
)
def test_errors_come_in_three_kinds(error: Exception, kind: str) -> None:
    assert kind_of(error) == kind


def test_both_engines_time_limits_are_told_by_code() -> None:
    limits = ("TransactionTimedOut", "TransactionTimedOutClientConfiguration")
    assert all(timed_out(_coded(ClientError, f"Neo.ClientError.Transaction.{name}")) for name in limits)
    assert not timed_out(_coded(ClientError, "Neo.ClientError.Transaction.TransactionNotFound"))


async def test_an_engine_that_is_away_is_unavailable_and_not_fenced() -> None:
    engine = PlacedEngine()
    async with BoltDriver(engine, deadlines=Deadlines(read_s=0.3, write_s=0.3)) as driver:
        with pytest.raises(Unavailable):
            await driver.rows("RETURN 1")
        with pytest.raises(Unavailable):
            await driver.write(Unit(steps=[_make("a")]))
    assert not engine.fenced


def test_writes_are_managed_transactions_only() -> None:
    """A statement that is run outside of one is not atomic on ArcadeDB: only reads and readiness may be auto-commit."""
    graph = Path(__file__).parents[3] / "hub" / "graph"
    found = {
        (file.name, line.strip())
        for file in graph.glob("*.py")
        for line in file.read_text("utf-8").splitlines()
        if "session.run(" in line or "begin_transaction" in line or "execute_query" in line
    }
    assert found == {
        ("driver.py", "result = await session.run(text, dict(parameters))"),
        ("engine.py", 'await (await session.run("RETURN 1")).consume()'),
    }
