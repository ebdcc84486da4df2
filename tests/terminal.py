"""A command as a process of its own at a terminal, where a person types."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

from tests.command_line import Result

__all__ = ["typed"]


def typed(line: str, *arguments: object) -> Result:
    """Run `tongban` with these arguments and type a line."""
    person, terminal = pty.openpty()
    try:
        os.write(person, f"{line}\n".encode())
        command = [sys.executable, "-m", "hub", *map(str, arguments)]
        done = subprocess.run(command, stdin=terminal, capture_output=True, text=True, check=False, timeout=180)
    finally:
        os.close(person)
        os.close(terminal)
    return Result(done.returncode, done.stdout, done.stderr)
