"""ArcadeEngine: the graph engine that comes with the hub, a child process on loopback.

    <data>/                  0700
      lock                   flock, held by the child for its life: one engine a folder
      root-password          0600, random, made once with the folder
      engine.log             output of the child; engine.log.1 of the one before
      databases/ config/ log/    ArcadeDB's own

The engine comes as jars and a Java of their own in the package `arcadedb_embedded`, or in its successor `arcadedb`.
Its defaults are not safe (no fsync, all interfaces, files readable by a query), so every setting of `command_line` is
compulsory. The child ends when the thread that started it ends (PR_SET_PDEATHSIG follows the thread), so the hub starts
it from its main thread; a killed hub leaves no engine behind.
"""

from __future__ import annotations

import asyncio
import fcntl
import importlib.util
import os
import secrets
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hub.graph.engine import wait_until_ready
from hub.graph.external import read_password
from hub.processes import end_with_parent, free_ports, is_free
from ledger.errors import Unavailable

__all__ = ["ArcadeEngine", "Runtime", "command_line", "find_runtime"]

_PACKAGES: Final = ("arcadedb_embedded", "arcadedb")
_UNWANTED: Final = ("mcp", "graphql", "redisw", "postgresw", "console", "integration", "python-bridge")
_USER: Final = "root"
_DATABASE: Final = "hub"
_READY_S: Final = 60.0
_STOP_S: Final = 30.0
_POLL_S: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """The engine's program: a Java and the jars of its class path, in order."""

    java: Path
    jars: tuple[Path, ...]


def find_runtime() -> Runtime:
    """Find the engine in the first of the two packages that is installed and complete, without importing it.

    Jars of protocols that the hub does not speak are left out: what is not on the class path cannot listen.
    Raises Unavailable graph_unavailable.
    """
    for package in _PACKAGES:
        spec = importlib.util.find_spec(package)
        for folder in map(Path, (spec and spec.submodule_search_locations) or ()):
            java = folder / "jre" / "bin" / "java"
            jars = sorted(jar for jar in folder.glob("jars/*.jar") if not any(part in jar.name for part in _UNWANTED))
            if java.is_file() and jars:
                return Runtime(java=java, jars=tuple(jars))
    raise Unavailable("graph_unavailable", f"none of the packages {', '.join(_PACKAGES)} holds a graph engine")


def command_line(runtime: Runtime, *, directory: Path, port: int, memory_mb: int, timeout_ms: int = 5000) -> list[str]:
    """Spell out the child's command. memory_mb: heap, MiB. timeout_ms: limit of a statement."""
    settings = {
        "server.rootPath": directory,
        "server.rootPasswordPath": directory / "root-password",  # never rootPassword: visible in the process list
        "server.defaultDatabases": f"{_DATABASE}[{_USER}]",
        "server.plugins": "Bolt:com.arcadedb.bolt.BoltProtocolPlugin",
        "server.mode": "production",  # files refused to LOAD CSV, no Studio, error texts concealed
        "txWalFlush": 2,  # the default never flushes at commit
        "bolt.host": "127.0.0.1",  # the default is every interface
        "bolt.port": port,
        "server.httpIncomingHost": "127.0.0.1",
        "server.httpIncomingPort": 0,  # HTTP cannot be switched off: a random loopback port, behind the password
        "command.timeout": timeout_ms,
        "opencypher.loadCsv.allowFileUrls": "false",
        "opencypher.loadCsv.allowRemoteUrls": "false",
    }
    return [
        str(runtime.java),
        f"-Xmx{memory_mb}m",
        "-XX:+UseSerialGC",
        "-cp",
        os.pathsep.join(map(str, runtime.jars)),
        *(f"-Darcadedb.{name}={value}" for name, value in settings.items()),
        "com.arcadedb.server.ArcadeDBServer",
    ]


