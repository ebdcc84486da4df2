"""The parts of one reader: schema, graph over Bolt, files for reading, and the ports that the hub stands behind.

Made once, from what the hub says at the beginning.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from hub.graph.bolt.lane import lane_beside
from hub.graph.driver import BoltDriver, BoltGraph
from hub.graphql.execution import NotHere
from hub.graphql.gateway import GraphQLEndpoint, codes_of
from hub.graphql.reception import HttpFault
from hub.graphql.timings import SlowDocuments
from hub.graphqlparts import admission_of, lanes_over, limits_of, turns_of
from hub.ingest.data import read_table
from hub.journal.bases import JournalBases
from hub.jsonbytes import json_bytes
from hub.observability import Metrics
from hub.ownverifier import OwnVerifier
from hub.readers.figures import told_figures
from hub.readers.messages import principal, request, snapshot
from hub.readers.ports import (
    AskedFaces,
    AskedProbes,
    HubEvents,
    HubProjection,
    JournalFile,
    LedgerView,
    RecordedAccesses,
)
from hub.settings import Settings
from hub.turns import Turns
from ledger.encoding import b64u_decode
from ledger.errors import Refused, Unavailable
from ledger.identifiers import holder_key
from ledger.verifier import Verifier
from ledger.workdays import read_full_calendar
from schema.assembly import build_schema
from schema.context import Context

if TYPE_CHECKING:
    from hub.readers.channel import Channel
    from schema.access import Principal
    from schema.context import Clock

__all__ = ["HubEngine", "Reading"]


class HubEngine:
    """The hub's graph engine as a reader sees it: where it is; whether it runs, the hub looks after.

    place: [uri, user, password, database, starts], as the hub tells it.
    """

    def __init__(self, place: list[Any]) -> None:
        self.fenced: Final = False
        self.alive: Final = True
        self.move(place)

    def move(self, place: list[Any]) -> None:
        """Take where it is now."""
        self.uri, user, password, self.database, self.starts = place
        self.auth = (user, password)

    def fence(self, reason: str) -> None:
        """Do nothing: a reader writes nothing that could fail."""

    def check_writable(self) -> None:
        """Refuse: the hub alone writes. Raises Unavailable graph_unavailable."""
        raise Unavailable("graph_unavailable", "a reader writes nothing")

    async def start(self) -> None:
        """Do nothing: the hub starts it."""

    async def stop(self) -> None:
        """Do nothing: the hub stops it."""


class Reading:
    """Answers documents. begin: what the hub says at the beginning (hub/readers/messages).

    Raises Malformed bad_file, bad_document (a trusted one), Unavailable no_log.
    """

    def __init__(self, begin: Mapping[str, Any], channel: Channel, clock: Clock) -> None:
        settings = Settings.model_validate(begin["settings"])
        data, self._channel, self._clock = settings.data, channel, clock
        self.metrics: Final = Metrics()
        self.engine: Final = HubEngine(begin["graph"])
        self.log: Final = LedgerView(data / "ledger.sqlite")
        self.log.show(snapshot(begin["shown"]))
        self._journal: Final = JournalFile(data / "journal.sqlite")
        self._bases: Final = JournalBases(self._journal)
        self._projection: Final = HubProjection(channel)
        self._events: Final = HubEvents(channel)
        self._calendar: Final = read_full_calendar(read_table("calendar"))
        self._secret: Final = b64u_decode(begin["holder"])
        files = (b64u_decode(begin[name]) for name in ("policy", "genesis"))
        self._verifier: Final = OwnVerifier(Verifier.of_files(*files), self.log, clock)
        driver = BoltDriver(self.engine)
        self._graph: Final = BoltGraph((lane_beside(driver) if settings.bolt_lane else None) or driver)
        self._lanes: Final = lanes_over(self._graph, settings, self.metrics) if settings.lanes else None
        self._observer: Final = SlowDocuments(self.metrics, slow_ms=settings.slow_document_ms)
        self._turns: Final = Turns(turns_of(settings), on_shed=self.metrics.shed.labels("graphql").inc)
        self._endpoint: Final = GraphQLEndpoint(
            build_schema(), self._lanes or self._graph, _nobody, limits=limits_of(settings), dev=begin["dev"],
            observer=self._observer, admission=admission_of(settings, clock, self._turns), read_only=True,
        )  # fmt: skip

    async def document(self, value: Any, _body: bytes) -> tuple[Any, bytes]:
        """Answer one document. Raises as `GraphQLEndpoint.reply`."""
        number, request_id, by_get, caller, asked = value
        context = self._context(number, request_id, principal(caller))
        try:
            status, body, headers = await self._endpoint.reply(request(asked), context, by_get=by_get)
        except NotHere:
            return None, b""
        except HttpFault as fault:
            return {"fault": [fault.status, fault.code, fault.message, fault.headers]}, b""
        data = body if isinstance(body, bytes) else json_bytes(body)
        return [status, {**headers, **codes_of(body)}], data

    def figures(self) -> dict[str, Any]:
        """Give what this process has counted."""
        self.metrics.statements.set(self._graph.statements)
        if self._lanes is not None:
            self.metrics.lane_depth.set(self._lanes.depth)
            self.metrics.lane_shared.set(self._lanes.shared)
        self.metrics.waiting.labels("graphql").set(self._turns.waiting)
        self.metrics.ways(self._endpoint.execution.ways)
        self.metrics.caches(self._endpoint.execution.caches)
        return {"samples": told_figures(self.metrics.registry), **self._observer.busiest.view()}

    def _context(self, number: int, request_id: str, caller: Principal) -> Context:
        return Context(
            principal=caller,
            request_id=request_id,
            registry=self.log,
            journal=RecordedAccesses(self._journal, self._channel, number),
            faces=AskedFaces(self._channel, number),
            events=self._events,
            clock=self._clock,
            verify=self._verifier.verify,
            holder_key=lambda type_code, code: holder_key(self._secret, type_code, code),
            calendar=self._calendar,
            bases=self._bases,
            probes=AskedProbes(self._channel, number),
            projection=self._projection,
        )


def _nobody(_authorization: str | None, _request_id: str) -> Context:
    raise Refused("token_required", "a reader is asked by the hub alone")
