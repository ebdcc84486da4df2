"""One Bolt connection with many reads under way: what is written in one turn of the loop leaves in one write.

    asked      RUN 1  PULL 1  RUN 2  PULL 2  RUN 3  PULL 3
    answered   SUCCESS RECORD SUCCESS   FAILURE IGNORED   IGNORED IGNORED
                                        -> RESET, and read 3 is asked again

The server answers in order, so the oldest exchange owns the next message. After a FAILURE it ignores all that follows
until RESET. A reader that has gone leaves its exchange behind: the answer is dropped when it comes, and the connection
lives on. One that has not moved on for a while is *stalled*: a slow statement holds up those behind it, which may then
be asked elsewhere.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

from neo4j.exceptions import Neo4jError, ServiceUnavailable

from hub.graph.bolt.codec import Broken, NoJson
from hub.graph.bolt.messages import FAILURE, GOODBYE, IGNORED, MAX_MESSAGE, RECORD, RESET, SUCCESS
from ledger.errors import Unavailable

if TYPE_CHECKING:
    from hub.graph.bolt.codec import Codec

__all__ = ["BoltConnection", "Pace", "Unanswered"]

_VERSION_BYTES: Final = 4
_KEPT_RECORDS: Final = 2  # a read has one; two show that it has not
_GONE: Final = ("Neo.ClientError.Security.", "Neo.ClientError.Cluster.", "Neo.TransientError.General.DatabaseUnavail")


class Unanswered(Exception):
    """The server has not run a read, or is slow with another one before it: to be asked again at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """stall_s: without an answer for as long, a connection is stalled. silence_s: and without a byte, given up."""

    stall_s: float = 0.5
    silence_s: float = 6.0


@dataclass(slots=True, eq=False)
class _Exchange:
    """What was sent together, and what is still to come for it. settled: not asked elsewhere any more."""

    answer: asyncio.Future[Any]
    replies: int
    size: int
    read: bool
    settled: bool
    records: list[Any] = field(default_factory=list)
    told: Any = None
    failure: Exception | None = None

    def end(self) -> None:
        """Give the reader, if he still waits, what has come."""
        if self.answer.done():
            return
        if self.failure is not None:
            self.answer.set_exception(self.failure)
        else:
            self.answer.set_result(self.records if self.read else self.told)


