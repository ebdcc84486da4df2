"""The question before what cannot be undone. It is asked at a terminal only: a script has decided already."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ledger.errors import Refused

__all__ = ["Yes", "confirm"]

Yes = Annotated[bool, typer.Option("--yes", help="do it without asking once more")]


def confirm(county: str, deed: str, *, yes: bool) -> None:
    """Have a person at the terminal type the county's code before a deed. Raises Refused forbidden."""
    if yes or not sys.stdin.isatty():
        return
    if typer.prompt(f"type {county} to {deed}", default="", show_default=False) != county:
        raise Refused("forbidden", "not confirmed: nothing was done")
