"""The contract of a graph engine: every statement of the portable dialect is answered as written, on both engines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final, LiteralString, cast

import pytest
from _pytest.mark import ParameterSet
from neo4j import AsyncDriver, AsyncGraphDatabase, AsyncManagedTransaction, AsyncSession
from neo4j.exceptions import Neo4jError
from neo4j.graph import Node, Path, Relationship

from hub.graph.driver import BoltDriver
from hub.graph.engine import Engine
from tests.contracts.dialect.avoid_cases import AVOID
from tests.contracts.dialect.cases import Case, Failure, Race
from tests.contracts.dialect.error_cases import ERRORS
from tests.contracts.dialect.model_cases import MODEL
from tests.contracts.dialect.races import RACE_SETUP, RACES
from tests.contracts.dialect.read_cases import READS
from tests.contracts.dialect.schema_cases import SCHEMA
from tests.contracts.dialect.value_cases import STRINGS, TIMES, VALUES
from tests.contracts.dialect.write_cases import WRITES
from tests.graphs import PATIENT, empty

CASES: Final[list[Case]] = [*SCHEMA, *WRITES, *READS, *STRINGS, *VALUES, *TIMES, *ERRORS, *MODEL, *AVOID]


def paired(items: Sequence[Case] | Sequence[Race]) -> list[ParameterSet]:
    """Pair each case with each engine that it speaks of."""
    return [pytest.param(engine, item, id=f"{engine}-{item.name}") for item in items for engine in item.engines]


class Bench:
    """One engine under test, over the bare driver: the contract is about the engine, not about our driver."""

    def __init__(self, name: str, driver: AsyncDriver, database: str) -> None:
        self.name = name
        self.driver = driver
        self.database = database

    async def run(
        self, statement: str, params: Mapping[str, Any] | None = None, mode: str = "managed"
    ) -> list[list[Any]]:
        """Run one statement and give its rows."""
        text = cast("LiteralString", statement.replace("{database}", self.database))

        async def work(place: AsyncSession | AsyncManagedTransaction) -> list[list[Any]]:
            result = await place.run(text, dict(params or {}))
            return [[plain(value) for value in record.values()] async for record in result]

        async with self.driver.session(database=self.database) as session:
            match mode:
                case "auto":
                    return await work(session)
                case "read":
                    return await session.execute_read(work)
            return await session.execute_write(work)


@pytest.fixture
async def bench(engine: Engine, request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    """Give the bare driver over an empty graph."""
    async with AsyncGraphDatabase.driver(
        engine.uri, auth=engine.auth, notifications_min_severity="OFF", initial_retry_delay=0.02
    ) as driver:
        async with BoltDriver(engine, deadlines=PATIENT) as patient:
            await empty(patient)
        yield Bench(request.node.callspec.params["engine"], driver, engine.database)


def plain(value: Any) -> Any:
    """Turn a driver value into one that compares with `rows`."""
    match value:
        case Node():
            return {"labels": sorted(value.labels), "properties": dict(value.items())}
        case Relationship():
            return {"type": value.type, "properties": dict(value.items())}
        case Path():
            steps = zip(value.relationships, value.nodes[1:], strict=True)
            return [plain(value.nodes[0]), *(plain(part) for step in steps for part in step)]
        case dict():
            return {key: plain(item) for key, item in value.items()}
        case list():
            return [plain(item) for item in value]
    return value


def same(got: Any, want: Any) -> bool:
    """Compare with types: 1 is neither 1.0 nor True."""
    if type(got) is not type(want):
        return False
    if isinstance(got, dict):
        return got.keys() == want.keys() and all(same(got[key], want[key]) for key in got)
    if isinstance(got, list):
        return len(got) == len(want) and all(map(same, got, want))
    return bool(got == want)


async def answer(bench: Bench, case: Case) -> tuple[list[list[Any]] | None, Failure | None]:
    """Run one case; give the rows to compare and the failure."""
    got: list[list[Any]] | None = None
    failure: Failure | None = None
    for statement in case.setup:
        await bench.run(statement)
    try:
        got = await bench.run(case.statement, case.params, case.mode)
    except Neo4jError as error:
        failure = (type(error).__name__, str(error.code))
    return got if case.check is None else await bench.run(case.check), failure


@pytest.mark.parametrize(("engine", "case"), paired(CASES), indirect=["engine"])
async def test_both_engines_answer_as_the_dialect_says(engine: Engine, bench: Bench, case: Case) -> None:
    """Rows with their types, or the failure with its class and code, and what it leaves behind."""
    try:
        got, failure = await answer(bench, case)
    finally:
        for statement in case.teardown:
            await bench.run(statement)
    assert failure == case.error
    if case.rows is not None and (case.error is None or case.check is not None):
        assert same(got, case.rows), (got, case.rows)


async def ended(_: Bench, second: asyncio.Task[Any]) -> None:
    """ArcadeDB lets it pass, and refuses one of the two at its commit; where it waits instead, one wins in any order."""
    await asyncio.wait([second], timeout=0.5)


async def blocked(bench: Bench, second: asyncio.Task[Any]) -> None:
    """Neo4j lets it wait for the lock that the first one holds."""
    async with asyncio.timeout(60):
        while not second.done() and await bench.run(_BLOCKED, mode="auto") == [[0]]:  # noqa: ASYNC110  # no event says it
            await asyncio.sleep(0.01)


MEETS: Final = {"arcadedb": ended, "neo4j": blocked}
_BLOCKED: Final = "SHOW TRANSACTIONS YIELD status WHERE status STARTS WITH 'Blocked' RETURN count(*)"


@pytest.mark.parametrize(("engine", "race"), paired(RACES), indirect=["engine"])
async def test_a_cursor_is_won_once_only_with_the_lock_first(engine: Engine, bench: Bench, race: Race) -> None:
    """The second transaction has met the first one's open write when that one is committed."""
    params = {"old": 0, "new": 1}
    await bench.run(RACE_SETUP)
    winners = 0
    async with bench.driver.session(database=bench.database) as session:
        first = await session.begin_transaction()
        rows = [record async for record in await first.run(cast("LiteralString", race.statement), params)]
        second = asyncio.create_task(bench.run(race.statement, params))
        await MEETS[bench.name](bench, second)
        try:
            await first.commit()
            winners += bool(rows)
        except Neo4jError:
            pass  # the second was faster, and this one is refused
    winners += bool(await second)
    assert winners == race.winners
