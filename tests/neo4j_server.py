"""Fetch Neo4j by Maven and run it on loopback, for the tests: `python -m tests.neo4j_server start|stop DIRECTORY`.

    DIRECTORY/pom.xml            what Maven fetches
    DIRECTORY/home/lib/          the jars; names and SHA-256 sums must be those of tests/neo4j-5.26.26.sha256
    DIRECTORY/home/conf/neo4j.conf
    DIRECTORY/data, logs, ...    the store
    DIRECTORY/password           0600, random
    DIRECTORY/connection.json    {"uri", "user", "password_file", "database", "pid"}, there while the server runs

A second start with a live server answers at once. Where Java or Maven is missing it says so and how many tests will not
run; with TONGBAN_REQUIRE_NEO4J=1 in the environment that is a failure.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hub.graph.engine import answers
from hub.graph.external import Neo4jEngine
from hub.processes import free_ports
from ledger.errors import Unavailable

__all__ = ["VERSION", "Neo4jServer", "main"]

VERSION: Final = "5.26.26"
_SUMS: Final = Path(__file__).with_name(f"neo4j-{VERSION}.sha256")
_READY_S: Final = 240
_STOP_S: Final = 30
_FETCHES: Final = 3

_POM: Final = f"""<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>hub</groupId><artifactId>neo4j-home</artifactId><version>1</version><packaging>pom</packaging>
  <properties><neo4j.version>{VERSION}</neo4j.version></properties>
  <dependencies>
    <dependency>
      <groupId>org.neo4j</groupId><artifactId>neo4j</artifactId><version>${{neo4j.version}}</version>
    </dependency>
    <dependency>
      <groupId>org.neo4j.app</groupId><artifactId>neo4j-server</artifactId><version>${{neo4j.version}}</version>
    </dependency>
  </dependencies>
</project>
"""

_CONF: Final = """server.directories.data={directory}/data
server.directories.logs={directory}/logs
server.directories.run={directory}/run
server.directories.plugins={directory}/plugins
server.directories.import={directory}/import
server.directories.transaction.logs.root={directory}/transactions
server.bolt.enabled=true
server.bolt.listen_address=127.0.0.1:{port}
server.bolt.advertised_address=127.0.0.1:{port}
server.http.enabled=false
server.https.enabled=false
dbms.security.auth_enabled=true
dbms.security.allow_csv_import_from_file_urls=false
dbms.usage_report.enabled=false
server.memory.pagecache.size=128m
db.transaction.timeout=5s
db.tx_log.rotation.retention_policy=2 days 2G
db.tx_log.preallocate=false
db.tx_log.rotation.size=32m
"""

_JAVA: Final = [
    "java", "-Xms256m", "-Xmx1g", "-XX:-OmitStackTraceInFastThrow", "-XX:+ExitOnOutOfMemoryError",
    "-XX:+UnlockExperimentalVMOptions", "-XX:+TrustFinalNonStaticFields", "-XX:+DisableExplicitGC",
    "-Djdk.nio.maxCachedBufferSize=1024", "-Dio.netty.tryReflectionSetAccessible=true",
    "-Djdk.tls.ephemeralDHKeySize=2048", "-Djdk.tls.rejectClientInitiatedRenegotiation=true",
    "--add-opens=java.base/java.nio=ALL-UNNAMED", "--add-opens=java.base/java.io=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED", "--add-opens=java.base/java.util.concurrent=ALL-UNNAMED",
    "--enable-native-access=ALL-UNNAMED", "-Dlog4j2.disable.jmx=true",
    "-Dlog4j.layout.jsonTemplate.maxStringLength=32768", "-Djol.skipHotspotSAAttach=true", "-Dfile.encoding=UTF-8",
]  # fmt: skip

_QUICK: Final = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]


@dataclass(frozen=True, slots=True)
class Neo4jServer:
    """A Neo4j over one directory; `library` holds the jars, which several servers may share.

    quick: starts in half the time and answers slower later, for one that is killed again and again.
    """

    directory: Path
    library: Path
    quick: bool = False

    @property
    def connection(self) -> Path:
        """The file that says where the server answers, there while it should be running."""
        return self.directory / "connection.json"

    def engine(self) -> Neo4jEngine:
        """Give the server as the hub sees it."""
        known = self._known()
        return Neo4jEngine(
            known["uri"], user=known["user"], password_file=Path(known["password_file"]), database=known["database"]
        )

    def answers(self) -> bool:
        """Tell whether the server of `connection` is up."""
        if not self.connection.exists() or not _alive(self._known()["pid"]):
            return False
        try:
            return asyncio.run(answers(self.engine()))
        except Unavailable:
            return False

    def start(self, *, port: int = 0) -> None:
        """Start the server, on the store that is there or a new one, and wait until it answers. port: 0 = any."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        password = self._password()
        port = port or free_ports(1)[0]
        self._configure(port)
        if not (self.directory / "data").exists():
            self._admin("dbms", "set-initial-password", password.read_text("utf-8"))
        pid = self._spawn()
        known = {"uri": f"bolt://127.0.0.1:{port}", "user": "neo4j", "password_file": str(password)}
        self.connection.write_text(json.dumps({**known, "database": "neo4j", "pid": pid}) + "\n", "utf-8")
        limit = time.monotonic() + _READY_S
        while not self.answers():
            if time.monotonic() > limit or not _alive(pid):
                self.end(signal.SIGKILL)
                sys.exit(f"Neo4j did not start: see {self.directory}/console.log")
            time.sleep(0.2)

    def end(self, sign: signal.Signals = signal.SIGTERM) -> None:
        """End the server and wait until it has ended."""
        if not self.connection.exists():
            return
        pid = self._known()["pid"]
        self.connection.unlink()
        for last in (sign, signal.SIGKILL):
            limit = time.monotonic() + _STOP_S
            if _alive(pid):
                os.kill(pid, last)
            while _alive(pid) and time.monotonic() < limit:
                time.sleep(0.1)

    @property
    def pid(self) -> int:
        """The server's process id."""
        return int(self._known()["pid"])

    def _known(self) -> dict[str, Any]:
        known: dict[str, Any] = json.loads(self.connection.read_text("utf-8"))
        return known

    def _password(self) -> Path:
        file = self.directory.absolute() / "password"
        if not file.exists():
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as made:
                made.write(secrets.token_urlsafe(24))
        return file

    def _configure(self, port: int) -> None:
        conf = self._home / "conf" / "neo4j.conf"
        conf.parent.mkdir(parents=True, exist_ok=True)
        conf.write_text(_CONF.format(directory=self.directory.absolute(), port=port), "utf-8")

    @property
    def _home(self) -> Path:
        return self.directory.absolute() / "home"

    @property
    def _class_path(self) -> list[str]:
        return ["-cp", f"{self.library.absolute()}/*"]  # Java itself expands the star

    def _admin(self, *arguments: str) -> None:
        places = {"NEO4J_HOME": str(self._home), "NEO4J_CONF": str(self._home / "conf")}
        command = ["java", *self._class_path, "org.neo4j.cli.AdminTool", *arguments]
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, **places})

    def _spawn(self) -> int:
        tuned = [*_JAVA, *(_QUICK if self.quick else ["-XX:+UseG1GC"])]
        command = [*tuned, *self._class_path, "org.neo4j.server.CommunityEntryPoint", f"--home-dir={self._home}",
                   f"--config-dir={self._home / 'conf'}", "--console-mode"]  # fmt: skip
        with (self.directory / "console.log").open("wb") as log:
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        _children[child.pid] = child
        return child.pid


