"""`tongban county hotline` and `follow-up`: appeals about a case passed on and answered, and a case followed up."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from hub.commands.folder import Data, PassphraseFile, opened_node
from hub.desk import fresh_id, state_appeal, state_follow_up

if TYPE_CHECKING:
    from pathlib import Path

    from ledger.encoding import JsonValue

__all__ = ["app", "follow_up"]

app = typer.Typer(help="Receive, pass on and answer hotline appeals about cases (热线诉求).", no_args_is_help=True)

Number = Annotated[str, typer.Argument(metavar="CASE", help="case number (办件编号), 43 characters")]
Identifier = Annotated[str, typer.Argument(metavar="ID", help="id of the appeal, 22 characters")]
Json = Annotated[bool, typer.Option("--json", help="for machines")]


@app.command("receive")
def receive(
    number: Number,
    data: Data,
    passphrase_file: PassphraseFile,
    kind: Annotated[str, typer.Option(help="CONSULTATION, HELP, COMPLAINT, REPORT or SUGGESTION")],
    json: Json = False,
) -> None:
    """State that an appeal about a case came in: it is to be passed on within two hours.

    Example: tongban county hotline receive 11370214MB2000004E4000101005000202606010001 --kind COMPLAINT
    --data c370214 --passphrase-file c370214.pass
    """
    _event(data, passphrase_file, {"id": fresh_id(), "caseNumber": number, "event": "RECEIVED", "kind": kind}, json)


@app.command("pass")
def pass_on(
    identifier: Identifier,
    number: Number,
    data: Data,
    passphrase_file: PassphraseFile,
    to: Annotated[str, typer.Option(help="member id of the county of the case that is to answer")],
    json: Json = False,
) -> None:
    """Pass an appeal on to a county of its case.

    Example: tongban county hotline pass 6Yx1hS9mTqK0uZbVnWc2Aw 11370214MB2000004E4000101005000202606010001
    --to 370214 --data c130207 --passphrase-file c130207.pass
    """
    _event(data, passphrase_file, {"id": identifier, "caseNumber": number, "event": "PASSED", "to": to}, json)


@app.command("answer")
def answer(
    identifier: Identifier,
    number: Number,
    data: Data,
    passphrase_file: PassphraseFile,
    outcome: Annotated[str, typer.Option(help="RESOLVED or EXPLAINED")],
    json: Json = False,
) -> None:
    """State that an appeal was answered, by the county that it was passed on to.

    Example: tongban county hotline answer 6Yx1hS9mTqK0uZbVnWc2Aw 11370214MB2000004E4000101005000202606010001
    --outcome RESOLVED --data c370214 --passphrase-file c370214.pass
    """
    members: dict[str, JsonValue] = {"id": identifier, "caseNumber": number, "event": "ANSWERED", "outcome": outcome}
    _event(data, passphrase_file, members, json)


def _event(data: Path, passphrase_file: Path, members: dict[str, JsonValue], json: bool) -> None:
    with opened_node(data, passphrase_file) as node:
        position = state_appeal(node, members, int(time.time()))
    if json:
        told = {"id": members["id"], "caseNumber": members["caseNumber"], "position": position}
        typer.echo(orjson.dumps(told).decode())
        return
    typer.echo(f"{members['id']}: {members['event']}, stands in the journal at {position}")


def follow_up(
    number: Number,
    outcome: Annotated[str, typer.Argument(metavar="OUTCOME", help="RECTIFIED or EXPLAINED")],
    data: Data,
    passphrase_file: PassphraseFile,
    json: Json = False,
) -> None:
    """State that a case was followed up (回访): owed for a rating of 4 or 5, by the county that handled it.

    Example: tongban county follow-up 11370214MB2000004E4000101005000202606010001 RECTIFIED --data c370214
    --passphrase-file c370214.pass
    """
    with opened_node(data, passphrase_file) as node:
        position = state_follow_up(node, {"caseNumber": number, "outcome": outcome}, int(time.time()))
    if json:
        typer.echo(orjson.dumps({"caseNumber": number, "outcome": outcome, "position": position}).decode())
        return
    typer.echo(f"{number}: followed up, {outcome}, stands in the journal at {position}")
