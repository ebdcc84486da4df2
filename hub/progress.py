"""Progress of long work, told to whoever wants to know: the command line shows bars, everybody else nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

__all__ = ["Progress", "silent"]

Progress: TypeAlias = Callable[[str, int, int], None]
"""(what is counted, how many more are done, of how many)."""


def silent(_what: str, _more: int, _of: int) -> None:
    """Tell nobody."""
