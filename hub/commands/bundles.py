"""`tongban county bundle`: files between the hub and a county that no network reaches.

county   tongban county bundle export    what waits in the outbox -> a file, carried to the hub
hub      tongban ingest bundle           the file -> the running hub; its answers -> a file, carried back
county   tongban county bundle import    receipts, positions and refusals -> the outbox
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Final

import orjson
import typer

from hub.bundles.keys import MAX_PUBLIC_BYTES, PUBLIC_FILE, parse_public_key
from hub.commands.exitcodes import raise_worst
from hub.commands.folder import Data, PassphraseFile, opened_node
from hub.commands.output import Force, check_new, new_file
from hub.commands.progress import progress_bars
from hub.county.bundles import CountyBundles
from hub.county.evidence import EvidenceCheck
from hub.county.node import CountyNode
from hub.county.service import parse_jwks
from hub.county.settlement import Settlement
from ledger.errors import CODES, Malformed, TongbanError, Unavailable

__all__ = ["app", "counted", "report"]

app = typer.Typer(help="Files to and from the hub, where no network is.", no_args_is_help=True)

_MAX_JWKS_BYTES: Final = 16_384
_SHOWN: Final = 20  # for a person

_Json = Annotated[bool, typer.Option("--json", help="for machines")]


def counted(lines: Mapping[str, int]) -> str:
    """Say how many lines of each kind there are: `3 entry, 3 record`."""
    return ", ".join(f"{count} {kind}" for kind, count in lines.items())


def report(
    row: Mapping[str, object], told: str, refused: Sequence[tuple[str, str, TongbanError]], *, json: bool
) -> None:  # fmt: skip
    """Print what became of a bundle, and each thing refused with its code; the greatest exit code of these."""
    if json:
        rows = [{"kind": kind, "id": name, "code": error.code} for kind, name, error in refused]
        typer.echo(orjson.dumps({**row, "refused": rows}).decode())
    else:
        typer.echo(told)
        for kind, name, error in refused[:_SHOWN]:
            typer.echo(f"refused    {kind} {name} {error.code}")
        if len(refused) > _SHOWN:
            typer.echo(f"refused    {len(refused) - _SHOWN} more: --json lists them all")
    raise_worst(error for _, _, error in refused)


@app.command("export")
def export(
    output: Annotated[Path, typer.Option(help="file to write, to be carried to the hub")],
    data: Data,
    passphrase_file: PassphraseFile,
    faces: Annotated[bool, typer.Option("--faces", help="also the faces that the hub's vault does not have")] = False,
    again: Annotated[int | None, typer.Option(min=1, help="write this bundle once more: the hub misses it")] = None,
    force: Force = False,
    json: _Json = False,
) -> None:
    """Write what waits in the outbox as one signed, encrypted file: seals, changes of status, journal records.

    It is encrypted to the key in `hub-bundle.json`, which the hub hands out. Nothing that waits writes no file. It
    should arrive within a day (rule `iat_back_s`): what is older is signed anew when the answer comes,
    and goes out again.

    Example: tongban county bundle export --output 370214.bundle --data c370214 --passphrase-file c370214.pass
    """
    if again is not None and faces:
        raise Malformed("bad_setting", "--again writes the same bytes once more: --faces is for a new bundle")
    check_new(output, force=force)
    with opened_node(data, passphrase_file) as node, _bundles(node, hidden=json) as bundles:
        if again is not None:
            number, path, lines = again, bundles.again(again), None
        else:
            hub = parse_public_key(node.file(PUBLIC_FILE, MAX_PUBLIC_BYTES))
            made = bundles.export(hub, int(time.time()), faces=faces)
            if made is None:
                typer.echo(orjson.dumps({"number": None}).decode() if json else "nothing waits: no bundle was made")
                return
            number, path, lines = made.number, made.path, made.lines
        with new_file(output, force=force) as place:
            shutil.copyfile(path, place)
    row = {"number": number, "file": str(output)} | ({} if lines is None else {"lines": dict(lines)})
    told = "" if lines is None else f": {counted(lines)}"
    typer.echo(orjson.dumps(row).decode() if json else f"bundle {number}{told}; wrote {output}")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="the hub's answer")],
    data: Data,
    passphrase_file: PassphraseFile,
    json: _Json = False,
) -> None:
    """Take the hub's answer in, as if it had come over the network; once more changes nothing.

    Every receipt is checked against this folder's own policy and genesis. What the hub refused is listed with its code,
    and gives the exit code; what it could not take yet goes out with the next bundle.

    Example: tongban county bundle import 370214.answer --data c370214 --passphrase-file c370214.pass
    """
    with opened_node(data, passphrase_file) as node, _bundles(node, hidden=json) as bundles:
        now = int(time.time())
        settlement = Settlement(
            check=EvidenceCheck(node.verifier), renew=node.renew, clock=lambda: now, random=node.random
        )
        hub_keys = parse_jwks(node.file("hub-jwks.json", _MAX_JWKS_BYTES))
        found = bundles.take(file, hub_keys, settlement, now)
    refused = [(kind, name, _error(code)) for kind, name, code in found.refused]
    row = {"number": found.number, "settled": found.settled, "waiting": found.waiting, "faces": found.faces}
    told = f"answer {found.number}: {found.settled} settled, {found.waiting} wait, {found.faces} faces in the vault"
    report(row, told, refused, json=json)


@contextmanager
def _bundles(node: CountyNode, *, hidden: bool) -> Iterator[CountyBundles]:
    with progress_bars(shown=not hidden) as bars:
        bundles = CountyBundles(node, on_line=lambda count: bars.advance("lines", 1, count))
        with closing(bundles):
            yield bundles


def _error(code: str) -> TongbanError:
    return CODES.get(code, Unavailable)(code if code in CODES else "not_ready", "refused")
