"""`tongban ledger check`, `backup` and `restore`: what an operator does with a ledger that is there, or was."""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import Annotated, Final

import orjson
import typer

from hub.commands.progress import progress_bars
from hub.commands.terms import utc
from hub.commands.verify import parsed, read_bounded
from hub.filesums import check_remembered, remember_files
from hub.keyfiles import read_passphrase
from hub.mirror.folder import MirrorFolder
from hub.upkeep.backup import back_up
from hub.upkeep.fsck import Pinned, StoresReport, check_stores, pinned_in
from hub.upkeep.restore import Brought, RestoreReport, restore_hub
from hub.upkeep.stores import JOURNAL, LEDGER, check_hub_folder
from hub.workers import cores, workers
from ledger.encoding import b64_encode
from ledger.errors import Malformed, NotVerified
from ledger.jws import MAX_ENTRY_BYTES
from ledger.transparency.policy import MAX_POLICY_BYTES, Policy

__all__ = ["backup", "check", "restore"]

_LARGE: Final = 16 * 1024 * 1024  # bytes; some 10,000 entries

Data = Annotated[Path, typer.Option(help="folder of the hub, or a copy of it")]
Json = Annotated[bool, typer.Option("--json", help="for machines")]


def check(
    data: Data,
    policy: Annotated[Path | None, typer.Option(help="a verifier's policy; default: the folder's own")] = None,
    genesis: Annotated[Path | None, typer.Option(help="a verifier's genesis; default: the folder's own")] = None,
    processes: Annotated[int | None, typer.Option(min=1, max=256, help="default: one a core")] = None,
    remember: Annotated[
        bool, typer.Option("--remember", help="if all holds, keep sums of the small files, to compare with later")
    ] = False,
    json: Json = False,
) -> None:
    """Make everything that follows from ledger entries and journal records again, and compare it with what is stored.

    Reads only; the hub may run. The first entry or record at fault is named. Exit code 0 if all holds, 1 if not.

    Example: tongban ledger check --data hub
    """
    if (policy is None) != (genesis is None):
        raise Malformed("bad_setting", "give both --policy and --genesis, or neither")
    check_hub_folder(data)
    began = time.monotonic()
    try:
        files = 0 if remember else check_remembered(data)
        pinned = pinned_in(data) if policy is None or genesis is None else _pinned(policy, genesis)
        with progress_bars(shown=not json) as progress, workers(processes or _processes(data)) as in_order:
            report = check_stores(data, pinned, in_order=in_order, progress=progress.advance)
    except NotVerified as error:
        if not json:
            raise
        row = {"ok": False, "code": error.code, "message": error.message, "index": error.index}
        typer.echo(orjson.dumps(row).decode())
        raise typer.Exit(1) from error
    files = remember_files(data) if remember else files
    _print(report, time.monotonic() - began, files=files, json=json, remembered=remember)


def _processes(data: Path) -> int:
    """Give every core, unless the stores are checked sooner than processes start."""
    sizes = [(data / name).stat().st_size for name in (LEDGER, JOURNAL) if (data / name).is_file()]
    return cores() if sum(sizes) >= _LARGE else 1


def _pinned(policy: Path, genesis: Path) -> Pinned:
    return Pinned.of(parsed(policy, MAX_POLICY_BYTES, Policy.parse), read_bounded(genesis, MAX_ENTRY_BYTES))


def _print(report: StoresReport, seconds: float, *, files: int, json: bool, remembered: bool = False) -> None:
    """Say what holds. files: how many have remembered sums. remembered: just now."""
    if json:
        row = {"ok": True, **report.to_json(), "files": files, "seconds": round(seconds, 1)}
        typer.echo(orjson.dumps(row).decode())
        return
    typer.echo(
        f"{report.origin} holds: {report.size} entries, {report.published} published;"
        f" {report.journal.n} journal records ({seconds:.1f} s)"
    )
    if files:
        typer.echo(f"remembered {files} files" if remembered else f"{files} files are as remembered")


