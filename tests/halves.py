"""`make test`: the whole suite as two runs of pytest side by side, one a core.

    python -m tests.halves [arguments for both runs]

One half kills processes and uses the one Neo4j server, the other is all the rest; they share nothing that one of them
writes. The second half is printed as it goes, the first when it has ended. Exit code: the greater of the two.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import IO, Final

__all__ = ["main"]

_FIRST: Final = "kill or neo4j"
_PYTEST: Final = (sys.executable, "-m", "pytest")


def main(arguments: Sequence[str]) -> int:
    """Run both halves, each to its end."""
    print(f"two runs side by side: '{_FIRST}', printed at the end, and all the rest:", flush=True)
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        first = _half(_FIRST, arguments, output)
        try:
            rest = _half(f"not ({_FIRST})", arguments, None)
            codes = [rest.wait(), first.wait()]
        except BaseException:
            first.terminate()
            first.wait()
            raise
        output.seek(0)
        print(f"\n'{_FIRST}':\n{output.read()}", flush=True)
    return max(codes)


def _half(marks: str, arguments: Sequence[str], output: IO[str] | None) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*_PYTEST, "-m", marks, *arguments], stdout=output, stderr=subprocess.STDOUT)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
