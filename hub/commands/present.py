"""`tongban county present`: chosen claims of a license as a receipt, a QR code or both."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final

import httpx2
import orjson
import stamina
import typer

from hub.commands.folder import Data, PassphraseFile, opened_node
from hub.commands.output import Force, check_new, new_file
from hub.county.evidence import check_receipt
from hub.county.node import CountyNode
from hub.logclient import HttpLog
from hub.partner import Partner, access_token
from hub.qrcodes import COMFORTABLE, Drawn, Place, draw, find_place
from ledger.attestation import present as present_claims
from ledger.errors import Malformed, NotVerified
from ledger.qr import QrPayload, format_qr
from ledger.transparency.merkle import leaf_hash

__all__ = ["present"]

_LOG_S: Final = 30.0  # for all that a code needs of the log


def present(
    identifier: Annotated[str, typer.Argument(help="certificateIdentifier of the license")],
    data: Data,
    passphrase_file: PassphraseFile,
    output: Annotated[Path | None, typer.Option(help="receipt file to write (.lic-receipt)")] = None,
    qr: Annotated[Path | None, typer.Option(help="QR code to write: .svg, .png, or .txt for its text")] = None,
    show: Annotated[str, typer.Option(help="names of the claims to show, joined by commas")] = "",
    fresh: Annotated[
        bool, typer.Option("--fresh", help="with --output: ask the hub for a receipt under the newest checkpoint")
    ] = False,
    pointer: Annotated[
        bool,
        typer.Option("--pointer", help="with --qr: a smaller code that only the hub can check: no proof of the place"),
    ] = False,
    force: Force = False,
    json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """Write a receipt, a QR code or both that show only the chosen claims.

    The receipt stands under its first checkpoint or a fresh one, and is written only if it holds under the folder's
    policy; the code under a landmark, whose proof is read from the hub.

    Example: tongban county present 1.2.156.3005.2.… --show certificateTypeName,certificateHolderName --fresh
    --data c370214 --passphrase-file c370214.pass --output shown.lic-receipt --qr shown.svg
    """
    _check_usage(output, qr, fresh=fresh, pointer=pointer)
    for path in (output, qr):
        check_new(path, force=force)
    names = [name.strip() for name in show.split(",") if name.strip()]
    code = None
    with ExitStack() as files:  # both or neither
        node = files.enter_context(opened_node(data, passphrase_file))
        if output is not None:
            receipt = _receipt(node, identifier, names, fresh=fresh)
            files.enter_context(new_file(output, force=force)).write_bytes(receipt)
        if qr is not None:
            code = _code(node, identifier, names, pointer=pointer)
            code.drawn.save(files.enter_context(new_file(qr, force=force)))
    _print(output, qr, code, json=json)


def _check_usage(output: Path | None, qr: Path | None, *, fresh: bool, pointer: bool) -> None:
    if output is None and qr is None:
        raise Malformed("bad_setting", "expected --output, --qr or both")
    if fresh and output is None:
        raise Malformed("bad_setting", "--fresh is for a receipt: give --output, too")
    if pointer and qr is None:
        raise Malformed("bad_setting", "--pointer is for a QR code: give --qr, too")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Code:
    """A QR code to write. place: under which landmark; None: a pointer."""

    drawn: Drawn
    place: Place | None

    @property
    def where(self) -> str:
        """Say what the code leads to."""
        if self.place is None:
            return "a pointer: only who has the log's tiles can check it"
        moves = "" if self.place.final else ", which moves until midnight (UTC+8): make the code again tomorrow"
        return f"under the landmark of {self.place.day}{moves}"


def _code(node: CountyNode, identifier: str, names: Sequence[str], *, pointer: bool) -> _Code:
    index, shown = node.log_index(identifier), present_claims(node.attestation(identifier), names)
    payload = QrPayload(presentation=shown, index=index)
    if pointer:
        return _Code(drawn=draw(format_qr(payload)), place=None)
    place = _place(node, payload)
    return _Code(drawn=draw(format_qr(replace(payload, landmark=place.under))), place=place)


def _place(node: CountyNode, payload: QrPayload) -> Place:
    stamina.instrumentation.set_on_retry_hooks([])  # what failed is said once, at the end
    with httpx2.Client(trust_env=False) as http:
        log = HttpLog(f"{node.config.hub_url}/ledger", http, seconds=_LOG_S)
        anchor, leaf = node.verifier.anchor, leaf_hash(payload.entry)
        return find_place(log, anchor, leaf, payload.index, now=int(time.time()))


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


def _print(output: Path | None, qr: Path | None, code: _Code | None, *, json: bool) -> None:
    if json:
        files = {"receipt": None if output is None else str(output), "qr": None if qr is None else str(qr)}
        typer.echo(orjson.dumps(files | ({} if code is None else _row(code))).decode())
        return
    if output is not None:
        typer.echo(f"wrote {output}")
    if code is None:
        return
    drawn = code.drawn
    typer.echo(f"wrote {qr}: QR version {drawn.version}, {drawn.modules} modules, level {drawn.level}; {code.where}")
    typer.echo("left out: checkpoint, cosignatures, status; the verifier's sync folder has them")
    if drawn.version > COMFORTABLE:
        typer.echo(f"larger than version {COMFORTABLE}: show it bright and across the whole screen, or fewer claims")


def _row(code: _Code) -> dict[str, object]:
    """Give what a machine may want of a code. final: its landmark moves no more; without one, null."""
    drawn, place = code.drawn, code.place
    return {
        "version": drawn.version,
        "modules": drawn.modules,
        "level": drawn.level,
        "landmark": None if place is None else place.day,
        "final": None if place is None else place.final,
    }
