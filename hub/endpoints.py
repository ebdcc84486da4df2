"""What counties send: entries for the ledger, records for the journal. Authenticated by their own signatures.

    POST /ledger/entries[?wait=receipt]   application/jose           one compact JWS            -> one object
                                          application/json           one general JWS            -> one object
                                          application/octet-stream   bundle, 1..1,000 entries   -> an array, in order
    POST /journal/records                 application/octet-stream   bundle, 1..1,000 records   -> an array, in order

    {"index":812,"leaf":"<b64u>","state":"sequenced"|"witnessed"[,"receipt":"…"|,"proof":"…"]}
    {"position":7}
    {"error":{"code":"…","message":"…"}}

A bundle is `uint16 big-endian length || bytes`, entry after entry, at most 16 MiB. Its entries succeed or fail one by
one: the status is 200, or 202 while one of them is only sequenced. A single entry that fails gives the status of its
error. `wait=receipt` waits up to 10 s for a quorum.

    Tongban-Read-After: 812.0          what a query names to read what was taken here (schema/readafter.py)

    GET /readyz     {"ready":false,"missing":{"witnesses":"1 more cosignature needed: …"},
                     "quorum":{"sequenced":812,"published":800,"cosignatures":1,
                               "groups":[{"group":"alliance","needed":2,"held":1,"lacking":["shandong"]}],
                               "refusals":[{"county":"370214","code":"deposit_left_out",…}]},
                     "readers":{"ready":2,"of":2}}

Without a quorum reads go on, at the published size; receipts of what lies beyond are not made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import orjson
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from hub.exchange import BODY_TIMEOUT_S, answering, error_response, media_type, read_body
from ledger.encoding import b64u_encode
from ledger.errors import CODES, Malformed, TongbanError
from ledger.jws import MAX_ENTRY_BYTES
from ledger.transparency.tiles import decode_bundle
from schema.readafter import ReadAfter

if TYPE_CHECKING:
    from starlette.requests import Request

    from hub.journal.intake import RecordIntake
    from ledger.encoding import JsonValue
    from schema.context import Registry, Submission

__all__ = ["READ_AFTER_HEADER", "health_routes", "submission_routes"]

READ_AFTER_HEADER: Final = "Tongban-Read-After"
MAX_BUNDLE_BYTES: Final = 16 * 1024 * 1024
MAX_BATCH: Final = 1000
_BUNDLE: Final = "application/octet-stream"
_SINGLE: Final = frozenset({"application/jose", "application/json"})
_NO_STORE: Final = {"Cache-Control": "no-store"}
_NOTHING: Final = ReadAfter()

Check = Callable[[], str | None]
"""Says what is not ready, or None."""


def submission_routes(
    registry: Registry, intake: RecordIntake, *, body_timeout_s: float = BODY_TIMEOUT_S
) -> list[Route]:
    """Make the two routes. body_timeout_s: how long a body may take in all."""

    async def entries(request: Request) -> Response:
        single, raws = await _entries_of(request, body_timeout_s)
        results = await registry.submit(raws, wait=_waits(request))
        return _one(results[0]) if single else _many(results)

    async def records(request: Request) -> Response:
        if media_type(request) != _BUNDLE:
            raise Malformed("bad_request", f"expected a body of type {_BUNDLE}")
        raws = _bundle(await read_body(request, max_bytes=MAX_BUNDLE_BYTES, timeout_s=body_timeout_s))
        placed = await intake.submit(raws)
        documents = [_error(each) if isinstance(each, TongbanError) else {"position": each} for each in placed]
        return _json(documents, after=ReadAfter(journal=_count(each for each in placed if isinstance(each, int))))

    return [
        Route("/ledger/entries", answering(entries), methods=["POST"]),
        Route("/journal/records", answering(records), methods=["POST"]),
    ]


async def _entries_of(request: Request, timeout_s: float) -> tuple[bool, list[bytes]]:
    """Read the submitted entries, and whether one object is expected in return."""
    kind = media_type(request)
    if kind == _BUNDLE:
        return False, _bundle(await read_body(request, max_bytes=MAX_BUNDLE_BYTES, timeout_s=timeout_s))
    if kind in _SINGLE:
        return True, [await read_body(request, max_bytes=MAX_ENTRY_BYTES, timeout_s=timeout_s)]
    raise Malformed("bad_request", f"expected a body of type {_BUNDLE}, {' or '.join(sorted(_SINGLE))}")


def _bundle(body: bytes) -> list[bytes]:
    entries = decode_bundle(body, max_entries=MAX_BATCH)
    if not entries:
        raise Malformed("bad_request", f"expected 1..{MAX_BATCH} entries")
    return entries


def _waits(request: Request) -> bool:
    query = request.query_params
    if not query:
        return False
    if list(query.multi_items()) != [("wait", "receipt")]:
        raise Malformed("bad_request", "the only parameter is wait=receipt")
    return True


def _one(result: Submission) -> Response:
    document = _document(result)
    if result.code is not None:
        return error_response(CODES[result.code](result.code, result.message or ""))
    return _json(document, status=200 if result.state == "witnessed" else 202, after=_after([result]))


def _many(results: Sequence[Submission]) -> Response:
    waiting = any(each.state == "sequenced" for each in results)
    return _json([_document(each) for each in results], status=202 if waiting else 200, after=_after(results))


def _after(results: Sequence[Submission]) -> ReadAfter:
    return ReadAfter(ledger=_count(each.index for each in results if each.index is not None))


def _count(places: Iterable[int]) -> int:
    """Give how long a log is at least that has entries at these places."""
    return max(places, default=-1) + 1


def _document(result: Submission) -> dict[str, Any]:
    if result.code is not None:
        return {"error": {"code": result.code, "message": result.message}}
    document: dict[str, Any] = {"index": result.index, "leaf": b64u_encode(result.leaf or b""), "state": result.state}
    if result.receipt is not None:
        document["receipt"] = result.receipt.decode("utf-8")
    if result.proof is not None:
        document["proof"] = result.proof
    return document


def _error(error: TongbanError) -> dict[str, Any]:
    return {"error": {"code": error.code, "message": error.message}}


def _json(document: object, *, status: int = 200, after: ReadAfter = _NOTHING) -> Response:
    headers = _NO_STORE if after == _NOTHING else {**_NO_STORE, READ_AFTER_HEADER: after.format()}
    return Response(orjson.dumps(document), status, headers, "application/json")


def health_routes(
    checks: Mapping[str, Check],
    *,
    quorum: Callable[[], Mapping[str, JsonValue]] = dict,
    readers: Callable[[], Mapping[str, JsonValue]] = dict,
) -> list[Route]:
    """Make `/healthz` (the process answers) and `/readyz` (says what is not ready, 503 then).

    quorum: what the newest checkpoint lacks of its quorum, while the log is open. readers: how many reader processes
    take documents; empty where the hub has none.
    """

    async def healthz(_request: Request) -> Response:
        return PlainTextResponse("ok\n", headers=_NO_STORE)

    async def readyz(_request: Request) -> Response:
        faults = {name: reason for name, check in checks.items() if (reason := check()) is not None}
        stands = {} if "ledger" in faults else quorum()
        document = {"ready": not faults, "missing": faults, "quorum": stands}
        if told := readers():
            document["readers"] = told
        return _json(document, status=503 if faults else 200)

    return [Route("/healthz", healthz), Route("/readyz", readyz)]
