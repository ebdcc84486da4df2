"""`tongban seal`, first half: a seal is made and put on a license document. Checking: hub/commands/sealcheck.py."""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import Annotated

import typer

from hub.commands.output import Force, check_new, new_file
from hub.commands.sealcheck import inspect, verify
from hub.commands.terms import instant
from hub.commands.verify import read_bounded
from hub.eseals import (
    MAX_PICTURE_BYTES,
    FileDocument,
    create_test_ca,
    is_license_file,
    open_certificate,
    picture_of,
)
from hub.keyfiles import read_passphrase, read_signer, write_private
from ledger.errors import Malformed
from ledger.eseal.documents import Document, DocumentBytes
from ledger.eseal.making import SealDraft, make_seal, sign_document
from ledger.eseal.structures import MAX_ESEAL_BYTES
from ledger.receipt import MAX_RECEIPT_BYTES, parse_receipt

__all__ = ["app"]

app = typer.Typer(help="E-seals of GB/T 38540: make, put on a document, read, verify.", no_args_is_help=True)
app.command("inspect")(inspect)
app.command("verify")(verify)

PassphraseFile = Annotated[Path, typer.Option(help="file (0600) with the passphrase of the key")]
Output = Annotated[Path, typer.Option(help="file to write")]

_YEAR_S = 365 * 86_400
_SAMPLE_USCC = "11370214MB2000004E"


@app.command("test-ca")
def new_test_ca(
    folder: Annotated[Path, typer.Argument(help="folder to make")],
    passphrase_file: PassphraseFile,
    uscc: Annotated[str, typer.Option(help="USCC in the signer's certificate")] = _SAMPLE_USCC,
    years: Annotated[int, typer.Option(min=1, max=20, help="validity of the three certificates")] = 5,
) -> None:
    """Make a TEST root, maker and signer, to try seals out. Never trust its root for anything real.

    Example: tongban seal test-ca ca --passphrase-file ca.pass
    """
    create_test_ca(
        folder,
        uscc,
        years=years,
        passphrase=read_passphrase(passphrase_file),
        random=secrets.token_bytes,
        now=int(time.time()),
    )
    typer.echo(f"wrote root, maker and signer into {folder}: for tests only (仅供测试)")


@app.command("make")
def make(
    picture: Annotated[Path, typer.Argument(help="picture of the seal: PNG, JPG, GIF, BMP or OFD")],
    esid: Annotated[str, typer.Option(help="number of the seal, ASCII")],
    name: Annotated[str, typer.Option(help="name of the seal, as people read it")],
    signer: Annotated[list[Path], typer.Option(help="certificate that may use it; can be given again")],
    certificate: Annotated[Path, typer.Option(help="the maker's certificate")],
    key: Annotated[Path, typer.Option(help="the maker's key (0600)")],
    passphrase_file: PassphraseFile,
    output: Output,
    years: Annotated[int, typer.Option(min=1, max=20, help="validity from now on")] = 3,
    width: Annotated[int, typer.Option(help="width in millimetres")] = 42,
    height: Annotated[int, typer.Option(help="height in millimetres")] = 42,
    by_digest: Annotated[bool, typer.Option("--by-digest", help="list SM3 of the certificates, not them")] = False,
    force: Force = False,
) -> None:
    """Make a seal (SES V4): the picture, who may use it, for how long; signed by the maker.

    Example: tongban seal make seal.png --esid 37021400000001 --name 城阳区行政审批专用章 --signer ca/signer.pem
    --certificate ca/maker.pem --key ca/maker.key --passphrase-file ca.pass --output seal.der
    """
    check_new(output, force=force)
    now = int(time.time())
    draft = SealDraft(
        esid=esid,
        name=name,
        picture=picture_of(read_bounded(picture, MAX_PICTURE_BYTES), width, height),
        signers=tuple(open_certificate(path) for path in signer),
        created=now,
        valid_from=now,
        valid_to=now + years * _YEAR_S,
        by_digest=by_digest,
    )
    data = make_seal(draft, open_certificate(certificate), read_signer(key, read_passphrase(passphrase_file)))
    _write(output, data, force=force)


@app.command("sign")
def sign(
    seal: Annotated[Path, typer.Argument(help="seal file, as `make` writes it")],
    license_id: Annotated[str, typer.Option("--license", help="certificateIdentifier of the license")],
    certificate: Annotated[Path, typer.Option(help="the signer's certificate")],
    key: Annotated[Path, typer.Option(help="the signer's key (0600)")],
    passphrase_file: PassphraseFile,
    output: Output,
    document: Annotated[Path | None, typer.Option(help="license file, PDF or OFD")] = None,
    receipt: Annotated[Path | None, typer.Option(help="no file: the attestation in this receipt")] = None,
    at: Annotated[str | None, typer.Option(help="time of sealing (RFC 3339); default: now")] = None,
    force: Force = False,
) -> None:
    """Put a seal on the document of a license; without a file the attestation's signed part is the document.

    Example: tongban seal sign seal.der --document license.pdf --license 1.2.156.3005.2.… --certificate ca/signer.pem
    --key ca/signer.key --passphrase-file ca.pass --output license.eseal
    """
    check_new(output, force=force)
    data = sign_document(
        read_bounded(seal, MAX_ESEAL_BYTES),
        _document(document, receipt),
        license_id=license_id,
        time=int(time.time()) if at is None else instant(at),
        certificate=open_certificate(certificate),
        signer=read_signer(key, read_passphrase(passphrase_file)),
    )
    _write(output, data, force=force)


def _write(output: Path, data: bytes, *, force: bool) -> None:
    with new_file(output, force=force) as place:
        write_private(place, data)
    typer.echo(f"wrote {output}, {len(data)} bytes")


def _document(document: Path | None, receipt: Path | None) -> Document:
    if document is not None and receipt is None:
        found = FileDocument(document)
        if not is_license_file(found):
            raise Malformed("bad_file", f"{document.name} is no PDF or OFD file")
        return found
    if receipt is not None and document is None:
        return DocumentBytes(parse_receipt(read_bounded(receipt, MAX_RECEIPT_BYTES)).entry)
    raise Malformed("bad_setting", "give --document or --receipt, one of the two")
