"""The journal in a running hub: one writer thread, many callers to one commit, readers beside it.

Whatever is asked for while a commit runs goes into the next one: no timer, and under load large groups by themselves.
The queue is bounded; beyond it callers are told to come again. SQLite runs in its own threads (hub/logfile.py).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from hub.database import create_database
from hub.journal.store import JournalHead, JournalReader, JournalRow, JournalStore
from hub.logfile import LogFile
from ledger.errors import TongbanError, Unavailable

__all__ = ["JournalWriter", "create_journal"]

T = TypeVar("T")

MAX_QUEUE: Final = 4096
MAX_GROUP: Final = 1024


def create_journal(path: Path) -> None:
    """Make an empty journal. Raises Conflict already_exists."""
    connection = create_database(path)
    JournalStore.create(connection)
    connection.close()


@dataclass(slots=True)
class _Waiting:
    row: JournalRow
    answer: asyncio.Future[int | TongbanError]


class JournalWriter:
    """The journal of one hub process. `start` before anything else; all methods belong to one event loop.

    on_stated: called in the loop after each commit that holds a statement of a county; must not block. Access records
    alone, of which there is one a look-up, call nobody.
    """

    def __init__(self, path: Path, *, max_queue: int = MAX_QUEUE, on_stated: Callable[[], None] = lambda: None) -> None:
        self._on_stated: Final = on_stated
        self._max_queue: Final = max_queue
        self._queue: Final[deque[_Waiting]] = deque()
        self._committing: asyncio.Task[None] | None = None
        self._file: Final = LogFile(path, "journal", store=JournalStore, reader=JournalReader)
        self._fault: TongbanError | None = None
        self._stated = 0

    async def start(self) -> None:
        """Open and check the journal. Raises Unavailable no_log, store_stopped, NotVerified corrupt_store."""
        await self._file.open()

    async def stop(self) -> None:
        """End after the commits that are under way; what still waits is refused with store_stopped."""
        self._fault = self._fault or Unavailable("store_stopped", "the hub is stopping")
        if self._committing is not None:
            await self._committing
        await self._file.close()

    @property
    def fault(self) -> TongbanError | None:
        """Why nothing can be written any more, or None."""
        return self._fault

    @property
    def head(self) -> JournalHead:
        """Count and root as of the last commit: what the next status head binds."""
        return self._file.store.head

    @property
    def waiting(self) -> int:
        """Records that wait for a commit."""
        return len(self._queue)

    @property
    def stated(self) -> int:
        """Grows whenever counties' statements were committed, or may have been; access records leave it as it is."""
        return self._stated

    async def append(self, rows: Sequence[JournalRow]) -> list[int | TongbanError]:
        """Append rows; when this returns they are durable. One position or Conflict duplicate_identifier each.

        Raises Unavailable pushback (the queue is full), store_stopped.
        """
        _ = self._file.store
        if self._fault is not None:
            raise Unavailable("store_stopped", "the journal takes no records: start the hub anew")
        if len(self._queue) + len(rows) > self._max_queue:
            raise Unavailable("pushback", f"{self._max_queue} journal records are waiting: try again in a second")
        loop = asyncio.get_running_loop()
        waiting = [_Waiting(row, loop.create_future()) for row in rows]
        self._queue.extend(waiting)
        if self._committing is None or self._committing.done():
            self._committing = asyncio.create_task(self._commit_all())
        # The commit has a task of its own: a caller that goes away leaves its neighbours' records to it, and its own.
        if len(waiting) == 1:  # access records come one by one, ten thousand a second
            return [await waiting[0].answer]
        return await asyncio.gather(*(each.answer for each in waiting))

    async def _commit_all(self) -> None:
        while self._queue:
            group = [self._queue.popleft() for _ in range(min(len(self._queue), MAX_GROUP))]
            stated = not all(each.row.access for each in group)
            try:
                if self._fault is not None:
                    raise Unavailable("store_stopped", "the journal takes no records")  # noqa: TRY301  # as if it failed
                results = await self._write([each.row for each in group])
            except Exception as error:  # noqa: BLE001  # every waiter must hear of it
                self._fail(group, error)
                continue
            finally:  # before anybody hears that a statement stands
                self._stated += stated
            for each, result in zip(group, results, strict=True):
                if not each.answer.done():
                    each.answer.set_result(result)
            if stated:
                self._on_stated()

    async def _write(self, rows: Sequence[JournalRow]) -> list[int | TongbanError]:
        return await self._file.write(lambda store: store.append(rows))

    def _fail(self, group: Sequence[_Waiting], error: Exception) -> None:
        failed = Unavailable("store_stopped", f"write failed: {type(error).__name__}")
        fault = error if isinstance(error, TongbanError) else failed
        self._fault = self._fault or fault
        for each in group:
            if not each.answer.done():
                each.answer.set_exception(Unavailable("store_stopped", fault.message))

    async def ask(self, question: Callable[[JournalReader], T]) -> T:
        """Run a read in a reader thread. Raises NotVerified corrupt_store."""
        return await self._file.read(lambda: question(self._file.reader()))

    async def size(self) -> int:
        """Give the count of records."""
        return self.head.n

    async def read(self, start: int, limit: int) -> Sequence[bytes]:
        """Give up to `limit` records from position `start` on."""
        return await self.ask(lambda reader: reader.records(start, limit))
