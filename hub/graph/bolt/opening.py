"""Opening a connection: where the URI points, TLS, the version, the login, and what the server hints.

    bolt://host:7687    bolt+s://…     one server; with TLS that a certificate authority of the system vouches for
    neo4j://host:7687   neo4j+s://…    a cluster: see routing.py;   +ssc: with TLS that nobody vouches for

The schemes mean what they mean to the driver. Source: Neo4j Driver Manual, "Connection"; Bolt Protocol, "Handshake".
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from neo4j.exceptions import ServiceUnavailable

from hub.graph.bolt.connection import BoltConnection, Pace
from hub.graph.bolt.messages import HANDSHAKE, VERSIONS, login

if TYPE_CHECKING:
    from hub.graph.bolt.codec import Codec

__all__ = ["Address", "NoVersion", "Opener", "Told", "Where", "where_of"]

Address: TypeAlias = tuple[str, int]
"""Host, without brackets, and port."""
Told: TypeAlias = Callable[[BoltConnection], None]

_PORT: Final = 7687
_NONE: Final = bytes(4)
_HINT: Final = "connection.recv_timeout_seconds"


class NoVersion(Exception):
    """The server speaks none of the versions that the lane does: the driver may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """What a Bolt URI says. routing: what a cluster is told of how it was found; None for one server."""

    seed: Address
    tls: ssl.SSLContext | None
    routing: Mapping[str, str] | None


def where_of(uri: str) -> Where:
    """Read a Bolt URI, which the settings have checked. Raises ValueError."""
    parts = urlsplit(uri)
    kind, _, safety = parts.scheme.partition("+")
    seed = (parts.hostname or "localhost", parts.port or _PORT)
    routing = None
    if kind == "neo4j":
        routing = dict(parse_qsl(parts.query)) | {"address": f"{_bracketed(seed[0])}:{seed[1]}"}
    return Where(seed=seed, tls=_tls(safety), routing=routing)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _tls(safety: str) -> ssl.SSLContext | None:
    if not safety:
        return None
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if safety == "ssc":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


@dataclass(frozen=True, slots=True, kw_only=True)
class Opener:
    """Opens connections of one user to the servers of one URI. within_s: longest time until the login is done."""

    where: Where
    auth: tuple[str, str]
    codec: Codec
    pace: Pace
    within_s: float

    async def open(
        self, address: Address, *, on_stall: Told = lambda _: None, on_lost: Told = lambda _: None
    ) -> BoltConnection:
        """Connect and log in.

        Raises NoVersion, ServiceUnavailable, and Neo4jError for what the server refuses (AuthError: the password).
        """
        connection = BoltConnection(self.codec, self.pace, on_stall=on_stall)
        try:
            async with asyncio.timeout(self.within_s):
                await self._connect(connection, address)
                await self._log_in(connection)
        except (OSError, TimeoutError) as error:  # an error of TLS is an OSError
            connection.close()
            raise ServiceUnavailable("no connection to the server") from error
        except BaseException:
            connection.close()
            raise
        connection.watch(on_lost)
        return connection

    async def _connect(self, connection: BoltConnection, address: Address) -> None:
        tls = self.where.tls
        transport, _ = await asyncio.get_running_loop().create_connection(
            lambda: connection, *address, ssl=tls, server_hostname=address[0] if tls else None
        )
        if plain := transport.get_extra_info("socket"):
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    async def _log_in(self, connection: BoltConnection) -> None:
        connection.send(HANDSHAKE)
        chosen = await connection.chosen
        if chosen == _NONE:
            raise NoVersion("the server speaks neither Bolt 5.1 to 5.4 nor 4.4")
        version = VERSIONS.get(chosen)
        if version is None:
            raise ServiceUnavailable("the server does not speak Bolt")
        asked = [
            connection.ask(message, 1, read=False)
            for message in login(self.codec, version, self.auth, self.where.routing)
        ]
        hello, *_ = await asyncio.gather(*asked)
        connection.hear(_silence(hello))


def _silence(hello: Mapping[str, Any]) -> float | None:
    """Give the seconds of silence after which the server is gone, if it says so; it sends empty chunks until then."""
    hints = hello.get("hints")
    said = hints.get(_HINT) if isinstance(hints, dict) else None
    return float(said) if isinstance(said, int) and not isinstance(said, bool) and said > 0 else None
