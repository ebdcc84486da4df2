"""Faces of one holder from nineteen counties at once, over HTTP: sixteen answer, two are dead, one never ends.

Each county is a small server on loopback that speaks as a county's node does; the dead ones' ports are closed, the slow
one takes the request and says nothing. The hub's own gathering asks them, with its deadline for the whole answer, its
breakers off at first (each round has new ones). Beside it stands the deadline itself.
"""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx2
from structlog.testing import capture_logs

from hub.sources.gathering import Sources
from hub.sources.node import NodeSource
from loadtests.bench.measuring import Effort, Gate, Pair, Reading
from loadtests.nineteen.plan import START, World
from schema.access import Principal
from schema.context import FaceAnswer, FaceRequest

__all__ = ["measure"]

_BUDGET_MS: Final = 800
_MARGIN_MS: Final = 50
_DEAD: Final = 2
_SLOW: Final = 1
_CALLER: Final = Principal(county="320583", client="320583#3")


class _Issuer:
    """Gives tokens that no node of ours reads: signing one costs what it costs elsewhere, and is measured there."""

    def node_token(self, _url: str, _now: int) -> str:
        return "token"


class _Vault:
    """A vault in which nothing was deposited."""

    licenses_per_call: Final = 256

    async def faces(self, requests: Sequence[FaceRequest]) -> list[FaceAnswer]:
        return [FaceAnswer(values=None, source="vault", as_of=START, code="absent") for _ in requests]


def measure(effort: Effort) -> list[Reading]:
    """Measure the figure `faces`."""
    pairs = asyncio.run(_pairs(effort))
    return [
        Reading(
            name="faces",
            title="faces from 19 counties at once, 2 of them dead and 1 silent; the other 16 answer",
            unit="ms",
            beside="ms, the deadline for the whole answer",
            pairs=pairs,
            gate=Gate(of="ours", sign="<=", bound=_BUDGET_MS + _MARGIN_MS),
            note=f"the deadline and {_MARGIN_MS} ms is the bar; every round had all 16 faces and 3 codes",
        )
    ]


async def _pairs(effort: Effort) -> tuple[Pair, ...]:
    counties = World(licenses=100).counties
    # The hub warns of each source that fails, which is what it is made to do here.
    with capture_logs():
        return await _rounds(effort, counties)


async def _rounds(effort: Effort, counties: Sequence[str]) -> tuple[Pair, ...]:
    async with _nodes(counties) as urls, httpx2.AsyncClient(trust_env=False) as client:
        return tuple([await _round(counties, urls, client) for _ in range(effort.rounds)])


async def _round(counties: Sequence[str], urls: dict[str, str], client: httpx2.AsyncClient) -> Pair:
    issuer: Any = _Issuer()
    nodes = {
        county: NodeSource(county=county, url=urls[county], client=client, issuer=issuer, clock=lambda: START)
        for county in counties
    }
    sources = Sources(nodes, _Vault(), clock=lambda: START, deadline_ms=_BUDGET_MS)
    requests = [
        FaceRequest(
            certificate_identifier=f"license of {county}", county=county, fields=("certificateNumber",),
            use_cause="figures: faces", caller=_CALLER,
        )
        for county in counties
    ]  # fmt: skip
    start = time.perf_counter()
    answers = await sources.faces(requests)
    took = (time.perf_counter() - start) * 1000
    if sum(each.values is not None for each in answers) != len(counties) - _DEAD - _SLOW:
        raise ValueError(f"expected 16 faces, got the codes {[each.code for each in answers]}")
    return Pair(took, _BUDGET_MS)


@asynccontextmanager
async def _nodes(counties: Sequence[str]) -> AsyncIterator[dict[str, str]]:
    """Serve every county but the dead ones; the last of the others is silent."""
    alive = counties[_DEAD:]
    servers = [
        await asyncio.start_server(_silent if county == alive[-1] else _answering, "127.0.0.1", 0) for county in alive
    ]
    ports = [server.sockets[0].getsockname()[1] for server in servers]
    closed = [_closed_port() for _ in range(_DEAD)]
    try:
        yield {county: f"http://127.0.0.1:{port}" for county, port in zip(counties, [*closed, *ports], strict=True)}
    finally:
        for server in servers:
            server.close()


def _closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


async def _answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            asked = json.loads(await reader.readexactly(length))["requests"]
            faces = [
                {
                    "certificateIdentifier": each["certificateIdentifier"],
                    "values": {"certificateNumber": "1"},
                    "code": None,
                }
                for each in asked
            ]
            body = json.dumps({"faces": faces, "asOf": START}).encode()
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body))
            writer.write(body)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):  # the end of the figure, too
        writer.close()


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()
