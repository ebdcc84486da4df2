"""`tongban county case`: a county's clerks state the steps of a case, and see where it stands."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final

import orjson
import typer

from hub.casedesk import holder_of, read_case, state_step
from hub.commands.folder import Data, PassphraseFile, opened_node
from hub.commands.holder import HolderFile, read_holder
from hub.journal.casesteps import OWN_MEMBERS
from ledger.cases import StepKind
from ledger.errors import Malformed
from ledger.matters import CaseNumber

if TYPE_CHECKING:
    from ledger.encoding import JsonValue

__all__ = ["app"]

app = typer.Typer(help="State the steps of cases, and see where they stand.", no_args_is_help=True)

Number = Annotated[str, typer.Argument(help="case number (办件编号), 43 characters")]
Json = Annotated[bool, typer.Option("--json", help="for machines")]

_NODE: Final = re.compile(r"(N[0-9]{2,3}):([0-9]{1,3})?:([0-9]{1,3})?")
_TOLERATED: Final = re.compile(r"(M[0-9]{2}):([0-9]{1,2})")
_OPTIONS: Final[Mapping[str, str]] = {
    "mode": "--mode", "offering": "--offering", "holder": "--holder-file", "tolerated": "--tolerate",
    "supplied": "--supply", "pickedUpAt": "--pick-up", "limits": "--statutory and --promised", "licenses": "--license",
    "items": "--items", "begins": "--begin", "ends": "--end", "trackingNumber": "--tracking", "rating": "--rating",
}  # fmt: skip
"""Member of a step -> the options that give it."""


@app.command("step")
def step(
    kind: Annotated[str, typer.Argument(metavar="STEP", help="APPLICATION, PRE_REVIEW, ACCEPTANCE, … as `show` lists")],
    number: Number,
    data: Data,
    passphrase_file: PassphraseFile,
    window: Annotated[str, typer.Option(help="window or desk: digits, capital letters, -")],
    role: Annotated[str, typer.Option(help="INTAKE_CLERK, HANDLER or SUPERVISOR")] = "HANDLER",
    outcome: Annotated[str | None, typer.Option(help="of a step that decides: PASSED, ACCEPTED, GRANTED, …")] = None,
    mode: Annotated[str | None, typer.Option(help="ONLINE, PROXY_INTAKE, …; by default the offering's")] = None,
    offering: Annotated[str | None, typer.Option(help="version of the offering; by default the one in force")] = None,
    holder_file: HolderFile = None,
    tolerate: Annotated[list[str] | None, typer.Option(help="material that may follow, M03:DAYS; repeat")] = None,
    supply: Annotated[list[str] | None, typer.Option(help="tolerated material that is there now, M03; repeat")] = None,
    pick_up: Annotated[str | None, typer.Option(help="member id of the county that hands out")] = None,
    statutory: Annotated[
        int | None, typer.Option(help="working days by law, of the clock that the step starts")
    ] = None,
    promised: Annotated[int | None, typer.Option(help="working days promised, of that clock")] = None,
    license: Annotated[list[str] | None, typer.Option(help="certificateIdentifier used or produced; repeat")] = None,  # noqa: A002  # the option's name
    items: Annotated[int | None, typer.Option(help="pieces handed over, or received")] = None,
    begin: Annotated[list[str] | None, typer.Option(help="node that begins, NODE:STATUTORY:PROMISED; repeat")] = None,
    end: Annotated[list[str] | None, typer.Option(help="node that ends; repeat")] = None,
    tracking: Annotated[str | None, typer.Option(help="tracking number of an EXPRESS")] = None,
    rating: Annotated[int | None, typer.Option(help="1 very satisfied .. 5 very dissatisfied")] = None,
    json: Json = False,
) -> None:
    """State the next step of a case, signed with the county's journal key.

    The hub takes it only if it is legal now; a refusal (exit code 4 or 5) says which steps are. An APPLICATION opens
    the case: the handling county and the matter stand in its number. Offering, mode, and the limits of the handling are
    those that the hub shows, unless they are given.

    Example: tongban county case step ACCEPTANCE 11370214MB2000004E4000101005000202606010001 --outcome ACCEPTED
    --window A03 --data c370214 --passphrase-file c370214.pass
    """
    applicant = None if holder_file is None else read_holder(holder_file)
    given = {
        "mode": mode, "offering": offering, "holder": applicant, "supplied": supply,
        "tolerated": None if tolerate is None else [_tolerated(each) for each in tolerate],
        "pickedUpAt": pick_up, "limits": _limits(statutory, promised), "licenses": license,
        "items": items, "begins": None if begin is None else [_node(each) for each in begin], "ends": end,
        "trackingNumber": tracking, "rating": rating,
    }  # fmt: skip
    common: dict[str, JsonValue] = {"step": kind, "outcome": outcome, "window": window, "role": role}
    members = common | _own(_kind(kind), CaseNumber.parse(number), given)
    with opened_node(data, passphrase_file) as node:
        if applicant is not None:
            members["holder"] = holder_of(node, *applicant)
        sequence, position = state_step(node, number, members, int(time.time()))
    if json:
        typer.echo(orjson.dumps({"caseNumber": number, "sequence": sequence, "position": position}).decode())
        return
    typer.echo(f"{number}: step {sequence}, {kind}, stands in the journal at {position}")


def _kind(name: str) -> StepKind:
    try:
        return StepKind(name)
    except ValueError as error:
        raise Malformed("bad_setting", f"STEP is one of {', '.join(each.value for each in StepKind)}") from error


def _limits(statutory: int | None, promised: int | None) -> JsonValue:
    return None if statutory is None and promised is None else {"statutory": statutory, "promised": promised}


def _tolerated(text: str) -> JsonValue:
    match = _TOLERATED.fullmatch(text)
    if match is None:
        raise Malformed("bad_setting", "--tolerate is MATERIAL:DAYS, as M03:5")
    return {"material": match[1], "days": int(match[2])}


def _node(text: str) -> JsonValue:
    match = _NODE.fullmatch(text)
    if match is None:
        raise Malformed("bad_setting", "--begin is NODE:STATUTORY:PROMISED, as N07:10:3 or N07::3")
    code, statutory, promised = match.groups()
    return {
        "node": code,
        "statutory": int(statutory) if statutory else None,
        "promised": int(promised) if promised else None,
    }


def _own(kind: StepKind, number: CaseNumber, given: Mapping[str, Any]) -> dict[str, JsonValue]:
    """Give the step's own members; an option that the step does not have is refused, not left out."""
    own = OWN_MEMBERS[kind]
    if idle := [_OPTIONS[name] for name, value in given.items() if value is not None and name not in own]:
        raise Malformed("bad_setting", f"{kind.value} has no {', '.join(idle)}")
    implementer = number.task.implementer
    known: dict[str, JsonValue] = {
        "matter": number.task.catalogue,
        "handledBy": None if implementer is None else implementer.division,
        "licenses": [], "begins": [], "ends": [], "tolerated": [],
    }  # fmt: skip
    return {name: known.get(name) if given.get(name) is None else given[name] for name in own}


