"""`tongban county holder`: a holder's own data, given out and erased, on the holder's request.

The holder stands in a file, since a command line can be read by others:

    {"certificateHolderTypeCode":"111","certificateHolderCode":"<18>"}
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import orjson
import typer

from hub.commands.confirmation import Yes, confirm
from hub.commands.folder import Data, PassphraseFile, opened_node
from hub.commands.output import Force, check_new, new_file
from hub.commands.progress import progress_bars
from hub.county.holders import erase_faces, licenses_of, personal_texts, traces_in
from hub.holderdesk import (
    as_holder,
    cases_at_hub,
    consents_at_hub,
    missing_at_hub,
    open_cases,
    reads_at_hub,
    records_at_hub,
)
from hub.keyfiles import read_private, write_private
from hub.partner import Partner, access_token
from ledger.closed import closed
from ledger.encoding import parse_json
from ledger.errors import Conflict, Malformed, Unavailable
from ledger.identifiers import HOLDER_CODE_TYPES, holder_key

if TYPE_CHECKING:
    from hub.county.holders import HeldLicense
    from hub.county.node import CountyNode

__all__ = ["HolderFile", "OneHolder", "app", "parse_holder", "read_holder"]

app = typer.Typer(help="A holder's own data: a copy, and erasure.", no_args_is_help=True)

_HELP: Final = "file (0600) with code type and code of a holder, as JSON"
HolderFile = Annotated[Path | None, typer.Option(help=_HELP)]
OneHolder = Annotated[Path, typer.Option("--holder-file", help=_HELP)]
Json = Annotated[bool, typer.Option("--json", help="for machines")]

_MAX_BYTES: Final = 4096
_MAX_CODE: Final = 128
_MEMBERS: Final = ("certificateHolderTypeCode", "certificateHolderCode")
_COPY: Final = "个人信息副本: a holder's request for a copy"
_ERASURE: Final = "个人信息删除: a holder's request for erasure"
_KEPT: Final = (
    "the seal and its status in the ledger: salted digests, whose salts are deleted",
    "the county's statement and access records in the journal: the keyed hash, dates, codes of matters and licenses",
    "steps of cases that are over: numbers of cases and licenses",
    "consents and their ends: the keyed hash, terms, digests of evidence, what the key of a sealed license signed",
)
"""What the log and the journal keep, since nobody can take anything out of them unseen: records of an act of government
(PIPL, article 47, second paragraph) that name nobody."""


def read_holder(path: Path) -> tuple[str, str]:
    """Read code type and code of a holder. Raises Malformed bad_file (a file that others may read), as parse_holder."""
    return parse_holder(read_private(path, max_bytes=_MAX_BYTES))


def parse_holder(data: bytes) -> tuple[str, str]:
    """Read code type and code of a holder from the file's bytes. Raises Malformed too_large, bad_json, bad_file."""
    found = closed(parse_json(data, max_bytes=_MAX_BYTES), "holder", frozenset(_MEMBERS), code="bad_file")
    type_code, code = (found[name] for name in _MEMBERS)
    if not isinstance(type_code, str) or not isinstance(code, str):
        raise Malformed("bad_file", f"expected {' and '.join(_MEMBERS)}, two texts")
    if type_code not in HOLDER_CODE_TYPES or not 1 <= len(code) <= _MAX_CODE:
        raise Malformed("bad_file", f"expected {' and '.join(_MEMBERS)} of a holder")
    return type_code, code


