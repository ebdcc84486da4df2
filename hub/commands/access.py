"""A log as a command reads it, and the right to its entries: a token in a file, or a county's client key."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final

import httpx2
import typer

from hub.commands.verify import parsed, read_bounded
from hub.keyfiles import read_private
from hub.logclient import HttpLog, Token
from hub.urls import log_url
from ledger.anchor import TrustAnchor
from ledger.errors import Malformed, Refused
from ledger.jws import MAX_ENTRY_BYTES
from ledger.transparency.policy import MAX_POLICY_BYTES, Policy

__all__ = ["CountyData", "CountyPassphrase", "TokenFile", "file_token", "note_policy", "opened_log", "trust_anchor"]

TokenFile = Annotated[Path | None, typer.Option(help="file (0600) with a member's access token (scope ledger.entries)")]
CountyData = Annotated[Path | None, typer.Option(help="folder of a county node: its client key gets the tokens")]
CountyPassphrase = Annotated[Path | None, typer.Option(help="file (0600) with the passphrase of that county's keys")]

_MAX_TOKEN: Final = 16_384


def trust_anchor(policy: Path, genesis: Path) -> TrustAnchor:
    """Read what a verifier pins. Raises Malformed, NotVerified, Conflict."""
    trusted, digest = parsed(policy, MAX_POLICY_BYTES, lambda data: (Policy.parse(data), sha256(data).digest()))
    return TrustAnchor(trusted, read_bounded(genesis, MAX_ENTRY_BYTES), policy_digest=digest)


def note_policy(named: str | None) -> None:
    """Say that the members have named another policy than the caller's. named: SHA-256, hex; None: they have not."""
    if named is not None:
        told = (
            f"note: the members have named another policy, SHA-256 {named}: get it, read it, and pin it with --policy"
        )
        typer.echo(told, err=True)


@contextmanager
def opened_log(
    url: str, token_file: Path | None, county_data: Path | None, passphrase_file: Path | None
) -> Iterator[HttpLog]:
    """Open a log by its URL, with the caller's right to its entries if there is one. Raises Malformed bad_setting."""
    if (county_data is None) != (passphrase_file is None) or (county_data is not None and token_file is not None):
        raise Malformed("bad_setting", "give --token-file, or --county-data and --passphrase-file")
    prefix, token = log_url(url, "--url"), None if token_file is None else file_token(token_file)
    with ExitStack() as stack:
        http = stack.enter_context(httpx2.Client(trust_env=False))
        if county_data is not None and passphrase_file is not None:
            from hub.commands.folder import opened_node  # noqa: PLC0415  # who reads hashes needs no county's code
            from hub.county.access import county_token  # noqa: PLC0415

            node = stack.enter_context(opened_node(county_data, passphrase_file))
            token = county_token(node, http, lambda: int(time.time()))
        yield HttpLog(prefix, http, token=token)


def file_token(path: Path) -> Token:
    """Use the token in a file, read again when the log does not take it: somebody may have replaced it.

    Raises Malformed bad_file, too_large at once; its tokens Refused token_required.
    """

    def read() -> str:
        return read_private(path, max_bytes=_MAX_TOKEN).decode("ascii", "replace").strip()

    kept = [read()]

    def token(refused: str | None) -> str:
        if refused == kept[0]:
            kept[0] = read()
            if refused == kept[0]:
                raise Refused("token_required", "the log does not take the token")
        return kept[0]

    return token