class ArcadeEngine:
    """An ArcadeDB server over `directory`, which is made (0700) when it is not there.

    memory_mb: heap, MiB. room_mb: nothing is written with less than this free on the disk, MiB; a full disk costs
    ArcadeDB what it acknowledged last. lock_wait_s: how long to wait for another engine to let the folder go; the
    engine of a hub that was killed ends within a second.
    """

    def __init__(
        self, directory: Path, *, memory_mb: int = 1024, room_mb: int = 512, lock_wait_s: float = 15.0
    ) -> None:
        self.database = _DATABASE
        self.directory: Final = directory.absolute()
        self.starts = 0
        self._memory_mb = memory_mb
        self._room_mb = room_mb
        self._lock_wait_s = lock_wait_s
        self._port = 0
        self._password = ""
        self._child: subprocess.Popen[bytes] | None = None
        self._fence: str | None = None

    @property
    def uri(self) -> str:
        """The Bolt URI of the running child."""
        return f"bolt://127.0.0.1:{self._port}"

    @property
    def auth(self) -> tuple[str, str]:
        """User and password."""
        return _USER, self._password

    @property
    def pid(self) -> int | None:
        """The child's process id, None while it is not running."""
        return self._child.pid if self._child is not None and self.alive else None

    @property
    def alive(self) -> bool:
        """Whether the child is running."""
        return self._child is not None and self._child.poll() is None

    @property
    def fenced(self) -> bool:
        """Whether writes are refused until the next restart."""
        return self._fence is not None

    def fence(self, reason: str) -> None:
        """Refuse writes until the next start."""
        self._fence = reason

    def check_writable(self) -> None:
        """Raise Unavailable graph_unavailable while fenced, or with too little room on the disk."""
        if self._fence is not None:
            raise Unavailable("graph_unavailable", f"the graph is fenced: {self._fence}")
        if shutil.disk_usage(self.directory).free < self._room_mb * 1024 * 1024:
            raise Unavailable("graph_unavailable", f"the disk of the graph has less than {self._room_mb} MiB free")

    async def start(self) -> None:
        """Start the child and wait until it answers. Raises Unavailable graph_unavailable.

        When another engine holds the folder (a second hub, or the engine of a hub killed a moment ago), waits for it
        to end for a while, and then refuses: a second one would start with an empty graph, or harm the first.
        """
        if self.alive:
            return
        self._prepare()
        lock = await self._take_lock()
        try:
            if not (self._port and is_free(self._port)):  # a restart keeps its port
                (self._port,) = free_ports(1)
            self.starts += 1
            self._child = self._spawn(lock)
        finally:
            os.close(lock)  # the child's copy keeps the lock
        try:
            await wait_until_ready(self, within_s=_READY_S)
        except BaseException:
            await self.stop()
            raise
        self._fence = None

    async def stop(self) -> None:
        """End the child by SIGTERM, and by SIGKILL when it has not ended within 30 s."""
        child = self._child
        if child is None:
            return
        if child.poll() is None:
            child.terminate()
        try:
            async with asyncio.timeout(_STOP_S):
                await _until(lambda: child.poll() is not None)
        except TimeoutError:
            child.kill()
            child.wait()
        self._child = None

    def _prepare(self) -> None:
        """Make folder and password once. A folder with users but without the password is not ours to open."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.directory.chmod(0o700)
        file = self.directory / "root-password"
        if not file.exists():
            if (self.directory / "config").exists():
                raise Unavailable("graph_unavailable", f"{file} is missing: delete the folder, the graph is rebuilt")
            fresh = file.with_suffix(".new")
            with os.fdopen(_private(fresh), "wb") as made:
                made.write(secrets.token_urlsafe(32).encode("ascii"))
            fresh.replace(file)
        self._password = read_password(file)

    async def _take_lock(self) -> int:
        lock = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            async with asyncio.timeout(self._lock_wait_s):
                await _until(lambda: _locked(lock))
        except BaseException as error:
            os.close(lock)
            if isinstance(error, TimeoutError):
                raise Unavailable("graph_unavailable", f"another engine holds {self.directory}") from error
            raise
        return lock

    def _spawn(self, lock: int) -> subprocess.Popen[bytes]:
        log = self.directory / "engine.log"
        if log.exists():
            log.replace(self.directory / "engine.log.1")
        command = command_line(find_runtime(), directory=self.directory, port=self._port, memory_mb=self._memory_mb)
        with os.fdopen(_private(log), "wb") as output:
            return subprocess.Popen(  # noqa: S603  # the command is ours, without a shell
                command,
                cwd=self.directory,
                env={"LANG": "C.UTF-8"},  # JAVA_TOOL_OPTIONS of the environment must not reach it
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=(lock,),
                process_group=0,  # Ctrl-C at a terminal is for the hub, which then stops its child in order
                preexec_fn=end_with_parent(),  # noqa: PLW1509  # two system calls, no lock is taken in the child
            )


def _private(file: Path) -> int:
    return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)


async def _until(done: Callable[[], bool]) -> None:
    while not done():  # noqa: ASYNC110  # neither the end of a process nor a file lock can set an event
        await asyncio.sleep(_POLL_S)


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