@app.command("export")
def export(
    holder_file: OneHolder,
    output: Annotated[Path, typer.Option(help="file to write (0600)")],
    data: Data,
    passphrase_file: PassphraseFile,
    force: Force = False,
) -> None:
    """Write what this county and the hub keep of a holder into one JSON file: for the holder, after a look at who asks.

    Licenses of all counties with faces and objections; cases, with licenses or without; consents; licenses that are
    said to be missing; who read or asked, also in vain; and this county's own statements and faces. Reading it leaves
    access records of its own.

    Example: tongban county holder export --holder-file holder.json --output copy.json --data c370214
    --passphrase-file c370214.pass
    """
    check_new(output, force=force)
    holder, now = read_holder(holder_file), int(time.time())
    with opened_node(data, passphrase_file) as node:
        own, partner = _licenses(node, holder), as_holder(node, holder)
        copy: dict[str, Any] = {
            "holder": dict(zip(_MEMBERS, holder, strict=True)),
            "county": node.county,
            "time": now,
            "licenses": records_at_hub(partner, holder, _COPY),
            "cases": cases_at_hub(partner, holder, _COPY),
            "consents": consents_at_hub(partner, holder),
            "missing": missing_at_hub(partner, _COPY),
            "reads": reads_at_hub(partner, holder, _COPY),
            "kept_here": [
                {"certificateIdentifier": each.identifier, "stated": each.stated, "face": each.face} for each in own
            ],
        }
    with new_file(output, force=force) as place:
        write_private(place, orjson.dumps(copy, option=orjson.OPT_INDENT_2))
    counts = ", ".join(f"{len(copy[name])} {name}" for name in ("licenses", "cases", "consents", "reads"))
    typer.echo(f"wrote {output}: {counts} at the hub, {len(own)} licenses kept here")


@app.command("erase")
def erase(
    holder_file: OneHolder,
    data: Data,
    passphrase_file: PassphraseFile,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Erase what identifies a holder: every face that this county keeps, here and in the hub's vault, after asking.

    Refused while a case of the holder is open, or one that uses a license of the holder (exit code 5, which cases). It
    may be run again. Then every file of the folder is searched for names, numbers, salts and disclosures, and what has
    to be kept is said: consents by their ids, those in force apart.

    Example: tongban county holder erase --holder-file holder.json --data c370214 --passphrase-file c370214.pass
    """
    holder = read_holder(holder_file)
    with opened_node(data, passphrase_file) as node:
        own, partner = _licenses(node, holder), as_holder(node, holder)
        if cases := open_cases(node, partner, holder, _ERASURE):
            raise Conflict("case_open", f"these cases are not over: {', '.join(cases)}")
        consents = consents_at_hub(partner, holder)
        confirm(node.county, f"erase {len(own)} faces of this holder for good, here and in the hub's vault", yes=yes)
        texts = personal_texts(node, own) | {holder[1].encode()}
        vault = [each.identifier for each in own if _erased_in_vault(node, each.identifier)]
        erased = erase_faces(node, own)
    granted = [{"id": each["id"], "inForce": each["inForce"]} for each in consents]
    _report(data, texts, {"licenses": len(own), "erased": erased, "vault": vault, "consents": granted}, json=json)


def _licenses(node: CountyNode, holder: tuple[str, str]) -> list[HeldLicense]:
    key = holder_key(node.keys.holder, *holder)
    with progress_bars(shown=True) as bars:
        return licenses_of(node, key, progress=bars.advance)


def _erased_in_vault(node: CountyNode, identifier: str) -> bool:
    try:
        Partner(node.config.hub_url, access_token(node, "vault.deposit")).erase(identifier)
    except Conflict:  # wrong_target: never deposited, or erased before
        return False
    return True


def _report(data: Path, texts: frozenset[bytes], done: dict[str, Any], *, json: bool) -> None:
    """Say what was done, search the folder, say what stays. Raises Unavailable store_stopped: something is left."""
    traces = traces_in(data, texts)
    row = {**done, "searched": {"texts": len(texts), "files": traces.files, "bytes": traces.bytes}, "kept": _KEPT}
    if json:
        typer.echo(orjson.dumps({**row, "found": traces.found}).decode())
    else:
        counts = f"{len(done['erased'])} faces erased, {len(done['vault'])} in the vault"
        typer.echo(f"{done['licenses']} licenses: {counts}")
        if still := [each["id"] for each in done["consents"] if each["inForce"]]:
            typer.echo(f"consents that are still in force, and end by county consent revoke: {', '.join(still)}")
        typer.echo(f"searched {traces.files} files, {traces.bytes} bytes, for {len(texts)} texts: ", nl=False)
        typer.echo(f"in {', '.join(traces.found)}" if traces.found else "none found")
        for line in _KEPT:
            typer.echo(f"kept: {line}")
    if traces.found:
        raise Unavailable("store_stopped", "a copy stands in this folder still: erase again, or delete these files")
