"""The feed in a running hub: the one reader of journal and ledger for all who follow, and of the time.

    journal  -> steps of cases, the lamps of their clocks, the licenses that they use
    ledger   -> status changes of those licenses, as far as it is published            -> store -> followers, webhooks
    time     -> lamps that turn

What it has made of them is on disk with the place up to which it has read (`hub.events.store`): a hub that was killed
goes on there. A feed of another journal or ledger than the one at hand (a backup was put back) is made anew. Parties of
a case are those of its steps; whoever is none gets no event of it.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol, TypeVar

import structlog

from hub.database import create_database
from hub.events.facts import lamp_event, step_event
from hub.events.store import EventReader, EventStore, LedgerMove, StepMove, TurnRow, UseRow
from hub.journal.casesteps import CASE_STEP_TYP, CaseStepRecord, parse_case_step
from hub.journal.records import parse_license_record
from hub.journal.store import JournalReader
from hub.logfile import LogFile
from ledger.cases import CaseStage, StepKind
from ledger.casework import Case, take
from ledger.encoding import b64u_decode
from ledger.entries import MemberChange, StatusChange, is_seal, parse_entry, parse_seal
from ledger.errors import TongbanError, Unavailable
from ledger.lamps import turns
from ledger.status import Status
from ledger.transparency.merkle import leaf_hash
from ledger.workdays import WorkingCalendar
from schema.context import Clock
from schema.feed import FeedEvent

__all__ = ["CaseJournal", "EventFeed", "SealLedger"]

T = TypeVar("T")

BATCH: Final = 512
_TICK_S: Final = 1.0
_MAX_KEPT: Final = 4096
_KEY_COMPROMISED: Final = "99"
_STEP_HEADER: Final = f'"typ":"{CASE_STEP_TYP}"'.encode()
_CLOSED: Final = frozenset({CaseStage.DELIVERED, CaseStage.CLOSED, CaseStage.EVALUATED})

_log = structlog.get_logger(__name__)


class CaseJournal(Protocol):
    """The journal as the feed reads it."""

    async def size(self) -> int:
        """Give the count of records."""
        ...

    async def read(self, start: int, limit: int) -> Sequence[bytes]:
        """Give up to `limit` records from position `start` on."""
        ...

    async def ask(self, question: Callable[[JournalReader], T]) -> T:
        """Run a read beside the event loop."""
        ...


class SealLedger(Protocol):
    """The ledger's published entries."""

    async def size(self) -> int:
        """Give the count of published entries; it may fall for a while."""
        ...

    async def read(self, start: int, limit: int) -> Sequence[bytes]:
        """Give up to `limit` published entries from index `start` on."""
        ...

    async def sequenced(self, index: int) -> bytes | None:
        """Give the entry at an index, published or not; None: the ledger has none there."""
        ...

    async def seals(self, leaves: Sequence[bytes]) -> Mapping[bytes, tuple[int, bytes]]:
        """Give index and entry of each leaf hash that is published."""
        ...


