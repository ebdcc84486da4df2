"""`tongban county`, second half: what a county does with its licenses, from the seal to the erasure.

A status change is signed and put into the outbox; the node that serves the folder delivers it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import httpx2
import stamina
import typer

from hub.answers import stated_error
from hub.commands.confirmation import Yes, confirm
from hub.commands.folder import Data, PassphraseFile, opened_node
from hub.commands.ingest import sample_normaliser
from hub.commands.verify import read_bounded
from hub.county.evidence import check_receipt
from hub.county.node import CountyNode
from hub.eseals import with_eseal
from hub.ingest.feeds import Feed
from hub.ingest.normalise import Reject
from hub.logclient import HttpLog
from hub.partner import Partner, access_token
from hub.qrcodes import COMFORTABLE, Place, draw, find_place
from ledger.attestation import present as present_claims
from ledger.errors import Conflict, Malformed, NotVerified, TongbanError
from ledger.eseal.structures import MAX_ESEAL_BYTES
from ledger.qr import QrPayload, format_qr
from ledger.status import Status
from ledger.transparency.merkle import leaf_hash

__all__ = ["app"]

_LOG_S: Final = 30.0  # for all that a code needs of the log

app = typer.Typer()

Identifier = Annotated[str, typer.Argument(help="certificateIdentifier of the license")]


@app.command("seal")
def seal(
    file: Annotated[Path, typer.Argument(help="one license as CSV or NDJSON row, as in a feed")],
    data: Data,
    passphrase_file: PassphraseFile,
    eseal: Annotated[
        Path | None, typer.Option(help="e-seal on the file of the one license: eSealHash binds it")
    ] = None,
) -> None:
    """Seal the licenses of a small file; for a whole feed see `tongban ingest`.

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
            typer.echo(f"{sealed.identifier} {'sealed' if sealed.fresh else 'was sealed before'}")


@app.command("revoke")
def revoke(
    identifier: Identifier,
    data: Data,
    passphrase_file: PassphraseFile,
    reason: Annotated[str, typer.Option(help="03 撤销, 04 注销, 05 失效, 07 吊销, 99 other")] = "04",
    yes: Yes = False,
) -> None:
    """Revoke a license for good, after asking. The node that serves the folder submits the status entry.

    Example: tongban county revoke 1.2.156.3005.2.… --reason 04 --data c370214 --passphrase-file c370214.pass
    """
    with opened_node(data, passphrase_file) as node:
        confirm(node.county, f"revoke {identifier} for good", yes=yes)
        _change(node, identifier, "revoked", lambda: node.revoke(identifier, reason, int(time.time())))


@app.command("suspend")
def suspend(
    identifier: Identifier,
    data: Data,
    passphrase_file: PassphraseFile,
    reason: Annotated[str, typer.Option(help="02 暂扣, 06 办理转出, 99 other")] = "02",
) -> None:
    """Suspend a license until it is reinstated.

    Example: tongban county suspend 1.2.156.3005.2.… --reason 02 --data c370214 --passphrase-file c370214.pass
    """
    with opened_node(data, passphrase_file) as node:
        now = int(time.time())
        _change(node, identifier, "suspended", lambda: node.change_status(identifier, Status.SUSPENDED, reason, now))


@app.command("reinstate")
def reinstate(identifier: Identifier, data: Data, passphrase_file: PassphraseFile) -> None:
    """Put a suspended license in force again (reason 01 有效).

    Example: tongban county reinstate 1.2.156.3005.2.… --data c370214 --passphrase-file c370214.pass
    """
    with opened_node(data, passphrase_file) as node:
        now = int(time.time())
        _change(node, identifier, "reinstated", lambda: node.change_status(identifier, Status.VALID, "01", now))


@app.command("supersede")
def supersede(
    identifier: Identifier,
    successor: Annotated[str, typer.Argument(help="certificateIdentifier of the license that takes its place")],
    data: Data,
    passphrase_file: PassphraseFile,
    yes: Yes = False,
) -> None:
    """State that a newer license of this county, its seal logged already, takes a license's place for good; it asks.

    Example: tongban county supersede 1.2.156.3005.2.…001.Z 1.2.156.3005.2.…002.X --data c370214
    --passphrase-file c370214.pass
    """
    with opened_node(data, passphrase_file) as node:
        confirm(node.county, f"let {successor} take the place of {identifier} for good", yes=yes)
        _change(node, identifier, "superseded", lambda: node.supersede(identifier, successor, int(time.time())))


@app.command("present")
def present(
    identifier: Identifier,
    data: Data,
    passphrase_file: PassphraseFile,
    output: Annotated[Path | None, typer.Option(help="receipt file to write (.lic-receipt)")] = None,
    qr: Annotated[Path | None, typer.Option(help="QR code to write: .svg, .png, or .txt for its text")] = None,
    show: Annotated[str, typer.Option(help="names of the claims to show, joined by commas")] = "",
    fresh: Annotated[
        bool, typer.Option("--fresh", help="ask the hub for a receipt under the newest checkpoint")
    ] = False,
    pointer: Annotated[
        bool, typer.Option("--pointer", help="a smaller QR code that only the hub can check: no proof of the place")
    ] = False,
) -> None:
    """Write a receipt, a QR code or both that show only the chosen claims.

    The receipt stands under its first checkpoint or a fresh one, and is written only if it holds under the folder's
    policy; the code under a landmark, whose proof is read from the hub.

    Example: tongban county present 1.2.156.3005.2.… --show certificateTypeName,certificateHolderName --fresh
    --data c370214 --passphrase-file c370214.pass --output shown.lic-receipt --qr shown.svg
    """
    if output is None and qr is None:
        raise Malformed("bad_setting", "expected --output, --qr or both")
    names = [name.strip() for name in show.split(",") if name.strip()]
    with opened_node(data, passphrase_file) as node:
        if output is not None:
            output.write_bytes(_receipt(node, identifier, names, fresh=fresh))
            typer.echo(f"wrote {output}")
        if qr is not None:
            _write_qr(node, identifier, names, qr, pointer=pointer)


