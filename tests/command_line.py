"""The command line run in this process, as its entry point runs it."""

from __future__ import annotations

from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO

import pytest
import structlog

from hub.cli import main

__all__ = ["Result", "tongban"]


@dataclass(frozen=True, slots=True)
class Result:
    """What a command line left: exit code, standard output, standard error."""

    code: int
    out: str
    err: str


def tongban(*arguments: object) -> Result:
    """Run `tongban` with these arguments, each as text; how a server's command logs does not outlive it."""
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err, pytest.raises(SystemExit) as caught:
        main([str(each) for each in arguments])
    structlog.reset_defaults()
    return Result(int(caught.value.code or 0), out.getvalue(), err.getvalue())