class BoltConnection(asyncio.Protocol):
    """See above. on_stall: told from time to time while stalled."""

    def __init__(
        self, codec: Codec, pace: Pace, *, on_stall: Callable[[BoltConnection], None] = lambda _: None
    ) -> None:
        self.chosen: Final[asyncio.Future[bytes]] = asyncio.get_running_loop().create_future()
        """The server's four bytes, the first that it sends."""
        self.size = 0
        """Bytes of what was asked and is not answered."""
        self._loop = asyncio.get_running_loop()
        self._codec = codec
        self._stall_s = pace.stall_s
        self._silence_s = pace.silence_s
        self._on_stall = on_stall
        self._on_lost: Callable[[BoltConnection], None] = lambda _: None
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._parts = bytearray()
        self._pending: deque[_Exchange] = deque()
        self._written: list[bytes] = []
        self._full = False
        self._resetting = False
        self._draining = False
        self._lost = False
        self._since = self._heard = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def load(self) -> int:
        """Exchanges under way."""
        return len(self._pending)

    @property
    def ready(self) -> bool:
        """Whether a read may be asked now."""
        return not (self._lost or self._full or self._resetting)

    @property
    def lost(self) -> bool:
        """Whether nothing can be asked any more."""
        return self._lost

    @property
    def stalled(self) -> bool:
        """Whether an answer is overdue."""
        return bool(self._pending) and self._loop.time() - self._since > self._stall_s

    def ask(self, messages: bytes, replies: int, *, read: bool = True, settled: bool = False) -> asyncio.Future[Any]:
        """Send messages; give the future of the records of a read, else of the last SUCCESS's data.

        It fails with Unanswered, Neo4jError, ServiceUnavailable (the connection is lost), or Unavailable
        graph_unavailable for a value that is no JSON value.
        """
        answer: asyncio.Future[Any] = self._loop.create_future()
        if self._lost:
            answer.set_exception(ServiceUnavailable("the connection is lost"))
            return answer
        if not self._pending:
            self._since = self._loop.time()
            self._heard = max(self._heard, self._since)
        self._pending.append(_Exchange(answer, replies, len(messages), read, settled or not read))
        self.size += len(messages)
        self._write(messages)
        if self._timer is None:
            self._timer = self._loop.call_later(self._stall_s / 2, self._look)
        return answer

    def watch(self, on_lost: Callable[[BoltConnection], None]) -> None:
        """Have somebody told, once, when nothing can be asked any more."""
        self._on_lost = on_lost

    def hear(self, within_s: float | None) -> None:
        """Take the server's word that it is gone after so many seconds of silence, if that is sooner than ours."""
        self._silence_s = min(within_s or self._silence_s, self._silence_s)

    def move(self) -> None:
        """Let each read behind the one that is overdue be asked elsewhere, once."""
        for exchange in list(self._pending)[1:]:
            if not exchange.settled and not exchange.answer.done():
                exchange.answer.set_exception(Unanswered("the connection is stalled"))

    def drain(self) -> None:
        """Close when all that was asked is answered."""
        self._draining = True
        if not self._pending:
            self.close()

    def close(self) -> None:
        """Say goodbye and close; who waits gets ServiceUnavailable."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(self._written) + GOODBYE)
            self._transport.close()
        self._end(None)

    def send(self, data: bytes) -> None:
        """Write what is answered by no message: the handshake."""
        self._write(data)

    # What the transport tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        """Take bytes, cut in whatever way."""
        if self._lost:
            return
        self._heard = self._loop.time()
        self._buffer += data
        try:
            self._take()
        except Broken as error:
            self._break(error)

    def pause_writing(self) -> None:
        """Take no more reads: the server does not keep up."""
        self._full = True

    def resume_writing(self) -> None:
        """Take reads again."""
        self._full = False

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell all who wait."""
        self._end(exc)

    def _write(self, data: bytes) -> None:
        if not self._written:
            self._loop.call_soon(self._flush)
        self._written.append(data)

    def _flush(self) -> None:
        if self._written and self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(self._written))
        self._written.clear()

    def _take(self) -> None:
        """Cut what has come into messages."""
        data, at = self._buffer, 0
        if not self.chosen.done():
            if len(data) < _VERSION_BYTES:
                return
            self.chosen.set_result(bytes(data[:_VERSION_BYTES]))
            at = _VERSION_BYTES
        while len(data) - at >= 2:
            length = data[at] << 8 | data[at + 1]
            end = at + 2 + length
            if end > len(data):
                break
            if not length:
                if self._parts:
                    parts, self._parts = self._parts, bytearray()
                    self._message(parts, 0, len(parts))
            elif not self._parts and data[end : end + 2] == b"\0\0":
                self._message(data, at + 2, end)
                end += 2
            else:
                self._parts += data[at + 2 : end]
                if len(self._parts) > MAX_MESSAGE:
                    raise Broken("a message beyond 16 MiB")
            at = end
        del data[:at]

    def _message(self, data: bytearray, start: int, end: int) -> None:
        if not self._pending or end - start < 2:
            raise Broken("a message that nobody asked for")
        exchange, kind = self._pending[0], data[start + 1]
        if kind == RECORD:
            self._record(exchange, data, start + 2, end)
            return
        if kind == SUCCESS:
            if not exchange.read and exchange.replies == 1:
                exchange.told = self._unpack(data, start + 2, end)
        elif kind == FAILURE:
            self._failed(exchange, self._unpack(data, start + 2, end))
        elif kind == IGNORED:
            exchange.failure = exchange.failure or Unanswered("the server ignored it")
        else:
            raise Broken(f"a message of another kind: {kind:02X}")
        exchange.replies -= 1
        if not exchange.replies and not self._lost:
            self._pending.popleft()
            self.size -= exchange.size
            self._since = self._heard
            exchange.end()
            if self._draining and not self._pending:
                self.close()

    def _record(self, exchange: _Exchange, data: bytearray, start: int, end: int) -> None:
        if not exchange.read or exchange.replies != 1:
            raise Broken("a record before its read")
        if exchange.failure is not None or exchange.answer.done() or len(exchange.records) == _KEPT_RECORDS:
            return
        try:
            record = self._codec.unpack(data, start, end)
        except NoJson:
            exchange.failure = Unavailable("graph_unavailable", "a read gave a value that is no JSON value")
            return
        if not isinstance(record, list):
            raise Broken("a record that is no list")
        exchange.records.append(record)

    def _unpack(self, data: bytearray, start: int, end: int) -> dict[str, Any]:
        try:
            told = self._codec.unpack(data, start, end)
        except NoJson as error:
            raise Broken("a summary that is no JSON value") from error
        if not isinstance(told, dict):
            raise Broken("a summary that is no map")
        return told

    def _failed(self, exchange: _Exchange, told: dict[str, Any]) -> None:
        code = told.get("code")
        code = code if isinstance(code, str) else "Neo.DatabaseError.General.UnknownError"
        # The text stays behind: engines put parts of statements and values into it.
        exchange.failure = failure = Neo4jError._basic_hydrate(neo4j_code=code, message="")  # noqa: SLF001  # the driver's table of classes
        if code.startswith(_GONE):
            exchange.end()
            self._break(failure)
        elif exchange.read and not self._resetting:
            self._resetting = True
            self.ask(RESET, 1, read=False).add_done_callback(self._reset)

    def _reset(self, answer: asyncio.Future[Any]) -> None:
        if answer.cancelled() or answer.exception() is not None:
            self._break(ServiceUnavailable("the server does not reset"))
        self._resetting = False

    def _look(self) -> None:
        """See from time to time whether answers come."""
        self._timer = None
        if not self._pending:
            return
        if self._loop.time() - self._heard > self._silence_s:
            self._break(ServiceUnavailable("the server is silent"))
            return
        if self.stalled:
            self._on_stall(self)
        self._timer = self._loop.call_later(self._stall_s / 2, self._look)

    def _break(self, error: Exception) -> None:
        if self._transport is not None:
            self._transport.abort()
        self._end(error)

    def _end(self, error: Exception | None) -> None:
        if self._lost:
            return
        self._lost = True
        if self._timer is not None:
            self._timer.cancel()
        if not self.chosen.done():
            self.chosen.set_exception(_gone(error))
            self.chosen.exception()  # seen: perhaps nobody waits for it
        pending, self._pending, self.size = self._pending, deque(), 0
        for exchange in pending:
            exchange.failure = exchange.failure if exchange.read and exchange.failure else _gone(error)
            exchange.end()
            if exchange.answer.done() and not exchange.answer.cancelled():
                exchange.answer.exception()  # as above
        self._on_lost(self)


def _gone(error: Exception | None) -> ServiceUnavailable:
    gone = ServiceUnavailable("the connection is lost")
    gone.__cause__ = error
    return gone
