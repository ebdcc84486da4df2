"""`tongban county evidence` and `tongban county check`: what a witness can prove, and whether a folder is sound."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import orjson
import typer

from hub.commands.verify import read_bounded
from hub.county.inspection import check_county
from hub.county.witness import WitnessStore, log_keys
from hub.filesums import remember_files
from hub.keyfiles import make_private_folder, write_private
from ledger.errors import Malformed, NotVerified
from ledger.transparency.evidence import find_forks
from ledger.transparency.policy import MAX_POLICY_BYTES, Policy
from ledger.transparency.witness import monitoring_path

__all__ = ["check_folder", "export_evidence"]

_WITNESS: Final = "witness.sqlite"

Json = Annotated[bool, typer.Option("--json", help="for machines")]


def export_evidence(
    data: Annotated[Path, typer.Option(help="folder of the county node")],
    output: Annotated[Path, typer.Option(help="new folder, or one without evidence in it")],
    json: Json = False,
) -> None:
    """Write a file for each signed checkpoint that this county's witness refused and that proves a fork of the log.

    Works beside the serving node and needs no key. Each file can be checked by anyone: `tongban ledger check-evidence`.

    Example: tongban county evidence --data c370214 --output evidence
    """
    if not (data / _WITNESS).is_file():
        raise Malformed("bad_file", f"there is no {_WITNESS} in this folder: no witness has run here")
    logs = log_keys(Policy.parse(read_bounded(data / "policy", MAX_POLICY_BYTES)))
    store = WitnessStore(data / _WITNESS)
    try:
        offers = store.offers()
        latest = [store.latest(monitoring_path(key.name)) for key in logs.values()]
    finally:
        store.close()
    found = find_forks(offers, [each.note for each in latest if each is not None], logs)
    make_private_folder(output)
    files = [output / ("fork-evidence.json" if n == 1 else f"fork-evidence-{n}.json") for n in range(1, len(found) + 1)]
    for path, evidence in zip(files, found, strict=True):
        write_private(path, evidence.format())
    if json:
        rows = {"refused": len(offers), "files": [str(path) for path in files]}
        typer.echo(orjson.dumps(rows).decode())
        return
    typer.echo(f"{len(offers)} signed checkpoints were refused; {len(found)} of them prove a fork")
    for path in files:
        typer.echo(f"wrote {path}")


def check_folder(
    data: Annotated[Path, typer.Option(help="folder of the county node, or a copy of it")],
    remember: Annotated[
        bool, typer.Option("--remember", help="if all holds, keep sums of the small files, to compare with later")
    ] = False,
    json: Json = False,
) -> None:
    """Check record store, outbox and witness row by row, and the small files against their remembered sums.

    Needs no key, reads only, may run beside the serving node. Exit code 0 if all holds, 1 if not.

    Example: tongban county check --data c370214
    """
    try:
        found = check_county(data, remembered=not remember)
    except NotVerified as error:
        if not json:
            raise
        typer.echo(orjson.dumps({"ok": False, "code": error.code, "message": error.message}).decode())
        raise typer.Exit(1) from error
    files = remember_files(data) if remember else found.files
    if json:
        typer.echo(orjson.dumps({"ok": True, **found.to_json(), "files": files}).decode())
        return
    typer.echo(f"{data} holds: {found.records} rows of records and outbox, {found.witness} of the witness")
    if files:
        typer.echo(f"{files} files are as remembered")
