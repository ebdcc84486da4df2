"""`tongban county assistance`, `supervise` and `escalation`: help around cases, and clocks that must be urged on."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from hub.casedesk import read_help, state_help
from hub.commands.folder import Data, PassphraseFile, opened_node
from hub.commands.terms import digest_of, instant
from hub.desk import escalated, state_supervision
from ledger.encoding import b64u_encode
from ledger.matters import CaseNumber

if TYPE_CHECKING:
    from ledger.encoding import JsonValue

__all__ = ["app", "escalation", "supervise"]

app = typer.Typer(
    help="State help around cases (咨询, 帮办代办): staff, transfers, video appointments, notes.", no_args_is_help=True
)

Number = Annotated[str, typer.Argument(metavar="CASE", help="case number (办件编号), 43 characters")]
Window = Annotated[str, typer.Option(help="window or desk that states it: digits, capital letters, -")]
Role = Annotated[str, typer.Option(help="INTAKE_CLERK, HANDLER or SUPERVISOR")]
Cause = Annotated[str, typer.Option(help="why it is read: it is recorded")]
Json = Annotated[bool, typer.Option("--json", help="for machines")]


@app.command("assign")
def assign(
    number: Number,
    data: Data,
    passphrase_file: PassphraseFile,
    window: Window,
    staff: Annotated[str, typer.Option(help="number that the county gave to the staff; the name stays there")],
    service: Annotated[str, typer.Option(help="CONSULTATION or ASSISTED_HANDLING")] = "ASSISTED_HANDLING",
    role: Role = "INTAKE_CLERK",
    json: Json = False,
) -> None:
    """State whom the county has assigned to advise the applicant or to act for him.

    Example: tongban county assistance assign 11370214MB2000004E4000101005000202606010001 --staff Q-1042 --window A03
    --data c370214 --passphrase-file c370214.pass
    """
    _state(data, passphrase_file, number, "ASSIGNED", window, role, {"service": service, "staff": staff}, json=json)


@app.command("transfer")
def transfer(
    number: Number,
    data: Data,
    passphrase_file: PassphraseFile,
    window: Window,
    to_window: Annotated[str, typer.Option(help="window or desk that takes the case over")],
    to_role: Annotated[str, typer.Option(help="INTAKE_CLERK, HANDLER or SUPERVISOR")],
    role: Role = "INTAKE_CLERK",
    json: Json = False,
) -> None:
    """State that a case went on to another window or role of the county.

    Example: tongban county assistance transfer 11370214MB2000004E4000101005000202606010001 --window A03
    --to-window B01 --to-role HANDLER --data c370214 --passphrase-file c370214.pass
    """
    own: dict[str, JsonValue] = {"toWindow": to_window, "toRole": to_role}
    _state(data, passphrase_file, number, "TRANSFERRED", window, role, own, json=json)


@app.command("appoint")
def appoint(
    number: Number,
    data: Data,
    passphrase_file: PassphraseFile,
    window: Window,
    at: Annotated[str, typer.Option(help="when, as 2026-06-02T09:00:00+08:00")],
    role: Role = "HANDLER",
    json: Json = False,
) -> None:
    """State an appointment by video (远程视频), before the form is reviewed or while it is corrected.

    Example: tongban county assistance appoint 11370214MB2000004E4000101005000202606010001
    --at 2026-06-02T09:00:00+08:00 --window B01 --data c370214 --passphrase-file c370214.pass
    """
    _state(data, passphrase_file, number, "VIDEO_APPOINTMENT", window, role, {"appointedAt": instant(at)}, json=json)


@app.command("note")
def note(
    number: Number,
    data: Data,
    passphrase_file: PassphraseFile,
    window: Window,
    file: Annotated[Path, typer.Option(help="the note; its SHA-256 digest is stated, its text stays here")],
    subject: Annotated[str, typer.Option(help="CALLED_BACK, EXPLAINED, MATERIAL_CHECKED, ON_SITE_VISIT or OTHER")],
    role: Role = "HANDLER",
    json: Json = False,
) -> None:
    """State that a note about a case was made: what it is about, and the digest that proves its text.

    Example: tongban county assistance note 11370214MB2000004E4000101005000202606010001 --subject CALLED_BACK
    --file note.txt --window B01 --data c370214 --passphrase-file c370214.pass
    """
    own: dict[str, JsonValue] = {"subject": subject, "digest": b64u_encode(digest_of(file))}
    _state(data, passphrase_file, number, "NOTED", window, role, own, json=json)


def _state(
    data: Path, passphrase_file: Path, number: str, kind: str, window: str, role: str, own: Mapping[str, JsonValue],
    *, json: bool,
) -> None:  # fmt: skip
    CaseNumber.parse(number)
    with opened_node(data, passphrase_file) as node:
        members = {"kind": kind, "window": window, "role": role, **own}
        place, position = state_help(node, number, members, int(time.time()))
    if json:
        typer.echo(orjson.dumps({"caseNumber": number, "number": place, "position": position}).decode())
        return
    typer.echo(f"{number}: help {place}, {kind}, stands in the journal at {position}")


@app.command("list")
def list_help(
    number: Number, data: Data, passphrase_file: PassphraseFile, cause: Cause, json: Json = False
) -> None:  # fmt: skip
    """List the help that was given around a case, to one of its counties.

    Example: tongban county assistance list 11370214MB2000004E4000101005000202606010001 --cause 办件查询
    --data c370214 --passphrase-file c370214.pass
    """
    CaseNumber.parse(number)
    with opened_node(data, passphrase_file) as node:
        found = read_help(node, number, cause)
    if json:
        typer.echo(orjson.dumps(found).decode())
        return
    for each in found:
        typer.echo(f"{each['number']:3} {each['statedAt']} {each['county']} {each['window']} {_help(each)}")


def _help(each: Mapping[str, Any]) -> str:
    """Say what one statement of help says, in one line."""
    match each["kind"]:
        case "ASSIGNED":
            return f"ASSIGNED {each['staff']} for {each['service']}"
        case "TRANSFERRED":
            return f"TRANSFERRED to {each['toWindow']} as {each['toRole']}"
        case "VIDEO_APPOINTMENT":
            return f"VIDEO_APPOINTMENT at {each['appointedAt']}"
        case _:
            return f"{each['kind']} {each['subject']} {each['digest']}"


def supervise(
    number: Number,
    clock: Annotated[str, typer.Argument(metavar="CLOCK", help="name of the red clock: HANDLING, N07, M03 …")],
    data: Data,
    passphrase_file: PassphraseFile,
    window: Window,
    json: Json = False,
) -> None:
    """Urge on a clock of a case that is red (督办); any county of the case may, once a clock.

    Example: tongban county supervise 11370214MB2000004E4000101005000202606010001 HANDLING --window D01
    --data c370214 --passphrase-file c370214.pass
    """
    with opened_node(data, passphrase_file) as node:
        members: dict[str, JsonValue] = {"caseNumber": number, "clock": clock, "window": window}
        position = state_supervision(node, members, int(time.time()))
    if json:
        typer.echo(orjson.dumps({"caseNumber": number, "clock": clock, "position": position}).decode())
        return
    typer.echo(f"{number}: {clock} is urged on, stands in the journal at {position}")


def escalation(
    data: Data,
    passphrase_file: PassphraseFile,
    cause: Cause,
    on: Annotated[str | None, typer.Option(help="day in China that lamps are read for; default: today")] = None,
    after: Annotated[str | None, typer.Option(help="`next` of the page before")] = None,
    json: Json = False,
) -> None:
    """List the county's clocks that are yellow or red over all its cases, those first that turned so first.

    A page looks at 200 clocks; where there are more, its last line says how the next one begins.

    Example: tongban county escalation --cause 督办 --on 2026-06-08 --data c370214 --passphrase-file c370214.pass
    """
    with opened_node(data, passphrase_file) as node:
        page = escalated(node, cause, on=on, after=after)
    if json:
        typer.echo(orjson.dumps(page).decode())
        return
    for each in page["clocks"]:
        urged = "" if each["supervisedBy"] is None else f", urged on by {each['supervisedBy']}"
        due = "stopped" if each["due"] is None else each["due"]
        typer.echo(
            f"{each['lamp']:6} {due} {each['caseNumber']} {each['name']}: {each['left']} working days left{urged}"
        )
    typer.echo(f"{len(page['clocks'])} shown" if page["next"] is None else f"more: --after {page['next']}")
