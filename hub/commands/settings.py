"""`tongban settings`: every setting of the hub, and what is in force."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.table import Table

from hub.settings import load_settings, settings_table
from ledger.errors import Malformed

__all__ = ["settings"]


def settings(
    context: typer.Context,
    config: Annotated[Path | None, typer.Option(help="with --check: TOML file", envvar="TONGBAN_CONFIG")] = None,
    check: Annotated[bool, typer.Option("--check", help="read the settings and name every fault")] = False,
    json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """List the hub's settings with variable, default and meaning; with --check, what is in force.

    Example: tongban settings --check --config hub.toml
    """
    if check:
        in_force = load_settings(file=config, environment=os.environ).model_dump(mode="json")
        typer.echo(orjson.dumps(in_force, option=orjson.OPT_INDENT_2).decode())
        return
    source = context.get_parameter_source("config")
    if source is not None and source.name == "COMMANDLINE":  # a variable may be set for the hub
        raise Malformed("bad_setting", "--config is what --check reads: give both")
    if json:
        keys = ("name", "variable", "default", "help")
        rows = [dict(zip(keys, row, strict=True)) for row in settings_table()]
        typer.echo(orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode())
        return
    table = Table("setting", "variable", "default", "meaning")
    for row in settings_table():
        table.add_row(*row)
    Console().print(table)
