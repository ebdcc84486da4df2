"""The embedded engine as a process: settings, secrets, one a folder, end with its parent, fence and restart."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from hub.graph.driver import BoltDriver, Step, Unit
from hub.graph.embedded import ArcadeEngine, Runtime, command_line, find_runtime
from hub.graph.engine import answers, keep, wait_until_ready
from hub.graph.external import Neo4jEngine, read_password
from ledger.errors import Malformed, Unavailable
from tests.graphs import PATIENT
from tests.kill.processes import Process

pytestmark = pytest.mark.engine

_MAKE = Unit(steps=[Step(text="MERGE (m:Matter {code: 'a'})", parameters={})])
_COUNT = "MATCH (m:Matter) RETURN count(m)"


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[ArcadeEngine]:
    """Run an engine of the test's own, which it may kill."""
    engine = ArcadeEngine(tmp_path / "graph", memory_mb=256)
    await engine.start()
    yield engine
    await engine.stop()


def _mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def _command(pid: int | None) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text("utf-8")


def _listening(pid: int | None) -> list[str]:
    """Give the local address, in hexadecimal, of every TCP port on which the process listens."""
    sockets = set[str]()
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile: none that it listens on
            sockets.add(str(fd.readlink()))
    found: list[str] = []
    for table in ("tcp", "tcp6"):
        rows = [line.split() for line in Path(f"/proc/{pid}/net/{table}").read_text("ascii").splitlines()[1:]]
        found += [row[1].split(":")[0] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in sockets]
    return found


def _stands_still(pid: int) -> bool:
    """Tell whether every thread of a process is stopped."""
    states = set[str]()
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # ended meanwhile
            states.add((thread / "stat").read_text("ascii").rpartition(")")[2].split()[0])
    return states == {"T"}


async def _until_it_answers(driver: BoltDriver) -> None:
    """Ask as often as it takes: on a busy machine one call may miss its deadline."""
    async with asyncio.timeout(60):
        while True:
            with suppress(Unavailable):
                assert await driver.rows("RETURN 1") == [[1]]
                return


def _start_and_kill_hub(folder: Path) -> Process:
    """Let another process start an engine there, kill that process, and give the engine's process."""
    with subprocess.Popen([sys.executable, "-c", _PARENT, str(folder)], stdout=subprocess.PIPE, text=True) as hub:
        assert hub.stdout is not None
        child = Process.of(int(hub.stdout.readline()))
        hub.kill()
    return child


def test_the_compulsory_command_line_is_spelled_out() -> None:
    runtime = Runtime(java=Path("/j/java"), jars=(Path("/j/a.jar"), Path("/j/b.jar")))
    assert command_line(runtime, directory=Path("/data/graph"), port=7000, memory_mb=1024) == [
        "/j/java",
        "-Xmx1024m",
        "-XX:+UseSerialGC",
        "-cp",
        "/j/a.jar:/j/b.jar",
        "-Darcadedb.server.rootPath=/data/graph",
        "-Darcadedb.server.rootPasswordPath=/data/graph/root-password",
        "-Darcadedb.server.defaultDatabases=hub[root]",
        "-Darcadedb.server.plugins=Bolt:com.arcadedb.bolt.BoltProtocolPlugin",
        "-Darcadedb.server.mode=production",
        "-Darcadedb.txWalFlush=2",
        "-Darcadedb.bolt.host=127.0.0.1",
        "-Darcadedb.bolt.port=7000",
        "-Darcadedb.server.httpIncomingHost=127.0.0.1",
        "-Darcadedb.server.httpIncomingPort=0",
        "-Darcadedb.command.timeout=5000",
        "-Darcadedb.opencypher.loadCsv.allowFileUrls=false",
        "-Darcadedb.opencypher.loadCsv.allowRemoteUrls=false",
        "com.arcadedb.server.ArcadeDBServer",
    ]


def test_protocols_that_the_hub_does_not_speak_are_not_on_the_class_path() -> None:
    names = [jar.name for jar in find_runtime().jars]
    unwanted = ("mcp", "graphql", "redisw", "postgresw", "console", "integration", "python-bridge")
    assert [name for name in names if any(part in name for part in unwanted)] == []
    assert [name for name in names if name.startswith("arcadedb-")] == [
        "arcadedb-bolt-26.10.2-shaded.jar",
        "arcadedb-engine-26.10.2.jar",
        "arcadedb-network-26.10.2.jar",
        "arcadedb-server-26.10.2.jar",
    ]


def test_the_disk_settings_are_those_of_production(arcade: ArcadeEngine) -> None:
    """The engine's own check list says that every commit is flushed; folder and secrets are the owner's alone."""
    folder = arcade.directory
    log = (folder / "engine.log").read_text("utf-8")
    assert "  - WAL flush: 2 (full fsync) [OK]" in log
    assert "  - LOAD CSV file access: disabled [OK]" in log
    assert "  - Studio web tool: disabled [OK]" in log
    assert [_mode(folder), _mode(folder / "root-password"), _mode(folder / "engine.log")] == [0o700, 0o600, 0o600]
    assert arcade.auth[1] not in _command(arcade.pid)


def test_it_listens_on_loopback_only(arcade: ArcadeEngine) -> None:
    listening = _listening(arcade.pid)
    assert len(listening) == 2
    assert set(listening) <= {"0100007F", "0000000000000000FFFF00000100007F"}


async def test_a_second_engine_on_the_same_folder_is_refused(arcade: ArcadeEngine) -> None:
    second = ArcadeEngine(arcade.directory, memory_mb=256, lock_wait_s=0.2)
    with pytest.raises(Unavailable, match=r"^graph_unavailable: another engine holds "):
        await second.start()
    assert second.pid is None
    await wait_until_ready(arcade, within_s=60)


