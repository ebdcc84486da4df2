"""`tongban county appeal` and `appeals`: status changes that the hub does not log, deposited with the auditors."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

import httpx2
import orjson
import typer

from hub.commands.folder import Data, PassphraseFile, opened_node
from hub.commands.terms import utc
from hub.county.appeals import Appeals
from hub.county.deposits import auditors_of
from ledger.encoding import b64u_encode
from ledger.errors import Conflict, Malformed, Unavailable

if TYPE_CHECKING:
    from hub.county.node import CountyNode
    from hub.county.outbox import Appeal, Item, Outbox

__all__ = ["appeal", "appeals"]

_ENDS: Final = {"logged": "logged", "given_up": "given up", "replaced": "given up, or signed anew"}

Json = Annotated[bool, typer.Option("--json", help="for machines")]


def appeal(
    identifier: Annotated[str, typer.Argument(help="license whose status change has no proof yet")],
    data: Data,
    passphrase_file: PassphraseFile,
    json: Json = False,
) -> None:
    """Deposit a license's unlogged status changes with the alliance's auditors now.

    `serve` does it by itself after a minute. From then on the log has as long as the members' rule says (five minutes)
    to hold the change, or the auditors cosign nothing more. Not to be confused with `deposit`, which puts faces into
    the hub's vault.

    Example: tongban county appeal 1.2.156.3005.2.11100000MB0143028R001.11370214MB2000004E.202604010000000001.001.Z
    --data c370214 --passphrase-file c370214.pass
    """
    with opened_node(data, passphrase_file) as node:
        made = asyncio.run(_appealed(node, identifier))
        told = _told(node.outbox, made)
    if not made:
        raise Conflict("wrong_target", "the license has no status change that waits for its proof")
    if all(each.at is None for each in made):
        raise Unavailable("not_ready", "no auditor could say: `serve` asks each again, `county appeals` lists them")
    _print(told, json=json)


async def _appealed(node: CountyNode, identifier: str) -> list[Appeal]:
    auditors = auditors_of(node.policy)
    if not auditors:
        raise Malformed("bad_policy", "the policy names no auditor with a URL")
    async with httpx2.AsyncClient(trust_env=False) as client:
        appeals = Appeals(node.outbox, auditors, client, clock=lambda: int(time.time()))
        return await appeals.appeal_for(identifier)


def appeals(data: Data, passphrase_file: PassphraseFile, json: Json = False) -> None:
    """List the status changes that were deposited with auditors: who took or refused each, until when, who is silent.

    One line an auditor: none speaks for another. A change that waits no more is `logged` or `given up`, whatever the
    auditor said.

    Example: tongban county appeals --data c370214 --passphrase-file c370214.pass
    """
    with opened_node(data, passphrase_file) as node:
        told = _told(node.outbox, node.outbox.appeals())
    if not told and not json:
        typer.echo("nothing deposited")
        return
    _print(told, json=json)


def _told(outbox: Outbox, made: Sequence[Appeal]) -> list[tuple[Appeal, str]]:
    """Give with each what became of the change: waiting, logged, given_up, or replaced by another of the license."""
    return [(each, _state(each, outbox.of(each.identifier))) for each in made]


def _state(made: Appeal, items: Sequence[Item]) -> str:
    changes = {item.leaf: item.state for item in items if item.kind == "status"}
    if made.leaf in changes:
        return "logged" if changes[made.leaf] == "done" else "waiting"
    return "replaced" if changes else "given_up"


def _print(told: Sequence[tuple[Appeal, str]], *, json: bool) -> None:
    if json:
        typer.echo(orjson.dumps([_row(each, state) for each, state in told]).decode())
        return
    for each, state in told:
        said = _outcome(each) if state == "waiting" else _ENDS[state]
        typer.echo(f"{each.identifier}  {b64u_encode(each.leaf)}  {each.auditor}  {said}")


def _row(made: Appeal, state: str) -> dict[str, Any]:
    return {
        "identifier": made.identifier, "leaf": b64u_encode(made.leaf), "auditor": made.auditor, "asked": made.asked,
        "at": made.at, "deadline": made.deadline, "code": made.code, "state": state,
    }  # fmt: skip


def _outcome(made: Appeal) -> str:
    if made.at is None:
        return "no answer yet"
    if made.code is not None:
        return f"refused: {made.code}"
    if made.deadline is None:
        return "the log holds it"
    return f"to be logged by {utc(made.deadline)}"
