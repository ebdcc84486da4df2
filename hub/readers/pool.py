"""The readers of a hub: started, given documents, watched, started anew, ended with it.

A document goes to the reader that answers the fewest at the time. Where none is there (at the start, after a crash, or
while the graph cannot be asked) the hub answers it itself. A document whose reader ends goes nowhere else: it may be
what ended it. Its client is told to come again (503 `not_ready`), and what was recorded for it stays recorded.

A reader that has not been heard of for 20 s is ended (SIGKILL). One that ends is followed by another, after 0.2, 0.4, …
10 s.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

from hub.graphql.reception import HttpFault
from hub.processes import end_with_parent
from hub.readers.channel import Channel, ProcessFailed, open_channel
from hub.readers.figures import Figures
from hub.readers.messages import told_principal, told_request, told_snapshot
from ledger.errors import TongbanError, Unavailable

if TYPE_CHECKING:
    from hub.graphql.execution import GraphQLRequest
    from hub.graphql.gateway import Reply
    from hub.readers.questions import Questions
    from ledger.encoding import JsonValue
    from ledger.transparency.snapshot import Snapshot
    from schema.context import Context

__all__ = ["ReaderPool", "Surroundings"]

_MOST: Final = 512  # documents that one reader answers at a time; then 503
_BEGIN_S: Final = 120.0
SILENT_S: Final = 20.0
_LOOK_S: Final = 0.25
_END_S: Final = 5.0
_FIRST_PAUSE_S: Final = 0.2
_LAST_PAUSE_S: Final = 10.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the hub tells its readers.

    begin: settings, files and secret. place: where the graph is. shown: the newest published checkpoint. usable:
    whether the graph can be asked now.
    """

    begin: Callable[[], dict[str, Any]]
    place: Callable[[], list[Any]]
    shown: Callable[[], Snapshot | None]
    usable: Callable[[], bool]


@dataclass(slots=True, eq=False)
class _Reader:
    """One reader. busy: documents that it answers. newest: number of the last one. heard: when it told its figures."""

    process: subprocess.Popen[bytes]
    heard: float
    ready: bool = False
    busy: int = 0
    newest: int = 0
    lost: asyncio.Event = field(default_factory=asyncio.Event)
    channel: Channel = field(init=False)

    @property
    def takes(self) -> bool:
        """Whether it takes documents."""
        return self.ready and self.channel.is_open


