"""`tongban county evidence` and `tongban county check`: what a witness can prove, and whether a folder is sound."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated, Final

import orjson
import typer

from hub.commands.verify import read_bounded
from hub.county.inspection import check_county
from hub.county.offers import read_offers
from hub.county.witness import log_keys
from hub.database import open_reader
from hub.filesums import remember_files
from hub.keyfiles import make_private_folder, write_private
from ledger.errors import Malformed, NotVerified
from ledger.transparency.evidence import Offer, find_forks
from ledger.transparency.policy import MAX_POLICY_BYTES, Policy
from ledger.transparency.sqlite import UNREADABLE, unreadable

__all__ = ["check_folder", "export_evidence"]

_STORES: Final = ("witness.sqlite", "auditor.sqlite")
Json = Annotated[bool, typer.Option("--json", help="for machines")]


def _refused(data: Path) -> tuple[list[Offer], list[bytes]]:
    """Read what witness and auditor of a county refused, and the newest checkpoints that they cosigned."""
    files = [data / name for name in _STORES if (data / name).is_file()]
    if not files:
        raise Malformed("bad_file", "neither a witness nor an auditor has run in this folder")
    offers: list[Offer] = []
    notes: list[bytes] = []
    for file in files:
        with closing(open_reader(file)) as connection:
            try:
                offers += read_offers(connection)
                notes += [note for (note,) in connection.execute("SELECT note FROM latest")]
            except UNREADABLE as error:
                raise unreadable(error) from error
    return offers, notes


def export_evidence(
    data: Annotated[Path, typer.Option(help="folder of the county node")],
    output: Annotated[Path, typer.Option(help="new folder, or one without evidence in it")],
    json: Json = False,
) -> None:
    """Write a file for each signed checkpoint that witness or auditor refused here, and that proves a fork of the log.

    Works beside the serving node and needs no key. Each file can be checked by anyone: `tongban ledger check-evidence`.

    Example: tongban county evidence --data c370214 --output evidence
    """
    logs = log_keys(Policy.parse(read_bounded(data / "policy", MAX_POLICY_BYTES)))
    offers, notes = _refused(data)
    found = find_forks(offers, notes, logs)
    if found:
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
    """Check record store, outbox, witness and auditor row by row, and the small files against their remembered sums.

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
        typer.echo(f"remembered {files} files" if remember else f"{files} files are as remembered")
