"""`tongban county objection`: a county objects to a license, and the county that issued it decides."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from hub.commands.folder import Data, PassphraseFile, opened_node
from hub.commands.holder import HolderFile, read_holder
from hub.desk import fresh_id, open_objections, read_objection, state_objection
from hub.journal.objections import ObjectionKind
from ledger.errors import Malformed
from ledger.identifiers import LicenseIdentifier, holder_key

if TYPE_CHECKING:
    from hub.county.node import CountyNode
    from ledger.encoding import JsonValue

__all__ = ["app"]

app = typer.Typer(help="Raise and decide objections to licenses (异议).", no_args_is_help=True)

Identifier = Annotated[str, typer.Argument(metavar="ID", help="id of the objection, 22 characters")]
Json = Annotated[bool, typer.Option("--json", help="for machines")]


@app.command("raise")
def raise_objection(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="FACE_DIFFERS, STATUS_WRONG or LICENSE_MISSING")],
    data: Data,
    passphrase_file: PassphraseFile,
    license: Annotated[str | None, typer.Option(help="certificateIdentifier of the license")] = None,  # noqa: A002  # the option's name
    type: Annotated[str | None, typer.Option(help="type code of the missing license")] = None,  # noqa: A002  # the same
    holder_file: HolderFile = None,
    county: Annotated[str | None, typer.Option(help="member id of the county that should have issued it")] = None,
    case: Annotated[str | None, typer.Option(help="number of the case in which it arose")] = None,
    json: Json = False,
) -> None:
    """Object to a license: all who may see it see that it is in doubt, until the county that issued it decides.

    A missing license is named by --type, --holder-file and --county, any other by --license.

    Example: tongban county objection raise FACE_DIFFERS --license
    1.2.156.3005.2.11100000000013338W032.113702140042763115.370214000000000001.001.Q --data c370214
    --passphrase-file c370214.pass
    """
    identifier = fresh_id()
    _check_options(_kind(kind), license, (type, holder_file, county))
    with opened_node(data, passphrase_file) as node:
        about = _wrong(license) if license is not None else _missing(node, type, holder_file, county)
        members = {"id": identifier, "event": "RAISED", "kind": kind, **about, "caseNumber": case}
        position = state_objection(node, members, int(time.time()))
    if json:
        told = {"id": identifier, "answeredBy": about["answeredBy"], "position": position}
        typer.echo(orjson.dumps(told).decode())
        return
    typer.echo(f"{identifier}: {kind}, to be decided by {about['answeredBy']}, stands in the journal at {position}")


def _kind(name: str) -> ObjectionKind:
    try:
        return ObjectionKind(name)
    except ValueError as error:
        raise Malformed("bad_setting", f"KIND is one of {', '.join(each.value for each in ObjectionKind)}") from error


def _check_options(kind: ObjectionKind, of_license: object, of_missing: tuple[object, ...]) -> None:
    given = (of_license is not None, *(each is not None for each in of_missing))
    if kind is ObjectionKind.LICENSE_MISSING and given != (False, True, True, True):
        raise Malformed("bad_setting", f"{kind.value} takes --type, --holder-file and --county, and no --license")
    if kind is not ObjectionKind.LICENSE_MISSING and given != (True, False, False, False):
        raise Malformed("bad_setting", f"{kind.value} takes --license, and no --type, --holder-file or --county")


def _wrong(identifier: str) -> dict[str, JsonValue]:
    return {
        "certificateIdentifier": identifier,
        "certificateTypeCode": None,
        "holder": None,
        "answeredBy": LicenseIdentifier.parse(identifier).division,
    }


def _missing(
    node: CountyNode, type_code: str | None, holder_file: Path | None, county: str | None
) -> dict[str, JsonValue]:
    return {
        "certificateIdentifier": None,
        "certificateTypeCode": type_code,
        "holder": None if holder_file is None else holder_key(node.keys.holder, *read_holder(holder_file)),
        "answeredBy": county,
    }


@app.command("decide")
def decide(
    identifier: Identifier,
    outcome: Annotated[str, typer.Argument(metavar="OUTCOME", help="UPHELD, DISMISSED; WITHDRAWN by who raised it")],
    data: Data,
    passphrase_file: PassphraseFile,
    json: Json = False,
) -> None:
    """End an objection: the issuing county upholds or dismisses it, the county that raised it withdraws it.

    An objection that is upheld changes no license: seal, revoke or supersede as it calls for.

    Example: tongban county objection decide 6Yx1hS9mTqK0uZbVnWc2Aw UPHELD --data c370214
    --passphrase-file c370214.pass
    """
    with opened_node(data, passphrase_file) as node:
        members: dict[str, JsonValue] = {"id": identifier, "event": "DECIDED", "outcome": outcome}
        position = state_objection(node, members, int(time.time()))
    if json:
        typer.echo(orjson.dumps({"id": identifier, "outcome": outcome, "position": position}).decode())
        return
    typer.echo(f"{identifier}: {outcome}, stands in the journal at {position}")


@app.command("show")
def show(
    identifier: Identifier,
    data: Data,
    passphrase_file: PassphraseFile,
    cause: Annotated[str, typer.Option(help="why it is read: it is recorded")],
    json: Json = False,
) -> None:
    """Show an objection to one of its two counties: what it is about, and what its clock shows.

    Example: tongban county objection show 6Yx1hS9mTqK0uZbVnWc2Aw --cause 异议核实 --data c370214
    --passphrase-file c370214.pass
    """
    with opened_node(data, passphrase_file) as node:
        found = read_objection(node, identifier, cause)
    if json:
        typer.echo(orjson.dumps(found).decode())
        return
    typer.echo(f"{identifier} {found['kind']}: {_subject(found)}")
    typer.echo(f"raised by {found['raisedBy']} at {found['raisedAt']}, to be decided by {found['answeredBy']}")
    provisional = ", provisional" if found["provisional"] else ""
    ended = "" if found["open"] else f"{found['outcome']} by {found['decidedBy']} at {found['decidedAt']}, "
    typer.echo(f"{found['lamp']}: {ended}{found['daysLeft']} working days left (due {found['due']}{provisional})")


@app.command("list")
def list_open(
    data: Data,
    passphrase_file: PassphraseFile,
    cause: Annotated[str, typer.Option(help="why they are read: it is recorded")],
    county: Annotated[str | None, typer.Option(help="member id of who must answer; default: the own county")] = None,
    json: Json = False,
) -> None:
    """List the open objections that the county must answer, or that it raised to another one: the oldest 100.

    Example: tongban county objection list --cause 异议核实 --data c370214 --passphrase-file c370214.pass
    """
    with opened_node(data, passphrase_file) as node:
        found = open_objections(node, node.config.county if county is None else county, cause)
    if json:
        typer.echo(orjson.dumps(found).decode())
        return
    for each in found:
        typer.echo(
            f"{each['lamp']:6} {each['due']} {each['id']} {each['kind']} by {each['raisedBy']}: {_subject(each)}"
        )
    typer.echo(f"{len(found)} open")


def _subject(found: dict[str, Any]) -> str:
    case = "" if found["caseNumber"] is None else f", in case {found['caseNumber']}"
    if found["certificateIdentifier"] is not None:
        return f"{found['certificateIdentifier']}{case}"
    return f"a license of type {found['certificateTypeCode']} of holder {found['holderKey']}{case}"
