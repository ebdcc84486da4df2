"""`tongban ledger`: founding a ledger, step by step, and its upkeep. Nothing else creates a log or a key of the hub."""

from __future__ import annotations

import os
import secrets
import time
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from hub.bundles.keys import PUBLIC_FILE, make_bundle_key
from hub.commands import matters, member
from hub.commands.evidence import check_evidence, show_policy
from hub.commands.mirror import mirror
from hub.commands.upkeep import backup, check, restore
from hub.commands.verify import parsed, read_bounded
from hub.county.member import MemberFile
from hub.governance.founding import (
    check_founder,
    draft_genesis,
    draft_policy,
    found_ledger,
    make_hub_keys,
    write_drafts,
)
from hub.governance.governing import SignatureFile
from hub.keyfiles import create_secret, read_passphrase, read_secret
from hub.upkeep.stores import check_hub_folder
from hub.urls import check_log_path, log_origin
from ledger.errors import NotVerified
from ledger.transparency.note import VerifierKey
from ledger.transparency.policy import MAX_POLICY_BYTES, Policy

__all__ = ["app"]

app = typer.Typer(help="Found a ledger: keys, genesis, policy, log; check it, back it up.", no_args_is_help=True)

_MEMBER_BYTES = 65_536

Data = Annotated[Path, typer.Option(help="folder of the hub")]
PassphraseFile = Annotated[Path, typer.Option(help="file (0600) with the passphrase of the hub's keys")]


@app.command("holder-key")
def holder_key(output: Annotated[Path, typer.Argument(help="new file (0600)")]) -> None:
    """Make the alliance's holder key: one secret that every member and the hub share.

    Example: tongban ledger holder-key holder.key
    """
    create_secret(output, secrets.token_bytes(32))
    typer.echo(f"wrote {output}; hand it to every member by a safe channel")


@app.command("keygen")
def keygen(
    data: Data,
    origin: Annotated[str, typer.Option(help="name of the log: its URL prefix without scheme")],
    passphrase_file: PassphraseFile,
    holder_key_file: Annotated[Path, typer.Option(help="the alliance's holder key")],
) -> None:
    """Make the hub's keys and print the log's public key.

    Example: tongban ledger keygen --data hub --origin hub.example/ledger --passphrase-file hub.pass
    --holder-key-file holder.key
    """
    name = log_origin(origin, "--origin")
    passphrase, holder = read_passphrase(passphrase_file), read_secret(holder_key_file)
    key = make_hub_keys(data, origin=name, passphrase=passphrase, holder=holder, random=os.urandom)
    typer.echo(key.vkey())


@app.command("bundlekey")
def bundlekey(
    data: Data,
    json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """Make the hub's key for bundles, and the file that counties without a network pin beside hub-jwks.json.

    The key is 32 secret bytes in the folder's keys, mode 0600. One that is there is never replaced: bundles on their
    way are encrypted to it.

    Example: tongban ledger bundlekey --data hub
    """
    check_hub_folder(data)
    key = make_bundle_key(data, secrets.token_bytes)
    path = data / PUBLIC_FILE
    typer.echo(f'{{"file":"{path}","kid":"{key.thumbprint}"}}' if json else f"wrote {path}, key {key.thumbprint}")


@app.command("propose")
def propose(
    data: Data,
    member: Annotated[list[Path], typer.Option(help="member file of a county (member.json); repeat for each")],
    k: Annotated[int, typer.Option(min=1, help="how many members sign a later change of members or rules")],
    provinces: Annotated[int, typer.Option(min=1, help="how many provinces a quorum needs")],
    url: Annotated[str, typer.Option(help="URL of the ledger, as verifiers reach it")],
    force: Annotated[
        bool, typer.Option("--force", help="write over other drafts; what members signed fits them no more")
    ] = False,
) -> None:
    """Draft genesis and policy from the members' files: <data>/genesis.draft and <data>/policy.draft.

    Drafts that say the same already stay as they are, so that signatures go on fitting them.

    Example: tongban ledger propose --data hub --member a/member.json --member b/member.json --k 2 --provinces 2
    --url https://hub.example/ledger
    """
    members = [parsed(path, _MEMBER_BYTES, MemberFile.parse) for path in member]
    log = VerifierKey.parse((data / "log.vkey").read_text("ascii").strip())
    policy = draft_policy(members, log=log, url=url, provinces_needed=provinces)
    check_log_path(url, log.name, "--url")
    genesis = partial(draft_genesis, members, origin=log.name, k=k)
    wrote = write_drafts(data, lambda iat: genesis(iat=iat), policy, now=int(time.time()), anew=force)
    _warn_of_disjoint_quorums(policy)
    did = "wrote" if wrote else "unchanged:"
    typer.echo(f"{did} {data / 'genesis.draft'} for the members to sign, and {data / 'policy.draft'} to read and edit")


def _warn_of_disjoint_quorums(policy: bytes) -> None:
    health = Policy.parse(policy)
    if health.shared == 0:
        typer.echo(
            "warning: this policy has two disjoint quorums: a split view would need no dishonest county", err=True
        )
    else:
        typer.echo(
            f"two quorums share {health.shared} or more of the witnesses; {health.block} of them can block one",
            err=True,
        )


@app.command("init")
def init(
    data: Data,
    passphrase_file: PassphraseFile,
    signature: Annotated[
        list[Path], typer.Option(help="signature file of a member (`tongban county sign`); repeat for each")
    ],
) -> None:
    """Create the ledger from the signed draft: genesis and policy, which verifiers pin, and an empty log.

    Example: tongban ledger init --data hub --passphrase-file hub.pass --signature a/genesis.sig
    --signature b/genesis.sig
    """
    payload = read_bounded(data / "genesis.draft", _MEMBER_BYTES).decode("ascii", "replace")
    policy = read_bounded(data / "policy.draft", MAX_POLICY_BYTES)
    files = [_signature_in(path, payload) for path in signature]
    signatures = {each.county: (each.protected, each.signature) for each in files}
    passphrase = read_passphrase(passphrase_file)
    found_ledger(data, payload=payload, signatures=signatures, policy=policy, passphrase=passphrase)
    typer.echo(f"created the ledger; hand {data / 'genesis'} and {data / 'policy'} to every verifier")


def _signature_in(path: Path, payload: str) -> SignatureFile:
    """Read a member's signature and check it alone, so that a refusal names the file."""
    try:
        file = parsed(path, _MEMBER_BYTES, SignatureFile.parse)
        check_founder(payload, file.county, file.protected, file.signature)
    except NotVerified as error:
        raise NotVerified(error.code, f"{path}: {error.message}") from error
    return file


app.command("check")(check)
app.command("backup")(backup)
app.command("restore")(restore)
app.command("mirror")(mirror)
app.command("policy")(show_policy)
app.command("check-evidence")(check_evidence)
app.add_typer(member.members, name="member")
app.add_typer(member.rules, name="rule")
app.add_typer(matters.app, name="matters")
