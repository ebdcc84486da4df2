"""The two streaming endpoints over a real feed, served on loopback: what their protocol tests talk to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Final

from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute

from hub.graphql.connections import Connections
from hub.graphql.eventstreams import EventStreams
from hub.graphql.gateway import GraphQLEndpoint
from hub.graphql.limits import LIMITS
from hub.graphql.sockets import GraphQLSockets
from hub.graphql.streams import StreamLimits, Streams
from hub.servers import BoundedProtocol, BoundedSocket
from ledger.errors import Refused
from schema.access import ANONYMOUS, Principal
from schema.assembly import build_schema
from schema.context import Context
from tests.casefile import CHENGYANG, FENGNAN
from tests.event_world import EventWorld
from tests.graph_fakes import CannedGraph
from tests.ports import FakeJournal, request_context
from tests.servers import serving

__all__ = ["BEGINNING", "EVENTS", "LiveStreams"]

BEGINNING: Final = "A" * 43
EVENTS: Final = (
    "subscription E($after: Cursor, $kinds: [CaseEventKind!], $case: CaseNumber) "
    '{ caseEvents(after: $after, kinds: $kinds, caseNumber: $case, useCause: "办件跟踪") { cursor kind caseNumber } }'
)
_SCHEMA: Final = build_schema()
_PARTY: Final = Principal(
    county=CHENGYANG, client=f"{CHENGYANG}#3", token_id="t", scopes=frozenset({"case.follow"}), expires=2**40
)
_SHORT: Final = StreamLimits(look_s=0.05, init_s=20, operations=3, message_bytes=4096)


class _Impatient(BoundedSocket):
    stall_s: ClassVar[float] = 0.3


@dataclass
class LiveStreams:
    """A server on loopback. tokens: what the callers present, and who they are; who is taken out is refused."""

    url: str
    world: EventWorld
    live: Connections
    journal: FakeJournal = field(default_factory=FakeJournal)
    tokens: dict[str, Principal] = field(
        default_factory=lambda: {
            "good": _PARTY,
            "reader": replace(_PARTY, scopes=frozenset({"case.read"})),
            "other": replace(_PARTY, county=FENGNAN),
        }
    )

    @classmethod
    @asynccontextmanager
    async def running(
        cls,
        folder: Path,
        *,
        limits: StreamLimits = _SHORT,
        connections: int = 4,
        of_county: int = 4,
        impatient: bool = False,
    ) -> AsyncIterator[LiveStreams]:
        """Serve the endpoints over a feed in `folder`."""
        async with EventWorld.opened(folder) as world:
            here = cls(url="", world=world, live=Connections(connections, county=of_county))
            graphql = GraphQLEndpoint(_SCHEMA, CannedGraph(rows=[["名"]]), here.context)
            parts: Any = (Streams(graphql.execution, limits), here.context, here.live)
            routes = [
                Route("/graphql", graphql),
                WebSocketRoute("/graphql", GraphQLSockets(*parts, limits=LIMITS)),
                Route("/graphql/stream", EventStreams(*parts, limits=LIMITS).answer, methods=["GET", "POST"]),
            ]
            protocol = _Impatient if impatient else BoundedSocket
            async with serving(
                Starlette(routes=routes), http=BoundedProtocol, ws=protocol, narrow=impatient
            ) as here.url:
                yield here

    def context(self, authorization: str | None, request_id: str) -> Context:
        """Give the context of a caller with one of the tokens."""
        principal = ANONYMOUS if authorization is None else self.tokens.get(authorization.removeprefix("Bearer "))
        if principal is None:
            raise Refused("invalid_token", "the access token is not good, or no longer: get a new one")
        return request_context(
            principal=principal, request_id=request_id, events=self.world.followers, journal=self.journal
        )

    async def state(self, *raws: bytes) -> None:
        """State steps, and let the feed tell of them."""
        await self.world.state(*raws)
        await self.world.feed.catch_up()
