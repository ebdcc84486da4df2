"""The process of one reader: begins when the hub says so, answers while the hub is there, ends with it.

It ends when the channel does, however the hub ended: what it was answering goes nowhere then. At SIGTERM it takes no
more documents, answers those that it has, a few seconds long, and ends; the hub puts another one in its place, unless
it is ending, too. Ctrl-C at a terminal is for the hub.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import structlog

from hub.observability import configure_logging
from hub.readers.channel import Channel, open_channel
from hub.readers.messages import snapshot
from hub.readers.reading import Reading
from hub.servers import settle_garbage
from ledger.errors import TongbanError

if TYPE_CHECKING:
    from schema.context import Clock

__all__ = ["ReaderProcess"]

_DRAIN_S: Final = 6.0
_TELL_S: Final = 1.0
_POLL_S: Final = 0.02


class ReaderProcess:
    """One reader over its end of the channel."""

    def __init__(self, end: socket.socket, clock: Clock) -> None:
        self._end: Final = end
        self._clock: Final = clock
        self._over: Final = asyncio.Event()
        self._reading: Reading | None = None
        self._leaving: asyncio.Task[None] | None = None
        self._channel: Final = Channel(
            {"begin": self._begin, "document": self._document},
            {"graph": self._move, "shown": self._show},
            on_lost=self._over.set,
        )

    async def run(self) -> None:
        """Run until the hub ends the channel, or until SIGTERM and the last answer."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._leave)
        loop.add_signal_handler(signal.SIGINT, lambda: None)
        await open_channel(self._end, self._channel)
        telling = asyncio.create_task(self._tell_figures())
        await self._over.wait()
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)

    async def _begin(self, value: Any, _body: bytes) -> tuple[Any, bytes]:
        configure_logging(value["settings"]["log_level"])
        structlog.contextvars.bind_contextvars(reader=os.getpid())
        self._reading = Reading(value, self._channel, self._clock)
        settle_garbage()
        return None, b""

    async def _document(self, value: Any, body: bytes) -> tuple[Any, bytes]:
        structlog.contextvars.bind_contextvars(reader=os.getpid())
        return await self._begun.document(value, body)

    @property
    def _begun(self) -> Reading:
        if self._reading is None:
            raise RuntimeError("a document before the beginning")
        return self._reading

    def _move(self, place: list[Any]) -> None:
        self._begun.engine.move(place)

    def _show(self, shown: dict[str, Any] | None) -> None:
        self._begun.log.show(snapshot(shown))

    async def _tell_figures(self) -> None:
        while True:
            await asyncio.sleep(_TELL_S)
            if self._reading is not None:
                self._channel.tell("figures", self._reading.figures())

    def _leave(self) -> None:
        if self._leaving is None:
            self._leaving = asyncio.create_task(self._drain())

    async def _drain(self) -> None:
        with suppress(TongbanError):  # the hub has ended, too
            await self._channel.ask("leaving", None)  # once it has answered, no document comes any more
        end = asyncio.get_running_loop().time() + _DRAIN_S
        while self._channel.answering and asyncio.get_running_loop().time() < end:  # noqa: ASYNC110  # documents set no event
            await asyncio.sleep(_POLL_S)
        if self._reading is not None:
            self._channel.tell("figures", self._reading.figures())
        self._channel.close()
