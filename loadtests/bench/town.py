"""The running alliance that the HTTP figures share: hub, graph engine and five county nodes, with licenses looked up.

Two of the counties run an auditor, the other three a witness.

    with running_town(folder, licenses=400) as town:
        town.look_ups(1_000)        # prepared requests, every answer known

Two of its processes matter to the figures: the hub's, and the engine's below it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import cycle, islice
from pathlib import Path
from types import MappingProxyType
from typing import Final

import orjson
import psutil
import uvloop

from hub.commands.ingest import sample_normaliser
from hub.county.node import CountyNode
from hub.demo.alliance import SAMPLE, Alliance, EngineChoice
from hub.demo.trial import AUDITORS
from hub.keyfiles import read_secret
from hub.partner import access_token
from loadtests.answers import check_licenses
from loadtests.bench.wire import Connection, Request, connected, post
from loadtests.operations import operation
from loadtests.population import Holder, Population, records_of

__all__ = ["ASKING", "ONE_CLIENT", "Town", "running_town"]

_WAIT_S: Final = 120.0
_LARGEST_PAGE: Final = 100
ASKING: Final = "320583"
ONE_CLIENT: Final[Mapping[str, str]] = MappingProxyType(
    {"TONGBAN_CLIENT_DOCUMENTS_PER_SECOND": "1000000", "TONGBAN_CLIENT_NEW_PER_MINUTE": "1000000"}
)
"""Settings of a benchmark's hub: its one client may send what it likes, for that is not what is measured."""

_AS_SHIPPED: Final[Mapping[str, str]] = MappingProxyType({})
_PORT: Final = "-Darcadedb.bolt.port="


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """A running alliance whose counties have sealed the licenses of a population. token: may read every license."""

    alliance: Alliance
    population: Population
    token: str

    @property
    def url(self) -> str:
        """The hub's URL."""
        return self.alliance.url("hub")

    @property
    def hub(self) -> psutil.Process:
        """The hub's process."""
        return psutil.Process(self.alliance.children["hub"].pid)

    @property
    def bolt(self) -> tuple[str, tuple[str, str]]:
        """Give URI and credentials of the engine that the hub has started, from its command line and folder."""
        commands = (child.cmdline() for child in self.hub.children(recursive=True))
        port = next(part.removeprefix(_PORT) for command in commands for part in command if part.startswith(_PORT))
        password = (self.alliance.data("hub") / "graph" / "root-password").read_text("ascii")
        return f"bolt://127.0.0.1:{port}", ("root", password)

    @property
    def holder_key(self) -> bytes:
        """The alliance's secret for keys of holders."""
        return read_secret(self.alliance.data("hub") / "keys" / "holder.key")

    def holders(self, count: int) -> Iterator[Holder]:
        """Give holders in the population's order, from the start again when all were given."""
        return islice(cycle(self.population.holders), count)

    def look_ups(self, count: int, *, first: int = 20) -> list[Request]:
        """Prepare look-ups of holders, one document for all; each answer must hold exactly the holder's licenses.

        first: how many licenses one answer may hold.
        """
        document = operation("licenses").replace("first: 20", f"first: {first}")
        return [self._look_up(document, holder) for holder in self.holders(count)]

    def _look_up(self, document: str, holder: Holder) -> Request:
        body = orjson.dumps({"query": document, "variables": holder.variables()})
        data = post("/graphql", body, media_type="application/json", token=self.token)
        return Request(data, lambda answer: check_licenses(orjson.loads(answer), holder))


@contextmanager
def running_town(folder: Path, *, licenses: int, settings: Mapping[str, str] = _AS_SHIPPED) -> Iterator[Town]:
    """Found and start an alliance whose counties have `licenses` sealed licenses each; ready when all are found.

    settings: `TONGBAN_*` variables of the hub.
    """
    engine = EngineChoice(variables=dict(settings))
    alliance = Alliance.found(folder, SAMPLE, auditors=AUDITORS, engine=engine)
    now = int(time.time())  # not before the keys are valid
    population = Population.of(SAMPLE, licenses=licenses, as_of=sample_normaliser(SAMPLE[0], now).today)
    for plan in population.plans:
        with alliance.node(plan.county) as node:
            node.seal_many(list(records_of(plan, sample_normaliser(plan.county, now))), now)
    alliance.publish_offerings(now)
    with alliance.running():
        for plan in population.plans:
            with alliance.node(plan.county) as node:
                _wait_until_stated(node, licenses)
        alliance.await_offerings(_WAIT_S)
        population = _consenting(alliance, population)
        with alliance.node(ASKING) as node:
            town = Town(alliance=alliance, population=population, token=access_token(node, "license.read"))
        uvloop.run(_until_found(town))
        yield town


async def _until_found(town: Town) -> None:
    """Wait until every look-up is answered rightly: what is stated comes into the graph a moment later.

    Each time for a page of another size, which no figure asks for: what came too early is not to be kept by a replay
    server before the engine (peers/programs/replay), and given again. Raises TimeoutError.
    """
    count = len(town.population.holders)
    async with asyncio.timeout(_WAIT_S), connected(town.url, 1) as (connection,):
        for first in range(_LARGEST_PAGE, 20, -1):
            if all([await _is_right(connection, request) for request in town.look_ups(count, first=first)]):
                return
            await asyncio.sleep(1)
    raise TimeoutError("not every license that was stated came into the graph in time")


async def _is_right(connection: Connection, request: Request) -> bool:
    status, body = await connection.exchange(request.data)
    try:
        request.check(body)
    except ValueError:
        return False
    return status == 200


def _consenting(alliance: Alliance, population: Population) -> Population:
    """Let every holder consent to be looked up by the county that asks."""
    named = [(holder.type_code, holder.code) for holder in population.holders]
    ids = alliance.record_consents(ASKING, named, int(time.time()))
    holders = zip(population.holders, ids, strict=True)
    return replace(population, holders=tuple(replace(holder, consent=name) for holder, name in holders))


def _wait_until_stated(node: CountyNode, licenses: int) -> None:
    end = time.monotonic() + _WAIT_S
    while node.status(int(time.time())).stated < licenses:
        if time.monotonic() > end:
            raise TimeoutError("the counties' seals were not all stated in time")
        time.sleep(0.1)
