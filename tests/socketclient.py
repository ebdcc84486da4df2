"""A WebSocket client for tests: says what it is told to, shows every frame that comes, and can stop reading."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from urllib.parse import urlsplit

from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    Message,
    RejectConnection,
    Request,
    TextMessage,
)

__all__ = ["SocketClient"]

_PATIENCE_S: Final = 20


class SocketClient:
    """One socket. subprotocol: what the server chose; status: of a refused handshake."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.subprotocol: str | None = None
        self.status: int | None = None
        self._wire = WSConnection(ConnectionType.CLIENT)
        self._text = ""

    @classmethod
    @asynccontextmanager
    async def connected(
        cls,
        url: str,
        *,
        protocols: tuple[str, ...] = ("graphql-transport-ws",),
        token: str | None = None,
        **options: Any,
    ) -> AsyncIterator[SocketClient]:
        """Open a socket at an http URL. options: of `asyncio.open_connection`."""
        parts = urlsplit(url)
        place = {} if "sock" in options else {"host": parts.hostname, "port": parts.port}
        reader, writer = await asyncio.open_connection(**place, **options)
        client = cls(reader, writer)
        headers = [] if token is None else [(b"authorization", f"Bearer {token}".encode())]
        opening = Request(host=parts.netloc, target=parts.path, subprotocols=list(protocols), extra_headers=headers)
        client.send_event(opening)
        event = await client.event()
        if isinstance(event, AcceptConnection):
            client.subprotocol = event.subprotocol
        elif isinstance(event, RejectConnection):
            client.status = event.status_code
        try:
            yield client
        finally:
            writer.close()

    def send_event(self, event: Any) -> None:
        """Send a frame of any kind."""
        self.writer.write(self._wire.send(event))

    def send(self, message: Any) -> None:
        """Send a text: a value as JSON, or a text as it is."""
        self.send_event(Message(data=message if isinstance(message, str) else json.dumps(message)))

    def send_bytes(self, data: bytes) -> None:
        """Send a binary message."""
        self.send_event(BytesMessage(data=data))

    async def event(self) -> Any:
        """Give the next event of the wire; None at the end of the connection."""
        async with asyncio.timeout(_PATIENCE_S):
            while True:
                for event in self._wire.events():
                    return event
                data = await self.reader.read(65_536)
                if not data:
                    return None
                self._wire.receive_data(data)

    async def receive(self) -> Any:
        """Give the next message as a value; (code, reason) when the server closes, None when it just ends."""
        while True:
            event = await self.event()
            if isinstance(event, TextMessage):
                self._text += event.data
                if event.message_finished:
                    text, self._text = self._text, ""
                    return json.loads(text)
            elif isinstance(event, CloseConnection):
                return event.code, event.reason
            elif event is None:
                return None

    async def begin(self, token: str | None = None) -> None:
        """Say hello, and wait for the ack."""
        payload = {} if token is None else {"payload": {"Authorization": f"Bearer {token}"}}
        self.send({"type": "connection_init", **payload})
        assert await self.receive() == {"type": "connection_ack"}
