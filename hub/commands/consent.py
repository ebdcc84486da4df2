"""`tongban county consent`: a county's clerks record what holders grant, and that it has ended."""

from __future__ import annotations

import time
from hashlib import file_digest
from pathlib import Path
from typing import Annotated

import orjson
import typer

from hub.commands.folder import Data, PassphraseFile, opened_node
from hub.commands.holder import OneHolder, read_holder
from hub.commands.terms import duration
from hub.commands.verify import read_bounded
from hub.consentdesk import new_consent_id, read_consent, state_consent, state_end, state_signed_consent
from hub.county.licenses import is_face_name
from ledger.consents import MAX_SIGNED, Consent, Purpose
from ledger.errors import Malformed

__all__ = ["app"]

app = typer.Typer(help="Record what holders consent to, and that it has ended.", no_args_is_help=True)

ConsentId = Annotated[str, typer.Argument(metavar="ID", help="id of the consent, 22 characters")]
Json = Annotated[bool, typer.Option("--json", help="for machines")]


@app.command("grant")
def grant(
    holder_file: OneHolder,
    data: Data,
    passphrase_file: PassphraseFile,
    reader: Annotated[str | None, typer.Option(help="member id of the county that may read; default: this one")] = None,
    matter: Annotated[str | None, typer.Option(help="code of the only matter, 12 digits; default: any")] = None,
    field: Annotated[list[str] | None, typer.Option(help="face field that may be read; repeat")] = None,
    all_fields: Annotated[bool, typer.Option("--all-fields", help="every face field may be read")] = False,
    purpose: Annotated[str, typer.Option(help="HANDLING, ADVICE or VERIFICATION")] = "HANDLING",
    lasts: Annotated[str, typer.Option(help="how long, like 8h or 30d, at most 366d")] = "1d",
    evidence: Annotated[Path | None, typer.Option(help="what the holder signed; its SHA-256 digest is stated")] = None,
    signed: Annotated[
        Path | None, typer.Option(help="the holder's signed grant, in place of evidence and terms")
    ] = None,
    license: Annotated[str | None, typer.Option(help="license whose seal confirms the holder's key")] = None,  # noqa: A002  # the option's name
    json: Json = False,
) -> None:
    """State a holder's consent in the journal, and give its id: the basis by which the reader asks.

    Without --field and --all-fields the reader sees which licenses there are, and nothing of their faces. The holder's
    code stays here; the journal has its keyed hash.

    Example: tongban county consent grant --holder-file holder.json --field certificateHolderName --evidence form.pdf
    --data c370214 --passphrase-file c370214.pass
    """
    now, named = int(time.time()), read_holder(holder_file)
    with opened_node(data, passphrase_file) as node:
        if signed is not None:
            if evidence is not None or license is None or matter or field or all_fields or reader:
                raise Malformed("bad_setting", "--signed goes with --license alone: the holder has signed the terms")
            text = read_bounded(signed, MAX_SIGNED).decode("ascii", "replace").strip()
            consent, position = state_signed_consent(node, text, holder=named, license=license, now=now)
        else:
            if evidence is None or license is not None:
                raise Malformed("bad_setting", "give --evidence, or --signed with --license")
            consent = Consent(
                id=new_consent_id(node), county=reader or node.county, matter=matter,
                fields=_fields(field, everything=all_fields), purpose=_purpose(purpose), expires=now + duration(lasts),
            )  # fmt: skip
            position = state_consent(node, consent, holder=named, evidence=_digest(evidence), now=now)
    if json:
        typer.echo(orjson.dumps({"id": consent.id, "position": position, "expires": consent.expires}).decode())
        return
    typer.echo(f"consent {consent.id} for {consent.county} stands in the journal at {position}")


def _fields(names: list[str] | None, *, everything: bool) -> frozenset[str] | None:
    if everything and names:
        raise Malformed("bad_setting", "give --field or --all-fields")
    if unknown := [name for name in names or () if not is_face_name(name)]:
        raise Malformed("bad_setting", f"a face has no field {unknown[0]}")
    return None if everything else frozenset(names or ())


def _purpose(name: str) -> Purpose:
    if name not in Purpose.__members__:
        raise Malformed("bad_setting", f"--purpose is one of {', '.join(Purpose.__members__)}")
    return Purpose[name]


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return file_digest(file, "sha256").digest()


@app.command("revoke")
def revoke(
    consent_id: ConsentId,
    data: Data,
    passphrase_file: PassphraseFile,
    evidence: Annotated[
        Path | None, typer.Option(help="what the holder signed or sent here; its SHA-256 digest is stated")
    ] = None,
    signed: Annotated[Path | None, typer.Option(help="the withdrawal that the granting key signed")] = None,
    json: Json = False,
) -> None:
    """State that a consent has ended; from then on nothing is read by it.

    The county that stated it, and the one that may read by it, need show nothing. Any other county ends it with
    --evidence or --signed: a holder can go to whichever he likes.

    Example: tongban county consent revoke Jq0yX3Zl0m4w2mJ0n7mS2A --data c370214 --passphrase-file c370214.pass
    """
    withdrawal = None if signed is None else read_bounded(signed, MAX_SIGNED).decode("ascii", "replace").strip()
    shown = None if evidence is None else _digest(evidence)
    with opened_node(data, passphrase_file) as node:
        position = state_end(node, consent_id, withdrawal=withdrawal, evidence=shown, now=int(time.time()))
    if json:
        typer.echo(orjson.dumps({"id": consent_id, "position": position}).decode())
        return
    typer.echo(f"consent {consent_id} has ended, in the journal at {position}")


@app.command("show")
def show(consent_id: ConsentId, data: Data, passphrase_file: PassphraseFile, json: Json = False) -> None:
    """Show a consent that this county stated or may read by.

    Example: tongban county consent show Jq0yX3Zl0m4w2mJ0n7mS2A --data c370214 --passphrase-file c370214.pass
    """
    with opened_node(data, passphrase_file) as node:
        found = read_consent(node, consent_id)
    if json:
        typer.echo(orjson.dumps(found).decode())
        return
    fields = "every face field" if found["fields"] is None else ", ".join(found["fields"]) or "no face field"
    ended = f", taken back at {found['revokedAt']} by {found['revokedBy']}" if found["revokedAt"] else ""
    typer.echo(f"{found['id']} {'in force' if found['inForce'] else 'not in force'}, until {found['expiresAt']}{ended}")
    typer.echo(f"{found['county']} may read {fields}, for {found['purpose']}, matter {found['matterCode'] or 'any'}")
    typer.echo(f"stated by {found['statedBy']} at {found['statedAt']}, {found['evidence']}")
