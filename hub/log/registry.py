"""The hub's ledger: takes entries from many callers, commits them in groups, and answers when a quorum has cosigned.

    submit -> form and signatures, in threads -> queue -> group -> sequenced (T1) -> cosigned -> published (T2)

A group closes at 256 entries, 200 ms after its first entry, or as soon as nothing has come for 20 ms: a full group
never waits, and a lonely entry waits no longer than it takes to see that it is alone. While a group is at the
witnesses, the next one is sequenced.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import httpx2
import structlog

from hub.keyfiles import write_private
from hub.log.cosigning import Cosigning
from hub.log.ledgerfile import LedgerFile
from hub.log.publication import Publisher
from hub.log.refusals import Refusals
from hub.log.shownlog import ShownLog
from hub.log.sightings import OwnLog, check_sightings
from hub.turns import aside
from ledger.encoding import JsonValue
from ledger.entries import Seal, parse_entry
from ledger.errors import Malformed, TongbanError, Unavailable
from ledger.transparency.candidate import Candidate, Placed, examine
from ledger.transparency.sequencer import Batch, Sequencer
from schema.context import Submission

if TYPE_CHECKING:
    from ledger.members import KeyState
    from ledger.signers import Signer
    from ledger.status import Status
    from ledger.transparency.evidence import ForkEvidence
    from ledger.transparency.policy import Policy
    from ledger.transparency.snapshot import LogReads, Snapshot
    from schema.context import Clock

__all__ = ["LedgerRegistry", "RegistryLimits"]

_log = structlog.get_logger(__name__)

T = TypeVar("T")

MAX_BATCH: Final = 1000

JournalBinding = Callable[[], tuple[int, bytes]]
"""Count and root of the journal's durable records."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryLimits:
    """Bounds of the write path. Times in seconds; heartbeat_s None: the rule in the key state."""

    group: int = 256
    group_s: float = 0.2
    quiet_s: float = 0.02
    queue: int = 4096
    unwitnessed: int = 100_000
    wait_s: float = 10.0
    witness_s: float = 1.0
    sighting_s: float = 5.0  # at start, and longer: a hub that hears nobody then may go on from an old copy
    heartbeat_s: float | None = None
    check_chunk: int = 64  # entries that one thread checks in one go


@dataclass(slots=True)
class _Waiting:
    candidate: Candidate
    answer: asyncio.Future[Placed | TongbanError]


