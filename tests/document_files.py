"""The GraphQL documents of `tests/documents`: each with the parts of the daily work that it shows and its exact answers.

    matters.graphql      the document
    matters.json         {"parts": ["catalogue"], "asked": [{"as": {"county": "370214", "scopes": ["case.read"]},
                          "at": "2026-06-01T09:00:00Z", "world": "revoked", "variables": {...}, "statements": 1,
                          "data": {...}, "errors": [["licenses.edges.face", "forbidden"]]}]}

tests/documents/README.md says what each member means, and which part has which document.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from graphql import OperationDefinitionNode, OperationType, parse

from schema.access import ANONYMOUS, Principal
from tests.ports import NOW

__all__ = ["DOCUMENTS", "FOLDER", "PARTS", "Asked", "DocumentFile"]

FOLDER: Final = Path(__file__).parent / "documents"
PARTS: Final = (
    "journal",
    "catalogue",
    "look-up",
    "consent",
    "checklist",
    "cases",
    "clocks",
    "objections",
    "statistics",
    "subscriptions",
    "rights",
    "closed networks",
)
"""The twelve parts of the alliance's daily work."""

_ASKED: Final = frozenset({"as", "at", "world", "variables", "statements", "data", "errors"})
_FILE: Final = frozenset({"parts", "asked", "shown_by"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request and its whole answer.

    caller: who asks. at: POSIX seconds. world: a row of `tests.document_worlds`. statements: how many the graph gets.
    data: the answer's data. errors: (path with dots, stable code) of each error, in order.
    """

    caller: Principal = ANONYMOUS
    at: int = NOW
    world: str = "quiet"
    variables: dict[str, Any] = field(default_factory=dict)
    statements: int = 1
    data: dict[str, Any] | None = None
    errors: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, row: dict[str, Any]) -> Asked:
        """Read one row of `asked`."""
        assert row.keys() <= _ASKED, f"unknown members {sorted(row.keys() - _ASKED)}"
        return cls(
            caller=_caller(row["as"]) if "as" in row else ANONYMOUS,
            at=int(datetime.fromisoformat(row["at"]).timestamp()) if "at" in row else NOW,
            world=row.get("world", "quiet"),
            variables=row.get("variables", {}),
            statements=row.get("statements", 1),
            data=row["data"],
            errors=tuple((path, code) for path, code in row.get("errors", ())),
        )


def _caller(said: dict[str, Any]) -> Principal:
    """Make the caller; members other than county and scopes go to `Principal` as they are."""
    county = said["county"]
    known: dict[str, Any] = {"client": f"{county}#3", "token_id": "token-1", "expires": NOW + 600}
    return Principal(**(known | said | {"scopes": frozenset(said["scopes"])}))


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentFile:
    """One document: its name, its text, the parts that it shows; `asked` or, for what is no query, `shown_by`."""

    name: str
    text: str
    parts: tuple[str, ...]
    asked: tuple[Asked, ...]
    shown_by: tuple[str, ...]

    @classmethod
    def read(cls, name: str) -> DocumentFile:
        """Read the document and its file of answers."""
        row = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
        assert row.keys() <= _FILE, f"unknown members {sorted(row.keys() - _FILE)}"
        return cls(
            name=name,
            text=(FOLDER / f"{name}.graphql").read_text("utf-8"),
            parts=tuple(row["parts"]),
            asked=tuple(Asked.of(each) for each in row.get("asked", ())),
            shown_by=tuple(row.get("shown_by", ())),
        )

    @property
    def is_query(self) -> bool:
        """Whether its first operation is a query: those are compiled."""
        operations = [each for each in parse(self.text).definitions if isinstance(each, OperationDefinitionNode)]
        return operations[0].operation is OperationType.QUERY


DOCUMENTS: Final = {name: DocumentFile.read(name) for name in sorted(path.stem for path in FOLDER.glob("*.graphql"))}
"""Every document by its name."""
