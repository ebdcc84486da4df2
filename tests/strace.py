"""strace, which makes a chosen system call of a process fail: found on PATH, or fetched from Debian's packages.

    .strace/usr/bin/strace     unpacked there by `dpkg -x`, with the libraries that it needs beside it

Nothing is installed. A test asks for the fixture `strace`; where there is none it does not run, the summary says why,
and with TONGBAN_REQUIRE_STRACE=1 in the environment it fails.

    with STRACE.attached(pid, out, calls=("pwrite64",), injection="pwrite64:error=EIO:when=3"):
        ...                                       the process is traced from here on, with all its threads
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ledger.errors import Unavailable

__all__ = ["Strace", "find_strace"]

_FOLDER: Final = Path(__file__).parent.parent / ".strace"
_PACKAGES: Final = ("strace", "libunwind8", "liblzma5")
_PATIENCE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Strace:
    """A strace that runs: its command, and where its libraries lie (empty: where the system keeps them)."""

    command: str
    libraries: str = ""

    def works(self) -> bool:
        """Tell whether it runs and may trace a process of ours (a container may forbid that)."""
        try:
            done = subprocess.run(
                [self.command, "-f", "-e", "trace=write", "-e", "inject=write:error=EIO:when=9999", "true"],
                env=self._environment(), capture_output=True, check=False, timeout=_PATIENCE_S,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired):
            return False
        return done.returncode == 0

    def _environment(self) -> dict[str, str]:
        return dict(os.environ) | ({"LD_LIBRARY_PATH": self.libraries} if self.libraries else {})

    @contextmanager
    def attached(
        self, pid: int, out: Path, *, calls: Sequence[str], injection: str | None = None, data: bool = False
    ) -> Iterator[None]:
        r"""Trace a process from now to its end. out: the calls, a line each, with descriptors as paths.

        injection: which fault at which call, as strace writes it. data: with all that is written, each byte as `\x00`.
        Raises Unavailable not_ready.
        """
        shown = ["-s", "1000000", "-xx"] if data else ["-s", "32"]
        options = ["-f", "-y", *shown, "-o", str(out), "-e", f"trace={','.join(calls)}", "-p", str(pid)]
        options += [] if injection is None else ["-e", f"inject={injection}"]
        with subprocess.Popen(
            [self.command, *options], env=self._environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as tracer:
            try:
                _wait_until_traced(tracer)
                yield
                tracer.wait(_PATIENCE_S)
            finally:
                tracer.kill()


def _wait_until_traced(tracer: subprocess.Popen[bytes]) -> None:
    """Wait until strace says that it holds every thread: what the kernel shows (TracerPid) is true a moment earlier."""
    assert tracer.stderr is not None
    said: list[bytes] = []
    for line in tracer.stderr:
        said.append(line)
        if b" attached" in line:
            return
    raise Unavailable("not_ready", f"strace does not attach: {b''.join(said).decode(errors='replace')}")


def find_strace() -> Strace:
    """Find strace, or fetch it once. Raises Unavailable not_ready, saying what is missing."""
    on_path = shutil.which("strace")
    if on_path is not None and Strace(on_path).works():
        return Strace(on_path)
    fetched = _fetched()
    if not fetched.works():
        raise Unavailable("not_ready", "strace is there, but may not trace a process here")
    return fetched


def _fetched() -> Strace:
    command = _FOLDER / "root" / "usr" / "bin" / "strace"
    if not command.exists():
        _fetch()
    libraries = [str(path) for path in sorted((_FOLDER / "root").glob("**/lib/*-linux-gnu*"))]
    return Strace(str(command), ":".join(libraries))


def _fetch() -> None:
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        raise Unavailable("not_ready", "no strace here, and no apt-get to fetch it with")
    packages = _FOLDER / "packages"
    packages.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["apt-get", "download", *_PACKAGES], cwd=packages, capture_output=True, check=False)
    if done.returncode:  # a new machine has no list of packages yet
        subprocess.run(["apt-get", "update"], capture_output=True, check=False)
        done = subprocess.run(["apt-get", "download", *_PACKAGES], cwd=packages, capture_output=True, check=False)
    if done.returncode:
        raise Unavailable("not_ready", f"strace cannot be fetched: {done.stderr.decode(errors='replace').strip()}")
    for package in sorted(packages.glob("*.deb")):
        subprocess.run(["dpkg", "-x", str(package), str(_FOLDER / "root")], check=True)