def test_nothing_is_written_to_a_disk_that_is_nearly_full(tmp_path: Path) -> None:
    engine = ArcadeEngine(tmp_path, room_mb=2**40)
    with pytest.raises(Unavailable, match=r"^graph_unavailable: the disk of the graph has less than \d+ MiB free$"):
        engine.check_writable()


async def test_a_folder_without_its_password_is_refused(tmp_path: Path) -> None:
    (tmp_path / "graph" / "config").mkdir(parents=True)
    with pytest.raises(Unavailable, match=r"^graph_unavailable: .*root-password is missing"):
        await ArcadeEngine(tmp_path / "graph").start()


async def test_what_was_written_is_there_after_a_clean_stop(own: ArcadeEngine) -> None:
    async with BoltDriver(own, deadlines=PATIENT) as driver:
        await driver.write(_MAKE)
        await own.stop()
        assert not own.alive
        await own.start()
        assert await driver.rows(_COUNT) == [[1]]


async def test_a_fence_holds_until_the_keeper_has_restarted_the_engine(own: ArcadeEngine) -> None:
    async with BoltDriver(own, deadlines=PATIENT) as driver:
        first = own.pid
        own.fence("Neo.ClientError.Transaction.TransactionNotFound")
        with pytest.raises(Unavailable, match=r"^graph_unavailable: the graph is fenced"):
            await driver.write(_MAKE)
        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            keeper = tasks.create_task(keep(own))
            while own.fenced or own.pid == first:  # noqa: ASYNC110  # the end of a process sets no event
                await asyncio.sleep(0.05)
            keeper.cancel()
        assert await driver.write(_MAKE)
        assert own.pid != first


async def test_a_write_that_breaks_off_for_no_known_reason_fences_the_engine(own: ArcadeEngine) -> None:
    """The database is taken away: neither the statement nor chance explains the error."""
    async with BoltDriver(own, deadlines=PATIENT) as driver:
        await driver.write(_MAKE)
        own.database = "nothing"
        with pytest.raises(Unavailable, match=r"^graph_unavailable: .*Neo\.ClientError\.Database\.DatabaseNotFound"):
            await driver.write(_MAKE)
        assert own.fenced


async def test_a_paused_engine_is_answered_for_within_the_deadline(own: ArcadeEngine) -> None:
    assert own.pid is not None
    async with BoltDriver(own) as driver:
        await _until_it_answers(driver)
        os.kill(own.pid, signal.SIGSTOP)
        while not _stands_still(own.pid):  # noqa: ASYNC110  # no event says it; until then, a thread may answer
            await asyncio.sleep(0.01)
        try:  # more calls than the pool holds: the cancelled ones must give their place back
            answered = await asyncio.gather(*(driver.rows("RETURN 1") for _ in range(20)), return_exceptions=True)
        finally:
            os.kill(own.pid, signal.SIGCONT)
        assert [str(answer) for answer in answered] == ["deadline: the graph did not answer in time"] * 20
        await _until_it_answers(driver)


_PARENT = """
import asyncio, sys
from pathlib import Path
from hub.graph.embedded import ArcadeEngine
async def main():
    engine = ArcadeEngine(Path(sys.argv[1]), memory_mb=256)
    await engine.start()
    print(engine.pid, flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


async def test_the_engine_ends_with_a_killed_hub_and_its_folder_opens_again(tmp_path: Path) -> None:
    child = await asyncio.to_thread(_start_and_kill_hub, tmp_path / "graph")
    engine = ArcadeEngine(tmp_path / "graph", memory_mb=256)
    await engine.start()  # waits until the old engine has let the folder go
    assert not child.runs
    await engine.stop()


async def test_an_engine_that_cannot_start_says_so(tmp_path: Path) -> None:
    engine = ArcadeEngine(tmp_path / "graph", memory_mb=1)
    with pytest.raises(Unavailable, match=r"^graph_unavailable: the graph engine ended before it answered$"):
        await engine.start()
    assert not engine.alive


async def test_a_wrong_password_is_said_at_once(arcade: ArcadeEngine, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("not the password\n")
    file.chmod(0o600)
    wrong = Neo4jEngine(arcade.uri, user="root", password_file=file, database="hub")
    with pytest.raises(Unavailable, match=r"^graph_unavailable: the graph engine refuses the password$"):
        await wrong.start()


async def test_a_server_that_is_away_does_not_answer(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("password\n")
    file.chmod(0o600)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: nobody else can answer there
        engine = Neo4jEngine(f"bolt://127.0.0.1:{taken.getsockname()[1]}", user="neo4j", password_file=file)
        assert not await answers(engine)


async def test_the_fence_of_a_server_lifts_when_it_answers_again(neo4j_engine: Neo4jEngine) -> None:
    neo4j_engine.fence("Neo.DatabaseError.General.UnknownError")
    with pytest.raises(Unavailable, match=r"^graph_unavailable: the graph is fenced: Neo\.DatabaseError"):
        neo4j_engine.check_writable()
    await neo4j_engine.start()
    neo4j_engine.check_writable()


@pytest.mark.parametrize(
    ("content", "mode", "reason"),
    [
        (b"long enough\n", 0o640, "can be read by others"),
        (b"short\n", 0o600, "is not one line"),
        (b"two lines\nof text\n", 0o600, "is not one line"),
        (b"\xff" * 9, 0o600, "is not UTF-8"),
    ],
)
def test_password_files_are_read_strictly(tmp_path: Path, content: bytes, mode: int, reason: str) -> None:
    file = tmp_path / "password"
    file.write_bytes(content)
    file.chmod(mode)
    with pytest.raises(Malformed, match=rf"^bad_file: .*{reason}"):
        read_password(file)
