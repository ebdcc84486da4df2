"""`tongban county appeal`: deposit a status entry with the auditors at once, rather than after its minute."""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import httpx2
import orjson
import typer

from hub.commands.folder import Data, PassphraseFile, opened_node
from hub.commands.terms import utc
from hub.county.appeals import Appeals
from hub.county.deposits import auditors_of
from ledger.errors import Conflict, Refused, Unavailable

if TYPE_CHECKING:
    from hub.county.node import CountyNode
    from hub.county.outbox import Appeal

__all__ = ["appeal"]


def appeal(
    identifier: Annotated[str, typer.Argument(help="certificateIdentifier of the license")],
    data: Data,
    passphrase_file: PassphraseFile,
    json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """Deposit a revocation that the hub has not proved to have logged with the auditors, now.

    The serving node does it by itself after a minute. From then on the hub has the rule's `deposit_s` to log it, or
    loses the cosignatures of all auditors. Exit code 5 if nothing of this license waits, 3 if no auditor answers.

    Example: tongban county appeal 1.2.156.3005.2.… --data c370214 --passphrase-file c370214.pass
    """
    with opened_node(data, passphrase_file) as node:
        waiting = node.outbox.to_appeal(int(time.time()), limit=10_000)
        if not any(item.identifier == identifier for item in waiting):
            raise Conflict("wrong_target", "no status entry of this license waits for its proof")
        answered = asyncio.run(_appealed(node, identifier))
    if not answered:
        raise Unavailable("not_ready", "no auditor of the policy has answered for it: try again")
    for each in answered:
        if each.code is not None:
            raise Refused("forbidden", f"the auditors do not take it: {each.code}")
    if json:
        rows = [{**asdict(each), "leaf": each.leaf.hex()} for each in answered]
        typer.echo(orjson.dumps(rows).decode())
        return
    for each in answered:
        until = "it is in the ledger" if each.deadline is None else f"the hub has until {utc(each.deadline)} to log it"
        typer.echo(f"deposited with {each.auditor}: {until}")


async def _appealed(node: CountyNode, identifier: str) -> list[Appeal]:
    async with httpx2.AsyncClient(trust_env=False, timeout=5.0) as client:
        appeals = Appeals(node.outbox, auditors_of(node.policy), client, clock=lambda: int(time.time()))
        return await appeals.appeal(after_s=0, identifier=identifier)
