"""`tongban audit`: anyone with access replays a whole log, and goes on from there the next time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Final

import httpx2
import orjson
import typer

from hub.audits import AuditReport, audit_log
from hub.commands.folder import opened_node
from hub.commands.progress import progress_bars
from hub.commands.verify import parsed, read_bounded
from hub.county.auditing import SqliteAuditStore
from hub.county.entries import HttpEntries, Token, county_token, given_token
from hub.database import WriterLock
from hub.keyfiles import make_private_folder
from hub.urls import log_url
from hub.workers import cores, workers
from ledger.anchor import TrustAnchor
from ledger.errors import Malformed, TongbanError, Unavailable
from ledger.transparency.policy import MAX_POLICY_BYTES, Policy

__all__ = ["audit"]

_MAX_GENESIS: Final = 65_536
_MAX_TOKEN: Final = 16_384
_FILE: Final = "audit.sqlite"


def audit(
    url: Annotated[str, typer.Option(help="the log's URL prefix, like https://hub.example/ledger")],
    policy: Annotated[Path, typer.Option(help="policy file: which logs and witnesses are trusted")],
    genesis: Annotated[Path, typer.Option(help="genesis file: members and keys at the start of the log")],
    data: Annotated[Path, typer.Option(help="folder of the mirror; the next audit goes on from there")],
    token_file: Annotated[Path | None, typer.Option(help="file with an access token (scope ledger.entries)")] = None,
    county_data: Annotated[Path | None, typer.Option(help="a county's folder: its client key gets the token")] = None,
    passphrase_file: Annotated[Path | None, typer.Option(help="file (0600) with the passphrase of its keys")] = None,
    processes: Annotated[int | None, typer.Option(min=1, max=256, help="default: one a core")] = None,
    json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """Mirror every entry of a log, replay it under the keys at its index, and compare it with the published checkpoint.

    Exit code 0 if all of it holds and a quorum has cosigned it, 1 with the first bad index and its code if not, 3 if
    something is not to be had.

    Example: tongban audit --url http://127.0.0.1:8080/ledger --policy policy --genesis genesis --data mirror
    --county-data c370214 --passphrase-file c370214.pass
    """
    if (token_file is None) == (county_data is None) or (county_data is None) != (passphrase_file is None):
        raise Malformed("bad_setting", "give --token-file, or --county-data and --passphrase-file")
    anchor = TrustAnchor(parsed(policy, MAX_POLICY_BYTES, Policy.parse), read_bounded(genesis, _MAX_GENESIS))
    make_private_folder(data)
    lock = WriterLock(data / _FILE)
    try:
        with _opened(log_url(url, "--url"), token_file, county_data, passphrase_file) as source:
            _audit(source, data, anchor, processes or cores(), json=json)
    finally:
        lock.release()


def _audit(source: HttpEntries, data: Path, anchor: TrustAnchor, processes: int, *, json: bool) -> None:
    """Say what was found; a fault of the log is a finding, and the caller's own faults come as they are."""
    try:
        report = _audited(source, data, anchor, processes, shown=not json)
    except TongbanError as error:
        if isinstance(error, Unavailable) or error.code == "token_required":
            raise
        _print_fault(error, json=json)
        raise typer.Exit(1) from error
    _print(report, json=json)


def _audited(source: HttpEntries, data: Path, anchor: TrustAnchor, processes: int, *, shown: bool) -> AuditReport:
    with (
        closing(SqliteAuditStore(data / _FILE)) as store,
        progress_bars(shown=shown) as bars,
    ):
        return audit_log(
            source, store, anchor, clock=lambda: int(time.time()), pool=lambda: workers(processes),
            progress=lambda done, of: bars.reach("entries", done, of),
        )  # fmt: skip


@contextmanager
def _opened(
    url: str, token_file: Path | None, county_data: Path | None, passphrase_file: Path | None
) -> Iterator[HttpEntries]:
    """Open the log with the caller's right to its entries."""
    with httpx2.Client(trust_env=False) as client:
        if county_data is None or passphrase_file is None:
            yield HttpEntries(url, _given(token_file), client)
            return
        with opened_node(county_data, passphrase_file) as node:
            yield HttpEntries(url, county_token(node, client, lambda: int(time.time())), client)


def _given(token_file: Path | None) -> Token:
    return given_token("" if token_file is None else read_bounded(token_file, _MAX_TOKEN).decode("ascii").strip())


def _print_fault(error: TongbanError, *, json: bool) -> None:
    if json:
        row = {"ok": False, "code": error.code, "message": error.message, "index": error.index}
        typer.echo(orjson.dumps(row).decode())
        return
    place = "" if error.index is None else f"entry {error.index}: "
    typer.echo(f"tongban: {place}{error}", err=True)


def _print(report: AuditReport, *, json: bool) -> None:
    if json:
        typer.echo(orjson.dumps({"ok": True, **report.to_json()}).decode())
        return
    checkpoint, quorum = report.checkpoint, len(report.cosigners)
    typer.echo(
        f"{checkpoint.origin} holds: {checkpoint.size} entries, {report.replayed} of them new here,"
        f" {report.journal} journal records bound; cosigned by {quorum}"
    )
