"""Check of a whole stored journal, record by record, and of what the ledger binds of it.

Made again and compared: every leaf and hash tile, the index tables, the root; every county's signature; that the seal
of a stated license is in the ledger, by the same county; that every step of a case was legal; that every standing
statement could stand; and the root at every count that a status head binds, which is what keeps the hub from rewriting
a record unseen.

Which ledger index a record came before is not kept, so a key is only asked to have been listed for `journal`.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hub.journal.accessindex import first_recent, is_indexed
from hub.journal.casebook import judged
from hub.journal.casesteps import CaseStepRecord
from hub.journal.offerings import OfferingRecord
from hub.journal.precedents import Precedents
from hub.journal.records import LicenseRecord, Statement, parse_record, parse_statement
from hub.journal.standing import Standing, judge
from hub.journal.store import SCHEMA, JournalHead, JournalReader, indexed
from ledger.casework import Case, CaseStep
from ledger.errors import NotVerified, TongbanError
from ledger.members import KeyState
from ledger.suites import verify
from ledger.transparency.edge import EMPTY_EDGE, TileEdge
from ledger.transparency.merkle import EMPTY_ROOT, HASH_BYTES, leaf_hash
from ledger.transparency.spans import FAULTS, InOrder, one_by_one
from ledger.transparency.sqlite import read_rows
from ledger.transparency.tables import check_counts, check_file
from ledger.transparency.tiles import TILE_HEIGHT, TILE_WIDTH, tile_paths
from schema.context import Access

__all__ = ["Bound", "RecordSpan", "read_records", "replay_journal"]

_SPAN: Final = 256
_HELD: Final = "SELECT i FROM holding WHERE holder = ? AND identifier = ? AND county = ?"
_NAMED: Final = "SELECT i FROM license WHERE identifier = ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What a replayed ledger says about a journal.

    roots: count -> root, as heads bind them, ascending. keys: the newest key state. issuers_of: county of each leaf
    hash that is a seal of the ledger.
    """

    roots: Mapping[int, bytes]
    keys: KeyState
    issuers_of: Callable[[Sequence[bytes]], Mapping[bytes, str | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSpan:
    """Records from position `first` on, exact bytes."""

    first: int
    raws: Sequence[bytes]
    keys: KeyState


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFindings:
    """What one record says. iss, states: of all but a step; seal: of a license's; step: of a case; standing: of itself.

    The signatures of all of them hold. accesses: licenses, sorted. holders: of a license, or a case's applicant.
    """

    leaf: bytes
    seal: bytes | None = None
    iss: str = ""
    states: str | None = None
    accesses: Sequence[str] = ()
    holders: Sequence[str] = ()
    step: CaseStep | None = None
    standing: Standing | None = None


def read_records(span: RecordSpan) -> list[RecordFindings | TongbanError]:
    """Read every record, and check the signatures of statements. Pure, for a worker process; never raises."""
    found: list[RecordFindings | TongbanError] = []
    for position, raw in enumerate(span.raws, start=span.first):
        try:
            found.append(_read(raw, span.keys))
        except FAULTS as error:
            found.append(_corrupt(str(error), position))
    return found


def _read(raw: bytes, keys: KeyState) -> RecordFindings:
    record = parse_record(raw)
    if isinstance(record, Access):
        return RecordFindings(leaf=leaf_hash(raw), accesses=sorted(set(indexed(record))))
    (signature,) = record.jws.signatures
    key = keys.listed_key(signature.kid)
    if "journal" not in key.uses or key.public_key.alg != signature.alg:
        raise NotVerified("key_use", f"key {key.kid} was never listed for journal records of this suite")
    verify(key.public_key, signature.message, signature.signature)
    if isinstance(record, CaseStepRecord):
        opening = record.step.opening
        return RecordFindings(
            leaf=record.jws.leaf, step=record.step, holders=() if opening is None else (opening.holder,)
        )
    return RecordFindings(
        leaf=record.jws.leaf,
        seal=record.leaf if isinstance(record, LicenseRecord) else None,
        iss=record.iss,
        states=record.states,
        holders=record.holders if isinstance(record, LicenseRecord) else (),
        standing=None if isinstance(record, LicenseRecord | OfferingRecord) else record,
    )


def replay_journal(
    connection: sqlite3.Connection,
    bound: Bound,
    *,
    in_order: InOrder = one_by_one,
    on_records: Callable[[int, int], None] = lambda _more, _of: None,
) -> JournalHead:
    """Check everything, through a connection whose view does not change; give count and root.

    on_records: is told of every run of records that holds: its length, and of how many. Raises Unavailable no_log;
    NotVerified corrupt_store with the first position at fault where one is known.
    """
    check_file(connection, SCHEMA)
    asked: deque[RecordSpan] = deque()
    try:
        replay = _Replay(connection, bound)
        for found in in_order(read_records, replay.spans(asked)):
            replay.take(asked.popleft(), found)
            on_records(len(found), replay.head.n)
        replay.check_end()
    except (AttributeError, TypeError, ValueError) as error:  # SQLite keeps values of any type in any column
        raise NotVerified("corrupt_store", f"the journal holds a value of another type: {error}") from error
    return replay.head


class _Replay:
    """One pass over the journal."""

    def __init__(self, connection: sqlite3.Connection, bound: Bound) -> None:
        self._connection: Final = connection
        self._reader: Final = JournalReader(connection)
        self._bound: Final = bound
        self.head: Final = self._reader.head()
        self._edge: TileEdge = EMPTY_EDGE
        self._counts: Final = {
            "record": 0,
            "stated": 0,
            "license": 0,
            "access": 0,
            "recent": 0,
            "holding": 0,
            "casestep": 0,
        }
        self._cases: Final[dict[str, Case]] = {}
        self._stated: Final = Precedents(connection)
        if (last := max(bound.roots, default=0)) > self.head.n:
            raise NotVerified("corrupt_store", f"the ledger binds {last} records, the journal has {self.head.n}")
        if bound.roots.get(0, EMPTY_ROOT) != EMPTY_ROOT:
            raise NotVerified("corrupt_store", "the ledger binds another root over no records")

    def spans(self, asked: deque[RecordSpan]) -> Iterator[RecordSpan]:
        """Cut the records into spans that end where a head binds the journal; each is left in `asked`, too."""
        first = 0
        ends = deque(sorted({*self._bound.roots, self.head.n} - {0}))
        while first < self.head.n:
            stop = min(ends[0], first + _SPAN)
            raws = self._reader.records(first, stop - first)
            if len(raws) != stop - first:
                raise _corrupt("it is missing, or one behind it", first)
            asked.append(RecordSpan(first=first, raws=raws, keys=self._bound.keys))
            yield asked[-1]
            first = stop
            if stop == ends[0]:
                ends.popleft()

    def take(self, span: RecordSpan, found: Sequence[RecordFindings | TongbanError]) -> None:
        """Compare what was found with the tables and the ledger, and take it into the tree."""
        rows = _whole(found)
        self._compare_index(span.first, rows)
        self._compare_seals(span.first, rows)
        growth = self._edge.append([each.leaf for each in rows])
        self._edge = growth.edge
        for (level, number), tile in growth.tiles.items():
            self._compare_tile(level, number, tile)
        if len(rows) < len(found):  # what lies before the fault holds
            raise next(each for each in found if isinstance(each, TongbanError))
        root = self._bound.roots.get(self._edge.size)
        if root is not None and root != self._edge.root():
            raise _corrupt("the ledger binds another root over it and those before it", self._edge.size - 1)

    def _compare_index(self, first: int, rows: Sequence[RecordFindings]) -> None:
        for position, row in enumerate(rows, start=first):
            self._counts["record"] += 1
            named: list[tuple[str, tuple[Any, ...]]] = []
            if position < first_recent(self.head.n):
                self._counts["access"] += len(row.accesses)
            else:
                self._counts["recent"] += bool(row.accesses)
            self._counts["holding"] += len(row.holders)
            held = row.states if row.step is None else row.step.number
            named += [(_HELD, (each, held, row.iss)) for each in row.holders]
            if row.states is not None:
                self._counts["stated"] += 1
                self._counts["license"] += 1
                named += [
                    ("SELECT i FROM stated WHERE h = ?", (row.leaf,)),
                    (_NAMED, (row.states,)),
                ]
            if row.standing is not None:
                self._judge(row.standing, position)
            if row.step is not None:
                self._take(row.step, position)
                self._counts["stated"] += 1
                self._counts["casestep"] += 1
                named += [
                    ("SELECT i FROM stated WHERE h = ?", (row.leaf,)),
                    ("SELECT i FROM casestep WHERE number = ? AND sequence = ?", (row.step.number, row.step.sequence)),
                ]
            if (row.accesses and not is_indexed(self._connection, row.accesses, position, size=self.head.n)) or any(
                read_rows(self._connection, text, *values) != [(position,)] for text, values in named
            ):
                raise _corrupt("the index tables do not name it", position)

    def _take(self, step: CaseStep, position: int) -> None:
        """Let a case go its way once more: a step that was not legal should not be there.

        Neither the status of the licenses that it names nor the membership of its counties is asked again: both change,
        and which published head the hub judged them by stands in no record.
        """
        try:
            self._cases[step.number] = judged(self._cases.get(step.number), step, self._stated, position=position)
        except TongbanError as error:
            raise _corrupt(f"it is no legal step of its case: {error.message}", position) from error

    def _judge(self, record: Standing, position: int) -> None:
        """Judge a standing statement once more, by the records before it."""
        try:
            judge(record, _Before(self._connection, self._cases, position))
        except TongbanError as error:
            raise _corrupt(f"it could not be stated there: {error.message}", position) from error

    def _compare_seals(self, first: int, rows: Sequence[RecordFindings]) -> None:
        issuers = self._bound.issuers_of([each.seal for each in rows if each.seal is not None])
        for position, row in enumerate(rows, start=first):
            if row.seal is not None and issuers.get(row.seal) != row.iss:
                raise _corrupt("it states a license whose seal is not in the ledger, by this county", position)

    def _compare_tile(self, level: int, number: int, tile: bytes) -> None:
        stored = self._reader.tile(level, number)
        if stored[: len(tile)] != tile:
            first = number * TILE_WIDTH << (TILE_HEIGHT * level)
            raise _corrupt(f"tile {number} of level {level}, which begins there, has another hash", first)

    def check_end(self) -> None:
        """Compare the root, and the number of rows of every table."""
        if self._edge.root() != self.head.root:
            raise NotVerified("corrupt_store", "the journal's root is not that of its records")
        paths = list(tile_paths(self.head.n))
        check_counts(self._connection, {**self._counts, "tile": len(paths), "head": 1})
        if any(len(self._reader.tile(each.level, each.number)) != each.width * HASH_BYTES for each in paths):
            raise NotVerified("corrupt_store", "a tile of the journal has more hashes than its records call for")


class _Before:
    """What stands before a position. The index that leads there is compared with the records as they are read."""

    __slots__ = ("_cases", "_connection", "_position")

    def __init__(self, connection: sqlite3.Connection, cases: Mapping[str, Case], position: int) -> None:
        self._connection: Final = connection
        self._cases: Final = cases
        self._position: Final = position

    def stated(self, name: str) -> Statement | None:
        found = read_rows(self._connection, _NAMED, name)
        if not found or found[0][0] >= self._position:
            return None
        ((raw,),) = read_rows(self._connection, "SELECT d FROM record WHERE i = ?", found[0][0])
        return parse_statement(raw)

    def case(self, number: str) -> Case | None:
        return self._cases.get(number)


def _whole(found: Sequence[RecordFindings | TongbanError]) -> list[RecordFindings]:
    """Give what lies before the first fault."""
    rows: list[RecordFindings] = []
    for each in found:
        if isinstance(each, TongbanError):
            break
        rows.append(each)
    return rows


def _corrupt(what: str, position: int) -> NotVerified:
    return NotVerified("corrupt_store", f"record {position}: {what}", index=position)
