"""`tongban schema`: the SDL of what can be asked, its changes, trusted documents, and the Cypher of a document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

import orjson
import typer
from graphql import BreakingChangeType, DangerousChangeType, GraphQLError, GraphQLSchema, find_schema_changes
from graphql import build_schema as build_sdl

from hub.commands.output import Force, new_file
from hub.commands.verify import read_bounded
from hub.graph.plan import explain
from hub.graph.tables import build_tables
from hub.graphql.documents import DocumentRefused, Documents
from hub.graphql.limits import LIMITS
from hub.graphql.trusted import MAX_REGISTRY_BYTES, document_id, read_registry, write_registry
from ledger.errors import Malformed, NotVerified
from schema.access import SCOPES
from schema.assembly import build_schema, export_schema
from schema.subgraph import subgraph_text

__all__ = ["app"]

app = typer.Typer(help="What can be asked of the hub.", no_args_is_help=True)

_MAX_SDL_BYTES: Final = 4 * 1024 * 1024


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


@app.command("diff")
def diff(
    old: Annotated[Path, typer.Argument(help="SDL file of before")],
    new: Annotated[Path, typer.Argument(help="SDL file of after")],
    json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    """List what a new schema breaks for clients of the old one, and what may surprise them; exits 1 if it breaks any.

    Breaking: a field, type or value that is gone, another type, an argument that is needed now. Dangerous: a value or
    member that a client does not know yet, another default.

    Example: tongban schema diff old.graphql schema/schema.graphql
    """
    changes = find_schema_changes(_sdl(old), _sdl(new))
    breaking = [one.description for one in changes if isinstance(one.type, BreakingChangeType)]
    dangerous = [one.description for one in changes if isinstance(one.type, DangerousChangeType)]
    if json:
        typer.echo(orjson.dumps({"breaking": breaking, "dangerous": dangerous}).decode())
    else:
        for kind, texts in (("breaking", breaking), ("dangerous", dangerous)):
            for change in texts:
                typer.echo(f"{kind:<9}  {change}")
    if breaking:
        raise NotVerified("breaking_change", f"{len(breaking)} changes break clients of {old}")


@app.command("trust")
def trust(
    files: Annotated[list[Path], typer.Argument(help="documents (.graphql), or registries (.json) to take over")],
    output: Annotated[Path | None, typer.Option(help="registry to write; with --check: to compare")] = None,
    check: Annotated[bool, typer.Option("--check", help="write nothing; exits 1 where the registry differs")] = False,
    force: Force = False,
    json: Annotated[bool, typer.Option("--json", help="one JSON object: file to identifier")] = False,
) -> None:
    """Check documents against the schema and the limits, and write their registry for the setting trusted_documents.

    A registry is one JSON file: `sha256:` and the digest of a document's text, to the text. With --check nothing is
    written: every document must hold, and where --output is given, it must be what would be written.

    Example: tongban schema trust query.graphql --output trusted.json
    """
    if output is None and not check:
        raise Malformed("bad_setting", "expected --output, or --check")
    if check and force:
        raise Malformed("bad_setting", "--force is of no use beside --check")
    found = {str(file): _documents_of(file) for file in files}
    _check_documents(found)
    registry = write_registry({document_id(text): text for texts in found.values() for text in texts})
    if check and output is not None and read_bounded(output, MAX_REGISTRY_BYTES) != registry:
        raise NotVerified("unexpected", f"{output} is not the registry of these documents")
    if output is not None and not check:
        with new_file(output, force=force) as place:
            place.write_bytes(registry)
    told = {file: [document_id(text) for text in texts] for file, texts in found.items()}
    if json:
        typer.echo(orjson.dumps(told).decode())
        return
    for file, identifiers in told.items():
        for identifier in identifiers:
            typer.echo(f"{identifier}  {file}")


def _sdl(file: Path) -> GraphQLSchema:
    text = read_bounded(file, _MAX_SDL_BYTES).decode("utf-8", "replace")
    try:
        return build_sdl(text)
    except (GraphQLError, TypeError) as error:
        raise Malformed("bad_file", f"{file}: no schema: {error}") from error


def _documents_of(file: Path) -> list[str]:
    data = read_bounded(file, MAX_REGISTRY_BYTES)
    if file.suffix == ".json":
        return list(read_registry(data).values())
    try:
        return [data.decode("utf-8")]
    except UnicodeDecodeError as error:
        raise Malformed("bad_encoding", f"{file}: expected UTF-8") from error


def _check_documents(found: Mapping[str, Sequence[str]]) -> None:
    """Check each document as the hub will at its start, and tell all that do not hold at once."""
    documents, faults = Documents(build_tables(build_schema()), LIMITS), []
    for file, texts in found.items():
        for text in texts:
            try:
                documents.load(text)
            except DocumentRefused as error:
                faults.append(f"{file}: {document_id(text)}: " + "; ".join(fault.message for fault in error.faults))
    if faults:
        raise Malformed("bad_document", "documents that do not hold:\n  " + "\n  ".join(faults))
