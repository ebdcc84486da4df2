"""The projection: ledger entries and journal records become the graph, each exactly once.

A cursor says how far the graph has come in each log (`hub.graph.cursors`); it moves in the transaction that writes its
rows. A graph of another ledger is refused. One whose cursors stand behind where they were has lost what it held (it was
emptied, or put back from a copy): it is prepared anew and filled again, and has a `gap` until then.

An offering is written as its county states it (`hub.graph.offerings`). So is a license, by a journal record: with what
its seal says, as the ledger has it; a record whose seal is not published yet waits. A status entry that comes first
makes a bare `License {logIndex, status, statusReason, statusIndex}`, which no query can reach and the record completes:
the end does not depend on how the two logs interleave. A member entry may revoke seals of a compromised key from an
index on: they are read again from the ledger.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, LiteralString, Protocol

import structlog

from hub.graph.cases import steps_of_cases
from hub.graph.counts import Tally
from hub.graph.cursors import Cursors, claim, make_cursors, read_cursors, standing
from hub.graph.driver import BoltDriver, Step, Unit
from hub.graph.facts import LedgerFacts, fallen, journal_facts, ledger_facts
from hub.graph.licenses import Sealed, admitted_rows, license_steps
from hub.graph.matters import matter_steps
from hub.graph.offerings import offering_steps
from hub.graph.statements import statement_steps
from hub.graph.statistics import count_clocks, counted, used_before
from ledger.closed import county_of
from ledger.encoding import b64u_encode
from ledger.errors import Conflict, NotVerified, Unavailable
from ledger.transparency.merkle import leaf_hash
from ledger.workdays import WorkingCalendar

__all__ = ["Ledger", "LogReader", "Position", "Projector"]

BATCH: Final = 1000
_LEAST_BATCH: Final = 25
_POLL_S: Final = 1.0
_SPACING_S: Final = (
    0.25  # publications of one quarter of a second share a transaction: the engine's costs are per commit
)
_FIRST_PAUSE_S: Final = 0.2
_LAST_PAUSE_S: Final = 1.0  # a graph that was away is not asked before it was looked at

_WEEKENDS: Final = WorkingCalendar()

_log = structlog.get_logger(__name__)


class LogReader(Protocol):
    """An append-only log as the projection reads it: the ledger's published entries, or the journal's records."""

    async def size(self) -> int:
        """Give the count of entries that may be read now; it never falls."""
        ...

    async def read(self, start: int, limit: int) -> Sequence[bytes]:
        """Give the entries start, start + 1, ...: at least one when `start` is below `size`, at most `limit`."""
        ...


class Ledger(LogReader, Sealed, Protocol):
    """The ledger's published entries. `size` falls when a new policy asks for cosigners that are not there yet."""

    async def sequenced(self, index: int) -> bytes | None:
        """Give the entry at an index, published or not; None: the ledger has none there."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far the graph has come: counts of ledger entries and journal records."""

    ledger: int = 0
    journal: int = 0


# REVOKED is for good. A seal that falls with its key keeps the reason why it was revoked before.
_CHANGES: Final[LiteralString] = """\
UNWIND $rows AS row
MERGE (l:License {logIndex: row.of})
WITH l, row WHERE coalesce(l.status, 'VALID') <> 'REVOKED'
SET l.status = row.status, l.statusReason = row.reason, l.statusIndex = row.index"""

# A county that the catalogue does not list yet becomes a member when it does: the cursor remembers.
_MEMBERS: Final[LiteralString] = """\
MATCH (c:Cursor {id: 'ledger'})
WITH c, [kid IN coalesce(c.governors, []) + $governors WHERE NOT kid IN $ended] AS governors
SET c.governors = governors
WITH governors
UNWIND $counties AS code
MATCH (j:Jurisdiction {code: code})
SET j.member = size([kid IN governors WHERE kid STARTS WITH code + '#']) > 0"""


def _ledger_steps(facts: LedgerFacts) -> list[Step]:
    return [*_rows(_CHANGES, facts.changes), *_member_steps(facts), *matter_steps(facts.matters)]


def _member_steps(facts: LedgerFacts) -> list[Step]:
    counties = sorted({county_of(kid) for kid in [*facts.governors, *facts.ended]})
    parameters = {"governors": facts.governors, "ended": facts.ended, "counties": counties}
    return [Step(text=_MEMBERS, parameters=parameters)] if counties else []


