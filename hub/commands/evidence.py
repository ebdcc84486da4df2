"""`tongban ledger check-evidence` and `tongban ledger policy`: what proves a fork, and what it takes to hide one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer

from hub.commands.verify import parsed
from ledger.errors import Malformed, NotVerified
from ledger.transparency.evidence import MAX_EVIDENCE_BYTES, ForkEvidence
from ledger.transparency.note import Keyring, VerifierKey, keyring
from ledger.transparency.policy import MAX_POLICY_BYTES, Policy
from ledger.transparency.quorums import closest_quorums

__all__ = ["check_evidence", "show_policy"]

Json = Annotated[bool, typer.Option("--json", help="for machines")]


def check_evidence(
    file: Annotated[Path, typer.Argument(help="fork-evidence.json")],
    policy: Annotated[Path | None, typer.Option(help="policy file that names the log")] = None,
    log_key: Annotated[str | None, typer.Option(help="the log's public key (vkey), in place of a policy")] = None,
    json: Json = False,
) -> None:
    """Check whether a file proves that a log forked. Nobody's word is needed for it: two signatures and hashes are.

    Exit code 0 if it proves a fork, 1 if it does not, 2 if it cannot be read.

    Example: tongban ledger check-evidence fork-evidence.json --policy policy
    """
    evidence = parsed(file, MAX_EVIDENCE_BYTES, ForkEvidence.parse)
    logs = _logs(policy, log_key)
    try:
        reason = evidence.prove(logs)
    except NotVerified as error:
        if not json:
            raise
        row = {"proves": False, "kind": evidence.kind, "code": error.code, "message": error.message}
        typer.echo(orjson.dumps(row).decode())
        raise typer.Exit(1) from error
    if json:
        typer.echo(orjson.dumps({"proves": True, "kind": evidence.kind, "message": reason}).decode())
        return
    typer.echo(f"the log forked: {reason}")


def _logs(policy: Path | None, log_key: str | None) -> Keyring:
    if policy is not None and log_key is None:
        return keyring(log.key for log in parsed(policy, MAX_POLICY_BYTES, Policy.parse).logs)
    if log_key is not None and policy is None:
        return keyring([VerifierKey.parse(log_key)])
    raise Malformed("bad_setting", "give one of --policy and --log-key")


def show_policy(
    file: Annotated[Path, typer.Argument(help="policy file")],
    json: Json = False,
) -> None:
    """Show whom a policy trusts, and what it takes to get round it: whom two quorums share, how few can block.

    Two quorums that share no witness are warned of: a split view would need no dishonest county.

    Example: tongban ledger policy policy
    """
    policy = parsed(file, MAX_POLICY_BYTES, Policy.parse)
    closest = closest_quorums(policy)
    sides = [] if closest is None else [sorted(side) for side in closest]
    if json:
        typer.echo(orjson.dumps(_row(policy, sides)).decode())
        return
    for log in policy.logs:
        typer.echo(f"log      {log.key.name}  {log.url or ''}".rstrip())
    for witness in policy.witnesses:
        typer.echo(f"witness  {witness.name}  {witness.key.name}  {witness.url or ''}".rstrip())
    for group in policy.groups:
        typer.echo(f"group    {group.name}  {group.threshold} of {len(group.members)}: {' '.join(group.members)}")
    typer.echo(f"quorum   {policy.quorum or 'none: no receipt is ever VALID'}")
    if policy.quorum is None:
        return
    typer.echo(
        f"two quorums share {policy.shared} or more of the witnesses; {policy.block} of them can block every quorum"
    )
    typer.echo(f"closest  {' '.join(sides[0])}  |  {' '.join(sides[1])}")
    if policy.shared == 0:
        typer.echo("warning: these two quorums are disjoint: a split view would need no dishonest county", err=True)


def _row(policy: Policy, sides: list[list[str]]) -> dict[str, object]:
    return {
        "logs": [{"name": each.key.name, "url": each.url} for each in policy.logs],
        "witnesses": [{"name": each.name, "key": each.key.name, "url": each.url} for each in policy.witnesses],
        "groups": [{"name": each.name, "needed": each.threshold, "members": each.members} for each in policy.groups],
        "quorum": policy.quorum,
        "shared": policy.shared,
        "block": policy.block,
        "closest": sides,
    }