class EventFeed:
    """The feed of one hub process. `open` before anything else; all methods belong to one event loop.

    on_events: called in the loop with new events, in order; must not block.
    """

    def __init__(
        self, path: Path, journal: CaseJournal, ledger: SealLedger, *, clock: Clock, calendar: WorkingCalendar,
        on_events: Callable[[Sequence[FeedEvent]], None] = lambda _: None, batch: int = BATCH,
    ) -> None:  # fmt: skip
        self._path: Final = path
        self._journal: Final = journal
        self._ledger: Final = ledger
        self._clock: Final = clock
        self._calendar: Final = calendar
        self._on_events: Final = on_events
        self._batch: Final = batch
        self._cases: Final[OrderedDict[str, Case]] = OrderedDict()
        self._woken: Final = asyncio.Event()
        self._file = self._opened()
        self._task: asyncio.Task[None] | None = None
        self._fault: str | None = "the feed is starting"

    def _opened(self) -> LogFile[EventStore, EventReader]:
        if not self._path.exists():
            create_database(self._path).close()
        return LogFile(self._path, "events", store=EventStore, reader=EventReader)

    async def open(self) -> None:
        """Open the feed, or make it. Raises Unavailable store_stopped, NotVerified corrupt_store."""
        await self._file.open()
        if not await self._is_of_these_logs():
            _log.warning("feed_made_anew", reason="journal or ledger are not those that it was made from")
            await self._file.close()
            for suffix in ("", "-wal", "-shm"):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
            self._file = self._opened()
            await self._file.open()

    def run(self) -> None:
        """Begin to read, and go on until `stop`."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End after the transaction that is under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._file.close()

    @property
    def fault(self) -> str | None:
        """Why events may be missing for now, or None."""
        return self._fault

    @property
    def position(self) -> int:
        """The number of the newest event."""
        return self._file.store.position.number

    @property
    def lag(self) -> int:
        """How many seconds the next lamp is overdue, 0 as a rule."""
        due = self._file.store.due
        return 0 if due is None else max(0, self._clock() - due)

    def wake(self) -> None:
        """Say that statements or entries have come; from the feed's loop. Access records wait for the next look."""
        self._woken.set()

    async def ask(self, question: Callable[[EventReader], T]) -> T:
        """Run a read in a reader thread. Raises NotVerified corrupt_store."""
        return await self._file.read(lambda: question(self._file.reader()))

    async def _is_of_these_logs(self) -> bool:
        at, (record, entry) = self._file.store.position, await self.ask(lambda reader: reader.tips())
        newest = await self._journal.read(at.journal - 1, 1) if record is not None else ()
        sealed = await self._ledger.sequenced(at.ledger - 1) if entry is not None else None
        return _is_leaf(next(iter(newest), None), record) and _is_leaf(sealed, entry)

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            try:
                await self.catch_up()
                self._fault = None
            except TongbanError as error:
                self._fault = error.message
                _log.error("feed_stands", code=error.code, reason=error.message)
            except Exception as error:  # noqa: BLE001  # a feed that dies unseen would tell nobody anything any more
                self._fault = f"the feed failed and is tried again: {type(error).__name__}"
                _log.error("feed_failed", kind=type(error).__name__)
            try:
                async with asyncio.timeout(_TICK_S):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def catch_up(self) -> None:
        """Read all that there is now: records, then entries, then the time. Raises NotVerified, Unavailable."""
        try:
            while await self._journal_batch() or await self._ledger_batch():
                pass
        except BaseException:
            self._cases.clear()  # they may be a batch ahead of what is stored
            raise
        now, due = self._clock(), self._file.store.due
        if due is not None and due <= now:
            self._publish(await self._file.write(lambda store: store.advance(now)))

    def _publish(self, events: Sequence[FeedEvent]) -> None:
        if events:
            self._on_events(events)

    async def _journal_batch(self) -> bool:
        start = self._file.store.position.journal
        records = await self._journal.read(start, self._batch) if start < await self._journal.size() else ()
        if not records:
            return False
        steps = await asyncio.to_thread(_steps_among, start, records)
        moves = await self._step_moves(start, steps)
        end, tip = start + len(records), leaf_hash(records[-1])
        self._publish(await self._file.write(lambda store: store.steps(moves, journal=end, tip=tip)))
        return True

    async def _step_moves(self, start: int, steps: Sequence[tuple[int, CaseStepRecord]]) -> list[StepMove]:
        """Make the moves of some steps, from the cases as they were at position `start`."""
        if not steps:
            return []
        unknown = sorted({step.step.number for _, step in steps} - self._cases.keys())
        named = sorted({each for _, record in steps for each in _used(record)})
        cases, stated = await self._journal.ask(lambda reader: _read_back(reader, unknown, named, start))
        uses = await self._uses(stated)
        known, now = {**self._cases, **cases}, self._clock()
        moves: list[StepMove] = []
        for position, record in steps:
            case = known[record.step.number] = take(known.get(record.step.number), record.step)
            moves.append(self._move(position, record, case, [uses[each] for each in _used(record)], now))
        self._keep({number: known[number] for number in {record.step.number for _, record in steps}})
        return moves

    async def _uses(self, stated: Mapping[str, bytes]) -> dict[str, UseRow]:
        leaves = {name: parse_license_record(raw).leaf for name, raw in stated.items()}
        seals = await self._seals(sorted(set(leaves.values())))
        return {
            name: UseRow(identifier=name, leaf=leaf, seal=seals[leaf][0], kid=seals[leaf][1])
            if leaf in seals
            else UseRow(identifier=name, leaf=leaf)
            for name, leaf in leaves.items()
        }

    async def _seals(self, leaves: Sequence[bytes]) -> dict[bytes, tuple[int, str]]:
        """Give index and kid of each seal that is published."""
        found = await self._ledger.seals(leaves) if leaves else {}
        return {leaf: (index, parse_seal(raw).signatures[0].kid) for leaf, (index, raw) in found.items()}

    def _move(self, position: int, record: CaseStepRecord, case: Case, uses: Sequence[UseRow], now: int) -> StepMove:
        rows = tuple(
            TurnRow(
                clock=clock.code, kind=turn.kind.value, lamp=turn.lamp.value, at=turn.at,
                event=lamp_event(case, clock, turn),
            )
            for clock in case.clocks
            for turn in turns(clock, self._calendar)
        )  # fmt: skip
        return StepMove(
            position=position, time=min(record.iat, now), number=case.number, counties=case.counties,
            event=step_event(case, record), turns=rows, uses=tuple(uses), closed=case.stage in _CLOSED,
        )  # fmt: skip

    def _keep(self, cases: Mapping[str, Case]) -> None:
        for number, case in cases.items():
            self._cases[number] = case
            self._cases.move_to_end(number)
        while len(self._cases) > _MAX_KEPT:
            self._cases.popitem(last=False)

    async def _ledger_batch(self) -> bool:
        start = self._file.store.position.ledger
        entries = await self._ledger.read(start, self._batch) if start < await self._ledger.size() else ()
        if not entries:
            return False
        moves = await asyncio.to_thread(_ledger_moves, start, entries)
        known = await self._seals(await self.ask(lambda reader: reader.unknown())) if moves else {}
        end, tip = start + len(entries), leaf_hash(entries[-1])
        self._publish(await self._file.write(lambda store: store.entries(moves, known, ledger=end, tip=tip)))
        return True


