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
from hub.journal.precedents import Precedents
from ledger.cases import StepKind
from ledger.casework import Case, CaseStep, take
from ledger.errors import Conflict, Refused, TongbanError
from ledger.offered import OfferingTerms, check_limits, check_opening, is_ruled

__all__ = ["CASE_SCHEMA", "NO_LICENSE", "CaseBook", "judged", "read_case"]

CASE_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS casestep (number TEXT, sequence INTEGER, i INTEGER NOT NULL, PRIMARY KEY (number, sequence))
  WITHOUT ROWID;
"""
NO_LICENSE: Final = "a license is named that no county has stated of the applicant"
"""The message of Conflict wrong_target: the same for one that is not there and for one of somebody else, so that no
case tells whose a license is. Else it would also open the face of anybody's license to the counties of a case."""

MAX_KEPT: Final = 4096
_STEPS: Final = "SELECT r.d FROM casestep c JOIN record r ON r.i = c.i WHERE c.number = ? ORDER BY c.sequence"


def judged(case: Case | None, step: CaseStep, stated: Precedents, *, position: int) -> Case:
    """Give the case after a step that gets this position in the journal, by all that stands before it.

    Raises as `ledger.casework.take` and `ledger.offered.check_opening`; Conflict not_offered (limits of the handling
    that are not the offering's), wrong_target (a license that no county has stated so far, or one of another holder
    than the applicant), Refused not_issuer (a product of another county than the handling one).
    """
    taken = take(case, step)

    def versions(service: str, day: str) -> OfferingTerms | None:
        return stated.version(service, day, before=position)

    if step.opening is not None:
        check_opening(step, step.opening, versions)
    if is_ruled(step):
        service, _, day = taken.offering.rpartition("@")
        if (terms := versions(service, day)) is not None:
            check_limits(step.limits, terms)
    for identifier in step.licenses:
        _check_license(identifier, step, taken, stated, position)
    return taken


def _check_license(identifier: str, step: CaseStep, case: Case, stated: Precedents, position: int) -> None:
    record = stated.license(identifier, before=position)
    if record is None or case.holder not in record.holders:
        raise Conflict("wrong_target", NO_LICENSE)
    if step.kind is StepKind.PRODUCTION and record.iss != case.handled_by:
        raise Refused("not_issuer", "a case ends in licenses of its handling county")


def read_case(connection: sqlite3.Connection, number: str) -> Case | None:
    """Read a case from its records, None if there is none."""
    case: Case | None = None
    for (raw,) in connection.execute(_STEPS, (number,)):
        case = take(case, parse_case_step(raw).step)
    return case


class CaseBook:
    """The writer's view of all cases. A store whose transaction failed is never asked again, nor is its book.

    most: how many cases stay in memory.
    """

    def __init__(self, connection: sqlite3.Connection, *, most: int = MAX_KEPT) -> None:
        self._connection: Final = connection
        self._stated: Final = Precedents(connection)
        self._most: Final = most
        self._kept: Final[OrderedDict[str, Case]] = OrderedDict()

    def take(
        self, record: CaseStepRecord, position: int, *, oldest: int = 0, against: TongbanError | None = None
    ) -> TongbanError | None:
        """Take a step whose record gets this position, in the caller's transaction; or say why not, changing nothing.

        Conflict iat_too_old: dated before `oldest`, so that nobody sets a clock back. Else as `judged`; and at last
        `against`, which is for nobody to hear whose step would not be taken anyway.
        """
        step = record.step
        if step.at < oldest:
            return Conflict("iat_too_old", "the step comes too late for its time: state it again, with the time of now")
        try:
            case = judged(self.case(step.number), step, self._stated, position=position)
        except TongbanError as refusal:
            return refusal
        if against is not None:
            return against
        self._connection.execute("INSERT INTO casestep VALUES (?, ?, ?)", (step.number, step.sequence, position))
        self._keep(case)
        return None

    def case(self, number: str) -> Case | None:
        """Give a case after its newest step, those of the caller's transaction included; None: there is none."""
        return self._kept[number] if number in self._kept else read_case(self._connection, number)

    def _keep(self, case: Case) -> None:
        self._kept[case.number] = case
        self._kept.move_to_end(case.number)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
