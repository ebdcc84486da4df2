"""Child processes: ready or not, stopped, killed, and gone when their parent is gone."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from hub.processes import Child, free_ports
from ledger.errors import Unavailable

ROOT: Final = Path(__file__).parents[2]
SERVER: Final = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        print("asked", flush=True)
        self.send_response({status})
        self.end_headers()
    def log_message(self, *arguments):
        pass
HTTPServer(("127.0.0.1", {port}), Handler).serve_forever()
"""
DEAF: Final = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"

Start = Callable[[str], Child]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start children that run a text of Python; whatever is left of them ends with the test."""
    children: list[Child] = []

    def started(code: str) -> Child:
        (port,) = free_ports(1)
        child = Child(
            name="the child",
            arguments=["-c", code.replace("{port}", str(port)).replace("{status}", "200")],
            log=tmp_path / "child.log",
            ready_url=f"http://127.0.0.1:{port}/",
            environment={"MARK": "set"},
        )
        children.append(child)
        child.start()
        return child

    yield started
    for child in children:
        child.kill()


def is_alive(pid: int) -> bool:
    """Say whether a process runs; one that ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_child_is_ready_when_its_url_answers_200(start: Start) -> None:
    child = start(SERVER)
    child.wait_ready()
    assert child.running
    assert is_alive(child.pid)
    assert child.log.read_text().splitlines()[-1] == "asked"


def test_a_proxy_of_the_environment_is_not_asked(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """The children are on loopback; a proxy would say that they do not answer."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    start(SERVER).wait_ready()


def test_a_child_that_ends_at_once_shows_the_end_of_its_log(start: Start) -> None:
    child = start("print('x' * 5000, flush=True)\nraise SystemExit('the port is taken')")
    with pytest.raises(Unavailable) as caught:
        child.wait_ready()
    assert caught.value.code == "not_ready"
    assert caught.value.message.startswith("the child ended before it was ready; its log ends:\nxxx")
    assert caught.value.message.endswith("x\nthe port is taken\n")
    assert len(caught.value.message) < 1_600


def test_a_child_that_answers_otherwise_is_not_ready(start: Start) -> None:
    child = start(SERVER.replace("{status}", "503"))
    with pytest.raises(Unavailable, match="the child did not become ready within 1 s"):
        child.wait_ready(seconds=1)
    assert child.running


def test_stop_asks_and_kill_does_not(start: Start) -> None:
    for end in (Child.stop, Child.kill):
        child = start(SERVER)
        child.wait_ready()
        pid = child.pid
        end(child)
        assert not child.running
        assert not is_alive(pid)


def test_a_child_that_does_not_listen_is_killed(start: Start) -> None:
    child = start(DEAF + SERVER)
    child.wait_ready()
    pid = child.pid
    child.stop(seconds=0.1)
    assert not is_alive(pid)


def test_a_child_that_was_not_started_has_no_id(tmp_path: Path) -> None:
    child = Child(name="hub", arguments=[], log=tmp_path / "log", ready_url="http://127.0.0.1:9")
    assert not child.running
    with pytest.raises(Unavailable, match="hub was not started"):
        _ = child.pid
    child.stop()


def test_a_child_sees_its_own_environment_only(start: Start) -> None:
    child = start("import os\nprint(sorted(set(os.environ) - {'LC_CTYPE'}), flush=True)\n" + SERVER)
    child.wait_ready()
    assert child.log.read_text().splitlines()[0] == "['MARK']"


PARENT: Final = """
import sys
from pathlib import Path
from hub.processes import Child
child = Child(name="child", arguments=["-c", "import time; time.sleep(600)"], log=Path(sys.argv[1]), ready_url="")
child.start()
print(child.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_child_dies_with_its_parent(tmp_path: Path, number: signal.Signals) -> None:
    """However the parent ends, no server is left behind."""
    command = [sys.executable, "-c", PARENT, str(tmp_path / "log")]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        descriptor = os.pidfd_open(pid)
        assert is_alive(pid)
        parent.send_signal(number)
        parent.wait()
        ended, _, _ = select.select([descriptor], [], [], 60)
        os.close(descriptor)
    assert ended == [descriptor]
    assert not is_alive(pid)


def test_free_ports_are_all_different() -> None:
    """And none that the system may give to somebody else before a server listens on it."""
    ports = free_ports(50)
    assert set(ports) <= set(range(16_384, 32_768))
    assert len(set(ports)) == 50
    assert all(1024 <= port <= 65535 for port in ports)