class ReaderPool:
    """`hub.graphql.gateway.Elsewhere` over `count` reader processes; on the hub's main thread, whose end is theirs.

    within_s: longest wait for an answer, seconds. silent_s: for how long a reader may say nothing. own: the metrics of
    the hub's process.
    """

    def __init__(
        self, count: int, questions: Questions, surroundings: Surroundings, *, own: CollectorRegistry, within_s: float,
        silent_s: float = SILENT_S,
    ) -> None:  # fmt: skip
        self.count: Final = count
        self.figures: Final = Figures(own)
        self._questions: Final = questions
        self._around: Final = surroundings
        self._within_s: Final = within_s
        self._silent_s: Final = silent_s
        self._readers: Final[list[_Reader]] = []
        self._numbers: Final = itertools.count(1)
        self._place: list[Any] = []
        self._up: Final = Gauge("tongban_readers", "Reader processes that take documents.", registry=own)
        self._ended: Final = Counter("tongban_readers_ended", "Reader processes that ended.", registry=own)

    @property
    def ready(self) -> int:
        """Readers that take documents."""
        return sum(reader.takes for reader in self._readers)

    def documents(self, own: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        """Give the view by document of all processes that run. own: that of the hub's."""
        return self.figures.documents(own)

    def state(self) -> dict[str, JsonValue]:
        """Say how many readers take documents; nothing where there are to be none."""
        return {"ready": self.ready, "of": self.count} if self.count else {}

    @property
    def fault(self) -> str | None:
        """Why no reader takes documents, or None."""
        return "no reader process is up yet" if self.count and not self.ready else None

    async def __call__(self, request: GraphQLRequest, context: Context, *, by_get: bool) -> Reply | None:
        """Have a reader answer a document; None: the hub is to answer it.

        Raises Unavailable pushback, deadline, not_ready (the reader has ended), and what the answer raises.
        """
        reader = min((one for one in self._readers if one.takes), key=_load, default=None)
        if reader is None or not self._around.usable():
            return None
        if reader.busy >= _MOST:
            raise Unavailable("pushback", "too many documents are being answered", retry_after=1)
        number = next(self._numbers)
        self._questions.asking[number], reader.newest = context.principal, number
        reader.busy += 1
        try:
            return await self._answer(reader, number, request, context, by_get=by_get)
        finally:
            reader.busy -= 1
            del self._questions.asking[number]

    async def _answer(
        self, reader: _Reader, number: int, request: GraphQLRequest, context: Context, *, by_get: bool
    ) -> Reply | None:
        told = [number, context.request_id, by_get, told_principal(context.principal), told_request(request)]
        try:
            async with asyncio.timeout(self._within_s):
                head, body = await reader.channel.ask("document", told)
        except TimeoutError as error:
            raise Unavailable("deadline", "the request took too long") from error
        if head is None:
            return None
        if isinstance(head, dict):
            raise HttpFault(*head["fault"])
        status, headers = head
        return status, body, headers

    def show(self, shown: Snapshot) -> None:
        """Tell every reader of a newly published checkpoint."""
        self._tell("shown", told_snapshot(shown))

    def _tell(self, name: str, value: Any) -> None:
        for reader in self._readers:
            if reader.takes:
                reader.channel.tell(name, value)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the readers beside the caller; they end with the block."""
        tasks = [asyncio.create_task(self._keep()) for _ in range(self.count)]
        if self.count:
            tasks.append(asyncio.create_task(self._watch()))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self) -> None:
        """Have one reader for ever, whichever it is."""
        pause = _FIRST_PAUSE_S
        while True:
            try:
                if await self._one():
                    pause = _FIRST_PAUSE_S
            except (TongbanError, ProcessFailed, OSError, TimeoutError) as error:
                _log.error("reader_not_started", kind=type(error).__name__, reason=str(error))
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LAST_PAUSE_S)

    async def _one(self) -> bool:
        """Run one reader to its end; tell whether it has ever been ready."""
        reader, end = self._spawn()
        self._readers.append(reader)
        try:
            await open_channel(end, reader.channel)
            await self._begin(reader)
            await reader.lost.wait()
            _log.warning("reader_ended", pid=reader.process.pid)
        finally:
            was_ready, reader.ready = reader.ready, False
            self._readers.remove(reader)
            self._up.set(self.ready)
            self._ended.inc()
            reader.channel.close()
            await asyncio.to_thread(_end, reader.process)
            self.figures.retire(reader.process.pid)
        return was_ready

    def _spawn(self) -> tuple[_Reader, socket.socket]:
        ours, theirs = socket.socketpair()
        with theirs:
            process = subprocess.Popen(  # noqa: S603  # our own interpreter with our own arguments
                [sys.executable, "-m", "hub.readers", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                process_group=0,  # Ctrl-C at a terminal is for the hub, which then ends its children in order
                preexec_fn=end_with_parent(),  # noqa: PLW1509  # two system calls, no lock is taken in the child
            )
        reader = _Reader(process, asyncio.get_running_loop().time())

        async def leaving(_value: Any, _body: bytes) -> tuple[Any, bytes]:
            reader.ready = False
            return None, b""

        def figures(told: Any) -> None:
            reader.heard = asyncio.get_running_loop().time()
            self.figures.take(process.pid, told)

        answers = {**self._questions.answers, "leaving": leaving}
        reader.channel = Channel(answers, {"figures": figures}, on_lost=reader.lost.set)
        return reader, ours

    async def _begin(self, reader: _Reader) -> None:
        async with asyncio.timeout(_BEGIN_S):
            begin = {
                **self._around.begin(), "graph": self._around.place(), "shown": told_snapshot(self._around.shown()),
            }  # fmt: skip
            await reader.channel.ask("begin", begin)
        reader.heard, reader.ready = asyncio.get_running_loop().time(), True
        reader.channel.tell("graph", self._around.place())  # what changed while it began
        reader.channel.tell("shown", told_snapshot(self._around.shown()))
        self._up.set(self.ready)
        _log.info("reader_began", pid=reader.process.pid)

    async def _watch(self) -> None:
        """Tell where the graph has gone, and end readers that hang."""
        while True:
            place, now = self._around.place(), asyncio.get_running_loop().time()
            if place != self._place:
                self._place = place
                self._tell("graph", place)
            for reader in self._readers:
                if reader.takes and now - reader.heard > self._silent_s:
                    _log.error("reader_hangs", pid=reader.process.pid)
                    reader.process.kill()
            await asyncio.sleep(_LOOK_S)


def _load(reader: _Reader) -> tuple[int, int]:
    return reader.busy, reader.newest  # of equals the one that has rested for longest


def _end(process: subprocess.Popen[bytes]) -> None:
    """Wait until a reader whose channel is closed has ended, and end it if it does not."""
    try:
        process.wait(_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
