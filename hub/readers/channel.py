"""The channel between the hub and one reader: both sides ask, answer and tell, many at a time, over one socket pair.

What is asked is answered in any order. Bounded on both sides: questions that wait for an answer, questions being
answered, and bytes that the other side has not read; beyond them `pushback`. When the other process ends, everything
that waits for it hears `not_ready`, and what it had asked for is given up.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias, cast

from hub.observability import log_unexpected
from hub.readers.frames import Frame, Frames, Kind
from ledger.errors import CODES, Malformed, TongbanError, Unavailable

__all__ = ["Answering", "Channel", "ProcessFailed", "Telling", "open_channel"]

Answering: TypeAlias = "Callable[[Any, bytes], Awaitable[tuple[Any, bytes]]]"
"""(value, body) of a question -> (value, body) of its answer."""
Telling: TypeAlias = "Callable[[Any], None]"

MOST: Final = 4096
_UNREAD_BYTES: Final = 32 * 1024 * 1024


class ProcessFailed(Exception):
    """The other process met an error that nobody foresaw; it has logged it."""


class Channel(asyncio.Protocol):
    """One end. answers, told: what the other side may ask and tell, by name. on_lost: called once, at the end.

    most: questions that may wait here, and be answered here, at a time.
    """

    def __init__(
        self, answers: Mapping[str, Answering], told: Mapping[str, Telling], *,
        on_lost: Callable[[], None] = lambda: None, most: int = MOST,
    ) -> None:  # fmt: skip
        self._answers: Final = answers
        self._told: Final = told
        self._on_lost: Final = on_lost
        self._most: Final = most
        self._frames: Final = Frames()
        self._numbers: Final = itertools.count(1)
        self._waiting: Final[dict[int, asyncio.Future[tuple[Any, bytes]]]] = {}
        self._tasks: Final[set[asyncio.Task[None]]] = set()
        self._transport: asyncio.Transport | None = None
        self._unread = False
        self._turn: list[bytes] = []

    @property
    def is_open(self) -> bool:
        """Whether the other side can be asked."""
        return self._transport is not None and not self._transport.is_closing()

    @property
    def answering(self) -> int:
        """Questions of the other side that are being answered."""
        return len(self._tasks)

    async def ask(self, name: str, value: Any, body: bytes = b"") -> tuple[Any, bytes]:
        """Ask the other side and wait for its answer, as (value, body).

        Raises Unavailable pushback, not_ready (the other process has ended); ProcessFailed; and what the answer raises.
        """
        if not self.is_open:
            raise _ended()
        if self._unread or len(self._waiting) >= self._most:
            raise Unavailable("pushback", "too much waits for a reader process", retry_after=1)
        number = next(self._numbers)
        packed = Frame(Kind.ASK, number, [name, value], body).pack()
        answer: asyncio.Future[tuple[Any, bytes]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            self._write(packed)
            return await answer
        finally:
            del self._waiting[number]

    def tell(self, name: str, value: Any) -> None:
        """Tell the other side, if it is there."""
        if self.is_open:
            self._write(Frame(Kind.TELL, 0, [name, value]).pack())

    def close(self) -> None:
        """End the channel after what is written."""
        self._flush()
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=_UNREAD_BYTES)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # the base's signature
        """End: whoever waits hears of it, and what the other side asked for is given up."""
        self._transport = None
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(_ended())
        for task in self._tasks:
            task.cancel()
        self._on_lost()

    def pause_writing(self) -> None:
        """Ask nothing more: the other side does not read."""
        self._unread = True

    def resume_writing(self) -> None:
        """Go on."""
        self._unread = False

    def data_received(self, data: bytes) -> None:
        """Take frames. What is none ends the channel."""
        try:
            for frame in self._frames.feed(data):
                self._take(frame)
        except (KeyError, TypeError, ValueError, TongbanError):
            if self._transport is not None:
                self._transport.abort()

    def _take(self, frame: Frame) -> None:
        if frame.kind is Kind.ASK:
            name, value = frame.head
            task = asyncio.get_running_loop().create_task(self._answer(frame.number, name, value, frame.body))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif frame.kind is Kind.TELL:
            name, value = frame.head
            self._told[name](value)
        else:
            waiting = self._waiting.get(frame.number)
            if waiting is None or waiting.done():
                return  # who asked has gone
            if frame.kind is Kind.DONE:
                waiting.set_result((frame.head, frame.body))
            else:
                waiting.set_exception(_stated(frame.head))

    async def _answer(self, number: int, name: str, value: Any, body: bytes) -> None:
        try:
            if len(self._tasks) > self._most:
                raise Unavailable("pushback", "too much is asked of this process", retry_after=1)  # noqa: TRY301  # as if it failed
            done, data = await self._answers[name](value, body)
            packed = Frame(Kind.DONE, number, done, data).pack()
        except TongbanError as error:
            packed = Frame(Kind.FAILED, number, [error.code, error.message, error.index, error.retry_after]).pack()
        except Exception as error:  # noqa: BLE001  # the last place that can mask it
            log_unexpected(error, "", asked=name)
            packed = Frame(Kind.FAILED, number, None).pack()
        self._write(packed)

    def _write(self, packed: bytes) -> None:
        """Write with all that this turn of the loop has to say: at a system call other threads may go first."""
        if not self._turn:
            asyncio.get_running_loop().call_soon(self._flush)
        self._turn.append(packed)

    def _flush(self) -> None:
        packed, self._turn = b"".join(self._turn), []
        if self._transport is not None:
            self._transport.write(packed)


async def open_channel(end: socket.socket, channel: Channel) -> Channel:
    """Put a channel over one end of a socket pair, which it owns from then on."""
    end.setblocking(False)  # noqa: FBT003  # the standard library's signature
    await asyncio.get_running_loop().create_unix_connection(lambda: channel, sock=end)
    return channel


def _ended() -> Unavailable:
    return Unavailable("not_ready", "the process that was asked has ended: ask again", retry_after=1)


def _stated(head: Any) -> Exception:
    if head is None:
        return ProcessFailed()
    code, message, index, retry_after = head
    kind = CODES.get(code)
    if kind is None:
        raise Malformed("bad_request", "expected a stable code")
    return kind(code, message, index=index, retry_after=retry_after)
