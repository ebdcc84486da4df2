"""`tongban county`, first half: founding a county's node and running it. Its licenses: hub/commands/licenses.py."""

from __future__ import annotations

import secrets
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import orjson
import typer

from hub.commands import (
    appeals,
    assistance,
    bundles,
    cases,
    consent,
    holder,
    hotline,
    keys,
    licenses,
    objection,
    offering,
    webhooks,
)
from hub.commands.confirmation import Yes, confirm
from hub.commands.folder import Data, PassphraseFile, opened_node
from hub.commands.holder import HolderFile, read_holder
from hub.commands.output import Force, check_new, new_file
from hub.commands.statistics import statistics
from hub.commands.verify import parsed
from hub.commands.witnessed import check_folder, export_evidence
from hub.county.application import create_county_app
from hub.county.folder import init_county
from hub.governance.changes import founding
from hub.governance.governing import SignatureFile
from hub.keyfiles import read_passphrase, read_secret, write_private
from hub.observability import configure_logging
from hub.partner import access_token
from hub.servers import serve_app
from ledger.entries import MEMBER_TYP, MemberChange
from ledger.errors import Conflict, Malformed
from ledger.governance import parse_member
from ledger.jws import unsigned_jws
from schema.roles import RoleKind

__all__ = ["app"]

app = typer.Typer(help="Run a county's node and use its keys.", no_args_is_help=True)
app.add_typer(licenses.app)  # without a name: its commands are of this group
app.add_typer(cases.app, name="case")
app.add_typer(consent.app, name="consent")
app.add_typer(holder.app, name="holder")
app.add_typer(objection.app, name="objection")
app.add_typer(hotline.app, name="hotline")
app.command("follow-up")(hotline.follow_up)
app.add_typer(assistance.app, name="assistance")
app.command("supervise")(assistance.supervise)
app.command("escalation")(assistance.escalation)
app.add_typer(offering.app, name="offering")
app.add_typer(webhooks.app, name="webhook")
app.add_typer(bundles.app, name="bundle")
app.command("evidence")(export_evidence)
app.command("check")(check_folder)
app.command("rotate")(keys.rotate)
app.command("keys")(keys.keys)
app.command("appeal")(appeals.appeal)
app.command("appeals")(appeals.appeals)
app.command("policy")(keys.policy)
app.command("statistics")(statistics)

_DRAFT_BYTES = 65_536
_SHOWN = 20  # failed items, for a person


@app.command("init")
def init(
    data: Data,
    passphrase_file: PassphraseFile,
    county: Annotated[str, typer.Option(help="6-digit division code")],
    name: Annotated[str, typer.Option(help="name of the county")],
    url: Annotated[str, typer.Option(help="URL at which the hub reaches this node")],
    hub_url: Annotated[str, typer.Option(help="URL of the hub")],
    holder_key_file: Annotated[Path, typer.Option(help="the alliance's holder key (0600)")],
    domain: Annotated[str, typer.Option(help="the alliance's domain: part of the witness's name")] = "tongban.example",
    seal_alg: Annotated[str, typer.Option(help="suite of the seal key: Ed25519, ES256 or SM2")] = "Ed25519",
    auditor: Annotated[bool, typer.Option(help="a key for an auditor, too; later: rotate --use auditor")] = False,
    hsm_module: keys.HsmModule = None,
    hsm_token: keys.HsmToken = None,
    hsm_pin_file: keys.HsmPinFile = None,
    hsm_label: keys.HsmLabel = "",
) -> None:
    """Make a county's folder: encrypted keys, and member.json to hand to the alliance.

    With `--hsm-module` the seal key (ES256 or Ed25519) is made in a PKCS#11 token and never leaves it.

    Example: tongban county init --data c370214 --passphrase-file c370214.pass --county 370214 --name 城阳区
    --url http://127.0.0.1:8101 --hub-url http://127.0.0.1:8080 --holder-key-file holder.key
    """
    init_county(
        data, county=county, name=name, domain=domain, listen_url=url, hub_url=hub_url, seal_alg=seal_alg,
        auditor=auditor,
        passphrase=read_passphrase(passphrase_file), holder_key=read_secret(holder_key_file),
        random=secrets.token_bytes, now=int(time.time()),
        seal_token=keys.token_place(hsm_module, hsm_token, hsm_pin_file, hsm_label),
    )  # fmt: skip
    typer.echo(f"wrote {data / 'member.json'}; hand it to the alliance")