_children: dict[int, subprocess.Popen[bytes]] = {}


def _alive(pid: int) -> bool:
    """Tell whether the process runs."""
    if pid in _children:
        return _children[pid].poll() is None
    try:  # a file left by a crash may name a process id that is another program's by now
        return b"CommunityEntryPoint" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _sums(library: Path) -> str:
    lines = [f"{hashlib.sha256(jar.read_bytes()).hexdigest()}  {jar.name}\n" for jar in sorted(library.glob("*.jar"))]
    return "".join(lines)


def fetch(directory: Path) -> Path:
    """Have Maven fetch the jars unless they are there; give their folder. Exits when one is not the pinned one."""
    library = directory / "home" / "lib"
    library.mkdir(parents=True, exist_ok=True)
    pinned = _SUMS.read_text("ascii")
    if _sums(library) == pinned:
        return library
    print(f"fetching Neo4j {VERSION} by Maven (once, a minute or two)", flush=True)
    (directory / "pom.xml").write_text(_POM, "utf-8")
    output = f"-DoutputDirectory={library.absolute()}"
    command = ["mvn", "-B", "-q", "dependency:copy-dependencies", "-DincludeScope=runtime", output]
    for _ in range(_FETCHES):  # what it has got it does not get again
        if subprocess.run(command, cwd=directory, check=False).returncode == 0:
            break
    if _sums(library) != pinned:
        sys.exit(f"the jars in {library} are not those of {_SUMS.name}: fetch them again, or delete the folder first")
    return library


def _missing(tools: list[str]) -> int:
    """Say what is missing and how many tests that costs; give the exit status."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", "neo4j"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    count = sum("::" in line for line in listed.splitlines())
    print(f"no Neo4j: {' and '.join(tools)} missing; {count} tests will not run")
    return int(os.environ.get("TONGBAN_REQUIRE_NEO4J") == "1")


def main(arguments: list[str]) -> int:
    """Run `start DIRECTORY` or `stop DIRECTORY`; give the exit status."""
    match arguments:
        case ["start", place]:
            directory = Path(place)
            server = Neo4jServer(directory, directory / "home" / "lib")
            if server.answers():
                return 0
            if tools := [tool for tool in ("java", "mvn") if shutil.which(tool) is None]:
                return _missing(tools)
            fetch(directory)
            server.end(signal.SIGKILL)
            server.start()
            print(f"Neo4j {VERSION} answers at {server.engine().uri}")
            return 0
        case ["stop", place]:
            Neo4jServer(Path(place), Path(place)).end()
            return 0
        case _:
            print(__doc__, file=sys.stderr)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