class LedgerRegistry(ShownLog):
    """The port `schema.context.Registry`, and the reads behind the log's HTTP paths. One event loop owns it.

    journal: what the next status head binds. http: client for the witnesses, closed by the caller. on_published: called
    in the loop with each new snapshot; must not block. refusals: where those of auditors are kept.
    """

    def __init__(  # noqa: PLR0913  # its parts, each by its name
        self,
        path: Path,
        *,
        signer: Signer,
        policy: Policy,
        journal: JournalBinding,
        clock: Clock,
        http: httpx2.AsyncClient,
        on_published: Callable[[Snapshot], None] = lambda _: None,
        limits: RegistryLimits | None = None,
        refusals: Refusals | None = None,
    ) -> None:
        self.limits: Final = limits or RegistryLimits()
        self.file: Final = LedgerFile(path, signer)
        self._path: Final = path
        self._policy: Final = policy
        self._journal: Final = journal
        self._clock: Final = clock
        self._http: Final = http
        self._queue: Final[deque[_Waiting]] = deque()
        self._arrived: Final = asyncio.Event()
        self._inside = 0  # entries taken and not yet answered
        self._tasks: list[asyncio.Task[None]] = []
        self._cosigning: Final = Cosigning(
            policy, http, prove=self._prove, clock=clock, timeout_s=self.limits.witness_s, refusals=refusals
        )
        self._publisher: Final = Publisher(
            self.file,
            self._cosigning,
            extend=self._bind_journal,
            on_published=on_published,
            heartbeat_s=self.limits.heartbeat_s,
        )

    async def start(self) -> None:
        """Open and check the ledger, show what was published, begin to sequence and publish.

        Raises Unavailable no_log, store_stopped, NotVerified corrupt_store (also: the witnesses have seen more of it).
        """
        await self.file.open()
        try:
            await self._check_newest()
            await self._publisher.restore(self._policy)
        except BaseException:
            await self.file.close()  # a start that fails holds nothing
            raise
        self._tasks = [asyncio.create_task(self._guarded(loop)) for loop in (self._sequence_all, self._publisher.run)]

    async def _check_newest(self) -> None:
        newest = self.file.sequencer.current()
        own = OwnLog(
            newest=newest,
            root_at=lambda size: self.file.read(lambda reads: reads.root(size)),
            path_from=lambda size: self.file.read(lambda reads: reads.past_path(size, newest.size)),
        )
        evidence = self._path.with_name("fork-evidence.json")

        def keep(found: ForkEvidence) -> None:
            if not evidence.exists():
                write_private(evidence, found.format())

        await check_sightings(self._policy, self._http, own, keep=keep, timeout_s=self.limits.sighting_s)

    async def stop(self) -> None:
        """Stop taking entries, end the running commit, close. Callers who still wait get store_stopped."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._cosigning.stop()
        await self._publisher.stop()
        self._refuse_all(Unavailable("store_stopped", "the hub is stopping"))
        await self.file.close()

    async def _guarded(self, loop: Callable[[], Awaitable[None]]) -> None:
        """Run one of the two loops. Whatever ends it stops the ledger."""
        try:
            await loop()
        except Exception as error:  # noqa: BLE001  # a loop that dies unseen would leave callers waiting for ever
            fault = error if isinstance(error, TongbanError) else _stopped_by(error)
            _log.critical("ledger_stopped", code=fault.code, reason=fault.message, index=fault.index)
            self.file.stop(fault)
            self._refuse_all(Unavailable("store_stopped", fault.message))

    @property
    def fault(self) -> TongbanError | None:
        """Why the ledger stopped, or None."""
        return self.file.fault

    @property
    def alarm(self) -> str | None:
        """Why nothing gets published at present, or None."""
        return self._publisher.alarm

    @property
    def quorum(self) -> dict[str, JsonValue]:
        """What the newest round of cosignatures lacked, by group, and who refused: the field `quorum` of /readyz."""
        shown = self.snapshot
        return {"sequenced": self.size, "published": 0 if shown is None else shown.size, **self._cosigning.state()}

    @property
    def keys(self) -> KeyState:
        """The newest key state."""
        return self.file.sequencer.keys

    @property
    def size(self) -> int:
        """Entries sequenced, published or not."""
        return self.file.sequencer.size

    @property
    def snapshot(self) -> Snapshot | None:
        """The newest published checkpoint with what receipts need."""
        return self._publisher.snapshot

    @property
    def reads(self) -> LogReads:
        """Reads for the calling thread."""
        return self.file.reads

    async def ask(self, question: Callable[[LogReads], T]) -> T:
        """Run a read in a reading thread."""
        return await self.file.read(question)

    async def submit(self, entries: Sequence[bytes], *, wait: bool) -> Sequence[Submission]:
        """Check and sequence 1..1,000 entries; one result each, in order; never raises for a single entry.

        wait: also wait (at most 10 s) for a witnessed checkpoint; then a witnessed result brings its original receipt
        or proof. Raises Unavailable pushback, unwitnessed_backlog, store_stopped for all of them.
        """
        if not 1 <= len(entries) <= MAX_BATCH:
            raise Malformed("limit_exceeded", f"expected 1..{MAX_BATCH} entries, got {len(entries)}")
        self._check_room(len(entries))
        self._inside += len(entries)
        try:
            candidates = await self._examine(entries)
            placed = await self._enqueue(candidates)
        finally:
            self._inside -= len(entries)
        if wait:
            await self._wait_published(placed)
        results = [self._result(each) for each in placed]
        return (
            await self.file.read(lambda reads: [_with_evidence(reads, each) for each in results]) if wait else results
        )

    def _check_room(self, count: int) -> None:
        if self.fault is not None:
            raise Unavailable("store_stopped", "the ledger takes no entries: start the hub anew")
        if self._inside + count > self.limits.queue:
            raise Unavailable("pushback", f"{self.limits.queue} entries are waiting: try again in a second")
        sequencer = self.file.sequencer
        if sequencer.size - sequencer.published + count > self.limits.unwitnessed:
            raise Unavailable("unwitnessed_backlog", "too many entries wait for a quorum of witnesses")

    async def _examine(self, entries: Sequence[bytes]) -> list[Candidate]:
        """Check form and signatures in the pool, against the key state as it is now."""
        state, index = self.keys, self.size  # in this order: see `Sequencer.keys`
        loop = asyncio.get_running_loop()
        chunk = self.limits.check_chunk
        parts = [entries[start : start + chunk] for start in range(0, len(entries), chunk)]
        done = await asyncio.gather(
            *(loop.run_in_executor(self.file.checks, _examined, part, state, index) for part in parts)
        )
        return [candidate for part in done for candidate in part]

    async def _enqueue(self, candidates: Sequence[Candidate]) -> list[Placed | TongbanError]:
        self._check_room(0)
        loop = asyncio.get_running_loop()
        waiting = [_Waiting(candidate, loop.create_future()) for candidate in candidates]
        self._queue.extend(waiting)
        self._arrived.set()
        with aside():  # the queue has bounds of its own
            return list(await asyncio.gather(*(each.answer for each in waiting)))

    async def _next_group(self) -> list[_Waiting]:
        """Wait for the first entry, then until the group is full, old enough, or nothing more comes."""
        limits, loop = self.limits, asyncio.get_running_loop()
        while not self._queue:
            self._arrived.clear()
            await self._arrived.wait()
        end = loop.time() + limits.group_s
        with suppress(TimeoutError):
            while len(self._queue) < limits.group:
                self._arrived.clear()
                async with asyncio.timeout_at(min(end, loop.time() + limits.quiet_s)):
                    await self._arrived.wait()
        return [self._queue.popleft() for _ in range(min(limits.group, len(self._queue)))]

    async def _sequence_all(self) -> None:
        while True:
            group = await self._next_group()
            try:
                batch = await self._sequence([each.candidate for each in group])
            except BaseException:
                self._queue.extendleft(reversed(group))  # refused with all the others: nobody knows what is stored
                raise
            for each, result in zip(group, batch.results, strict=True):
                if not each.answer.done():
                    each.answer.set_result(result)

    async def _sequence(self, candidates: Sequence[Candidate]) -> Batch:
        # What is too old by the time of the last quorum no auditor takes, whatever the clock here says: one such entry
        # would stop a log whose clock is behind for good.
        shown = self.snapshot
        now, journal = max(self._clock(), 0 if shown is None else shown.time), self._journal()

        def change(sequencer: Sequencer) -> Batch:
            return sequencer.sequence(candidates, now=now, journal=journal)

        batch = await self.file.write(change)
        self.file.reads.remember_statuses(batch.pending.size, batch.statuses)
        self._publisher.wake()
        return batch

    async def _bind_journal(self) -> None:
        await self._sequence(())

    def _refuse_all(self, error: Unavailable) -> None:
        while self._queue:
            waiting = self._queue.popleft()
            if not waiting.answer.done():
                waiting.answer.set_exception(Unavailable(error.code, error.message))

    async def _prove(self, old: int, size: int) -> Sequence[bytes]:
        return await self.file.read(lambda reads: reads.consistency(old, size))

    async def _wait_published(self, placed: Sequence[Placed | TongbanError]) -> None:
        size = max((each.index + 1 for each in placed if isinstance(each, Placed)), default=0)
        with suppress(TimeoutError), aside():
            async with asyncio.timeout(self.limits.wait_s):
                await self._publisher.wait_for(size)

    def _result(self, placed: Placed | TongbanError) -> Submission:
        if isinstance(placed, TongbanError):
            return Submission(code=placed.code, message=placed.message)
        shown = self.snapshot
        witnessed = shown is not None and placed.index < shown.size
        return Submission(index=placed.index, leaf=placed.leaf, state="witnessed" if witnessed else "sequenced")

    async def statuses_of(self, leaves: Sequence[bytes]) -> Mapping[bytes, Status]:
        """Give the status of each leaf hash that is a published seal, under the newest published checkpoint."""
        shown = self.snapshot
        if shown is None:
            return {}
        return await self.file.read(lambda reads: _statuses(reads, leaves, shown.size))

    async def sealed_by(self, leaves: Sequence[bytes]) -> Mapping[bytes, str]:
        """Give the issuing county of each leaf hash that is a sequenced seal."""
        return await self.file.read(lambda reads: _issuers(reads, leaves))


def _stopped_by(error: Exception) -> Unavailable:
    # By its class alone: its text may hold a value, and callers are told the reason.
    return Unavailable("store_stopped", f"the ledger stopped: {type(error).__name__}")


def _examined(entries: Sequence[bytes], state: KeyState, index: int) -> list[Candidate]:
    return [examine(raw, state, index) for raw in entries]


def _with_evidence(reads: LogReads, submission: Submission) -> Submission:
    if submission.index is None or submission.state != "witnessed":
        return submission
    receipt, proof = reads.evidence(submission.index)
    return replace(submission, receipt=receipt, proof=None if proof is None else proof.decode("utf-8"))


def _statuses(reads: LogReads, leaves: Sequence[bytes], size: int) -> dict[bytes, Status]:
    array = reads.statuses(size)
    return {leaf: array.get(index) for leaf, index in reads.find(leaves).items() if index < size}


def _issuers(reads: LogReads, leaves: Sequence[bytes]) -> dict[bytes, str]:
    issuers: dict[bytes, str] = {}
    for leaf, index in reads.find(leaves).items():
        entry = parse_entry(reads.entries(index, index + 1)[0])
        if isinstance(entry, Seal):
            issuers[leaf] = entry.iss
    return issuers
