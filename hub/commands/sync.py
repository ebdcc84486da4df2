"""`tongban sync`: the folder that lets a verifier work without a network for a day."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Final

import httpx2
import orjson
import typer

from hub.commands.access import note_policy
from hub.commands.progress import progress_bars
from hub.commands.terms import utc
from hub.commands.verify import read_bounded
from hub.logclient import HttpLog
from hub.sync.folder import SyncFolder
from hub.sync.sync import SyncReport, fetch_status_list, synchronise
from ledger.errors import Malformed
from ledger.sync_files import SYNC_FILES
from ledger.transparency.policy import Policy

__all__ = ["sync"]

_FIELD_AGE: Final = "24 h"
_MAX_BYTES: Final = 256 * 1024 * 1024


def sync(
    folder: Annotated[Path, typer.Argument(help="folder to make or bring up to date")],
    url: Annotated[
        str | None, typer.Option(help="URL prefix of the log, or of a mirror; default: the policy's")
    ] = None,
    policy: Annotated[Path | None, typer.Option(help="pinned policy; needed at the first sync, then kept")] = None,
    genesis: Annotated[Path | None, typer.Option(help="pinned genesis; needed at the first sync, then kept")] = None,
    status_list: Annotated[Path | None, typer.Option(help="also write the hub's status list for wallets (JWT)")] = None,
    timeout: Annotated[float, typer.Option(min=1, max=3600, help="longest time for all of it, seconds")] = 120.0,
    json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """Fetch the newest checkpoint, keys and status list, check them, and put them into the folder, all or nothing.

    Exit code 1 if anything does not hold; a log that forks leaves fork-evidence.json beside the folder. Exit code 5 if
    the log shows an older checkpoint than the one held, as a mirror does that lags.

    Example: tongban sync field --url https://hub.example/ledger --policy policy --genesis genesis
    """
    place = SyncFolder(folder)
    pinned = None if policy is None else read_bounded(policy, SYNC_FILES["policy"])
    root = None if genesis is None else read_bounded(genesis, SYNC_FILES["genesis"])
    with httpx2.Client(trust_env=False, follow_redirects=False) as http:
        prefix = url or _url_in(pinned or place.held().get("policy"))
        log = HttpLog(prefix, http, seconds=timeout, total_bytes=_MAX_BYTES)
        with progress_bars(shown=not json) as bars:
            report = synchronise(place, log, policy=pinned, genesis=root, now=int(time.time()), progress=bars.advance)
        if status_list is not None:
            status_list.write_bytes(fetch_status_list(place, log))
    if json:
        typer.echo(orjson.dumps(report.to_json()).decode())
    else:
        _print(report)


def _url_in(policy: bytes | None) -> str:
    if policy is None:
        raise Malformed("bad_setting", "the first sync needs --policy and --genesis, from one whom you trust")
    urls = [log.url for log in Policy.parse(policy).logs if log.url is not None]
    if len(urls) != 1:
        raise Malformed("bad_setting", "the policy names not one URL of a log: give --url")
    return urls[0]


def _print(report: SyncReport) -> None:
    grown = "first sync" if report.before is None else f"{report.before} before"
    typer.echo(f"{report.origin}: {report.size} entries ({grown}), witnessed {utc(report.time)}")
    for name, count in report.counts.items():
        change = count - report.counts_before.get(name, 0)
        if count or change:
            typer.echo(f"  {name:12}{count:8}  {change:+}" if report.counts_before else f"  {name:12}{count:8}")
    typer.echo(
        f"status list {report.status_bytes} bytes for {report.array_bytes}; {report.landmarks} landmarks;"
        f" {report.key_entries} changes of keys and rules"
    )
    note_policy(report.policy_named)
    typer.echo(f"good without a network for {_FIELD_AGE}, until {utc(report.time + 86_400)}")
