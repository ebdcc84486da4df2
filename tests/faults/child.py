"""The process that is killed: `python -m tests.faults.child PART`, driven over its standard input and output.

    > {"folder": "...", "at": "ledger: COMMIT", "moment": "not done", "how": "kill"}
    < ["pid", 4711]                      a fork of this process, which waits
    > go
    < ["index", "0ab1...", 7]            what it tells, a line each, by writev: no call that is made to fail
    < ["ended", 9, null]                 by the first process: signal, or null

One fork a round costs milliseconds, where an interpreter with its imports would cost a second. The first process has
one thread and no open file.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from pathlib import Path
from typing import Any, Final

from ledger.errors import TongbanError
from tests.faults.parts import Part
from tests.faults.points import FailPoints
from tests.faults.stores import PARTS

__all__ = ["main"]

_PR_SET_PTRACER: Final = 0x59616D61
_ANYBODY: Final = ctypes.c_ulong(-1)
_PIPE: Final = 9  # descriptor


def main(name: str) -> None:
    """Take orders until the input ends."""
    part = PARTS[name]
    os.dup2(1, _PIPE)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what the product logs is for nobody here
    while line := _line():
        child = os.fork()
        if child == 0:
            _obey(part, json.loads(line))
        _, status = os.waitpid(child, 0)
        _tell("ended", os.WTERMSIG(status) if os.WIFSIGNALED(status) else None)


def _obey(part: Part, order: dict[str, Any]) -> None:
    """Do one round's work and end; nothing of it comes back."""
    ctypes.CDLL(None).prctl(_PR_SET_PTRACER, _ANYBODY, 0, 0, 0)  # a sibling of ours attaches
    points = FailPoints(at=order["at"], moment=order["moment"], how=order["how"])
    _tell("pid", os.getpid())
    _line()
    try:
        part.work(Path(order["folder"]), points, _tell)
    except TongbanError as error:
        _tell("error", error.code)
    except BaseException as error:  # noqa: BLE001  # whatever it is, the parent must hear of it
        _tell("error", f"{type(error).__name__}: {error}")
    _tell("reached", points.reached)
    os._exit(0)


def _line() -> str:
    """Read one line, byte by byte: what follows it is for another process."""
    line = b""
    while (byte := os.read(0, 1)) not in {b"", b"\n"}:
        line += byte
    return line.decode()


def _tell(what: str, *values: object) -> None:
    line = json.dumps([what, *values]).encode() + b"\n"
    while line:
        line = line[os.writev(_PIPE, [line]) :]


if __name__ == "__main__":
    main(sys.argv[1])
