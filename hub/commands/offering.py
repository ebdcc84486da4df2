"""`tongban county offering`: a county publishes what it asks and promises for its matters.

What is published is signed and put into the outbox; the node that serves the folder delivers it to the hub's journal.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer

from hub.commands.folder import Data, PassphraseFile, opened_node
from hub.commands.output import Force, check_new, new_file
from hub.county.node import CountyNode
from hub.ingest.data import read_table
from hub.ingest.normalise import Reject
from hub.ingest.offerings import (
    OfferingRow,
    check_claims,
    checked,
    listed_codes,
    read_offerings,
    sample_offerings,
    write_rejects,
)
from hub.journal.intake import Listed
from hub.keychain import FolderChain
from ledger.errors import Malformed, TongbanError
from ledger.workdays import china_day

__all__ = ["app"]

app = typer.Typer(help="Publish a county's offerings: what it asks and promises.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="for machines")]


def _listed(data: Path) -> Listed:
    """Give what is listed, the matters by the newest key state that the folder knows."""
    chain = FolderChain(data).founded()
    return listed_codes() if chain is None else replace(listed_codes(), decided=chain.state.matters)


@app.command("publish")
def publish(
    file: Annotated[Path, typer.Argument(help="one offering, .json or .csv")],
    data: Data,
    passphrase_file: PassphraseFile,
    json: Json = False,
) -> None:
    """Check and sign one offering; it is in force from its planEffectiveDate on, and ends the version before it.

    A version that is published stays as it is: what changes gets another planEffectiveDate.

    Example: tongban county offering publish offering.json --data c370214 --passphrase-file c370214.pass
    """
    rows = read_offerings(file)
    if len(rows) != 1:
        raise Malformed("bad_file", f"expected one offering, the file has {len(rows)}: use `county offering import`")
    (row,) = rows
    if isinstance(row, Reject):
        raise Malformed(row.code, f"line {row.line}: {row.reason}")
    check_claims(row.claims, _listed(data))
    with opened_node(data, passphrase_file) as node:
        offered = node.offerings.publish(row.claims, int(time.time()))
    if json:
        typer.echo(orjson.dumps(asdict(offered)).decode())
        return
    typer.echo(f"{offered.code} {'published' if offered.fresh else 'was published before'}")


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="offerings, .csv or .json")],
    data: Data,
    passphrase_file: PassphraseFile,
    json: Json = False,
) -> None:
    """Check every offering of a file, publish the good ones, and write the rejects to a file beside it.

    It can be run again at any time: what is published with the same content is not signed again.

    Example: tongban county offering import offerings.csv --data c370214 --passphrase-file c370214.pass
    """
    listed = _listed(data)
    rows = [checked(row, listed) for row in read_offerings(file)]
    rejects = file.with_name(file.name + ".rejects.csv")
    with opened_node(data, passphrase_file) as node:
        outcomes = _published(node, rows, int(time.time()))
    refused = [each for each in outcomes if isinstance(each, Reject)]
    write_rejects(rejects, refused)
    counts = Counter(each for each in outcomes if isinstance(each, str))
    codes = Counter(each.code for each in refused)
    if json:
        told = {"offerings": len(rows), "published": counts["published"], "already": counts["already"]}
        typer.echo(orjson.dumps({**told, "rejects": dict(codes)}).decode())
        return
    published, already = counts["published"], counts["already"]
    typer.echo(f"{len(rows)} offerings: {published} published, {already} already, {len(refused)} rejected")
    if refused:
        typer.echo(f"rejects ({', '.join(f'{code} {count}' for code, count in sorted(codes.items()))}): {rejects}")


def _published(node: CountyNode, rows: Sequence[OfferingRow | Reject], now: int) -> list[Reject | str]:
    outcomes: list[Reject | str] = []
    for row in rows:
        if isinstance(row, Reject):
            outcomes.append(row)
            continue
        try:
            outcomes.append("published" if node.offerings.publish(row.claims, now).fresh else "already")
        except TongbanError as error:
            outcomes.append(Reject(row.line, error.code, error.message))
    return outcomes


@app.command("list")
def list_offerings(data: Data, passphrase_file: PassphraseFile, json: Json = False) -> None:
    """List every version that was published here: its code, its first day, and where it stands.

    waiting: not yet taken by the hub; stated: in the journal; refused: with the hub's code. Mend that and publish it
    anew, or send it again with `county retry`.

    Example: tongban county offering list --data c370214 --passphrase-file c370214.pass
    """
    with opened_node(data, passphrase_file) as node:
        offerings = node.offerings.all()
    for each in offerings:
        if json:
            typer.echo(orjson.dumps(asdict(each)).decode())
        else:
            typer.echo(" ".join(filter(None, (each.code, each.effective, each.state, each.refusal))))


@app.command("sample")
def sample(
    county: Annotated[str, typer.Option(help="6-digit code of a county of the sample roster")],
    output: Annotated[Path, typer.Option(help="file to write, .json")],
    day: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="first day; default: today")] = None,
    force: Force = False,
) -> None:
    """Write what a sample county offers, to look at and to import: made up, with source and confidence.

    Example: tongban county offering sample --county 370214 --output offerings.json
    """
    check_new(output, force=force)
    if county not in {row["code"] for row in read_table("roster")}:
        raise Malformed("bad_setting", "the sample roster has no such county")
    if output.suffix != ".json":
        raise Malformed("bad_setting", "expected a file name that ends in .json")
    first = china_day(int(time.time())) if day is None else day.date()
    offerings = sample_offerings(county, first.isoformat())
    with new_file(output, force=force) as place:
        place.write_bytes(orjson.dumps(offerings, option=orjson.OPT_INDENT_2) + b"\n")
    typer.echo(f"wrote {len(offerings)} offerings to {output}")
