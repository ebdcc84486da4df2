"""Child processes of ours: started in the open, dying with their parent, stopped by their own id.

A child gets SIGTERM from the kernel when the thread that started it ends (PR_SET_PDEATHSIG, Linux), so that no server
outlives a killed hub, demo or test. Its output goes to a file, which is shown when it fails to become ready.
"""

from __future__ import annotations

import ctypes
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

import httpx2

from ledger.errors import Unavailable

__all__ = ["Child", "end_with_parent", "free_ports", "is_free"]

_PR_SET_PDEATHSIG: Final = 1
_PORTS: Final = range(16_384, 32_768)  # below the ephemeral ones of Linux (32768) and of RFC 6335 section 6 (49152)
_TAIL_CHARS: Final = 1500  # of a log, in the message on a child that does not become ready
_LIBC: Final = ctypes.CDLL(None) if sys.platform == "linux" else None


def end_with_parent() -> Callable[[], None] | None:
    """Make a child's first act, for `preexec_fn`: ask the kernel for SIGTERM when the parent's thread ends.

    None where the kernel cannot be asked.
    """
    if _LIBC is None:
        return None
    prctl, parent = _LIBC.prctl, os.getpid()  # looked up before the fork

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it ended between fork and prctl
            os._exit(1)

    return ask


def is_free(port: int) -> bool:
    """Tell whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do, so that a restart keeps its port
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """Find `count` loopback ports that are free now, all different.

    None of those that a system gives to whoever asks for any port: such a one could be somebody's by the time that a
    server listens on it, or starts again.
    """
    found: list[int] = []
    while len(found) < count:
        port = _PORTS[secrets.randbelow(len(_PORTS))]
        if port not in found and is_free(port):
            found.append(port)
    return found


@dataclass(slots=True)
class Child:
    """One server process: its command line, its log file, and the URL that answers 200 when it is ready."""

    name: str
    arguments: Sequence[str]
    log: Path
    ready_url: str
    environment: Mapping[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _output: IO[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Start the process; it is ready only after `wait_ready`."""
        self._output = self.log.open("ab")
        self._process = subprocess.Popen(  # noqa: S603  # our own interpreter with our own arguments
            [sys.executable, *self.arguments],
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
            env=dict(self.environment),
            preexec_fn=end_with_parent(),  # noqa: PLW1509  # two system calls, no lock is taken in the child
        )

    @property
    def pid(self) -> int:
        """The process id of the running child."""
        if self._process is None:
            raise Unavailable("not_ready", f"{self.name} was not started")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self._process is not None and self._process.poll() is None

    def wait_ready(self, *, seconds: float = 60.0) -> None:
        """Poll the ready URL until it answers 200. Raises Unavailable not_ready with the end of the log."""
        end = time.monotonic() + seconds
        while self.running and time.monotonic() < end:
            if self._answers():
                return
            time.sleep(0.05)
        why = f"did not become ready within {seconds:.0f} s" if self.running else "ended before it was ready"
        tail = self.log.read_text("utf-8", errors="replace")[-_TAIL_CHARS:]
        raise Unavailable("not_ready", f"{self.name} {why}; its log ends:\n{tail}")

    def _answers(self) -> bool:
        try:
            return httpx2.get(self.ready_url, timeout=2.0, trust_env=False).status_code == 200
        except httpx2.HTTPError:
            return False

    def stop(self, *, seconds: float = 20.0) -> None:
        """Ask the process to end (SIGTERM), wait, and end it (SIGKILL) if it does not."""
        self._end(signal.SIGTERM, seconds)

    def kill(self) -> None:
        """End the process at once (SIGKILL), as a crash would."""
        self._end(signal.SIGKILL, 10.0)

    def _end(self, number: int, seconds: float) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10.0)
        if self._output is not None:
            self._output.close()
            self._output = None
