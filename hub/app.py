"""The hub put together: stores, ledger, journal, graph, sources, tokens and GraphQL behind one Starlette app.

    ledger.sqlite  -> LedgerRegistry -> /ledger       journal.sqlite -> JournalWriter -> /journal
    vault.sqlite, county nodes -> Sources             graph/         -> GraphService  -> /graphql

What must be right before the first request is opened first, and a fault there stops the start. The graph engine alone
may come later: until then /readyz says so, and what needs no graph is answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import ClassVar, Final

import httpx2
import structlog
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.routing import BaseRoute, Route, WebSocketRoute

from hub.auth import Authenticator, TokenIssuer
from hub.endpoints import health_routes, submission_routes
from hub.envelope import FaceCipher
from hub.events.delivery import Delivery, Signing
from hub.events.feed import EventFeed
from hub.events.following import Followers, FollowLimits
from hub.events.hookroutes import hook_routes
from hub.events.hooks import HookStore
from hub.governance.founding import open_hub_keys
from hub.governance.matters import MatterTable
from hub.graph.embedded import ArcadeEngine
from hub.graph.engine import Engine
from hub.graph.external import Neo4jEngine
from hub.graph.readafter import Reached
from hub.graph.service import GraphService
from hub.graphql.connections import Connections
from hub.graphql.eventstreams import EventStreams
from hub.graphql.gateway import GraphQLEndpoint
from hub.graphql.probes import CallerProbes
from hub.graphql.sockets import GraphQLSockets
from hub.graphql.streams import Streams
from hub.graphql.timings import SlowDocuments
from hub.graphqlparts import admission_of, lanes_over, limits_of, turns_of
from hub.ingest.data import CATALOGUE, catalogue_digest, read_table
from hub.ingest.offerings import listed_codes
from hub.journal.access import AccessJournal
from hub.journal.bases import JournalBases
from hub.journal.intake import RecordIntake
from hub.journal.sealed import JournalSeal
from hub.journal.writer import JournalWriter
from hub.keyfiles import read_passphrase
from hub.log.published import PublishedEntries
from hub.log.refusals import Refusals
from hub.log.registry import LedgerRegistry, RegistryLimits
from hub.log.routes import log_routes
from hub.log.statustokens import StatusTokens
from hub.middleware import Bounded, Observed
from hub.mirror.routes import mirror_routes
from hub.monitoring import Monitoring
from hub.oauth import TokenEndpoint
from hub.observability import Metrics
from hub.ownverifier import OwnVerifier
from hub.policyfile import policy_fault
from hub.readers.messages import beginning, place_of
from hub.readers.pool import ReaderPool, Surroundings
from hub.readers.questions import Questions
from hub.settings import Settings
from hub.sources import Sources, VaultEndpoint, VaultSource, VaultStore, connections_of, sources_of
from hub.tokens import ReplayGuard
from hub.tracing import tracing_of
from hub.turns import TurnLimits, Turns
from hub.upkeep.stores import alliance_file, check_hub_folder
from ledger.identifiers import holder_key
from ledger.jws import MAX_ENTRY_BYTES
from ledger.transparency.policy import MAX_POLICY_BYTES, Policy
from ledger.transparency.quorums import closest_quorums
from ledger.transparency.snapshot import Snapshot
from ledger.verifier import Verifier
from ledger.workdays import read_full_calendar
from schema.access import Principal
from schema.assembly import build_schema
from schema.context import Clock, Context
from schema.feed import FeedEvent

__all__ = ["Hub", "create_app"]

_log = structlog.get_logger(__name__)

_WITNESS_CONNECTIONS: Final = 64
_MARGIN_S: Final = 2.0  # a reader's own deadline comes first
_OTHERS: Final = TurnLimits(at_once=256, waiting=256)  # beside GraphQL: files of the log, what counties send, tokens


def create_app(settings: Settings, *, clock: Clock, random: Callable[[int], bytes], dev: bool = False) -> Starlette:
    """Put a hub together from its settings. random: `random(n)` gives n fresh random bytes.

    Raises Malformed (keys, policy, genesis), Unavailable no_log; at start also NotVerified corrupt_store.
    """
    return Hub(settings, clock=clock, random=random, dev=dev).app()


class Hub:
    """The parts of one hub. They are made here, started by `lifespan`, and know each other through ports only."""

    registry_kind: ClassVar[type[LedgerRegistry]] = LedgerRegistry

    def __init__(self, settings: Settings, *, clock: Clock, random: Callable[[int], bytes], dev: bool) -> None:
        self.settings: Final = settings
        self.metrics: Final = Metrics()
        self._clock = clock
        self._random = random
        data = settings.data
        check_hub_folder(data)
        keys = open_hub_keys(data, read_passphrase(settings.passphrase_file))
        self._policy = alliance_file(data, "policy", MAX_POLICY_BYTES)
        self._matters = MatterTable.shipped()
        policy = Policy.parse(self._policy)
        self._report(policy)
        self._genesis = alliance_file(data, "genesis", MAX_ENTRY_BYTES)
        self._verifier = Verifier.of_files(self._policy, self._genesis)
        self._holder_secret = keys.holder
        self._calendar = read_full_calendar(read_table("calendar"))
        self._journal_seal = JournalSeal(keys.vault, random)
        self._http = httpx2.AsyncClient(trust_env=False, limits=_connections(settings))
        self.journal = JournalWriter(data / "journal.sqlite", on_stated=self._stated)
        self.refusals = Refusals(data / "refusals.sqlite", lambda: self.registry.keys)
        self.registry = self.registry_kind(
            data / "ledger.sqlite", signer=keys.log, policy=policy, journal=self._journal_binding, clock=clock,
            http=self._http, on_published=self._published, limits=_registry_limits(settings), refusals=self.refusals,
        )  # fmt: skip
        self._own_verifier = OwnVerifier(self._verifier, self.registry, clock)
        self._issuer = TokenIssuer(keys.token, issuer=settings.url, random=random, lifetime_s=settings.token_lifetime_s)
        self._authenticator = Authenticator(self._issuer, lambda: self.registry.keys)
        self.vault = VaultStore(data / "vault.sqlite", FaceCipher(keys.vault, random), self._is_logged)
        self._guard = ReplayGuard(data / "tokens.sqlite")
        self._tracing = tracing_of(settings)
        self.sources = self._make_sources()
        self.accesses = self._tracing.journal(AccessJournal(self.journal))
        self.bases = JournalBases(self.journal, stated=lambda: self.journal.stated)
        self._probes = CallerProbes(asked=settings.asked_per_hour, misses=settings.misses_per_hour, clock=clock)
        lanes = partial(lanes_over, settings=settings, metrics=self.metrics)
        self.graph = GraphService(
            _engine(settings), ledger=PublishedEntries(self.registry), journal=self.journal,
            catalogue={name: read_table(name) for name in CATALOGUE}, catalogue_digest=catalogue_digest(),
            calendar=self._calendar, lanes=lanes if settings.lanes else None, bolt_lane=settings.bolt_lane,
        )  # fmt: skip
        self.projection = Reached(
            self.graph.projector, self.graph.driver, PublishedEntries(self.registry), self.journal,
            within_s=settings.read_after_s,
        )  # fmt: skip
        self.feed = EventFeed(
            data / "events.sqlite", self.journal, PublishedEntries(self.registry), clock=clock,
            calendar=self._calendar, on_events=self._happened,
        )  # fmt: skip
        self.followers = Followers(
            self.feed, FollowLimits(total=settings.live_clients, county=settings.live_clients_per_county)
        )
        self.delivery = Delivery(
            HookStore(data / "webhooks.sqlite"), self.followers,
            Signing(kid=self._issuer.kid, sign=self._issuer.delivery_signature), http=self._http, clock=clock,
            chance=lambda: random(1)[0] / 255, private=settings.webhooks_private,
            on_outcome=lambda outcome: self.metrics.webhooks.labels(outcome).inc(),
        )  # fmt: skip
        self._turns: Final = {
            "graphql": Turns(turns_of(settings), on_shed=self.metrics.shed.labels("graphql").inc),
            "other": Turns(_OTHERS, on_shed=self.metrics.shed.labels("other").inc),
        }
        self.readers = self._make_readers(dev=dev)
        limits = limits_of(settings)
        self._documents = SlowDocuments(self.metrics, slow_ms=settings.slow_document_ms)
        self._graphql = GraphQLEndpoint(
            build_schema(), self._tracing.graph(self.graph.graph), self._context, limits=limits, dev=dev,
            observer=self._tracing.observer(self._documents),
            admission=admission_of(settings, clock, self._turns["graphql"]),
            elsewhere=self.readers if settings.workers else None,
        )  # fmt: skip
        self._answering = self._tracing.app(self._graphql)
        self._monitoring = Monitoring(
            self._exposition, lambda: self.readers.documents(self._documents.busiest.view()),
            host=settings.metrics_host, port=settings.metrics_port,
        )  # fmt: skip
        self._live = Connections(settings.live_clients, county=settings.live_clients_per_county)
        streams = Streams(self._graphql.execution, dev=dev, on_event=self.metrics.stream_seconds.observe)
        live = (streams, self._context, self._live)
        self._sockets = GraphQLSockets(*live, limits=limits)
        self._event_streams = EventStreams(*live, limits=limits)

    def _report(self, policy: Policy) -> None:
        """Tell how sound the policy is; with two disjoint quorums a split view would need no dishonest witness."""
        self.metrics.policy_shared.set(policy.shared)
        self.metrics.policy_block.set(policy.block)
        if policy.shared == 0:
            quorums = [sorted(side) for side in closest_quorums(policy) or ()]
            _log.warning("disjoint_quorums", quorums=quorums)

    def _make_sources(self) -> Sources:
        return Sources(
            self._tracing.sources(
                sources_of(self.settings, self._http, self._issuer, self._clock, outgoing=self._tracing.outgoing)
            ),
            VaultSource(self.vault, self._clock),
            clock=self._clock,
            deadline_ms=self.settings.face_deadline_ms,
            on_outcome=lambda outcome: self.metrics.faces.labels(outcome).inc(),
        )

    def _make_readers(self, *, dev: bool) -> ReaderPool:
        questions = Questions(
            journal=self.accesses, probes=self._probes, faces=self.sources, projection=self.projection,
            events=self.followers,
        )  # fmt: skip
        begin = beginning(
            self.settings, dev=dev, holder=self._holder_secret, policy=self._policy, genesis=self._genesis
        )
        around = Surroundings(
            begin=lambda: begin, place=lambda: place_of(self.graph.engine), shown=lambda: self.registry.snapshot,
            usable=lambda: self.graph.ready,
        )  # fmt: skip
        within_s = self.settings.request_timeout_s + _MARGIN_S
        return ReaderPool(self.settings.workers, questions, around, own=self.metrics.registry, within_s=within_s)

    def app(self) -> Starlette:
        """Give the application: every route, started and stopped with the parts."""
        observed = Middleware(Observed, metrics=self.metrics, direct={"/graphql": self._answering})
        rings = [observed, Middleware(Bounded, turns=self._turns["other"])]
        return Starlette(routes=self.routes(), lifespan=self.lifespan, middleware=rings)

    @asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        """Start journal, ledger and graph in this order; stop them in the other."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._http.aclose)
            stack.push_async_callback(asyncio.to_thread, self._tracing.stop)
            stack.callback(self.vault.close)
            stack.callback(self._guard.close)
            stack.callback(self.refusals.close)
            await self.journal.start()
            stack.push_async_callback(self.journal.stop)
            await self.registry.start()
            stack.push_async_callback(self.registry.stop)
            await self.feed.open()
            stack.push_async_callback(self.feed.stop)
            self.feed.run()
            stack.callback(self.delivery.store.close)
            stack.push_async_callback(self.delivery.stop)
            self.delivery.run()
            if fault := policy_fault(self._policy, self.registry.keys):
                _log.error("policy_not_current", reason=fault)
            await stack.enter_async_context(self.graph.running())
            await stack.enter_async_context(self.readers.running())
            await stack.enter_async_context(self._monitoring.running())
            yield

    def routes(self) -> list[BaseRoute]:
        """Give all routes of the hub."""
        intake = RecordIntake(
            self.journal,
            self.registry,
            listed=listed_codes(),
            pool=self.registry.file.checks,
            clock=self._clock,
            calendar=self._calendar,
        )
        tokens = TokenEndpoint(self._issuer, lambda: self.registry.keys, self._guard, self._clock)
        vault = VaultEndpoint(self.vault, self._authenticator.principal_of, self._clock)
        return [
            Route("/graphql", self._answering),
            WebSocketRoute("/graphql", self._sockets),
            Route("/graphql/stream", self._event_streams.answer, methods=["GET", "POST"]),
            *log_routes(
                self.registry,
                self.journal,
                principal_of=self._principal_of,
                documents={"policy": self._policy, "matters": self._matters.data},
                refusals=self.refusals,
            ),
            *hook_routes(
                self.delivery, self.followers, principal_of=self._principal_of, clock=self._clock, random=self._random
            ),
            *mirror_routes(self.registry, self.journal, principal_of=self._principal_of, seal=self._journal_seal),
            *submission_routes(self.registry, intake, body_timeout_s=self.settings.body_timeout_s),
            *tokens.routes(),
            *StatusTokens(self.registry, self._issuer).routes(),
            *vault.routes(),
            *health_routes(self._checks(), quorum=lambda: self.registry.quorum, readers=self.readers.state),
            *self._monitoring.routes(),
        ]

    def _checks(self) -> dict[str, Callable[[], str | None]]:
        return {
            "journal": lambda: _reason(self.journal.fault),
            "ledger": lambda: _reason(self.registry.fault),
            "witnesses": lambda: (
                self.registry.alarm or (None if self.registry.snapshot else "nothing is published yet")
            ),
            "policy": lambda: policy_fault(self._policy, self.registry.keys),
            "matters": lambda: self._matters.fault(self.registry.keys),
            "graph": lambda: self.graph.fault,
            "events": lambda: self.feed.fault,
            "readers": lambda: self.readers.fault,
        }

    def _context(self, authorization: str | None, request_id: str) -> Context:
        return Context(
            principal=self._authenticator.principal_of(authorization, self._clock()),
            request_id=request_id,
            registry=self.registry,
            journal=self.accesses,
            faces=self.sources,
            events=self.followers,
            clock=self._clock,
            verify=self._own_verifier.verify,
            holder_key=self._holder_key,
            calendar=self._calendar,
            bases=self.bases,
            probes=self._probes,
            projection=self.projection,
        )

    def _holder_key(self, type_code: str, code: str) -> str:
        return holder_key(self._holder_secret, type_code, code)

    def _principal_of(self, request: Request) -> Principal:
        return self._authenticator.principal_of(request.headers.get("authorization"), self._clock())

    def _journal_binding(self) -> tuple[int, bytes]:
        head = self.journal.head
        return head.n, head.root

    def _published(self, snapshot: Snapshot) -> None:
        self.graph.projector.wake()
        self.feed.wake()
        self.readers.show(snapshot)
        self.metrics.published_size.set(snapshot.size)
        self.metrics.cosignatures.set(len(snapshot.cosigners))

    def _stated(self) -> None:
        self.feed.wake()

    def _happened(self, events: Sequence[FeedEvent]) -> None:
        self.followers.publish(events)

    def _is_logged(self, leaf: bytes) -> bool:
        return bool(self.registry.file.reads.find([leaf]))

    def _exposition(self) -> bytes:
        self.metrics.ledger_size.set(self.registry.size)
        self.metrics.breakers(self.sources.states())
        self.metrics.statements.set(self.graph.statements)
        if self.graph.lanes is not None:
            self.metrics.lane_depth.set(self.graph.lanes.depth)
            self.metrics.lane_shared.set(self.graph.lanes.shared)
        for kind, turns in self._turns.items():
            self.metrics.waiting.labels(kind).set(turns.waiting)
        self.metrics.ways(self._graphql.execution.ways)
        self.metrics.caches({**self._graphql.execution.caches, "token": self._authenticator.cache})
        self.metrics.journal_queue.set(self.journal.waiting)
        self.metrics.live_clients.set(self._live.open)
        self.metrics.followers.set(self.followers.live)
        self.metrics.events.set(self.feed.position)
        self.metrics.lamp_lag.set(self.feed.lag)
        shown = self.registry.snapshot
        projected = self.graph.projector.position.ledger
        self.metrics.projection_lag.set(max(0, (shown.size if shown else 0) - projected))
        return self.readers.figures.text()


def _connections(settings: Settings) -> httpx2.Limits:
    """Give every county its own calls' worth, so that none can take the connections of another, or of a witness."""
    return httpx2.Limits(max_connections=_WITNESS_CONNECTIONS + connections_of(settings), max_keepalive_connections=64)


def _registry_limits(settings: Settings) -> RegistryLimits:
    return RegistryLimits(
        group=settings.batch_entries,
        group_s=settings.batch_wait_ms / 1000,
        queue=settings.queue_entries,
        witness_s=settings.witness_timeout_ms / 1000,
    )


def _engine(settings: Settings) -> Engine:
    if settings.engine == "neo4j" and settings.neo4j_password_file is not None:
        return Neo4jEngine(
            settings.neo4j_uri,
            user=settings.neo4j_user,
            password_file=settings.neo4j_password_file,
            database=settings.neo4j_database,
        )
    return ArcadeEngine(settings.data / "graph", memory_mb=settings.engine_memory_mb)


def _reason(fault: Exception | None) -> str | None:
    return None if fault is None else str(fault)
