"""Attacks on the GraphQL endpoint as files: what is sent, and the status and codes that answer it.

    [{"name": "500 levels deep", "query": [["{ ", 1], ["a { ", 499], ["a", 1], [" }", 500]], "status": 400,
      "codes": ["limit_exceeded"]}]

query, body: a text, or parts and how often each is repeated. body is sent as it is; else a JSON object of the other
members of a request. get: parameters of a GET. caller: `clerk`, or nobody. headers: over those of JSON.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx2

__all__ = ["ATTACKS", "Attack"]

_FOLDER: Final = Path(__file__).parent
_REQUEST: Final = ("query", "documentId", "operationName", "variables", "extensions")


def _text(value: Any) -> Any:
    return "".join(part * times for part, times in value) if isinstance(value, list) else value


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack, and what must answer it. codes: of the errors, in order. data: of the answer, where it has some."""

    name: str
    status: int
    codes: list[str]
    data: Any = None
    caller: str = ""
    get: dict[str, str] | None = None
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    members: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, row: dict[str, Any]) -> Attack:
        """Read a row of a file."""
        members = {name: row.pop(name) for name in _REQUEST if name in row}
        return cls(**row, members=members)

    async def send(self, http: httpx2.AsyncClient) -> httpx2.Response:
        """Send it."""
        headers = {"Content-Type": "application/json", "Accept": "application/graphql-response+json", **self.headers}
        if self.caller:
            headers["Authorization"] = "Bearer good"
        if self.get is not None:
            return await http.get("/graphql", params=self.get, headers=headers)
        sent = _text(self.body) if self.body is not None else json.dumps(self._request())
        return await http.post("/graphql", content=sent.encode(), headers=headers)

    def _request(self) -> dict[str, Any]:
        return {**self.members, "query": _text(self.members.get("query"))}


ATTACKS: Final = tuple(
    Attack.read(row) for file in sorted(_FOLDER.glob("*.json")) for row in json.loads(file.read_text("utf-8"))
)
