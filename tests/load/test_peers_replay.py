"""The programs of the comparison: the replay server over the real engine, and the generator that compares answers."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
from neo4j import READ_ACCESS, AsyncDriver, AsyncGraphDatabase
from neo4j.exceptions import ClientError

from hub.graph.driver import BoltDriver, Step, Unit
from hub.graph.embedded import ArcadeEngine
from loadtests.bench.peers.contenders import address, exchanges_file
from loadtests.bench.peers.raw import run
from loadtests.bench.peers.tools import GENERATOR, build_programs
from loadtests.bench.peers.world import GraphPlace, Replay, replaying
from loadtests.bench.wire import post
from loadtests.constant import constant_reply
from tests.graphs import PATIENT, empty

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(shutil.which("go") is None, reason="no Go: the programs are built with it"),
]

STATUS: Final = "MATCH (h:Holder {key: $k0}) RETURN collect([h.status]) AS r"
MANY: Final = """UNWIND $ks AS k
CALL (k) {
  MATCH (h:Holder {key: k.k0})
  RETURN collect([h.status]) AS x
}
RETURN collect([k.i0, x]) AS r"""


@pytest.fixture(scope="module")
def programs() -> None:
    """Build them once."""
    build_programs()


@pytest.fixture
async def replay(programs: None, arcade: ArcadeEngine) -> AsyncIterator[tuple[AsyncDriver, Replay, BoltDriver]]:
    """Run the server before the engine; give a driver through it, and one past it. Holders A and B are VALID."""
    user, password = arcade.auth
    place = GraphPlace(uri=arcade.uri, user=user, password=password, database=arcade.database, pid=None)
    async with BoltDriver(arcade, deadlines=PATIENT) as past:
        await empty(past)
        await past.write(
            Unit(
                steps=[
                    Step(
                        text="UNWIND $ks AS k MERGE (h:Holder {key: k}) SET h.status = 'VALID'",
                        parameters={"ks": ["A", "B"]},
                    )
                ]
            )
        )
        with replaying(place) as (seen, server):
            async with AsyncGraphDatabase.driver(seen.uri, auth=(user, password)) as driver:
                yield driver, server, past
        await empty(past)


async def read(driver: AsyncDriver, text: str, **parameters: Any) -> Any:
    async with driver.session(database="hub", default_access_mode=READ_ACCESS) as session:
        record = await (await session.run(text, parameters)).single(strict=True)  # type: ignore[arg-type]
        return record[0]


async def revoke(past: BoltDriver) -> None:
    """Change what the engine holds, so that an answer tells where it came from."""
    await past.write(Unit(steps=[Step(text="MATCH (h:Holder) SET h.status = 'REVOKED'", parameters={})]))


async def test_a_look_up_is_asked_once_and_then_replayed(replay: tuple[AsyncDriver, Replay, BoltDriver]) -> None:
    """By text and parameters, in a transaction as well as without one."""
    driver, server, past = replay
    assert await read(driver, STATUS, k0="A") == [["VALID"]]
    await revoke(past)
    assert await read(driver, STATUS, k0="A") == [["VALID"]]
    assert await read(driver, STATUS, k0="B") == [["REVOKED"]]
    async with driver.session(database="hub") as session:
        found = await session.execute_read(lambda tx: _first(tx, STATUS, {"k0": "A"}))
    assert found == [["VALID"]]
    assert server.counts() == {"hits": 2, "misses": 2, "texts": [STATUS]}
    assert server.counts() == {"hits": 0, "misses": 0, "texts": []}


async def _first(transaction: Any, text: str, parameters: dict[str, Any]) -> Any:
    return (await (await transaction.run(text, parameters)).single(strict=True))[0]


async def test_many_keys_are_remembered_one_by_one(replay: tuple[AsyncDriver, Replay, BoltDriver]) -> None:
    """A statement for many is answered from what was learned of each, in any mixture; a key without a row, too."""
    driver, server, past = replay
    await read(driver, MANY, ks=[{"i0": 0, "k0": "A"}, {"i0": 1, "k0": "none"}])
    await read(driver, MANY, ks=[{"i0": 0, "k0": "B"}])
    await revoke(past)
    server.counts()
    found = await read(driver, MANY, ks=[{"i0": 0, "k0": "B"}, {"i0": 1, "k0": "A"}, {"i0": 2, "k0": "none"}])
    assert found == [[0, [["VALID"]]], [1, [["VALID"]]], [2, []]]
    assert server.counts()["hits"] == 1


async def test_what_writes_or_fails_goes_to_the_engine(replay: tuple[AsyncDriver, Replay, BoltDriver]) -> None:
    """A write is done, a failure told in the engine's code, and the connection is good afterwards."""
    driver, server, past = replay
    async with driver.session(database="hub") as session:
        await session.execute_write(
            lambda tx: _first(tx, "MERGE (h:Holder {key: $k}) SET h.status = 'NEW' RETURN h.key", {"k": "C"})
        )
    assert await past.rows("MATCH (h:Holder {key: 'C'}) RETURN h.status") == [["NEW"]]
    with pytest.raises(ClientError) as failed:
        await read(driver, "MATCH (h:Holder RETURN h")
    assert failed.value.code is not None
    assert "SyntaxError" in failed.value.code
    assert await read(driver, STATUS, k0="C") == [["NEW"]]
    assert server.counts()["hits"] == 0


async def test_the_raw_driver_compares_its_answers(
    replay: tuple[AsyncDriver, Replay, BoltDriver], arcade: ArcadeEngine
) -> None:
    """Each later answer is the first one's equal."""
    _, server, _ = replay
    user, password = arcade.auth
    said = {"uri": server.uri, "user": user, "password": password, "database": "hub"}
    found = await run({**said, "statements": [[STATUS, {"k0": "A"}], [STATUS, {"k0": "B"}]]}, 0.2)
    assert found["requests"] > 0
    assert server.counts()["misses"] == 2


def generated(url: str, file: Path, *options: str) -> dict[str, Any]:
    command = [str(GENERATOR), "-address", address(url), "-file", str(file), "-connections", "4", *options]
    done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_generator_takes_the_right_answer_only(programs: None, tmp_path: Path) -> None:
    """Byte for byte; each request once, in order, where that is asked for."""
    request = post("/graphql", b"{}", media_type="application/json")
    with constant_reply(b'{"data":{"a":1}}') as (url, _):
        right = exchanges_file(tmp_path / "right", [request] * 20, [b'{"data":{"a":1}}'] * 10 + [b""] * 10)
        found = generated(url, right, "-once")
        assert (found["requests"], found["wrong"]) == (20, 0)
        wrong = exchanges_file(tmp_path / "wrong", [request] * 20, [b'{"data":{"a":2}}'] * 20)
        found = generated(url, wrong, "-once")
        assert (found["wrong"], found["first_wrong"]) == (20, '200: {"data":{"a":1}}')
        assert generated(url, right, "-seconds", "0.3")["requests"] > 0
        assert (
            generated(url, right, "-seconds", "1", "-rate", "10")["requests"] == 9
        )  # all that is due, the first left out
