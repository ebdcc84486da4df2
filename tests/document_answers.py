"""Answers to the documents of `tests/documents`, over a graph with the small world.

python -m tests.document_answers NAME ...     writes the answers in NAME.json anew, for a look at the difference
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from hub.graph.constraints import apply_constraints
from hub.graph.driver import BoltDriver, BoltGraph
from hub.graph.embedded import ArcadeEngine
from hub.graphql.execution import Execution, GraphQLRequest
from hub.graphql.masking import field_error
from hub.ingest.data import read_table
from ledger.workdays import read_calendar
from schema.assembly import build_schema
from tests.document_files import FOLDER, Asked
from tests.document_worlds import ports_of
from tests.graph_world import fill_world
from tests.graphs import PATIENT, UNHURRIED
from tests.ports import FakeClock, request_context

__all__ = ["Found", "ask"]

_SCHEMA: Final = build_schema()
_CALENDAR: Final = read_calendar(read_table("calendar"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What came back: data, (path with dots, code) of each error, and how many statements the graph got."""

    data: dict[str, Any] | None
    errors: tuple[tuple[str, str], ...]
    statements: int


async def ask(driver: BoltDriver, text: str, asked: Asked) -> Found:
    """Run one request of a document."""
    graph = BoltGraph(driver)
    members: dict[str, Any] = {"principal": asked.caller, "clock": FakeClock(asked.at), "calendar": _CALENDAR}
    context = request_context(**(members | ports_of(asked.world)))
    answer = await Execution(_SCHEMA, graph, limits=UNHURRIED).run(
        GraphQLRequest(query=text, variables=asked.variables), context
    )
    errors = [field_error(error, "request-1") for error in answer.errors]
    named = tuple((".".join(map(str, error.get("path", ()))), error["extensions"]["code"]) for error in errors)
    return Found(data=answer.data, errors=named, statements=graph.statements)


async def _write(names: list[str], folder: Path) -> None:
    engine = ArcadeEngine(folder / "graph", memory_mb=512)
    await engine.start()
    try:
        async with BoltDriver(engine, deadlines=PATIENT) as driver:
            await apply_constraints(driver)
            await fill_world(driver)
            for name in names:
                await _write_one(driver, name)
    finally:
        await engine.stop()


async def _write_one(driver: BoltDriver, name: str) -> None:
    path = FOLDER / f"{name}.json"
    file, text = json.loads(path.read_text("utf-8")), (FOLDER / f"{name}.graphql").read_text("utf-8")
    for row in file["asked"]:
        given = {key: value for key, value in row.items() if key not in {"statements", "data", "errors"}}
        found = await ask(driver, text, Asked.of(given | {"data": None}))
        row.clear()
        row.update(given | ({"statements": found.statements} if found.statements != 1 else {}) | {"data": found.data})
        if found.errors:
            row["errors"] = [list(each) for each in found.errors]
    path.write_text(json.dumps(file, ensure_ascii=False, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    with TemporaryDirectory() as made:
        asyncio.run(_write(sys.argv[1:], Path(made)))
