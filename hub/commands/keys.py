"""`tongban county`, third part: the county's own keys and the policy in its folder, by what the ledger says of them."""

from __future__ import annotations

import hashlib
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import orjson
import typer

from hub.commands.folder import Data, PassphraseFile, opened_node
from hub.commands.output import check_new
from hub.commands.verify import read_bounded
from hub.county import rotation
from hub.county.hsm import TokenPlace
from hub.keyfiles import write_private
from hub.policyfile import install_policy
from hub.trustfolder import TrustFolder
from ledger.errors import Malformed, NotVerified, Unavailable
from ledger.transparency.policy import MAX_POLICY_BYTES

if TYPE_CHECKING:
    from hub.keychain import KeyChain

__all__ = ["HsmLabel", "HsmModule", "HsmPinFile", "HsmToken", "keys", "policy", "rotate", "token_place"]

HsmModule = Annotated[Path | None, typer.Option(help="seal key in a token: its PKCS#11 library")]
HsmToken = Annotated[str | None, typer.Option(help="label of the token")]
HsmPinFile = Annotated[Path | None, typer.Option(help="file (0600) with the token's PIN")]
HsmLabel = Annotated[str, typer.Option(help="label of the key in the token; default: its kid; made if it is not there")]

_NOTHING_WITNESSED: Final = frozenset({"no_quorum", "not_ready"})  # the hub shows an old checkpoint, or 503
_FOLLOW: Final = "once `county serve` has followed the ledger by the old policy, "


def token_place(module: Path | None, token: str | None, pin_file: Path | None, label: str) -> TokenPlace | None:
    """Put the options of a token together; None: no token. Raises Malformed bad_setting (some, not all, are given)."""
    if module is None and token is None and pin_file is None and not label:
        return None
    if module is None or token is None or pin_file is None:
        raise Malformed("bad_setting", "a token takes --hsm-module, --hsm-token and --hsm-pin-file")
    return TokenPlace(module=module.absolute(), token=token, label=label, pin_file=pin_file.absolute())


def rotate(
    data: Data,
    passphrase_file: PassphraseFile,
    use: Annotated[str, typer.Option(help="govern, seal, client, journal, witness or auditor")],
    alg: Annotated[str | None, typer.Option(help="Ed25519, ES256 or SM2; default: as the present key")] = None,
    output: Annotated[Path | None, typer.Option(help="key file to write; default: <data>/<use>-<number>.json")] = None,
    hsm_module: HsmModule = None,
    hsm_token: HsmToken = None,
    hsm_pin_file: HsmPinFile = None,
    hsm_label: HsmLabel = "",
    json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """Make a new key beside the one that signs, and the key file that a member entry then lists.

    Until the ledger lists it the old key goes on signing; then the node takes the new one by itself. A county that
    is to run an auditor, and has no key for it, gets one by `--use auditor`; a new policy then names it.

    Example: tongban county rotate --use seal --data c370214 --passphrase-file c370214.pass
    """
    check_new(output)
    place = token_place(hsm_module, hsm_token, hsm_pin_file, hsm_label)
    with opened_node(data, passphrase_file) as node:
        made = rotation.rotate(node, use, now=int(time.time()), alg=alg, token=place)
    path = output or data / f"{made.label}.json"
    write_private(path, made.file.text())
    if json:
        row = {"name": made.name, "fingerprint": made.fingerprint, "file": str(path)}
        typer.echo(orjson.dumps({**row, "unlisted": made.unlisted, "policy_line": made.policy_line}).decode())
        return
    typer.echo(f"made {made.name}, fingerprint {made.fingerprint}")
    typer.echo(f"wrote {path}; to be listed: tongban ledger member propose --add-key {path}")
    if made.policy_line is not None:
        typer.echo(f"for the new policy: {made.policy_line}")
    if made.unlisted:
        typer.echo(
            f"warning: {', '.join(made.unlisted)} of before is not listed yet: propose one of them only; where both are"
            " listed the newest signs",
            err=True,
        )


def keys(
    data: Data,
    passphrase_file: PassphraseFile,
    fetch: Annotated[bool, typer.Option("--fetch", help="ask the hub for the newest key state first")] = False,
    json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """List the county's keys: kid, use, suite, what the ledger says, since which log index, and which one signs now.

    A serving node follows the ledger by itself; `--fetch` does it at once, and every process of this folder heeds it.

    Example: tongban county keys --fetch --data c370214 --passphrase-file c370214.pass
    """
    if fetch:
        TrustFolder(data).newest(lambda: int(time.time()))
    with opened_node(data, passphrase_file) as node:
        rows = node.standing.rows()
    if json:
        typer.echo(orjson.dumps([asdict(row) for row in rows]).decode())
        return
    typer.echo(f"{'kid':12} {'use':8} {'suite':8} {'state':10} {'since':>8}  {'':5}  fingerprint")
    for row in rows:
        since = "-" if row.since is None else str(row.since)
        signs = "signs" if row.signs else "     "
        name = row.kid or "-"
        typer.echo(f"{name:12} {row.use:8} {row.alg:8} {row.state:10} {since:>8}  {signs}  {row.fingerprint}")


def policy(
    file: Annotated[Path, typer.Argument(help="policy file that the alliance has handed out")],
    data: Data,
    url: Annotated[
        str | None, typer.Option(help="with --fetch: URL of the ledger; default: what the folder says")
    ] = None,
    fetch: Annotated[bool, typer.Option("--fetch", help="ask the hub for the newest key state first")] = False,
) -> None:
    """Put a new policy file into the folder, if it is the one that the ledger's key state names; serve anew then.

    k of n members name it by a rule entry; no policy is ever taken up by itself. What the hub answers is judged by the
    new file's witnesses, since the old ones may be the reason for it, and by the members' signatures from genesis on.
    Where it asks for a cosigner that has signed nothing yet, leave `--fetch` out: a node that serves has followed the
    ledger by the old file.

    Example: tongban county policy policy.new --data c370214 --fetch
    """
    if url is not None and not fetch:
        raise Malformed("bad_setting", "--url is where --fetch asks: give both")
    new = read_bounded(file, MAX_POLICY_BYTES)
    folder = TrustFolder(data, url=url, policy=new)
    chain = _newest(folder, new) if fetch else folder.held.chain()
    install_policy(data, new, chain.state)
    typer.echo(f"{data / 'policy'} is the policy that the ledger names; serve the node anew")


def _newest(folder: TrustFolder, new: bytes) -> KeyChain:
    """Ask the hub for the newest keys; where it can show nothing that the new policy's witnesses signed, say how on."""
    try:
        return folder.newest(lambda: int(time.time()))
    except (NotVerified, Unavailable) as error:
        if error.code not in _NOTHING_WITNESSED:
            raise
        known = folder.held.chain().state.documents.get("policy") == hashlib.sha256(new).digest()
        way = "the keys.json of this folder names this file already: " if known else _FOLLOW
        raise type(error)(error.code, f"{error.message}; {way}leave --fetch out") from error
