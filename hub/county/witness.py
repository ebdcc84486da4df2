"""The county's witness over HTTP (c2sp.org/tlog-witness): cosigns a checkpoint if the log only grew.

    POST /witness/add-checkpoint                        200, 400, 403, 404, 409 (text/x.tlog.size), 413, 422; 503
    GET  /witness/<lower-case hex H(origin)>/checkpoint the latest cosigned checkpoint, 404 if there is none

What is decided stands in `ledger/transparency/witness.py`; here the latest checkpoint is read, decided upon and stored
in one IMMEDIATE transaction with FULL sync, before the answer leaves. Two requests at once are put in order by the
database, so the second sees what the first stored: the witness can never be rolled back, by a race or by a crash.
What is refused although the log has signed it is kept in the same transaction (hub/county/offers.py).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol

from starlette.responses import Response
from starlette.routing import Route

from hub.county.offers import OFFER_SCHEMA, keep_offer, read_offers, settle_offers
from hub.database import Database
from hub.exchange import closing, error_response, read_body
from ledger.errors import Malformed, NotVerified, TongbanError
from ledger.transparency.evidence import Offer
from ledger.transparency.note import NOTE_ED25519, keyring
from ledger.transparency.witness import (
    MAX_REQUEST_BYTES,
    AddCheckpoint,
    Decision,
    Latest,
    decide,
    monitoring_path,
    refuse_malformed,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from pathlib import Path

    from starlette.requests import Request

    from ledger.signers import Signer
    from ledger.transparency.note import Keyring
    from ledger.transparency.policy import Policy
    from schema.context import Clock

__all__ = ["WITNESS_SCHEMA", "Cosigner", "Witness", "WitnessStore", "cosigner_routes", "log_keys"]

WITNESS_SCHEMA: Final = f"""CREATE TABLE IF NOT EXISTS latest (
  path TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, time INTEGER NOT NULL, note BLOB NOT NULL);
{OFFER_SCHEMA}"""
_READ: Final = "SELECT size, root, time, note FROM latest WHERE path = ?"
_WRITE: Final = "INSERT OR REPLACE INTO latest VALUES (?, ?, ?, ?, ?)"


def log_keys(policy: Policy) -> Keyring:
    """Give the keys of a policy's logs, which are the logs that a witness knows."""
    return keyring(log.key for log in policy.logs if log.key.kind == NOTE_ED25519)


class WitnessStore:
    """What the witness keeps: the latest checkpoint of each log, and signed requests that it refused.

    Raises NotVerified corrupt_store: a latest checkpoint is not what its note says.
    """

    def __init__(self, path: Path) -> None:
        self._database = Database(path, WITNESS_SCHEMA, summed=True)
        with self._database.transaction() as connection:
            for (path_of,) in connection.execute("SELECT path FROM latest").fetchall():
                _check_latest(connection, path_of)

    def decide(self, request: AddCheckpoint, judge: Callable[[Latest | None], Decision], *, logs: Keyring) -> Decision:
        """Judge a request against the latest checkpoint and store the result, as one atomic and durable step."""
        path = monitoring_path(request.checkpoint.origin)
        with self._database.transaction() as connection:
            held = _latest(connection, path)
            decision = judge(held)
            if decision.latest is not None:
                latest = decision.latest
                connection.execute(_WRITE, (path, latest.size, latest.root, latest.time, latest.note))
                settle_offers(connection, latest.note)
            elif decision.evidence:
                offer = Offer(request=request.cut(logs), held=None if held is None else held.note)
                keep_offer(connection, offer)
        return decision

    def latest(self, path: str) -> Latest | None:
        """Give the latest checkpoint of a log by its monitoring path."""
        with self._database.reading() as connection:
            return _latest(connection, path)

    def offers(self) -> list[Offer]:
        """Give the signed requests that were refused, oldest first, each with the checkpoint that was held then."""
        with self._database.reading() as connection:
            return read_offers(connection)

    def close(self) -> None:
        """Close the store."""
        self._database.close()


def _latest(connection: sqlite3.Connection, path: str) -> Latest | None:
    row = connection.execute(_READ, (path,)).fetchone()
    return None if row is None else Latest(size=row[0], root=row[1], time=row[2], note=row[3])


def _check_latest(connection: sqlite3.Connection, path: str) -> None:
    latest = _latest(connection, path)
    if latest is not None and monitoring_path(latest.check().origin) != path:
        raise NotVerified("corrupt_store", "the checkpoint cosigned last is of another log than its row says")


class Witness:
    """A witness of the logs in `logs`, signing as `name` with an Ed25519 key."""

    def __init__(self, store: WitnessStore, *, logs: Keyring, name: str, signer: Signer, clock: Clock) -> None:
        self._store = store
        self._logs = logs
        self._name = name
        self._signer = signer
        self._clock = clock

    def add_checkpoint(self, body: bytes) -> Decision:
        """Answer one request; cosigned at max(now, the last time). Raises Unavailable store_stopped."""
        try:
            request = AddCheckpoint.parse(body)
        except Malformed as error:
            return refuse_malformed(error)

        def judge(latest: Latest | None) -> Decision:
            now = self._clock()
            return decide(request, latest, logs=self._logs, name=self._name, signer=self._signer, now=now)

        return self._store.decide(request, judge, logs=self._logs)

    def checkpoint(self, path: str) -> bytes | None:
        """Give the latest cosigned checkpoint by monitoring path, with the log's signature and ours."""
        latest = self._store.latest(path)
        return None if latest is None else latest.note


class Cosigner(Protocol):
    """What answers under a submission prefix: a witness, or an auditor."""

    def add_checkpoint(self, body: bytes) -> Decision:
        """Answer one request; what it says is durable before. Raises Unavailable."""
        ...

    def checkpoint(self, path: str) -> bytes | None:
        """Give the latest cosigned checkpoint by monitoring path."""
        ...


def cosigner_routes(prefix: str, cosigner: Cosigner) -> list[Route]:
    """Give a cosigner's routes, below `prefix`, like `/witness`."""

    async def add_checkpoint(request: Request) -> Response:
        try:
            body = await read_body(request, max_bytes=MAX_REQUEST_BYTES)
        except Malformed as error:
            return _response(refuse_malformed(error))
        try:
            return _response(await asyncio.to_thread(cosigner.add_checkpoint, body))
        except TongbanError as error:
            return error_response(error)

    async def checkpoint(request: Request) -> Response:
        try:
            note = await asyncio.to_thread(cosigner.checkpoint, f"{request.path_params['origin']}/checkpoint")
        except TongbanError as error:
            return error_response(error)
        if note is None:
            return Response("no checkpoint of this log\n", 404, media_type="text/plain")
        return Response(note, media_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-store"})

    return [
        Route(f"{prefix}/add-checkpoint", add_checkpoint, methods=["POST"]),
        Route(f"{prefix}/{{origin}}/checkpoint", checkpoint, methods=["GET"]),
    ]


def _response(decision: Decision) -> Response:
    # The content type goes out to the letter: a charset after text/x.tlog.size would be another type.
    headers = {"Content-Type": decision.content_type, "Cache-Control": "no-store", **closing(decision.status)}
    return Response(decision.body, decision.status, headers)
