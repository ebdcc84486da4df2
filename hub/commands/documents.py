"""`tongban documents`: which GraphQL documents take a hub's time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import orjson
import typer
from rich.console import Console
from rich.table import Table

from hub.hubdesk import unreadable
from hub.partner import ask
from ledger.closed import closed, list_of
from ledger.encoding import parse_json
from ledger.errors import Malformed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger.encoding import JsonValue

__all__ = ["documents"]

_MAX_BYTES: Final = 256 * 1024
_MOST: Final = 1024
_NUMBERS: Final = ("count", "failed", "statements", "totalMs", "readMs", "slowestMs")
_WIDTH: Final = 150  # a digest stands on one line, so that it can be copied


def documents(
    url: Annotated[str, typer.Option(help="the hub's URL on its own machine, like http://127.0.0.1:8080")],
    top: Annotated[int, typer.Option(min=1, max=_MOST, help="how many")] = 20,
    json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """List the GraphQL documents that have taken most of a hub's time, by the digest of their text; exits 3 without it.

    The hub keeps 256 of them, since its start. A trusted document's digest is its identifier. The hub tells them on its
    own machine, or on its `metrics_port`.

    Example: tongban documents --url http://127.0.0.1:8080
    """
    rows = _read(ask("GET", f"{url.rstrip('/')}/metrics/documents").content)[:top]
    if json:
        typer.echo(orjson.dumps({"documents": rows}).decode())
        return
    Console(width=max(Console().width, _WIDTH)).print(_table(rows))


def _read(body: bytes) -> list[dict[str, JsonValue]]:
    try:
        answer = closed(parse_json(body, max_bytes=_MAX_BYTES, max_depth=3), "answer", frozenset({"documents"}))
        return [_row(each) for each in list_of(answer, "documents", maximum=_MOST)]
    except Malformed as error:
        raise unreadable() from error


def _row(value: JsonValue) -> dict[str, JsonValue]:
    row = closed(value, "document", frozenset({"document", *_NUMBERS}))
    if not isinstance(row["document"], str) or not row["document"].isascii() or not row["document"].isprintable():
        raise Malformed("bad_payload", "document: expected an identifier")
    if any(isinstance(row[name], bool) or not isinstance(row[name], int | float) for name in _NUMBERS):
        raise Malformed("bad_payload", "document: expected numbers")
    return row


def _table(rows: Sequence[dict[str, JsonValue]]) -> Table:
    table = Table("document", *(name.replace("Ms", ", ms") for name in _NUMBERS))
    for column in table.columns[1:]:
        column.justify = "right"
    for row in rows:
        table.add_row(str(row["document"]), *(f"{row[name]:,}" for name in _NUMBERS))
    return table