@app.command("sign")
def sign(
    draft: Annotated[Path, typer.Argument(help="genesis.draft of the hub")],
    data: Data,
    passphrase_file: PassphraseFile,
    output: Annotated[Path, typer.Option(help="file to write")],
    yes: Yes = False,
    force: Force = False,
) -> None:
    """Say whom a genesis draft lists, ask, and sign it with the county's govern key: compare the fingerprints first.

    A draft that does not list this county's own keys is refused, and so is a later change of members.

    Example: tongban county sign genesis.draft --data c370214 --passphrase-file c370214.pass --output genesis.sig
    """
    check_new(output, force=force)
    payload, genesis = parsed(draft, _DRAFT_BYTES, _genesis_in)
    with opened_node(data, passphrase_file) as node:
        for line in founding(genesis):
            typer.echo(line)
        own = {key.public_key for row in genesis.members if row.county == node.county for key in row.keys}
        if own != set(node.keys.public_keys().values()):
            raise Conflict("wrong_target", f"the draft does not list the keys of {node.county} as they are here")
        confirm(node.county, "sign this", yes=yes)
        protected, signature = node.sign_genesis(payload)
        signed = SignatureFile(county=node.county, protected=protected, signature=signature)
    with new_file(output, force=force) as place:
        write_private(place, signed.text())
    typer.echo(f"wrote {output}")


def _genesis_in(draft: bytes) -> tuple[str, MemberChange]:
    payload = draft.decode("ascii", "replace")
    return payload, parse_member(unsigned_jws(MEMBER_TYP, payload))


@app.command("serve")
def serve(
    data: Data,
    passphrase_file: PassphraseFile,
    host: Annotated[str | None, typer.Option(help="address to listen on; default: that of the node's URL")] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65_535, help="port to listen on; default: that of the node's URL")
    ] = None,
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], typer.Option(help="least level that is logged")
    ] = "info",
    auditor: Annotated[bool, typer.Option("--auditor", help="run the county's auditor beside its witness")] = False,
) -> None:
    """Serve the node: witness and record source; deliver what is sealed to the hub, until Ctrl-C.

    Example: tongban county serve --data c370214 --passphrase-file c370214.pass --auditor
    """
    configure_logging(log_level)
    with opened_node(data, passphrase_file) as node:
        url = urlsplit(node.config.url)
        serve_app(
            create_county_app(node, clock=lambda: int(time.time()), auditor=auditor),
            host=host or url.hostname or "127.0.0.1",
            port=port or url.port or 8080,
        )


@app.command("token")
def token(
    data: Data,
    passphrase_file: PassphraseFile,
    role: Annotated[RoleKind, typer.Option(help="in what role it is used")] = RoleKind.PARTNER_SYSTEM,
    scope: Annotated[str | None, typer.Option(help="scopes of the role, joined by spaces; default: all")] = None,
    holder_file: HolderFile = None,
) -> None:
    """Print an access token for the county's own client, from the hub's token endpoint.

    A token of the role HOLDER is bound to the person or firm in `--holder-file`, whom the county has authenticated.

    Example: tongban county token --role HANDLER --data c370214 --passphrase-file c370214.pass
    """
    if (holder_file is None) == (role is RoleKind.HOLDER):
        raise Malformed("bad_setting", "--holder-file goes with --role HOLDER, and only so")
    with opened_node(data, passphrase_file) as node:
        typer.echo(access_token(node, scope, role, None if holder_file is None else read_holder(holder_file)))


@app.command("status")
def status(
    data: Data,
    passphrase_file: PassphraseFile,
    json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """Count what is sealed, and where its delivery to the ledger stands; name what the hub refused for good.

    Says so, too, when the members' keys have not been confirmed for ten minutes and a heartbeat of the ledger.

    Example: tongban county status --data c370214 --passphrase-file c370214.pass
    """
    with opened_node(data, passphrase_file) as node:
        counts, failed = asdict(node.status(int(time.time()))), node.outbox.failed()
    if json:
        items = [{"identifier": each.identifier, "kind": each.kind, "code": each.code} for each in failed]
        typer.echo(orjson.dumps({**counts, "failed_items": items}).decode())
        return
    for name, value in counts.items():
        if value is not None:
            typer.echo(f"{name:10} {value}")
    for item in failed[:_SHOWN]:
        typer.echo(f"failed     {item.identifier} {item.kind} {item.code}")
    if len(failed) > _SHOWN:
        typer.echo(f"failed     {len(failed) - _SHOWN} more: --json lists them all")


@app.command("retry")
def retry(
    data: Data,
    passphrase_file: PassphraseFile,
    drop: Annotated[
        str | None, typer.Option(help="give up the refused status changes of this license instead, for good")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """Send again what the hub refused for good, once its reason is mended; `status` lists it with its code.

    A change of status that can never be logged is given up with `--drop`; one that an auditor took is not, since the
    log must hold it. A refused seal is not given up either.

    Example: tongban county retry --data c370214 --passphrase-file c370214.pass
    """
    with opened_node(data, passphrase_file) as node:
        if drop is None:
            again = node.outbox.retry_failed()
            typer.echo(orjson.dumps({"sent_again": again}).decode() if json else f"sent again: {again}")
            return
        given_up = node.outbox.give_up(drop)
    if not given_up:
        raise Conflict("wrong_target", "this license has no refused change of status that can be given up")
    row = {"identifier": drop, "given_up": given_up}
    typer.echo(orjson.dumps(row).decode() if json else f"{drop} given up: {given_up}")
