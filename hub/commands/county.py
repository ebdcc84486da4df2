"""`tongban county`: what a county does with its node: keys, seals, status changes, presentations, tokens."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import orjson
import typer

from hub.commands.ingest import sample_normaliser
from hub.commands.ledger import signature_file
from hub.commands.verify import read_bounded
from hub.county.application import create_county_app
from hub.county.folder import init_county, open_county
from hub.county.node import CountyNode
from hub.ingest.feeds import Feed
from hub.ingest.normalise import Reject
from hub.keyfiles import read_passphrase, read_secret, write_private
from hub.observability import configure_logging
from hub.partner import Partner, access_token
from hub.servers import serve_app
from ledger.errors import Malformed

__all__ = ["app"]

app = typer.Typer(help="Run a county's node and use its keys.", no_args_is_help=True)

_DRAFT_BYTES = 65_536

Data = Annotated[Path, typer.Option(help="folder of the county node")]
PassphraseFile = Annotated[Path, typer.Option(help="file (0600) with the passphrase of the county's keys")]
Identifier = Annotated[str, typer.Argument(help="certificateIdentifier of the license")]


@contextmanager
def _node(data: Path, passphrase_file: Path) -> Iterator[CountyNode]:
    node = open_county(data, read_passphrase(passphrase_file), random=secrets.token_bytes)
    try:
        yield node
    finally:
        node.close()


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
    seal_alg: Annotated[str, typer.Option(help="suite of the seal key: Ed25519 or ES256")] = "Ed25519",
) -> None:
    """Make a county's folder: encrypted keys, and member.json to hand to the alliance.

    Example: tongban county init --data c370214 --passphrase-file c370214.pass --county 370214 --name 城阳区
    --url http://127.0.0.1:8101 --hub-url http://127.0.0.1:8080 --holder-key-file holder.key
    """
    init_county(
        data, county=county, name=name, domain=domain, listen_url=url, hub_url=hub_url, seal_alg=seal_alg,
        passphrase=read_passphrase(passphrase_file), holder_key=read_secret(holder_key_file),
        random=secrets.token_bytes, now=int(time.time()),
    )  # fmt: skip
    typer.echo(f"wrote {data / 'member.json'}; hand it to the alliance")


@app.command("sign")
def sign(
    draft: Annotated[Path, typer.Argument(help="genesis.draft of the hub")],
    data: Data,
    passphrase_file: PassphraseFile,
    output: Annotated[Path, typer.Option(help="file to write")],
) -> None:
    """Sign a genesis draft with the county's govern key. Read the draft first: it says who the members are.

    Example: tongban county sign genesis.draft --data c370214 --passphrase-file c370214.pass --output genesis.sig
    """
    payload = read_bounded(draft, _DRAFT_BYTES).decode("ascii", "replace")
    with _node(data, passphrase_file) as node:
        write_private(output, signature_file(node.county, *node.sign_genesis(payload)))
    typer.echo(f"wrote {output}")


@app.command("serve")
def serve(
    data: Data,
    passphrase_file: PassphraseFile,
    host: Annotated[str | None, typer.Option(help="address to listen on; default: that of the node's URL")] = None,
    port: Annotated[int | None, typer.Option(help="port to listen on; default: that of the node's URL")] = None,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error")] = "info",
) -> None:
    """Serve the node: witness and record source; deliver what is sealed to the hub, until Ctrl-C.

    Example: tongban county serve --data c370214 --passphrase-file c370214.pass
    """
    configure_logging(log_level)
    with _node(data, passphrase_file) as node:
        url = urlsplit(node.config.url)
        serve_app(
            create_county_app(node, clock=lambda: int(time.time())),
            host=host or url.hostname or "127.0.0.1",
            port=port or url.port or 8080,
        )


@app.command("seal")
def seal(
    file: Annotated[Path, typer.Argument(help="one license as CSV or NDJSON row, as in a feed")],
    data: Data,
    passphrase_file: PassphraseFile,
) -> None:
    """Seal the licenses of a small file; for a whole feed see `tongban ingest`.

    Example: tongban county seal license.ndjson --data c370214 --passphrase-file c370214.pass
    """
    now = int(time.time())
    with _node(data, passphrase_file) as node:
        normaliser = sample_normaliser(node.county, now)
        for row in Feed.open(file).rows():
            record = normaliser.record(row)
            if isinstance(record, Reject):
                raise Malformed("bad_row", f"line {record.line}: {record.reason}")
            sealed = node.seal(record, now)
            typer.echo(f"{sealed.identifier} {'sealed' if sealed.fresh else 'was sealed before'}")


@app.command("revoke")
def revoke(
    identifier: Identifier,
    data: Data,
    passphrase_file: PassphraseFile,
    reason: Annotated[str, typer.Option(help="03 撤销, 04 注销, 05 失效, 07 吊销, 99 other")] = "04",
) -> None:
    """Revoke a license for good. The node that serves the folder submits the status entry.

    Example: tongban county revoke 1.2.156.3005.2.… --reason 04 --data c370214 --passphrase-file c370214.pass
    """
    with _node(data, passphrase_file) as node:
        node.revoke(identifier, reason, int(time.time()))
    typer.echo(f"{identifier} revoked; it counts from the next checkpoint on")


@app.command("present")
def present(
    identifier: Identifier,
    data: Data,
    passphrase_file: PassphraseFile,
    output: Annotated[Path, typer.Option(help="receipt file to write (.lic-receipt)")],
    show: Annotated[str, typer.Option(help="names of the claims to show, joined by commas")] = "",
    fresh: Annotated[
        bool, typer.Option("--fresh", help="ask the hub for a receipt under the newest checkpoint")
    ] = False,
) -> None:
    """Write a receipt that shows only the chosen claims, under the first checkpoint or a fresh one.

    Example: tongban county present 1.2.156.3005.2.… --show certificateTypeName,certificateHolderName --fresh
    --data c370214 --passphrase-file c370214.pass --output shown.lic-receipt
    """
    names = [name for name in show.split(",") if name]
    with _node(data, passphrase_file) as node:
        receipt = _fresh_receipt(node, identifier) if fresh else None
        output.write_bytes(node.present(identifier, names, receipt))
    typer.echo(f"wrote {output}")


@app.command("deposit")
def deposit(
    identifiers: Annotated[list[str], typer.Argument(help="certificateIdentifiers, 1 to 100")],
    data: Data,
    passphrase_file: PassphraseFile,
) -> None:
    """Deposit faces in the hub's vault, encrypted there; it stands in while this node is away.

    Example: tongban county deposit 1.2.156.3005.2.… --data c370214 --passphrase-file c370214.pass
    """
    with _node(data, passphrase_file) as node:
        faces = [node.attestation(identifier) for identifier in identifiers]
        results = Partner(node.config.hub_url, access_token(node, "vault.deposit")).deposit(faces)
    for identifier, result in zip(identifiers, results, strict=True):
        typer.echo(f"{identifier} {result.get('error', {}).get('code', 'deposited')}")


@app.command("token")
def token(
    data: Data,
    passphrase_file: PassphraseFile,
    scope: Annotated[str, typer.Option(help="scopes, joined by spaces")] = "license.read license.face",
) -> None:
    """Print an access token for the county's own client, from the hub's token endpoint.

    Example: tongban county token --data c370214 --passphrase-file c370214.pass
    """
    with _node(data, passphrase_file) as node:
        typer.echo(access_token(node, scope))


@app.command("status")
def status(
    data: Data,
    passphrase_file: PassphraseFile,
    json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """Count what is sealed, and where its delivery to the ledger stands.

    Example: tongban county status --data c370214 --passphrase-file c370214.pass
    """
    with _node(data, passphrase_file) as node:
        counts = asdict(node.status(int(time.time())))
    if json:
        typer.echo(orjson.dumps(counts).decode())
        return
    for name, value in counts.items():
        typer.echo(f"{name:10} {value}")


def _fresh_receipt(node: CountyNode, identifier: str) -> bytes:
    partner = Partner(node.config.hub_url, access_token(node, "ledger.entries"))
    return partner.receipt(node.log_index(identifier))
