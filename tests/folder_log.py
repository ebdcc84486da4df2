"""A log as a hub serves it, out of a hub's folder and without a hub: the real routes over the stores as they are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.testclient import TestClient

from hub.database import open_reader
from hub.governance.founding import open_hub_keys
from hub.journal.sealed import JournalSeal
from hub.journal.store import JournalReader
from hub.log.routes import log_routes
from hub.logclient import HttpLog
from hub.mirror.routes import mirror_routes
from ledger.errors import Refused
from ledger.transparency.checkpoint import verify_checkpoint, with_cosignatures
from ledger.transparency.note import Note, parse_signature_lines
from ledger.transparency.policy import Policy
from ledger.transparency.snapshot import LogReads, Snapshot
from ledger.transparency.sqlite import SqliteReader, read_state
from schema.access import Principal
from tests.entropy import seeded
from tests.hub_folder import PASSPHRASE

__all__ = ["LOG_URL", "TOKEN", "FolderLog"]

T = TypeVar("T")

LOG_URL = "http://hub.example/ledger"
TOKEN = "token-of-a-member"
_MEMBER = Principal(county="370214", client="370214#3", scopes=frozenset({"ledger.entries"}))


class FolderLog:
    """The log of `data`, and its journal. requests: every path that was asked for. tokens: those that are good."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.requests: list[str] = []
        self.tokens = {TOKEN}

    @property
    def app(self) -> Starlette:
        """The application: the routes of the log, and those for mirrors."""
        seal = JournalSeal(open_hub_keys(self.data, PASSPHRASE).vault, seeded("journal nonces"))
        registry: Any = _Shown(self.data)
        journal: Any = registry
        documents = {"policy": (self.data / "policy").read_bytes()}
        routes = [
            *log_routes(registry, journal, principal_of=self._principal, documents=documents),
            *mirror_routes(registry, journal, principal_of=self._principal, seal=seal),
        ]
        return Starlette(routes=routes)

    def client(self) -> TestClient:
        """Give a client whose base URL is the log's host."""
        return TestClient(self.app, base_url="http://hub.example")

    def read(self, *, token: str | None = TOKEN) -> HttpLog:
        """Give the log as a mirror reads it, with a token or without."""
        return HttpLog(LOG_URL, self.client(), token=None if token is None else lambda _refused: token)

    def _principal(self, request: Request) -> Principal:
        self.requests.append(request.url.path)
        shown = request.headers.get("authorization", "")
        if shown.removeprefix("Bearer ") not in self.tokens:
            raise Refused("token_required", "a valid access token is required")
        return _MEMBER


class _Shown:
    """What the routes ask of a registry and of a journal, answered from the files as they are now."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self.file = self

    @property
    def size(self) -> int:
        with closing(open_reader(self._data / "ledger.sqlite")) as connection:
            return read_state(connection).size

    @property
    def snapshot(self) -> Snapshot | None:
        with closing(open_reader(self._data / "ledger.sqlite")) as connection:
            size = read_state(connection).published
            reader = SqliteReader(connection)
            kept = reader.checkpoints(size, 1)
            if not kept:
                return None
            lines = [line for each in reader.cosignatures(size) for line in parse_signature_lines(each.line)]
        note = Note.parse(kept[0].note)
        signed = verify_checkpoint(note, Policy.parse((self._data / "policy").read_bytes()).keys)
        whole = with_cosignatures(Note(text=note.text, signatures=note.signatures[:1]), lines).format()
        return Snapshot(
            size=size, root=signed.checkpoint.root, note=whole, quorum_note=kept[0].note,
            time=min(signed.cosignatures.values()), cosigners=tuple(sorted(line.name for line in lines)),
        )  # fmt: skip

    async def read(self, question: Any, limit: int | None = None) -> Any:
        """Answer the ledger's `read(question)` and the journal's `read(start, limit)`."""
        if limit is not None:
            return await self.ask(lambda reader: reader.records(question, limit))
        return await asyncio.to_thread(self._ledger, question)

    def _ledger(self, question: Callable[[LogReads], T]) -> T:
        with closing(open_reader(self._data / "ledger.sqlite")) as connection:
            reader = SqliteReader(connection)
            return question(LogReads(lambda: reader))

    async def ask(self, question: Callable[[JournalReader], T]) -> T:
        """Answer what is asked of the journal."""
        with closing(open_reader(self._data / "journal.sqlite")) as connection:
            return question(JournalReader(connection))
