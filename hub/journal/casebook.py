"""Cases in the journal: each step judged against the steps before it, in the transaction that appends it.

    casestep   number, sequence -> position of the record      an index, made again from the records alone

A case is what its steps make of it (`ledger.casework`): no state is stored beside the records, so none can differ from
them, after a crash, a restore or a replay. Cases that were touched lately are kept in memory by the one writer.
"""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from typing import Final

from hub.journal.casesteps import CaseStepRecord, parse_case_step
from ledger.casework import Case, take
from ledger.errors import Conflict, TongbanError

__all__ = ["CASE_SCHEMA", "CaseBook"]

CASE_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS casestep (number TEXT, sequence INTEGER, i INTEGER NOT NULL, PRIMARY KEY (number, sequence))
  WITHOUT ROWID;
"""
MAX_KEPT: Final = 4096
_STEPS: Final = "SELECT r.d FROM casestep c JOIN record r ON r.i = c.i WHERE c.number = ? ORDER BY c.sequence"
_STATED: Final = "SELECT 1 FROM license WHERE identifier = ?"


class CaseBook:
    """The writer's view of all cases. A store whose transaction failed is never asked again, nor is its book.

    most: how many cases stay in memory.
    """

    def __init__(self, connection: sqlite3.Connection, *, most: int = MAX_KEPT) -> None:
        self._connection: Final = connection
        self._most: Final = most
        self._kept: Final[OrderedDict[str, Case]] = OrderedDict()

    def take(self, record: CaseStepRecord, position: int, *, oldest: int = 0) -> TongbanError | None:
        """Take a step whose record gets this position, in the caller's transaction; or say why not, changing nothing.

        Conflict iat_too_old: dated before `oldest`, so that nobody sets a clock back; wrong_target: a license that no
        county has stated so far. Else as `ledger.casework.take`.
        """
        step = record.step
        if step.at < oldest:
            return Conflict("iat_too_old", "the step comes too late for its time: state it again, with the time of now")
        try:
            case = take(self.case(step.number), step)
        except TongbanError as refusal:
            return refusal
        if not all(self._connection.execute(_STATED, (each,)).fetchone() for each in record.licenses):
            return Conflict("wrong_target", "a license is named that the journal does not have")
        self._connection.execute("INSERT INTO casestep VALUES (?, ?, ?)", (step.number, step.sequence, position))
        self._keep(case)
        return None

    def case(self, number: str) -> Case | None:
        """Give a case after its newest step, those of the caller's transaction included; None: there is none."""
        if number in self._kept:
            return self._kept[number]
        case: Case | None = None
        for (raw,) in self._connection.execute(_STEPS, (number,)):
            case = take(case, parse_case_step(raw).step)
        return case

    def _keep(self, case: Case) -> None:
        self._kept[case.number] = case
        self._kept.move_to_end(case.number)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
