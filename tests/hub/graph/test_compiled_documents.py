"""The test documents: their statements are committed beside them, and every one of them is run on both engines.

python -m tests.compiled_documents     writes the `.cypher` files anew, for a look at the difference
"""

from __future__ import annotations

import pytest

from hub.graph.driver import BoltDriver
from hub.graph.engine import Engine
from schema.context import Statement
from tests.compiled_documents import DOCUMENTS, SCOPES, VARIABLES, compiled, expected, statements
from tests.graphs import PATIENT


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize("caller", SCOPES)
def test_statements_are_those_committed(name: str, caller: str) -> None:
    """A change of the compiler shows in review."""
    assert compiled(name, caller) == expected(name, caller)


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize("caller", SCOPES)
async def test_statements_run(world: Engine, name: str, caller: str) -> None:
    """Each gives one record with one list, some with rows, and every parameter that it reads is passed.

    A document that asks the journal alone has no statement.
    """
    async with BoltDriver(world, deadlines=PATIENT) as driver:
        found = [await driver.read(bound) for bound in statements(name, caller)]
    assert all(isinstance(rows, list) for rows in found)
    assert any(found) == bool(expected(name, caller).strip())


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_every_start_is_an_index_seek(neo4j_engine: Engine, name: str) -> None:
    """No plan of Neo4j starts with all nodes of a label."""
    async with BoltDriver(neo4j_engine, deadlines=PATIENT) as driver:
        for bound in statements(name, "all"):
            batch = () if bound.batch is None else (bound.batch.text,)  # entities are asked for many keys anyway
            for text in (bound.text, *batch):
                assert "NodeByLabelScan" not in await _plan(driver, text, bound)


async def _plan(driver: BoltDriver, text: str, bound: Statement) -> str:
    bolt = await driver._connect()
    async with bolt.session(database=driver.engine.database) as session:
        result = await session.run("EXPLAIN " + text, {**bound.parameters, "ks": []})  # type: ignore[arg-type]
        summary = await result.consume()
        return _operators(summary.plan or {})


def _operators(plan: dict) -> str:  # type: ignore[type-arg]
    return " ".join([plan.get("operatorType", ""), *(_operators(child) for child in plan.get("children", ()))])


def test_variables_are_those_of_the_documents() -> None:
    """Each document that takes variables has values here."""
    assert set(VARIABLES) == set(DOCUMENTS)
