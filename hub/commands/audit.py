"""`tongban audit`: anyone with access replays a whole log, and goes on from there the next time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Final

import orjson
import typer

from hub.commands.access import CountyData, CountyPassphrase, TokenFile, note_policy, opened_log, trust_anchor
from hub.commands.progress import progress_bars
from hub.county.auditing import SqliteAuditStore
from hub.database import held_lock
from hub.folderfiles import without_empty_folders
from hub.keyfiles import make_private_folder
from hub.logclient import HttpLog
from hub.upkeep.audits import AuditReport, audit_log
from hub.workers import cores, workers
from ledger.anchor import TrustAnchor
from ledger.errors import Malformed, TongbanError, Unavailable

__all__ = ["audit"]

_FILE: Final = "audit.sqlite"


def audit(
    url: Annotated[str, typer.Option(help="the log's URL prefix, like https://hub.example/ledger")],
    policy: Annotated[Path, typer.Option(help="policy file: which logs and witnesses are trusted")],
    genesis: Annotated[Path, typer.Option(help="genesis file: members and keys at the start of the log")],
    data: Annotated[Path, typer.Option(help="folder of the mirror; the next audit goes on from there")],
    token_file: TokenFile = None,
    county_data: CountyData = None,
    passphrase_file: CountyPassphrase = None,
    processes: Annotated[int | None, typer.Option(min=1, max=256, help="default: one a core")] = None,
    json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """Mirror every entry of a log, replay it under the keys at its index, and compare it with the published checkpoint.

    Exit code 0 if all of it holds and a quorum has cosigned it, 1 with the first bad index and its code if not, 3 if
    something is not to be had. If the log forked since the last audit, fork-evidence.json in the folder proves it.

    Example: tongban audit --url http://127.0.0.1:8080/ledger --policy policy --genesis genesis --data mirror
    --county-data c370214 --passphrase-file c370214.pass
    """
    anchor = trust_anchor(policy, genesis)
    with opened_log(url, token_file, county_data, passphrase_file) as log:
        if not log.is_member:
            raise Malformed("bad_setting", "entries are for members: give --token-file or --county-data")
        with without_empty_folders(data):
            make_private_folder(data)
            with held_lock(data / _FILE), _kept_if_filled(data / _FILE):
                _audit(log, data, anchor, processes or cores(), json=json)


@contextmanager
def _kept_if_filled(file: Path) -> Iterator[None]:
    """If the block fails, remove a mirror that it made and that holds nothing yet; from any other the next goes on."""
    fresh = not file.exists()
    try:
        yield
    except BaseException:
        if fresh and _is_empty(file):
            for each in (file, *(file.with_name(file.name + end) for end in ("-wal", "-shm"))):
                each.unlink(missing_ok=True)
        raise


def _is_empty(file: Path) -> bool:
    if not file.exists():
        return True
    with closing(SqliteAuditStore(file)) as store:
        return store.state() is None and store.latest() is None and not store.offers()


def _audit(log: HttpLog, data: Path, anchor: TrustAnchor, processes: int, *, json: bool) -> None:
    """Say what was found; a fault of the log is a finding, and the caller's own faults come as they are."""
    try:
        report = _audited(log, data, anchor, processes, shown=not json)
    except TongbanError as error:
        if isinstance(error, Unavailable) or error.code == "token_required":
            raise
        _print_fault(error, json=json)
        raise typer.Exit(1) from error
    _print(report, json=json)


def _audited(log: HttpLog, data: Path, anchor: TrustAnchor, processes: int, *, shown: bool) -> AuditReport:
    with (
        closing(SqliteAuditStore(data / _FILE)) as store,
        progress_bars(shown=shown) as bars,
    ):
        return audit_log(
            log, store, anchor, data, clock=lambda: int(time.time()), pool=lambda: workers(processes),
            progress=lambda done, of: bars.reach("entries", done, of),
        )  # fmt: skip


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
    note_policy(report.policy_named)
