"""`tongban ledger mirror`: a log kept as a static folder, and that folder checked."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import orjson
import typer

from hub.commands.access import CountyData, CountyPassphrase, TokenFile, note_policy, opened_log, trust_anchor
from hub.commands.progress import progress_bars
from hub.database import held_lock
from hub.folderfiles import without_empty_folders
from hub.logclient import HttpLog
from hub.mirror.check import check_mirror
from hub.mirror.folder import MirrorFolder
from hub.mirror.mirror import Mirror, MirrorReport
from ledger.anchor import TrustAnchor
from ledger.encoding import b64_encode
from ledger.errors import Conflict, Malformed, NotVerified, TongbanError, Unavailable

__all__ = ["mirror"]


def mirror(
    folder: Annotated[Path, typer.Argument(help="folder of the mirror; made where it is missing")],
    policy: Annotated[Path, typer.Option(help="policy file: which log and witnesses are trusted")],
    genesis: Annotated[Path, typer.Option(help="genesis file")],
    url: Annotated[str | None, typer.Option(help="URL of the log, or of another mirror of it")] = None,
    token_file: TokenFile = None,
    county_data: CountyData = None,
    passphrase_file: CountyPassphrase = None,
    follow: Annotated[float | None, typer.Option(min=1, help="go on, once in so many seconds")] = None,
    check: Annotated[bool, typer.Option("--check", help="check the folder instead, whole, without a network")] = False,
    json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """Keep a static copy of a log that any web server can serve, everything verified before it is shown.

    Entries and the sealed journal need a member's token; without one it is a mirror of hashes, from which no hub can
    be restored. If the log shows two trees, fork-evidence.json is written and the exit code is 1; 5 if it shows an
    older checkpoint than the mirror has.

    Example: tongban ledger mirror mirror --url https://hub.example/ledger --policy policy --genesis genesis
    """
    if check:
        _check_alone(
            url=url, token_file=token_file, county_data=county_data, passphrase_file=passphrase_file, follow=follow
        )
    anchor = trust_anchor(policy, genesis)
    if check:
        _check(MirrorFolder(folder), anchor, json=json)
        return
    if url is None:
        raise Malformed("bad_setting", "give --url, or --check")
    MirrorFolder(folder).check_own()
    with opened_log(url, token_file, county_data, passphrase_file) as log, without_empty_folders(folder):
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        with held_lock(folder / ".mirror", "writes this mirror"):
            _run(MirrorFolder(folder), log, anchor, follow=follow, json=json)


def _check_alone(**others: object) -> None:
    """Refuse what a check without a network would not heed."""
    given = [f"--{name.replace('_', '-')}" for name, value in others.items() if value is not None]
    if given:
        raise Malformed("bad_setting", f"--check works without a network: leave {', '.join(given)} out")


def _run(folder: MirrorFolder, log: HttpLog, anchor: TrustAnchor, *, follow: float | None, json: bool) -> None:
    while True:
        try:
            with progress_bars(shown=not json and follow is None) as bars:
                report = Mirror(folder, log, anchor, progress=bars.advance).run(int(time.time()))
            _print(report, json=json)
        except (Unavailable, Conflict) as error:
            if follow is None:
                raise
            _print_error(error, json=json)
        if follow is None:
            return
        time.sleep(follow)


def _print(report: MirrorReport, *, json: bool) -> None:
    if json:
        typer.echo(orjson.dumps({"ok": True, **report.to_json()}).decode())
        return
    typer.echo(f"{report.origin}: {report.size} entries, {report.size - report.grown_from} of them new")
    if not report.entries:
        typer.echo("hashes only: entries need a member's token; no hub can be restored from this mirror", err=True)
    elif not report.journal:
        typer.echo("without the journal: the log serves none; to restore a hub, bring it from a backup", err=True)
    for digest in report.missing:
        typer.echo(f"the log does not have the document {digest}", err=True)
    note_policy(report.policy_named)


def _print_error(error: TongbanError, *, json: bool) -> None:
    if json:
        typer.echo(orjson.dumps({"ok": False, "code": error.code, "message": error.message}).decode())
    else:
        typer.echo(f"tongban: {error}", err=True)


def _check(folder: MirrorFolder, anchor: TrustAnchor, *, json: bool) -> None:
    try:
        with progress_bars(shown=not json) as bars:
            found = check_mirror(folder, anchor, now=int(time.time()), progress=bars.advance)
    except NotVerified as error:
        if not json:
            raise
        typer.echo(orjson.dumps({"ok": False, "code": error.code, "message": error.message}).decode())
        raise typer.Exit(1) from error
    point = found.parts.checkpoint
    holds = {"entries": found.entries, "journal": found.journal}
    named = anchor.policy_named(found.parts.synced.keys.state)
    if json:
        row = {"ok": True, "origin": point.origin, "size": point.size, "root": b64_encode(point.root), **holds}
        typer.echo(orjson.dumps(row | {"policy_named": named}).decode())
        return
    having = ", ".join(f"{'with' if there else 'without'} {name}" for name, there in holds.items())
    typer.echo(f"{point.origin} holds: {point.size} entries; {having}")
    note_policy(named)
