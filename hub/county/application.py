"""The county node as a web application: witness and record-source endpoint, with the outbox's workers beside them.

POST /witness/add-checkpoint · GET /witness/<hex H(origin)>/checkpoint · POST /records/faces
GET /healthz: the process answers · GET /readyz: 200 {"ready":true,"missing":{}}, or 503 with what is missing, as
{"ready":false,"missing":{"keys":"no witnessed head has confirmed the members' keys for 700 s: …"}}
and, where the county runs an auditor, those of hub/county/audited.py
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final

import httpx2
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import JSONResponse
from starlette.routing import Route

from hub.county.appeals import Appeals
from hub.county.audited import AuditorPart
from hub.county.delivery import Delivery
from hub.county.deposits import auditors_of
from hub.county.evidence import EvidenceCheck
from hub.county.following import KeyFollower
from hub.county.service import ACCESS_SCHEMA, FaceService, parse_jwks
from hub.county.witness import Witness, WitnessStore, cosigner_routes, log_keys
from hub.database import Database, WriterLock
from hub.logclient import HttpLog
from hub.middleware import Masked
from hub.tokens import ReplayGuard

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.responses import Response

    from hub.county.node import CountyNode
    from schema.context import Clock

__all__ = ["create_county_app"]

_MAX_JWKS_BYTES: Final = 16_384


def create_county_app(
    node: CountyNode,
    *,
    clock: Clock,
    transport: httpx2.AsyncBaseTransport | None = None,
    log: HttpLog | None = None,
    auditor: bool = False,
) -> Starlette:
    """Put a county node together; the outbox is delivered while the application runs.

    transport, log: how the hub is reached, and its log read; None: over the network. auditor: run one beside the
    witness. Raises Unavailable not_ready (policy, genesis or hub-jwks.json is missing), store_stopped (another process
    serves this folder); Malformed; with an auditor also NotVerified corrupt_store.
    """
    check, logs = EvidenceCheck(node.verifier), log_keys(node.policy)
    hub_keys = parse_jwks(node.file("hub-jwks.json", _MAX_JWKS_BYTES))
    lock = WriterLock(node.data / "serve", "serves this folder")
    witnessed = WitnessStore(node.data / "witness.sqlite")
    accesses = Database(node.data / "access.sqlite", ACCESS_SCHEMA)
    guard = ReplayGuard(node.data / "tokens.sqlite")
    witness = Witness(witnessed, logs=logs, name=node.witness_name, signer=node.keys.witness, clock=clock)
    auditing = AuditorPart(node, clock) if auditor else None
    faces = FaceService(
        node.records,
        accesses,
        hub_keys=hub_keys,
        url=node.config.url,
        guard=guard,
        clock=clock,
    )

    client = httpx2.AsyncClient(base_url=node.config.hub_url, transport=transport, trust_env=False, timeout=30.0)
    passing_on = None if auditing is None else auditing.passing_on(client)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for close in (lock.release, guard.close, accesses.close, witnessed.close):
                stack.callback(close)
            if auditing is not None:
                stack.push_async_callback(asyncio.to_thread, auditing.close)
            stack.push_async_callback(client.aclose)
            delivery = Delivery(node.outbox, client, check=check, renew=node.renew, clock=clock, random=node.random)
            reader = stack.enter_context(httpx2.Client(trust_env=False))
            own = log or HttpLog(f"{node.config.hub_url}/ledger", reader, attempts=1)
            follower = KeyFollower(node, own, clock)
            appeals = Appeals(node.outbox, auditors_of(node.policy), client, clock=clock)
            runs = [delivery.run, follower.run, appeals.run, *([] if passing_on is None else [passing_on.run])]
            workers = [asyncio.create_task(run()) for run in runs]
            try:
                yield
            finally:
                for worker in workers:
                    worker.cancel()
                    with suppress(asyncio.CancelledError):
                        await worker

    async def health(_request: Request) -> Response:
        return JSONResponse({"county": node.county, "status": "ok"}, headers={"Cache-Control": "no-store"})

    async def ready(_request: Request) -> Response:
        fault = await asyncio.to_thread(node.keys_fault, clock())
        missing = {} if fault is None else {"keys": fault}
        document = {"ready": not missing, "missing": missing}
        return JSONResponse(document, 503 if missing else 200, headers={"Cache-Control": "no-store"})

    told = [Route("/healthz", health, methods=["GET"]), Route("/readyz", ready, methods=["GET"])]
    routes = [*cosigner_routes("/witness", witness), *faces.routes(), *told]
    if auditing is not None and passing_on is not None:
        routes += auditing.routes(passing_on)
    return Starlette(routes=routes, lifespan=lifespan, middleware=[Middleware(Masked)])