def backup(
    folder: Annotated[Path, typer.Argument(help="new folder")],
    data: Data,
    with_keys: Annotated[
        bool, typer.Option("--with-keys", help="also the key files, encrypted as they are; never the passphrase")
    ] = False,
    json: Json = False,
) -> None:
    """Copy ledger, journal and the files that verifiers pin, as of one moment; the hub may run.

    Not in it: the graph (replayed at start), and the vault, where a copy would keep what a county erases. To go on with
    a backup, put keys/ into it and serve it; check it first.

    Example: tongban ledger backup backup-2026-11-22 --data hub
    """
    check_hub_folder(data)
    with progress_bars(shown=not json) as progress:
        report = back_up(data, folder, with_keys=with_keys, progress=progress.reach)
    if json:
        typer.echo(orjson.dumps(report.to_json()).decode())
        return
    typer.echo(
        f"wrote {folder}: {report.size} entries, {report.published} published; {report.records} journal records;"
        f" {'with' if with_keys else 'without'} keys"
    )


def restore(
    data: Annotated[Path, typer.Argument(help="new folder of the hub")],
    mirror: Annotated[Path, typer.Option(help="folder of a mirror that has entries")],
    policy: Annotated[Path, typer.Option(help="policy file, as it was pinned")],
    genesis: Annotated[Path, typer.Option(help="genesis file, as it was pinned")],
    keys: Annotated[Path, typer.Option(help="the hub's keys: the folder `keys` of a backup")],
    passphrase_file: Annotated[Path, typer.Option(help="file (0600) with the passphrase of these keys")],
    journal: Annotated[Path | None, typer.Option(help="journal.sqlite of a backup; default: the mirror's")] = None,
    processes: Annotated[int | None, typer.Option(min=1, max=256, help="default: one a core")] = None,
    json: Json = False,
) -> None:
    """Make a hub's folder from a mirror and the hub's keys: rebuilt, replayed with every check, any difference refused.

    The vault is not restored (counties deposit again); settings are the operator's. Serve it afterwards: the hub asks
    the witnesses whether they have seen more, and does not start if they have.

    Example: tongban ledger restore hub --mirror mirror --policy policy --genesis genesis --keys backup/keys
    --passphrase-file hub.pass
    """
    brought = Brought(
        policy=read_bounded(policy, MAX_POLICY_BYTES),
        genesis=read_bounded(genesis, MAX_ENTRY_BYTES),
        keys=keys,
        passphrase=read_passphrase(passphrase_file),
        journal=journal,
    )
    began = time.monotonic()
    with progress_bars(shown=not json) as progress, workers(processes or cores()) as in_order:
        report = restore_hub(
            MirrorFolder(mirror), data, brought, now=int(time.time()), random=secrets.token_bytes, in_order=in_order,
            progress=progress.advance,
        )  # fmt: skip
    _print_restored(data, report, time.monotonic() - began, json=json)


def _print_restored(data: Path, report: RestoreReport, seconds: float, *, json: bool) -> None:
    if json:
        typer.echo(orjson.dumps({"ok": True, **report.to_json(), "seconds": round(seconds, 1)}).decode())
        return
    stores = report.stores
    typer.echo(f"restored {data}, every entry and record checked ({seconds:.1f} s)")
    typer.echo(f"  log          {stores.origin}: {stores.size} entries, {stores.published} published")
    typer.echo(f"  checkpoint   size {stores.size}, witnessed {utc(report.time)}, root {b64_encode(stores.root)}")
    typer.echo(f"  status root  {b64_encode(report.status_root)}")
    typer.echo(f"  journal      {stores.journal.n} records, of the {report.journal}")
    typer.echo(f"  keys         {', '.join(report.keys)}")
    typer.echo("not restored: the vault (counties deposit again) and the settings")
    typer.echo(
        f"now: tongban serve --data {data} --passphrase-file … (it asks the witnesses first whether they saw more)"
    )
