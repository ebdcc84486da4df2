"""`tongban schema`: the SDL of what can be asked, and the Cypher that a document becomes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub.commands.output import Force, new_file
from hub.commands.verify import read_bounded
from hub.graph.plan import explain
from hub.graph.tables import build_tables
from hub.graphql.documents import DocumentRefused, Documents
from hub.graphql.limits import LIMITS
from ledger.errors import Malformed
from schema.access import SCOPES
from schema.assembly import build_schema, export_schema
from schema.subgraph import subgraph_text

__all__ = ["app"]

app = typer.Typer(help="What can be asked of the hub.", no_args_is_help=True)


@app.command("export")
def export(
    output: Annotated[Path | None, typer.Option(help="file to write; default: standard output")] = None,
    force: Force = False,
    subgraph: Annotated[bool, typer.Option("--subgraph", help="as a subgraph of Apollo Federation v2")] = False,
) -> None:
    """Write the schema in GraphQL's schema definition language.

    Example: tongban schema export > schema.graphql
    """
    if force and output is None:
        raise Malformed("bad_setting", "--force is for a file: give --output, too")
    sdl = subgraph_text(build_schema()) if subgraph else export_schema()
    if output is None:
        typer.echo(sdl, nl=False)
        return
    with new_file(output, force=force) as place:
        place.write_text(sdl, encoding="utf-8")


@app.command("explain")
def explain_document(
    document: Annotated[Path, typer.Argument(help="file with one GraphQL operation")],
) -> None:
    """Print the Cypher statements that a document compiles to, one a root field.

    Example: tongban schema explain demo-out/licenses.graphql
    """
    text, schema = read_bounded(document, LIMITS.body_bytes).decode("utf-8", "replace"), build_schema()
    try:
        Documents(build_tables(schema), LIMITS, dev=True).load(text)
    except DocumentRefused as error:
        raise Malformed("bad_document", "; ".join(fault.message for fault in error.faults)) from error
    for statement in explain(text, schema, scopes=frozenset(SCOPES)):
        typer.echo(statement + "\n")
