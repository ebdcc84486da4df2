"""A Bolt server that answers as a test says, byte by byte; it knows the messages of a reader, and no Cypher.

    async with BoltServer(answer=echo) as server:        RUN "…" {v: 4}, PULL  ->  SUCCESS, RECORD [[4]], SUCCESS
        engine = server.engine()

Like a real one it ignores what follows a failure until RESET, and answers in order.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self, TypeAlias

from hub.graph.bolt.codec import find_codec
from hub.graph.bolt.messages import chunked
from tests.graphs import PlacedEngine

__all__ = ["NOOP", "Answer", "BoltServer", "Run", "Talk", "echo", "failure", "record", "success"]

NOOP: Final = b"\0\0"
_CODEC: Final = find_codec()
_HELLO, _LOGON, _RESET, _RUN, _PULL, _ROUTE, _GOODBYE = 0x01, 0x6A, 0x0F, 0x10, 0x3F, 0x66, 0x02


def success(**told: Any) -> bytes:
    """Spell out SUCCESS."""
    return chunked(b"\xb1\x70" + _CODEC.pack(told))


def record(*values: Any) -> bytes:
    """Spell out RECORD."""
    return chunked(b"\xb1\x71" + _CODEC.pack(list(values)))


def failure(code: str) -> bytes:
    """Spell out FAILURE."""
    return chunked(b"\xb1\x7f" + _CODEC.pack({"code": code, "message": "never read"}))


_IGNORED: Final = chunked(b"\xb0\x7e")


@dataclass(frozen=True, slots=True)
class Run:
    """One statement as it came."""

    text: str
    parameters: Mapping[str, Any]
    extra: Mapping[str, Any]


@dataclass(slots=True)
class Talk:
    """One connection. number: of the connections of its server, from 0."""

    server: BoltServer
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    number: int
    failed: bool = False
    runs: list[Run] = field(default_factory=list)

    async def give(self, data: bytes) -> None:
        """Send bytes, in pieces if the server is told so."""
        piece = self.server.piece or len(data)
        for start in range(0, len(data), piece):
            self.writer.write(data[start : start + piece])
            await self.writer.drain()
            if self.server.piece:
                await asyncio.sleep(0)

    async def value(self, value: Any) -> None:
        """Answer a read."""
        await self.give(success(fields=["r"], t_first=0) + record(value) + success(type="r", t_last=0))

    async def fail(self, code: str) -> None:
        """Answer a read by a failure."""
        self.failed = True
        await self.give(failure(code) + _IGNORED)

    def cut(self) -> None:
        """Break the connection."""
        self.writer.transport.abort()

    async def talk(self) -> None:
        """Serve until the other side goes."""
        await self.reader.readexactly(20)
        await self.give(bytes((0, 0, self.server.version[1], self.server.version[0])))
        while (message := await self._message())[1] != _GOODBYE:
            await self._take(message[1], self._fields(message))

    async def _take(self, kind: int, fields: list[Any]) -> None:
        self.server.heard.append((kind, fields))
        if kind == _RESET:
            self.failed = False
            await self.give(success())
        elif self.failed:
            if kind != _PULL:
                await self.give(_IGNORED + (_IGNORED if kind == _RUN else b""))
        elif kind in {_HELLO, _LOGON}:
            await self._log_in(kind, fields[0])
        elif kind == _ROUTE:
            await self.give(success(rt=self.server.table))
        elif kind == _RUN:
            run = Run(*fields)
            self.runs.append(run)
            await self.server.answer(self, run)

    async def _log_in(self, kind: int, told: Mapping[str, Any]) -> None:
        if told.get("credentials", self.server.password) != self.server.password:
            self.failed = True
            await self.give(failure("Neo.ClientError.Security.Unauthorized"))
        else:
            await self.give(success(hints=self.server.hints) if kind == _HELLO else success())

    async def _message(self) -> bytearray:
        message = bytearray()
        while True:
            size = int.from_bytes(await self.reader.readexactly(2), "big")
            if not size and message:
                return message
            message += await self.reader.readexactly(size)

    def _fields(self, message: bytearray) -> list[Any]:
        listed = bytearray([0x90 | message[0] & 0x0F]) + message[2:]  # a structure's fields, as a list
        fields: list[Any] = _CODEC.unpack(listed, 0, len(listed))
        return fields


Answer: TypeAlias = Callable[[Talk, Run], Awaitable[None]]


async def echo(talk: Talk, run: Run) -> None:
    """Give the parameter `v` in a list."""
    await talk.value([run.parameters["v"]])


@dataclass(slots=True, kw_only=True)
class BoltServer:
    """See above. version: that it chooses. piece: bytes that it sends at a time; 0: all. table: what ROUTE gives."""

    answer: Answer = echo
    version: tuple[int, int] = (5, 4)
    password: str = "password"
    hints: dict[str, Any] = field(default_factory=dict)
    table: Any = None
    piece: int = 0
    tls: ssl.SSLContext | None = None
    heard: list[tuple[int, list[Any]]] = field(default_factory=list)
    talks: list[Talk] = field(default_factory=list)
    _server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """Where it listens, on loopback."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def address(self) -> str:
        """Host and port, as a routing table names them."""
        return f"127.0.0.1:{self.port}"

    def kinds(self, kind: int) -> int:
        """Count the messages of a kind."""
        return sum(each == kind for each, _ in self.heard)

    def engine(self, scheme: str = "bolt") -> PlacedEngine:
        """Give it as an engine."""
        return PlacedEngine(f"{scheme}://{self.address}")

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=self.tls)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for talk in self.talks:
            talk.cut()
        await asyncio.sleep(0)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = Talk(self, reader, writer, len(self.talks))
        self.talks.append(talk)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await talk.talk()
        writer.close()
