"""Rounds over one part: the same beginning each time, a child that works, a fault on the way, and the check.

with Victims.of(LEDGER, tmp_path) as victims:
    points = victims.points()
    finding = victims.fail(points[7], "done, not reported", "kill")
"""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Final

from hub.processes import end_with_parent
from tests.faults.parts import Finding, Part, Told
from tests.faults.points import How, Moment
from tests.strace import Strace

__all__ = ["CALLS", "Call", "Victims"]

CALLS: Final = (
    "write", "pwrite64", "pwritev", "fsync", "fdatasync", "rename", "renameat", "renameat2", "ftruncate", "fallocate",
    "unlink", "unlinkat",
)  # fmt: skip
"""Every call by which a process of ours changes a file. What a child tells goes out by writev."""
_ATTEMPTS: Final = 5
_CALL: Final = re.compile(r"^\d+ +(\w+)\(")


@dataclass(frozen=True, slots=True)
class Call:
    """The `number`-th call of a name in one run, 1-based, as strace counts."""

    name: str
    number: int


class Victims:
    """One child process for many rounds. folder: everything lies below it."""

    def __init__(self, part: Part, folder: Path, process: subprocess.Popen[bytes]) -> None:
        self.part: Final = part
        self._folder: Final = folder
        self._process: Final = process
        self._base: Final = folder / "base"
        self._rounds = 0

    @classmethod
    @contextmanager
    def of(cls, part: Part, folder: Path) -> Iterator[Victims]:
        """Make the beginning, and start the child that all rounds are forked from."""
        (folder / "base").mkdir(parents=True)
        part.prepare(folder / "base")
        with subprocess.Popen(
            [sys.executable, "-m", "tests.faults.child", part.name],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            preexec_fn=end_with_parent(),  # noqa: PLW1509  # two system calls, no lock is taken in the child
        ) as process:
            try:
                yield cls(part, folder, process)
            finally:
                process.kill()

    def points(self) -> list[str]:
        """Give the names of all fail points, in order: a round in which none fails, and everything holds."""
        with self.beginning() as folder:
            told = self._run(folder, None)
            assert (told.error, told.killed) == (None, False), told
            self.part.check(folder, told)
        ((points,),) = told.of("reached")
        return list(points)

    def calls(self, strace: Strace) -> list[Call]:
        """Give all calls of a round without a fault that change a file, in order."""
        counts: Counter[str] = Counter()
        calls: list[Call] = []
        for line in self.trace(strace):
            found = _CALL.match(line)
            if found and found[1] in CALLS:
                counts[found[1]] += 1
                calls.append(Call(found[1], counts[found[1]]))
        return calls

    def trace(self, strace: Strace) -> list[str]:
        """Give what strace writes of a round without a fault: these calls, and what was told between them (writev)."""
        with self.beginning() as folder:
            self._run(folder, None, tracer=(strace, None))
            return (folder.parent / "calls").read_text("utf-8", errors="replace").splitlines()

    def traced(self, folder: Path, strace: Strace) -> tuple[Told, list[str]]:
        """Let a child work in a folder without a fault; give what it told, and its calls with all that it wrote."""
        self._send(json.dumps({"folder": str(folder), "at": None, "moment": "not done", "how": "kill"}))
        (_, pid) = self._line()
        calls = folder.parent / "calls"
        with strace.attached(pid, calls, calls=(*CALLS, "writev"), data=True):
            self._send("go")
            told = self._told()
        return told, calls.read_text("utf-8").splitlines()

    def fail(self, at: str, moment: Moment, how: How) -> Finding:
        """Make one fail point fail, and check. A point that threads did not reach this time is tried again."""
        for _ in range(_ATTEMPTS):
            with self.beginning() as folder:
                told = self._run(folder, at, moment, how)
                if told.killed or at in _reached(told):
                    assert told.killed == (how == "kill"), told
                    return self.part.check(folder, told)
        raise AssertionError(f"the fail point is not reached: {at}")

    def inject(self, strace: Strace, call: Call, fault: str) -> Finding:
        """Make one system call fail, and check. fault: `error=EIO`, ..., or `signal=SIGKILL`, which does not do it."""
        with self.beginning() as folder:
            told = self._run(folder, None, tracer=(strace, f"{call.name}:{fault}:when={call.number}"))
            return self.part.check(folder, told)

    @contextmanager
    def beginning(self) -> Iterator[Path]:
        """Give a folder with the files that every round begins with."""
        with tempfile.TemporaryDirectory(dir=self._folder, prefix="round-") as name:
            folder = Path(name) / "data"
            shutil.copytree(self._base, folder)
            yield folder

    def run(self, folder: Path) -> Told:
        """Let a child work in a folder that the caller has prepared; none of its points fails, but something else may."""
        return self._run(folder, "")

    def _run(
        self,
        folder: Path,
        at: str | None,
        moment: Moment = "not done",
        how: How = "kill",
        *,
        tracer: tuple[Strace, str | None] | None = None,
    ) -> Told:
        self._send(json.dumps({"folder": str(folder), "at": at, "moment": moment, "how": how}))
        (_, pid) = self._line()
        if tracer is None:
            self._send("go")
            return self._told()
        strace, injection = tracer
        with strace.attached(pid, folder.parent / "calls", calls=(*CALLS, "writev"), injection=injection):
            self._send("go")
            return self._told()

    def _told(self) -> Told:
        lines: list[Any] = []
        while (line := self._line())[0] != "ended":
            lines.append(line)
        told = Told(lines=lines, killed=line[1] is not None, error=None)
        assert line[1] in {None, signal.SIGKILL}, line
        errors = told.of("error")
        return replace(told, error=errors[0][0]) if errors else told

    def _send(self, line: str) -> None:
        _pipe(self._process.stdin).write(line.encode() + b"\n")
        _pipe(self._process.stdin).flush()

    def _line(self) -> list[Any]:
        line = _pipe(self._process.stdout).readline()
        assert line, "the child's first process has ended"
        found: list[Any] = json.loads(line)
        return found


def _reached(told: Told) -> list[str]:
    return [name for (names,) in told.of("reached") for name in names]


def _pipe(end: IO[bytes] | None) -> IO[bytes]:
    assert end is not None
    return end
