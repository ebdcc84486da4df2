"""`make test`: the whole suite as three runs of pytest side by side, which wait for processes more than they work.

    python -m tests.suite [arguments for all three runs]

One run uses the Neo4j server, one kills processes, the last is all the rest; they share nothing that one of them
writes. The last is printed as it goes, the others when they have ended. Exit code: the greatest of the three.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from typing import IO, Final

__all__ = ["main"]

_ASIDE: Final = ("neo4j", "kill and not neo4j")
_REST: Final = "not (kill or neo4j)"
_PYTEST: Final = (sys.executable, "-m", "pytest")


def main(arguments: Sequence[str]) -> int:
    """Run all three, each to its end."""
    print(f"three runs side by side: '{_REST}', and printed at the end: {', '.join(map(repr, _ASIDE))}", flush=True)
    with ExitStack() as stack:
        outputs = [stack.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8")) for _ in _ASIDE]
        runs: list[subprocess.Popen[bytes]] = []
        try:
            runs += [_run(marks, arguments, output) for marks, output in zip(_ASIDE, outputs, strict=True)]
            runs.append(_run(_REST, arguments, None))
            codes = [run.wait() for run in reversed(runs)]
        except BaseException:
            for run in runs:
                run.terminate()
                run.wait()
            raise
        for marks, output in zip(_ASIDE, outputs, strict=True):
            output.seek(0)
            print(f"\n'{marks}':\n{output.read()}", flush=True)
    return max(codes)


def _run(marks: str, arguments: Sequence[str], output: IO[str] | None) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*_PYTEST, "-m", marks, *arguments], stdout=output, stderr=subprocess.STDOUT)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
