"""`tongban ledger matters`: the alliance's list of matters on a day, and drafts of what changes on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer

from hub.commands.member import Offline, Trust, Url, newest_chain, now_s, write_proposal
from hub.commands.output import Force
from hub.commands.terms import named, shown
from hub.governance.matters import MatterTable, draft_matters, listed_on
from ledger.errors import Malformed
from ledger.matterlist import MODES, MatterChange
from ledger.workdays import china_day

__all__ = ["app"]

app = typer.Typer(help="The alliance's list of matters: k of n members change it.", no_args_is_help=True)

_FORM = "CODE=NAME:MODE"


@app.command("propose")
def propose(
    data: Trust,
    output: Annotated[Path, typer.Option(help="draft to write")],
    since: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="first day of all these changes")],
    add: Annotated[list[str] | None, typer.Option(help=f"{_FORM}: a new matter; repeat")] = None,
    change: Annotated[list[str] | None, typer.Option(help=f"{_FORM}: another name or mode; repeat")] = None,
    remove: Annotated[list[str] | None, typer.Option(help="code of a matter that leaves; repeat")] = None,
    url: Url = None,
    offline: Offline = False,
    force: Force = False,
) -> None:
    """Draft a change of the list of matters against the newest key state, and say what it does.

    The draft is that of a rule entry: `tongban ledger rule sign` and `submit` go on from it. A change touches no day
    that may be over when the log takes it: by the rule iat_back_s of a day it begins tomorrow at the earliest.

    Example: tongban ledger matters propose --data c370214 --add 000113031000=新事项:多地联办 --remove 001001003000
    --from 2026-12-01 --output change.draft
    """
    day = since.date().isoformat()
    changes = [*_listings("add", add, day), *_listings("change", change, day)]
    changes += [MatterChange(act="remove", code=code, since=day) for code in remove or ()]
    chain = newest_chain(data, url, offline=offline)
    draft = draft_matters(chain.state, MatterTable.shipped(), changes, iat=now_s())
    write_proposal(draft, chain, output, force=force)


def _listings(act: str, texts: Sequence[str] | None, day: str) -> Iterator[MatterChange]:
    for code, value in named(f"--{act}", _FORM, texts):
        name, _, mode = value.rpartition(":")
        if mode not in MODES:
            raise Malformed("bad_setting", f"--{act} takes {_FORM}, the mode one of {', '.join(MODES)}")
        yield MatterChange(act=act, code=code, since=day, mode=mode, name=name)


@app.command("list")
def show(
    data: Trust,
    on: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="day; default: today in China")] = None,
    url: Url = None,
    offline: Offline = False,
    json: Annotated[bool, typer.Option("--json", help="for machines, a line a matter")] = False,
) -> None:
    """Show the list of matters on a day, as the newest key state says, checked from genesis on.

    Example: tongban ledger matters list --data c370214 --on 2026-12-01
    """
    state = newest_chain(data, url, offline=offline).state
    day = china_day(now_s()) if on is None else on.date()
    rows = listed_on(state, day)
    for row in rows:
        if json:
            typer.echo(orjson.dumps(asdict(row)).decode())
        else:
            ends = f"{row.since or ''}..{row.until or ''}" if row.since or row.until else ""
            typer.echo(" ".join(filter(None, (row.code, shown(row.name), row.mode, ends))))
    if not json:
        fault = MatterTable.shipped().fault(state)
        typer.echo(f"{len(rows)} matters on {day}" + (f"; warning: {fault}" if fault else ""))
