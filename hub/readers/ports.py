"""The schema's ports in a reader process: what its files say it reads itself, all else it asks of the hub.

An access record is durable when the hub says so. While the hub is away nothing is recorded, and so no answer about a
person is made.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from hub.journal.access import AccessReads
from hub.journal.store import JournalReader
from hub.log.shownlog import ShownLog
from hub.logfile import LogReader
from hub.readers.messages import face_answer, told_access, told_question
from ledger.errors import Unavailable
from ledger.transparency.snapshot import LogReads, Snapshot
from ledger.transparency.sqlite import SqliteReader

if TYPE_CHECKING:
    from hub.readers.channel import Channel
    from schema.access import Principal
    from schema.context import Access, FaceAnswer, FaceRequest, Submission
    from schema.feed import FeedEvent
    from schema.readafter import ReadAfter

__all__ = ["AskedFaces", "AskedProbes", "HubEvents", "HubProjection", "JournalFile", "LedgerView", "RecordedAccesses"]

T = TypeVar("T")


class LedgerView(ShownLog):
    """The ledger's file, opened for reading. `snapshot` is what the hub told last."""

    def __init__(self, path: Path) -> None:
        self._file: Final = LogReader(path, "ledger", SqliteReader)
        self._reads: Final = LogReads(self._file.reader)
        self._snapshot: Snapshot | None = None

    @property
    def snapshot(self) -> Snapshot | None:
        """The newest published checkpoint."""
        return self._snapshot

    def show(self, shown: Snapshot | None) -> None:
        """Take a newer one."""
        self._snapshot = shown

    @property
    def reads(self) -> LogReads:
        """Reads for the calling thread."""
        return self._reads

    async def ask(self, question: Callable[[LogReads], T]) -> T:
        """Run a read in a reading thread."""
        return await self._file.read(lambda: question(self._reads))

    async def submit(self, entries: Sequence[bytes], *, wait: bool) -> Sequence[Submission]:  # noqa: ARG002  # the port's signature
        """Refuse: a reader answers no mutation."""
        raise Unavailable("store_stopped", "this process takes no entries")


class JournalFile:
    """The journal's file, opened for reading: what the last commit holds, whoever made it."""

    def __init__(self, path: Path) -> None:
        self._file: Final = LogReader(path, "journal", JournalReader)

    async def ask(self, question: Callable[[JournalReader], T]) -> T:
        """Run a read in a reading thread. Raises NotVerified corrupt_store."""
        return await self._file.read(lambda: question(self._file.reader()))


class RecordedAccesses(AccessReads):
    """Access records: found in the journal's file, written by the hub. number: of the document that is answered."""

    def __init__(self, journal: JournalFile, channel: Channel, number: int) -> None:
        super().__init__(journal)
        self._channel: Final = channel
        self._number: Final = number

    async def record_access(self, access: Access) -> int:
        """Have an access record appended; durable when this returns. Raises Unavailable: then no answer may leave."""
        position, _ = await self._channel.ask("record", [self._number, told_access(access)])
        return int(position)


class AskedProbes:
    """The guard of all processes together, which the hub keeps. It knows who asks by the document's number."""

    def __init__(self, channel: Channel, number: int) -> None:
        self._channel: Final = channel
        self._number: Final = number

    async def admit(self, principal: Principal, subject: str | None) -> None:  # noqa: ARG002  # the port's signature
        """Let the client ask about one subject. Raises Refused too_many_asked, too_many_misses; Unavailable."""
        await self._channel.ask("admit", [self._number, subject])

    async def missed(self, principal: Principal) -> None:  # noqa: ARG002  # the same
        """Count a read that found nothing, or whose basis is none."""
        await self._channel.ask("missed", self._number)


class AskedFaces:
    """All record sources, which the hub asks: each county has its bounds and its breaker once."""

    def __init__(self, channel: Channel, number: int) -> None:
        self._channel: Final = channel
        self._number: Final = number

    async def faces(self, requests: Sequence[FaceRequest]) -> Sequence[FaceAnswer]:
        """Ask all counties; answers in the order of the requests. Raises Unavailable when the hub is away."""
        told, _ = await self._channel.ask("faces", [self._number, [told_question(one) for one in requests]])
        return [face_answer(one) for one in told]


class HubProjection:
    """How far the graph has come: the hub projects."""

    def __init__(self, channel: Channel) -> None:
        self._channel: Final = channel

    async def reach(self, after: ReadAfter) -> tuple[str, ...]:
        """Wait until the graph holds what a write left. Raises Malformed bad_read_after, Unavailable."""
        bookmarks, _ = await self._channel.ask("reach", after.format())
        return tuple(bookmarks)


class HubEvents:
    """The feed of events: followed at the hub, whose newest cursor anyone may ask for."""

    def __init__(self, channel: Channel) -> None:
        self._channel: Final = channel

    def follow(self, county: str, *, after: str | None) -> AsyncGenerator[FeedEvent, None]:  # noqa: ARG002  # the same
        """Refuse: a reader answers no subscription."""
        raise Unavailable("store_stopped", "this process follows no events")

    async def newest(self) -> str:
        """Give the cursor of the newest event. Raises Unavailable."""
        cursor, _ = await self._channel.ask("newest", None)
        return str(cursor)
