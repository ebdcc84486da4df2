"""`tongban county`, second half: what a county does with its licenses, from the seal to the erasure.

A status change is signed and put into the outbox; the node that serves the folder delivers it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import orjson
import typer

from hub.answers import stated_error
from hub.commands.confirmation import Yes, confirm
from hub.commands.exitcodes import raise_worst
from hub.commands.folder import Data, PassphraseFile, opened_node
from hub.commands.ingest import sample_normaliser
from hub.commands.present import present
from hub.commands.verify import read_bounded
from hub.county.node import CountyNode
from hub.eseals import with_eseal
from hub.ingest.feeds import Feed
from hub.ingest.normalise import Reject
from hub.partner import Partner, access_token
from ledger.errors import Conflict, Malformed, TongbanError
from ledger.eseal.structures import MAX_ESEAL_BYTES
from ledger.status import Status

__all__ = ["app"]

app = typer.Typer()

Identifier = Annotated[str, typer.Argument(help="certificateIdentifier of the license")]
Json = Annotated[bool, typer.Option("--json", help="for machines")]
JsonLines = Annotated[bool, typer.Option("--json", help="for machines, one line a license")]


def _print_json(**members: object) -> None:
    typer.echo(orjson.dumps(members).decode())


@app.command("seal")
def seal(
    file: Annotated[Path, typer.Argument(help="one license as CSV or NDJSON row, as in a feed")],
    data: Data,
    passphrase_file: PassphraseFile,
    eseal: Annotated[
        Path | None, typer.Option(help="e-seal on the file of the one license: eSealHash binds it")
    ] = None,
    json: JsonLines = False,
) -> None:
    """Seal the licenses of a small file; for a whole feed see `tongban ingest feed`.

    Example: tongban county seal license.ndjson --data c370214 --passphrase-file c370214.pass
    """
    now = int(time.time())
    stamped = None if eseal is None else read_bounded(eseal, MAX_ESEAL_BYTES)
    with opened_node(data, passphrase_file) as node:
        normaliser = sample_normaliser(node.county, now)
        for row in Feed.open(file).rows():
            record = normaliser.record(row)
            if isinstance(record, Reject):
                raise Malformed("bad_row", f"line {record.line}: {record.reason}")
            sealed = node.seal(record if stamped is None else with_eseal(record, stamped), now)
            if json:
                _print_json(identifier=sealed.identifier, fresh=sealed.fresh)
            else:
                typer.echo(f"{sealed.identifier} {'sealed' if sealed.fresh else 'was sealed before'}")


@app.command("revoke")
def revoke(
    identifier: Identifier,
    data: Data,
    passphrase_file: PassphraseFile,
    reason: Annotated[str, typer.Option(help="03 撤销, 04 注销, 05 失效, 07 吊销, 99 other")] = "04",
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Revoke a license for good, after asking. The node that serves the folder submits the status entry.

    Example: tongban county revoke 1.2.156.3005.2.… --reason 04 --data c370214 --passphrase-file c370214.pass
    """
    with opened_node(data, passphrase_file) as node:
        confirm(node.county, f"revoke {identifier} for good", yes=yes)
        _change(node, identifier, "revoked", partial(node.revoke, identifier, reason, int(time.time())), json=json)


@app.command("suspend")
def suspend(
    identifier: Identifier,
    data: Data,
    passphrase_file: PassphraseFile,
    reason: Annotated[str, typer.Option(help="02 暂扣, 06 办理转出, 99 other")] = "02",
    json: Json = False,
) -> None:
    """Suspend a license until it is reinstated.

    Example: tongban county suspend 1.2.156.3005.2.… --reason 02 --data c370214 --passphrase-file c370214.pass
    """
    with opened_node(data, passphrase_file) as node:
        made = partial(node.change_status, identifier, Status.SUSPENDED, reason, int(time.time()))
        _change(node, identifier, "suspended", made, json=json)


@app.command("reinstate")
def reinstate(identifier: Identifier, data: Data, passphrase_file: PassphraseFile, json: Json = False) -> None:
    """Put a suspended license in force again (reason 01 有效).

    Example: tongban county reinstate 1.2.156.3005.2.… --data c370214 --passphrase-file c370214.pass
    """
    with opened_node(data, passphrase_file) as node:
        made = partial(node.change_status, identifier, Status.VALID, "01", int(time.time()))
        _change(node, identifier, "reinstated", made, json=json)


