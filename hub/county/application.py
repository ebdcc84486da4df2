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
    from collections.abc import AsyncIterator, Callable, Coroutine

    from starlette.requests import Request
    from starlette.responses import Response

    from hub.county.node import CountyNode
    from schema.context import Clock

__all__ = ["create_county_app"]

_MAX_JWKS_BYTES: Final = 16_384
_NO_STORE: Final = {"Cache-Control": "no-store"}


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
    return _County(node, clock, transport=transport, log=log, auditor=auditor).app()


class _County:
    """The parts of one serving node. They are opened here, started and closed by `lifespan`."""

    def __init__(
        self,
        node: CountyNode,
        clock: Clock,
        *,
        transport: httpx2.AsyncBaseTransport | None,
        log: HttpLog | None,
        auditor: bool,
    ) -> None:
        self._node: Final = node
        self._clock: Final = clock
        self._log: Final = log
        self._check: Final = EvidenceCheck(node.verifier)
        logs, hub_keys = log_keys(node.policy), parse_jwks(node.file("hub-jwks.json", _MAX_JWKS_BYTES))
        self._lock: Final = WriterLock(node.data / "serve", "serves this folder")
        self._witnessed: Final = WitnessStore(node.data / "witness.sqlite")
        self._accesses: Final = Database(node.data / "access.sqlite", ACCESS_SCHEMA)
        self._guard: Final = ReplayGuard(node.data / "tokens.sqlite")
        signer, name = node.keys.witness, node.witness_name
        self._witness: Final = Witness(self._witnessed, logs=logs, name=name, signer=signer, clock=clock)
        self._faces: Final = FaceService(
            node.records, self._accesses, hub_keys=hub_keys, url=node.config.url, guard=self._guard, clock=clock
        )
        self._client: Final = httpx2.AsyncClient(
            base_url=node.config.hub_url, transport=transport, trust_env=False, timeout=30.0
        )
        self._auditor: Final = AuditorPart(node, clock, self._client) if auditor else None

    def app(self) -> Starlette:
        """Give the application."""
        return Starlette(routes=self.routes(), lifespan=self.lifespan, middleware=[Middleware(Masked)])

    def routes(self) -> list[Route]:
        """Give all routes of the node."""
        return [
            *cosigner_routes("/witness", self._witness),
            *self._faces.routes(),
            Route("/healthz", self._health, methods=["GET"]),
            Route("/readyz", self._ready, methods=["GET"]),
            *([] if self._auditor is None else self._auditor.routes()),
        ]

    @asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        """Run the workers; close every part when they have ended."""
        async with AsyncExitStack() as stack:
            for close in (self._lock.release, self._guard.close, self._accesses.close, self._witnessed.close):
                stack.callback(close)
            if self._auditor is not None:
                stack.push_async_callback(asyncio.to_thread, self._auditor.close)
            stack.push_async_callback(self._client.aclose)
            reader = stack.enter_context(httpx2.Client(trust_env=False))
            workers = [asyncio.create_task(run()) for run in self._workers(reader)]
            try:
                yield
            finally:
                for worker in workers:
                    worker.cancel()
                    with suppress(asyncio.CancelledError):
                        await worker

    def _workers(self, reader: httpx2.Client) -> list[Callable[[], Coroutine[None, None, None]]]:
        """Give what runs beside the routes, each for ever. reader: reaches the log."""
        node, client, clock = self._node, self._client, self._clock
        log = self._log or HttpLog(f"{node.config.hub_url}/ledger", reader, attempts=1)
        delivery = Delivery(node.outbox, client, check=self._check, renew=node.renew, clock=clock, random=node.random)
        appeals = Appeals(node.outbox, auditors_of(node.policy), client, clock=clock)
        runs = [delivery.run, KeyFollower(node, log, clock).run, appeals.run]
        return runs if self._auditor is None else [*runs, self._auditor.passing_on.run]

    async def _health(self, _request: Request) -> Response:
        return JSONResponse({"county": self._node.county, "status": "ok"}, headers=_NO_STORE)

    async def _ready(self, _request: Request) -> Response:
        fault = await asyncio.to_thread(self._node.keys_fault, self._clock())
        missing = {} if fault is None else {"keys": fault}
        return JSONResponse({"ready": not missing, "missing": missing}, 503 if missing else 200, headers=_NO_STORE)
