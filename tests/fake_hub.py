"""A hub for county nodes to talk to: an honest small log behind the hub's two endpoints, with modes that are not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.journal.records import parse_license_record
from ledger.encoding import b64u_decode
from ledger.transparency.merkle import leaf_hash
from ledger.transparency.proof import TlogProof
from ledger.transparency.tiles import decode_bundle
from tests.alliance import Alliance
from tests.logbook import Cosigner, LogBook
from tests.ports import FakeClock

__all__ = ["FakeHub"]


class FakeHub:
    """The hub as a county sees it. One batch a request: entries, head, checkpoint cosigned by every node's witness.

    refuse: code for every item. mode: honest; unwitnessed (no evidence); other_receipt (of another seal);
    no_quorum (nobody cosigned); broken (no JSON); short (one result too few); down (503); lost (does everything, then
    fails: the county never hears of it); unwritable (the first result is an error that no database takes).
    """

    def __init__(self, alliance: Alliance, clock: FakeClock) -> None:
        self.mode = "honest"
        self.refuse: str | None = None
        self.requests: list[tuple[str, int]] = []
        self.book: Final = LogBook(alliance.genesis, alliance.log)
        self.journal: Final[list[bytes]] = []
        self._clock = clock
        self._cosigners = [Cosigner(node.witness_name, node.keys.witness) for node in alliance.nodes.values()]
        self._results: dict[bytes, dict[str, Any]] = {}

    def app(self) -> Starlette:
        """Give the web application."""
        return Starlette(
            routes=[
                Route("/ledger/entries", self._entries, methods=["POST"]),
                Route("/journal/records", self._records, methods=["POST"]),
            ]
        )

    async def _entries(self, request: Request) -> Response:
        entries = decode_bundle(await request.body(), max_entries=1000)
        self.requests.append(("entries", len(entries)))
        return self._answered(entries, self._take_entries)

    async def _records(self, request: Request) -> Response:
        records = decode_bundle(await request.body(), max_entries=1000)
        self.requests.append(("records", len(records)))
        return self._answered(records, self._take_records)

    def _answered(self, items: Sequence[bytes], take: Any) -> Response:
        if self.mode == "down":
            return Response(status_code=503, headers={"Retry-After": "1"})
        if self.mode == "broken":
            return Response(b"<html>", media_type="text/html")
        if self.refuse is not None:
            return JSONResponse([{"error": {"code": self.refuse, "message": "refused"}} for _ in items])
        results = take(items)
        if self.mode == "lost":
            return Response(status_code=502)
        if self.mode == "unwritable":
            error = {"code": "bad_signature", "message": "\ud800" + "x" * 9_000}
            return Response(json.dumps([{"error": error}, *results[1:]]), media_type="application/json")
        return JSONResponse(results[1:] if self.mode == "short" else results)

    def _take_entries(self, entries: Sequence[bytes]) -> list[dict[str, Any]]:
        indexes = {entry: self.book.add(entry) for entry in entries if leaf_hash(entry) not in self._results}
        if indexes:
            self.book.close()
            now = self._clock()
            note = self.book.checkpoint([] if self.mode == "no_quorum" else [(each, now) for each in self._cosigners])
            for entry, index in indexes.items():
                self._results[leaf_hash(entry)] = self._result(entry, index, note)
        results = [dict(self._results[leaf_hash(entry)]) for entry in entries]
        if self.mode == "unwitnessed":
            results = [{"index": each["index"], "state": "sequenced"} for each in results]
        if self.mode == "other_receipt":
            shown = [each.get("receipt") for each in results]
            results = [{**each, "receipt": other} for each, other in zip(results, shown[1:] + shown[:1], strict=True)]
        return results

    def _result(self, entry: bytes, index: int, note: bytes) -> dict[str, Any]:
        result: dict[str, Any] = {"index": index, "state": "witnessed"}
        if b'"to":' in _payload(entry):
            proof = TlogProof(index=index, path=self.book.path(index), checkpoint=note)
            return result | {"proof": proof.format().decode()}
        return result | {"receipt": self.book.receipt(index, f"{entry.decode()}~", note).decode()}

    def _take_records(self, records: Sequence[bytes]) -> list[dict[str, Any]]:
        return [self._take_record(record) for record in records]

    def _take_record(self, record: bytes) -> dict[str, Any]:
        if parse_license_record(record).leaf not in self._results:
            return {"error": {"code": "wrong_target", "message": "the seal is not sequenced"}}
        if record not in self.journal:
            self.journal.append(record)
        return {"position": self.journal.index(record)}


def _payload(entry: bytes) -> bytes:
    return b64u_decode(entry.split(b".")[1].decode())
