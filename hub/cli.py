"""The command `tongban`: the command tree, and how a failure becomes an exit code.

Exit codes: 0 done (for `verify`: VALID) · 1 not verified · 2 wrong usage or malformed input · 3 unavailable ·
4 refused · 5 conflict.
"""

from __future__ import annotations

import sys
from typing import Final

import click
import typer
from rich.console import Console

from hub.commands import county, demo, ingest, ledger, schema, serve, settings, verify
from ledger.errors import Conflict, Malformed, NotVerified, Refused, TongbanError, Unavailable

__all__ = ["EXIT_CODES", "app", "main"]

EXIT_CODES: Final[dict[type[TongbanError], int]] = {
    NotVerified: 1,
    Malformed: 2,
    Unavailable: 3,
    Refused: 4,
    Conflict: 5,
}

app = typer.Typer(
    name="tongban",
    help=(
        "A GraphQL data hub with a shared e-license ledger.\n\n"
        "Exit codes: 0 done (verify: VALID), 1 not verified, 2 usage or malformed input, 3 unavailable, 4 refused, "
        "5 conflict."
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)
app.add_typer(ledger.app, name="ledger")
app.add_typer(county.app, name="county")
app.add_typer(schema.app, name="schema")
app.command()(verify.verify)
app.command()(serve.serve)
app.command()(ingest.ingest)
app.command()(settings.settings)
app.command()(demo.demo)


def main() -> None:
    """Run the command line and leave with its exit code; an expected failure is one line on stderr."""
    try:
        code = app(standalone_mode=False)
    except TongbanError as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"tongban: {error}", markup=False)
        code = EXIT_CODES[type(error)]
    except click.ClickException as error:
        error.show()
        code = 2
    except (KeyboardInterrupt, click.Abort):
        code = 130
    sys.exit(code if isinstance(code, int) else 0)
