"""The command `tongban`: the command tree, and how a failure becomes an exit code.

Exit codes: hub/commands/exitcodes.py.

A command's module is loaded when that command is asked for: checking a receipt needs no web server and no driver.
"""

from __future__ import annotations

import inspect
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.metadata import version
from io import TextIOWrapper
from types import MappingProxyType
from typing import Annotated, Any, Final

import stamina
import typer
from typer.core import TyperCommand, TyperGroup, TyperOption
from typer.main import get_group

from hub.commands.exitcodes import EXIT_CODES
from ledger.errors import Malformed, TongbanError

__all__ = ["CommandTree", "StrictCommand", "app", "main"]

_COMMANDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "demo": "hub.commands.demo:demo",
        "verify": "hub.commands.verify:verify",
        "sync": "hub.commands.sync:sync",
        "seal": "hub.commands.seal:app",
        "serve": "hub.commands.serve:serve",
        "settings": "hub.commands.settings:settings",
        "documents": "hub.commands.documents:documents",
        "audit": "hub.commands.audit:audit",
        "ledger": "hub.commands.ledger:app",
        "county": "hub.commands.county:app",
        "legacy": "hub.commands.legacy:app",
        "ingest": "hub.commands.ingest:app",
        "feed": "hub.commands.ingest:feed",
        "schema": "hub.commands.schema:app",
    }
)
"""Command -> module and attribute: a function, or the Typer app of a group."""


class StrictCommand(TyperCommand):
    """A command whose options are given once each, but for those that may be repeated: no value replaces another.

    Its help ends in an example that can be copied as it stands.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments of the command. Raises a usage error also for an option that is given twice."""
        _, _, order = self.make_parser(ctx).parse_args(list(args))
        given = Counter(each for each in order if isinstance(each, TyperOption) and _is_single(each))
        for option, count in given.items():
            if count > 1:
                ctx.fail(f"Option '{option.opts[0]}' is given twice")
        return super().parse_args(ctx, args)

    def format_help_text(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002  # the signature of the base class
        """Write the help text; the example stands on one line, however long, so that it can be copied."""
        text, _, example = inspect.cleandoc(self.help or "").partition("Example: ")
        with formatter.indentation():
            formatter.write_paragraph()
            formatter.write_text(text)
            if example:
                formatter.write_paragraph()
                formatter.write(f"{'':{formatter.current_indent}}Example: {' '.join(example.split())}\n")


def _is_single(option: TyperOption) -> bool:
    """Tell whether the last value would win; a flag without a contrary says the same however often it is given."""
    return not (option.multiple or option.count or (option.is_flag and not option.secondary_opts))


class CommandTree(TyperGroup):
    """The commands in the order of help; each is loaded when it is asked for."""

    def list_commands(self, ctx: object) -> list[str]:  # noqa: ARG002  # the signature of the base class
        """Give the names of all commands."""
        return list(_COMMANDS)

    def get_command(self, ctx: object, cmd_name: str) -> Any:  # noqa: ARG002  # the same
        """Give a command by its name, or None. An unknown name loads all, so that the nearest one can be proposed."""
        for name in (cmd_name,) if cmd_name in _COMMANDS else _COMMANDS:
            if name not in self.commands:
                self._load(name)
        return self.commands.get(cmd_name)

    def _load(self, name: str) -> None:
        module, attribute = _COMMANDS[name].split(":")
        found = getattr(import_module(module), attribute)
        holder = typer.Typer(rich_markup_mode=None)
        if isinstance(found, typer.Typer):
            holder.add_typer(found, name=name)
        else:
            holder.command(name)(found)
        _make_strict(holder)
        self.add_command(get_group(holder).commands[name], name)


def _make_strict(holder: typer.Typer) -> None:
    for command in holder.registered_commands:
        command.cls = StrictCommand
    for group in holder.registered_groups:
        if group.typer_instance is not None:
            _make_strict(group.typer_instance)


app = typer.Typer(
    name="tongban",
    cls=CommandTree,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)


def _say_version(wanted: bool) -> None:  # the signature of an option's callback
    if wanted:
        typer.echo(f"tongban {version('tongban')}")
        raise typer.Exit


@app.callback()
def tongban(
    *,
    show_version: Annotated[  # its callback has answered by then
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    """A GraphQL data hub with a shared e-license ledger for counties of different provinces.

    Exit codes: 0 done (verify: VALID), 1 not verified, 2 usage or malformed input, 3 unavailable, 4 refused,
    5 conflict; of several answers the greatest.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code; an expected failure is one line on stderr.

    arguments: those after the command's name; None: of this process.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal without Chinese letters ends no command
    stamina.instrumentation.set_on_retry_hooks([])  # what failed is said once, at the end
    try:
        app(arguments, prog_name="tongban")
    except TongbanError as error:
        typer.echo(f"tongban: {error}", err=True)
        sys.exit(EXIT_CODES[type(error)])
    except OSError as error:
        typer.echo(f"tongban: bad_file: {error.strerror}: {error.filename}", err=True)
        sys.exit(EXIT_CODES[Malformed])