def _rows(text: LiteralString, rows: Sequence[Any]) -> list[Step]:
    return [Step(text=text, parameters={"rows": rows})] if rows else []


class Projector:
    """The one writer of the graph's projection, in one event loop.

    prepare: makes what the projection builds upon; it is called at first, and whenever the graph may have lost it, and
    costs little when all is there. calendar: the working days by which statistics say what was in time.

    projector = Projector(driver, ledger, journal)
    await projector.start()                      # compares cursors; catches up in `run`
    task = asyncio.create_task(projector.run())
    projector.wake()                             # after each publication; safe from any thread
    await projector.wait_for(size, count)        # read your write
    """

    def __init__(
        self, driver: BoltDriver, ledger: Ledger, journal: LogReader, *, batch: int = BATCH,
        prepare: Callable[[], Awaitable[None]] | None = None, calendar: WorkingCalendar = _WEEKENDS,
    ) -> None:  # fmt: skip
        self._driver = driver
        self._prepare = prepare
        self._calendar = calendar
        self._ledger = ledger
        self._journal = journal
        self._most = self._batch = batch
        self._position = Position()
        self._known = False  # whether the position is that of the graph's cursors
        self._fault: str | None = None
        self._gap: str | None = "the projection is catching up"
        self._starts = 0  # of the engine, when its cursors were last looked at
        self._moved = asyncio.Condition()
        self._woken = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def position(self) -> Position:
        """What is in the graph, as far as this projector has seen."""
        return self._position

    @property
    def fault(self) -> str | None:
        """Why the graph could not be reached when `run` last asked it, or None."""
        return self._fault

    @property
    def gap(self) -> str | None:
        """Why the graph may lack what it held or should hold, or None; then the newest alone may be missing."""
        if self._driver.engine.starts != self._starts:
            return "the engine has been started anew, and is not compared yet"
        return self._gap

    def wake(self) -> None:
        """Say that a log has grown; safe from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._woken.set)

    async def start(self) -> None:
        """Prepare the graph if need be, make the cursors, and compare them with the logs.

        Raises Conflict log_changed when the graph was projected from other logs; Unavailable; as `prepare` does.
        """
        await self._look()
        if self._gap is not None and self._prepare is not None:
            await self._prepare()
        at = await make_cursors(self._driver)
        await self._compare(at)
        while not await count_clocks(self._driver, self._calendar, at["journal"][0]):
            at = await read_cursors(self._driver)
        await self._set(Position(ledger=at["ledger"][0], journal=at["journal"][0]))
        self._known = True

    async def _compare(self, cursors: Cursors) -> None:
        """Compare the cursors with the logs. Raises Unavailable while less is published than the graph holds."""
        (at, leaf), (stated, last_stated) = cursors["ledger"], cursors["journal"]
        if at:
            _check_same("ledger", at, leaf, await self._ledger.sequenced(at - 1))
        if stated:
            records = await self._journal.read(stated - 1, 1) if stated <= await self._journal.size() else ()
            _check_same("journal", stated, last_stated, next(iter(records), None))
        if at > await self._ledger.size():
            raise Unavailable("graph_unavailable", "less of the ledger is published than the graph holds: no quorum")

    async def _look(self) -> None:
        """See whether the graph still holds what it held. One that was away may come back empty, and is compared."""
        starts = self._driver.engine.starts
        try:
            at = await read_cursors(self._driver)
        except Unavailable as error:
            self._known, self._gap = False, error.message
            raise
        self._starts = starts
        if at["ledger"][0] < self._position.ledger or at["journal"][0] < self._position.journal:
            self._known, self._gap = False, "the graph has lost what it held, and is filled again"
            _log.error("graph_lost", ledger=at["ledger"][0], journal=at["journal"][0])

    async def catch_up(self) -> Position:
        """Project all that can be read now. Raises as `start`; NotVerified corrupt_store."""
        if not self._known:
            await self.start()
        try:
            while await self._step():
                pass
        except BaseException:
            self._known = False  # the last commit may have happened, or not: the cursor knows
            raise
        self._gap = None
        return self._position

    async def run(self) -> None:
        """Project for ever; waits out an engine that is away or fenced. Raises as `catch_up`, Unavailable excepted."""
        self._loop = asyncio.get_running_loop()
        pause = _FIRST_PAUSE_S
        while True:
            self._woken.clear()
            try:
                await self._look()  # also when nothing is new: an engine that is away must be noticed
                await self.catch_up()
                pause, wait, self._fault = _FIRST_PAUSE_S, _POLL_S, None
                await asyncio.sleep(_SPACING_S)
            except Unavailable as error:
                wait, pause, self._fault = pause, min(2 * pause, _LAST_PAUSE_S), error.message
            try:
                async with asyncio.timeout(wait):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def wait_for(self, ledger_size: int, journal_count: int) -> None:
        """Wait until the first `ledger_size` entries and `journal_count` records are in the graph, without limit."""
        async with self._moved:
            await self._moved.wait_for(
                lambda: self._position.ledger >= ledger_size and self._position.journal >= journal_count
            )

    async def _step(self) -> bool:
        """Project one batch, of the ledger if it has any; tell whether anything moved."""
        try:
            moved = await self._ledger_batch() or await self._journal_batch()
        except Unavailable as error:
            if error.code == "deadline":  # a cold engine may need longer for a batch than a statement may take
                self._batch = max(self._batch // 2, min(_LEAST_BATCH, self._most))
            raise
        self._batch = min(2 * self._batch, self._most)
        return moved

    async def _ledger_batch(self) -> bool:
        start = self._position.ledger
        entries = await self._read(self._ledger, start)
        if not entries:
            return False
        facts = await asyncio.to_thread(ledger_facts, start, entries)
        if not await self._void(start, facts):
            await self.start()  # another graph than a moment ago, or another projector
            return True
        return await self._move("ledger", start, entries[: facts.count], _ledger_steps(facts))

    async def _void(self, by: int, facts: LedgerFacts) -> bool:
        """Revoke what falls by the entry at index `by`: no matter how often, so it may take many transactions.

        Each only while the cursor stands there: a graph that was emptied meanwhile must first take what lies below.
        Returns whether all was written.
        """
        start = min(facts.voids.values(), default=by)
        while start < by:
            entries = await self._ledger.read(start, min(self._batch, by - start))
            rows = await asyncio.to_thread(fallen, start, entries, facts, by)
            for step in _rows(_CHANGES, rows):
                if not await self._driver.write(Unit(guard=standing("ledger", by), steps=[step])):
                    return False
            start += len(entries)
        return True

    async def _journal_batch(self) -> bool:
        start = self._position.journal
        records = await self._read(self._journal, start)
        if not records:
            return False
        facts = await asyncio.to_thread(journal_facts, start, records)
        chosen, stop = await admitted_rows(self._driver, self._ledger, facts.licenses)
        taken = records if stop is None else records[: stop - start]
        if not taken:
            return False  # the first record waits for its seal
        before = start + len(taken)
        offered = [row for row in facts.offerings if row["position"] < before]
        stepped = [record for position, record in facts.steps if position < before]
        stated = statement_steps([record for position, record in facts.standing if position < before])
        try:
            tally = Tally(self._calendar, await used_before(self._driver, stepped))
            steps = await steps_of_cases(self._driver, stepped, tally.step)
        except NotVerified:
            if await self._driver.write(Unit(guard=standing("journal", start), steps=[])):
                raise
            await self.start()  # another projector has moved the graph while its cases were read
            return True
        counts = await counted(self._driver, tally, facts, before)
        made = [*license_steps(chosen), *offering_steps(offered), *steps, *stated, *counts]
        return await self._move("journal", start, taken, made)

    async def _read(self, log: LogReader, start: int) -> Sequence[bytes]:
        return await log.read(start, self._batch) if start < await log.size() else ()

    async def _move(self, name: str, start: int, taken: Sequence[bytes], steps: list[Step]) -> bool:
        """Write the steps and move the cursor from `start` over `taken`, or neither."""
        if await self._driver.write(Unit(guard=claim(name, start, taken), steps=steps)):
            await self._set(replace(self._position, **{name: start + len(taken)}))
        else:
            await self.start()  # another projector has moved it, or an earlier try of ours was committed after all
        return True

    async def _set(self, position: Position) -> None:
        async with self._moved:
            self._position = position
            self._moved.notify_all()


def _check_same(name: str, at: int, leaf: str, last: bytes | None) -> None:
    """Check that the last entry that a graph has taken of a log is the log's own."""
    if last is None:
        raise Conflict("log_changed", f"the graph is ahead of the {name}: it was made from another; delete it")
    if b64u_encode(leaf_hash(last)) != leaf:
        raise Conflict("log_changed", f"the graph was made from another {name}: delete it", index=at - 1)
