"""The county folder that a command works on: its options, and the node opened from it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from hub.county.folder import open_county
from hub.county.node import CountyNode
from hub.keyfiles import read_passphrase

__all__ = ["Data", "PassphraseFile", "opened_node"]

Data = Annotated[Path, typer.Option(help="folder of the county node")]
PassphraseFile = Annotated[Path, typer.Option(help="file (0600) with the passphrase of the county's keys")]


@contextmanager
def opened_node(data: Path, passphrase_file: Path) -> Iterator[CountyNode]:
    """Open the folder for the time of one command. Raises Malformed bad_file (keys, passphrase), Unavailable."""
    node = open_county(data, read_passphrase(passphrase_file), random=secrets.token_bytes)
    try:
        yield node
    finally:
        node.close()