def _is_leaf(raw: bytes | None, leaf: bytes | None) -> bool:
    return leaf is None or (raw is not None and leaf_hash(raw) == leaf)


def _steps_among(start: int, records: Sequence[bytes]) -> list[tuple[int, CaseStepRecord]]:
    """Read the case steps among records; of the others no more than the header."""
    return [(at, parse_case_step(raw)) for at, raw in enumerate(records, start) if _is_step(raw)]


def _is_step(raw: bytes) -> bool:
    return not raw.startswith(b"{") and _STEP_HEADER in b64u_decode(raw.partition(b".")[0].decode("ascii"))


def _used(record: CaseStepRecord) -> tuple[str, ...]:
    return () if record.step.kind is StepKind.PRODUCTION else record.licenses


def _read_back(
    reader: JournalReader, numbers: Sequence[str], licenses: Sequence[str], before: int
) -> tuple[dict[str, Case], dict[str, bytes]]:
    """Give the cases as their steps below a position have made them, and the records that state licenses."""
    cases: dict[str, Case] = {}
    for number in numbers:
        for raw in reader.steps(number, before=before):
            cases[number] = take(cases.get(number), parse_case_step(raw).step)
    stated = {name: found for name in licenses if (found := reader.stated(name)) is not None}
    if len(stated) != len(licenses):
        raise Unavailable("store_stopped", "a case names a license that the journal does not have")
    return cases, stated


def _ledger_moves(start: int, entries: Sequence[bytes]) -> list[LedgerMove]:
    moves: list[LedgerMove] = []
    for index, raw in enumerate(entries, start):
        entry = None if is_seal(raw) else parse_entry(raw)
        if isinstance(entry, StatusChange):
            change = {"status": entry.to.name, "reason": entry.reason, "index": index, "at": entry.iat}
            moves.append(LedgerMove(index=index, change=change, seal=entry.of))
        elif isinstance(entry, MemberChange):
            ended = [key for row in entry.members for key in row.revoke]
            voids = {key.kid: key.void_from for key in ended if key.void_from is not None}
            change = {"status": Status.REVOKED.name, "reason": _KEY_COMPROMISED, "index": index, "at": entry.iat}
            moves += [LedgerMove(index=index, change=change, voids=voids)] if voids else []
    return moves
