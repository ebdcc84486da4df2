"""Which servers of a cluster are read from: the routing table, refreshed when its time is over.

    ROUTE  ->  {"rt": {"ttl": 300, "db": "hub", "servers": [
                   {"role": "READ", "addresses": ["b:7687", "c:7687"]},
                   {"role": "ROUTE", "addresses": ["a:7687", "b:7687"]}, {"role": "WRITE", "addresses": ["a:7687"]}]}}

Readers take turns. One that is lost is left out until the next table; when none is left, the table is asked for anew.
With `bolt://` the one server is the table. Source: Bolt Protocol, "ROUTE"; Neo4j Operations Manual, "Routing".
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from neo4j.exceptions import DriverError, Neo4jError, ServiceUnavailable

from hub.graph.bolt.messages import route

if TYPE_CHECKING:
    from hub.graph.bolt.opening import Address, Opener

__all__ = ["Readers", "Table", "parse_table"]

_LEAST_TTL_S: Final = 1
_MOST_TTL_S: Final = 86_400
_MOST_SERVERS: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A cluster as it was told. ttl_s: seconds for which it holds."""

    ttl_s: float
    readers: tuple[Address, ...]
    routers: tuple[Address, ...]


def parse_table(told: Any) -> Table:
    """Read the answer to ROUTE. Raises ServiceUnavailable for one that is none, or that names nobody to read from."""
    try:
        table = told["rt"]
        ttl_s = min(max(table["ttl"], _LEAST_TTL_S), _MOST_TTL_S)
        found: dict[str, list[Address]] = {}
        for server in table["servers"]:
            found.setdefault(server["role"], []).extend(map(_address, server["addresses"]))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ServiceUnavailable("the server gives no routing table") from error
    readers, routers = _few(found.get("READ", ())), _few(found.get("ROUTE", ()))
    if not readers:
        raise ServiceUnavailable("the routing table names no reader")
    return Table(ttl_s=ttl_s, readers=readers, routers=routers)


def _few(addresses: Sequence[Address]) -> tuple[Address, ...]:
    return tuple(dict.fromkeys(addresses))[:_MOST_SERVERS]


def _address(text: Any) -> Address:
    host, _, port = text.rpartition(":")
    number = int(port)
    if not host or not 0 < number < 65_536:
        raise ValueError("address")
    return host.removeprefix("[").removesuffix("]"), number


class Readers:
    """The servers that reads go to, in turn. Only one task at a time may call `next`."""

    def __init__(self, opener: Opener, database: str) -> None:
        self._opener = opener
        self._database = database
        self._loop = asyncio.get_running_loop()
        self._routed = opener.where.routing is not None
        self._table = Table(ttl_s=0, readers=() if self._routed else (opener.where.seed,), routers=())
        self._until = self._loop.time()
        self._turn = 0

    @property
    def stale(self) -> bool:
        """Whether the table's time is over, or nobody is left in it."""
        return self._routed and (not self._table.readers or self._loop.time() >= self._until)

    def knows(self, address: Address) -> bool:
        """Tell whether reads may go there."""
        return address in self._table.readers

    def forget(self, address: Address) -> None:
        """Leave a server out that does not answer; one server alone is never left out."""
        if self._routed:
            left = tuple(each for each in self._table.readers if each != address)
            self._table = Table(ttl_s=self._table.ttl_s, readers=left, routers=self._table.routers)

    async def next(self) -> Address:
        """Give the server whose turn it is, from a table that holds. Raises as `Opener.open`."""
        if self.stale:
            await self.refresh()
        self._turn += 1
        return self._table.readers[self._turn % len(self._table.readers)]

    async def refresh(self) -> None:
        """Ask the routers, and then who was there first, for a new table. Raises as `Opener.open`: the last's error."""
        last: Exception = ServiceUnavailable("no router is known")
        for router in dict.fromkeys((*self._table.routers, self._opener.where.seed)):
            try:
                table = await self._asked(router)
            except (DriverError, Neo4jError) as error:
                last = error
            else:
                self._table, self._until = table, self._loop.time() + table.ttl_s
                return
        raise last

    async def _asked(self, router: Address) -> Table:
        connection = await self._opener.open(router)
        try:
            async with asyncio.timeout(self._opener.within_s):
                question = route(self._opener.codec, self._opener.where.routing or {}, self._database)
                return parse_table(await connection.ask(question, 1, read=False))
        except TimeoutError as error:
            raise ServiceUnavailable("the router does not answer") from error
        finally:
            connection.close()