@app.command("supersede")
def supersede(
    identifier: Identifier,
    successor: Annotated[str, typer.Argument(help="certificateIdentifier of the license that takes its place")],
    data: Data,
    passphrase_file: PassphraseFile,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """State that a newer license of this county, its seal logged already, takes a license's place for good; it asks.

    Example: tongban county supersede 1.2.156.3005.2.…001.Z 1.2.156.3005.2.…002.X --data c370214
    --passphrase-file c370214.pass
    """
    with opened_node(data, passphrase_file) as node:
        confirm(node.county, f"let {successor} take the place of {identifier} for good", yes=yes)
        made = partial(node.supersede, identifier, successor, int(time.time()))
        _change(node, identifier, "superseded", made, json=json)


app.command("present")(present)


@app.command("deposit")
def deposit(
    identifiers: Annotated[list[str], typer.Argument(help="certificateIdentifiers, 1 to 100")],
    data: Data,
    passphrase_file: PassphraseFile,
    json: JsonLines = False,
) -> None:
    """Deposit faces in the hub's vault, encrypted there; it stands in while this node is away.

    Every license gets its line; the exit code is the greatest of those of all that were refused.

    Example: tongban county deposit 1.2.156.3005.2.… --data c370214 --passphrase-file c370214.pass
    """
    with opened_node(data, passphrase_file) as node:
        errors = _deposited(node, identifiers)
    for identifier, error in zip(identifiers, errors, strict=True):
        if json:
            _print_json(identifier=identifier, **_stated(error))
        else:
            typer.echo(f"{identifier} {'deposited' if error is None else error.code}")
    raise_worst(errors)


def _stated(error: TongbanError | None) -> dict[str, object]:
    return {"ok": True} if error is None else {"ok": False, "code": error.code, "message": error.message}


def _deposited(node: CountyNode, identifiers: Sequence[str]) -> list[TongbanError | None]:
    """Deposit those faces that are here, one error or None each; what is not here keeps no other back."""
    faces = [_face_of(node, identifier) for identifier in identifiers]
    given = [face for face in faces if isinstance(face, str)]
    results = Partner(node.config.hub_url, access_token(node, "vault.deposit")).deposit(given) if given else []
    told = iter([stated_error(result.get("error")) for result in results])
    return [next(told) if isinstance(face, str) else face for face in faces]


def _face_of(node: CountyNode, identifier: str) -> str | Conflict:
    try:
        return node.attestation(identifier)
    except Conflict as error:
        return error


@app.command("erase")
def erase(
    identifier: Identifier,
    data: Data,
    passphrase_file: PassphraseFile,
    vault: Annotated[bool, typer.Option("--vault", help="erase the face in the hub's vault, too, and first")] = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Erase a license's face for good, after asking: its data key is deleted. Seal and status stay in the ledger.

    A copy that was deposited stays in the hub's vault unless `--vault` is given, now or afterwards.

    Example: tongban county erase 1.2.156.3005.2.… --vault --data c370214 --passphrase-file c370214.pass
    """
    with opened_node(data, passphrase_file) as node:
        where = "here and in the hub's vault" if vault else "here, and not in the hub's vault"
        confirm(node.county, f"erase the face of {identifier} for good, {where}", yes=yes)
        there = ("erased" if _erased_in_vault(node, identifier) else "absent") if vault else None
        if there is not None and not json:
            typer.echo(f"{identifier} {there} in the vault")
        node.erase(identifier)
    if json:
        _print_json(identifier=identifier, vault=there)
        return
    typer.echo(f"{identifier} erased")
    if not vault:
        typer.echo("if it was ever deposited, a copy stands in the hub's vault: erase it there, too, with --vault")


def _erased_in_vault(node: CountyNode, identifier: str) -> bool:
    try:
        Partner(node.config.hub_url, access_token(node, "vault.deposit")).erase(identifier)
    except Conflict:  # wrong_target: never deposited, or erased before
        return False
    return True


def _change(node: CountyNode, identifier: str, what: str, change: Callable[[], bytes], *, json: bool) -> None:
    """Make a change of status, and say whether it is made now or was before."""
    before = {item.leaf for item in node.outbox.of(identifier)}
    fresh = change() not in before
    if json:
        _print_json(identifier=identifier, change=what, fresh=fresh)
        return
    if not fresh:
        typer.echo(f"{identifier} was {what} before, for this reason: nothing is signed anew (see `county status`)")
        return
    typer.echo(
        f"{identifier} {what}: signed, and in the outbox; `county serve` of this folder delivers it to the hub, and it"
        " counts once it is logged (see `county status`)"
    )