def _write_qr(node: CountyNode, identifier: str, names: Sequence[str], path: Path, *, pointer: bool) -> None:
    index, shown = node.log_index(identifier), present_claims(node.attestation(identifier), names)
    payload = QrPayload(presentation=shown, index=index)
    where = "a pointer: only who has the log's tiles can check it"
    if not pointer:
        place = _place(node, payload)
        payload = replace(payload, landmark=place.under)
        moves = "" if place.final else ", which moves until midnight (UTC+8): make the code again tomorrow"
        where = f"under the landmark of {place.day}{moves}"
    drawn = draw(format_qr(payload))
    drawn.save(path)
    size = f"QR version {drawn.version}, {drawn.modules} modules, level {drawn.level}"
    typer.echo(f"wrote {path}: {size}; {where}")
    typer.echo("left out: checkpoint, cosignatures, status; the verifier's sync folder has them")
    if drawn.version > COMFORTABLE:
        typer.echo(f"larger than version {COMFORTABLE}: show it bright and across the whole screen, or fewer claims")


def _place(node: CountyNode, payload: QrPayload) -> Place:
    stamina.instrumentation.set_on_retry_hooks([])  # what failed is said once, at the end
    with httpx2.Client(trust_env=False) as http:
        log = HttpLog(f"{node.config.hub_url}/ledger", http, seconds=_LOG_S)
        anchor, leaf = node.verifier.anchor, leaf_hash(payload.entry)
        return find_place(log, anchor, leaf, payload.index, now=int(time.time()))


@app.command("deposit")
def deposit(
    identifiers: Annotated[list[str], typer.Argument(help="certificateIdentifiers, 1 to 100")],
    data: Data,
    passphrase_file: PassphraseFile,
) -> None:
    """Deposit faces in the hub's vault, encrypted there; it stands in while this node is away.

    Every license gets its line; the exit code is that of the first one refused.

    Example: tongban county deposit 1.2.156.3005.2.… --data c370214 --passphrase-file c370214.pass
    """
    with opened_node(data, passphrase_file) as node:
        errors = _deposited(node, identifiers)
    for identifier, error in zip(identifiers, errors, strict=True):
        typer.echo(f"{identifier} {'deposited' if error is None else error.code}")
    _raise_first(errors)


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
) -> None:
    """Erase a license's face for good, after asking: its data key is deleted. Seal and status stay in the ledger.

    A copy that was deposited stays in the hub's vault unless `--vault` is given, now or afterwards.

    Example: tongban county erase 1.2.156.3005.2.… --vault --data c370214 --passphrase-file c370214.pass
    """
    with opened_node(data, passphrase_file) as node:
        where = "here and in the hub's vault" if vault else "here, and not in the hub's vault"
        confirm(node.county, f"erase the face of {identifier} for good, {where}", yes=yes)
        if vault:
            typer.echo(f"{identifier} {'erased' if _erased_in_vault(node, identifier) else 'absent'} in the vault")
        node.erase(identifier)
    typer.echo(f"{identifier} erased")
    if not vault:
        typer.echo("if it was ever deposited, a copy stands in the hub's vault: erase it there, too, with --vault")


def _erased_in_vault(node: CountyNode, identifier: str) -> bool:
    try:
        Partner(node.config.hub_url, access_token(node, "vault.deposit")).erase(identifier)
    except Conflict:  # wrong_target: never deposited, or erased before
        return False
    return True


def _receipt(node: CountyNode, identifier: str, names: Sequence[str], *, fresh: bool) -> bytes:
    """Make the receipt file, which holds under the folder's own policy: nobody is handed one that does not."""
    receipt = node.present(identifier, names, _fresh_receipt(node, identifier) if fresh else None)
    try:
        check_receipt(node.verifier, receipt, int(time.time()))
    except NotVerified as error:
        if fresh or error.code != "no_quorum":
            raise
        message = f"{error.message}; the policy asks for others than when it was made: use --fresh"
        raise NotVerified(error.code, message) from error
    return receipt


def _fresh_receipt(node: CountyNode, identifier: str) -> bytes:
    partner = Partner(node.config.hub_url, access_token(node, "ledger.entries"))
    return partner.receipt(node.log_index(identifier))


def _raise_first(errors: Sequence[TongbanError | None]) -> None:
    for error in errors:
        if error is not None:
            raise error


def _change(node: CountyNode, identifier: str, what: str, change: Callable[[], bytes]) -> None:
    """Make a change of status, and say whether it is made now or was before."""
    before = {item.leaf for item in node.outbox.of(identifier)}
    if change() in before:
        typer.echo(f"{identifier} was {what} before, for this reason: nothing is signed anew (see `county status`)")
        return
    typer.echo(
        f"{identifier} {what}: signed, and in the outbox; `county serve` of this folder delivers it to the hub, and it"
        " counts once it is logged (see `county status`)"
    )