@app.command("show")
def show(
    number: Number,
    data: Data,
    passphrase_file: PassphraseFile,
    cause: Annotated[str, typer.Option(help="why the case is read: it is recorded")],
    json: Json = False,
) -> None:
    """Show a case to one of its counties: its steps, its clocks with their lamps, and what may come next.

    Example: tongban county case show 11370214MB2000004E4000101005000202606010001 --cause 办件查询 --data c370214
    --passphrase-file c370214.pass
    """
    CaseNumber.parse(number)
    with opened_node(data, passphrase_file) as node:
        case = read_case(node, number, cause)
    if json:
        typer.echo(orjson.dumps(case).decode())
        return
    typer.echo(f"{number} {case['stage']} ({case['mode']}), offering {case['offeringCode']}")
    typer.echo(f"taken in by {case['takenInBy']}, handled by {case['handledBy']}, picked up at {case['pickedUpAt']}")
    for each in case["steps"]:
        typer.echo(f"{each['sequence']:3} {each['takenAt']} {each['county']} {each['window']} {_step(each)}")
    for each in case["clocks"]:
        typer.echo(f"{each['lamp']:6} {each['name']} of {each['county']}: {_clock(each)}")
    if case["missing"]:
        typer.echo(f"still to follow: {', '.join(case['missing'])}")
    steps = [f"{_step(each)} by {' or '.join(each['counties'])}" for each in case["nextSteps"]]
    typer.echo(f"next: {', '.join(steps) or 'nothing'}")


def _step(each: Mapping[str, Any]) -> str:
    return str(each["kind"]) if each["outcome"] is None else f"{each['kind']} {each['outcome']}"


def _clock(clock: Mapping[str, Any]) -> str:
    parts = [_limit(name, clock[name]) for name in ("promised", "statutory") if clock[name] is not None]
    if clock["supervisedBy"] is not None:
        parts.append(f"urged on by {clock['supervisedBy']}")
    return ", ".join([*parts, "ended"] if clock["ended"] else parts)


def _limit(name: str, reading: Mapping[str, Any]) -> str:
    due = "stopped" if reading["due"] is None else f"due {reading['due']}"
    provisional = ", provisional" if reading["provisional"] else ""
    return f"{name} {reading['left']} of {reading['days']} working days left ({due}{provisional})"
