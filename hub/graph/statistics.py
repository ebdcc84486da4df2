"""Statistics in the graph: counts added under the journal's cursor, and counted anew when the working days change.

    (:Cursor {id: "statistics", calendar})      the working days by which CLOCK_COUNTERS were counted

Sums would not stay those of a replay if a calendar that grew changed what is in time only from then on. So a projector
that comes with another calendar counts all clocks that have ended once more, before it goes on. Each write waits for
the journal's cursor where it was read, so two projectors cannot mix their counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, LiteralString

from hub.graph.casefacts import clock_of
from hub.graph.counts import Tally, calendar_digest
from hub.graph.cursors import standing
from hub.graph.driver import Step, Unit
from hub.journal.objections import ObjectionRecord
from ledger.cases import StepKind
from ledger.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.graph.driver import BoltDriver
    from hub.graph.facts import JournalFacts
    from hub.journal.casesteps import CaseStepRecord
    from ledger.workdays import WorkingCalendar

__all__ = ["count_clocks", "counted", "used_before"]

_PAGE: Final = 1000

_ADD: Final[LiteralString] = """\
UNWIND $rows AS row
MERGE (p:PeriodCount {code: row.code})
SET p.county = row.county, p.by = row.by, p.period = row.period,
    p.takenIn = coalesce(p.takenIn, 0) + row.takenIn,
    p.takenInForOthers = coalesce(p.takenInForOthers, 0) + row.takenInForOthers,
    p.takenInByOthers = coalesce(p.takenInByOthers, 0) + row.takenInByOthers,
    p.online = coalesce(p.online, 0) + row.online,
    p.proxyIntake = coalesce(p.proxyIntake, 0) + row.proxyIntake,
    p.joint = coalesce(p.joint, 0) + row.joint,
    p.delegated = coalesce(p.delegated, 0) + row.delegated,
    p.handledForOthers = coalesce(p.handledForOthers, 0) + row.handledForOthers,
    p.intakeEnded = coalesce(p.intakeEnded, 0) + row.intakeEnded,
    p.intakeOnTime = coalesce(p.intakeOnTime, 0) + row.intakeOnTime,
    p.handlingEnded = coalesce(p.handlingEnded, 0) + row.handlingEnded,
    p.handlingOnTime = coalesce(p.handlingOnTime, 0) + row.handlingOnTime,
    p.pickUpEnded = coalesce(p.pickUpEnded, 0) + row.pickUpEnded,
    p.pickUpOnTime = coalesce(p.pickUpOnTime, 0) + row.pickUpOnTime,
    p.daysSaved = coalesce(p.daysSaved, 0) + row.daysSaved,
    p.daysOver = coalesce(p.daysOver, 0) + row.daysOver,
    p.materialsSpared = coalesce(p.materialsSpared, 0) + row.materialsSpared,
    p.verifiedOfOthers = coalesce(p.verifiedOfOthers, 0) + row.verifiedOfOthers,
    p.verifiedByOthers = coalesce(p.verifiedByOthers, 0) + row.verifiedByOthers,
    p.objectionsOpened = coalesce(p.objectionsOpened, 0) + row.objectionsOpened,
    p.objectionsDecided = coalesce(p.objectionsDecided, 0) + row.objectionsDecided,
    p.verySatisfied = coalesce(p.verySatisfied, 0) + row.verySatisfied,
    p.satisfied = coalesce(p.satisfied, 0) + row.satisfied,
    p.fairlySatisfied = coalesce(p.fairlySatisfied, 0) + row.fairlySatisfied,
    p.dissatisfied = coalesce(p.dissatisfied, 0) + row.dissatisfied,
    p.veryDissatisfied = coalesce(p.veryDissatisfied, 0) + row.veryDissatisfied"""

_USED: Final[LiteralString] = """\
UNWIND $numbers AS number
MATCH (c:Case {caseNumber: number})-[:USES]->(l:License)
RETURN c.caseNumber, l.certificateIdentifier ORDER BY c.caseNumber, l.certificateIdentifier"""


async def used_before(driver: BoltDriver, records: Sequence[CaseStepRecord]) -> dict[str, list[str]]:
    """Give the licenses that cases use in the graph, of the cases that name some in these later steps."""
    naming = {each.step.number for each in records if each.licenses and each.step.kind is not StepKind.PRODUCTION}
    later = sorted(naming - {each.step.number for each in records if each.step.sequence == 1})
    found: dict[str, list[str]] = {}
    if later:
        for number, license_ in await driver.rows(_USED, {"numbers": later}):
            found.setdefault(number, []).append(license_)
    return found


_ANSWERED: Final[LiteralString] = """\
UNWIND $ids AS id
MATCH (o:Objection {id: id})
RETURN o.id, o.answeredBy ORDER BY o.id"""


async def counted(driver: BoltDriver, tally: Tally, facts: JournalFacts, before: int) -> list[Step]:
    """Count what else the records below a position say, and give the write that adds all of the tally.

    It belongs under a cursor that moves with it. Raises Unavailable.
    """
    for position, access in facts.accesses:
        if position < before:
            tally.access(access)
    stated = [record for position, record in facts.standing if position < before]
    objections = [record for record in stated if isinstance(record, ObjectionRecord)]
    answering = await _answering(driver, objections)
    for objection in objections:
        if objection.identifier in answering:  # else the graph was emptied meanwhile, as the cursor will say
            tally.objection(objection, answering[objection.identifier])
    rows = tally.rows()
    return [Step(text=_ADD, parameters={"rows": rows})] if rows else []


async def _answering(driver: BoltDriver, records: Sequence[ObjectionRecord]) -> dict[str, str]:
    """Give the county that answers each objection, by id; one that only ends here is in the graph."""
    found = {each.identifier: each.answered_by for each in records if each.answered_by is not None}
    if earlier := sorted({each.identifier for each in records} - found.keys()):
        found.update(dict(await driver.rows(_ANSWERED, {"ids": earlier})))
    return found


_CALENDAR: Final[LiteralString] = "MATCH (c:Cursor {id: 'statistics'}) RETURN c.calendar"

_CLOCKS: Final[LiteralString] = """\
MATCH (k:Clock) WHERE k.code > $after AND k.ended
RETURN k.code, properties(k) ORDER BY k.code LIMIT $page"""

_SET: Final[LiteralString] = """\
UNWIND $rows AS row
MATCH (p:PeriodCount {code: row.code})
SET p.intakeEnded = row.intakeEnded, p.intakeOnTime = row.intakeOnTime,
    p.handlingEnded = row.handlingEnded, p.handlingOnTime = row.handlingOnTime,
    p.pickUpEnded = row.pickUpEnded, p.pickUpOnTime = row.pickUpOnTime,
    p.daysSaved = row.daysSaved, p.daysOver = row.daysOver"""

_COUNTED: Final[LiteralString] = "MERGE (c:Cursor {id: 'statistics'}) SET c.calendar = $calendar"


async def count_clocks(driver: BoltDriver, calendar: WorkingCalendar, at: int) -> bool:
    """Bring the counts of clocks to this calendar, while the journal's cursor stands `at`; at once if they are there.

    False: the cursor has moved meanwhile, and the counts are as they were or partly brought over; the calendar in the
    graph then still is the old one, so that the next call does it all. Raises Conflict log_changed (a graph that was
    made without counts), Unavailable.
    """
    digest, found = calendar_digest(calendar), await driver.rows(_CALENDAR)
    if found == [[digest]]:
        return True
    if at and not found:
        raise Conflict("log_changed", "the graph was made without counts of the journal: delete it")
    rows = (await _ended(driver, calendar)).rows() if at else []
    guard = standing("journal", at)
    for start in range(0, len(rows), _PAGE):
        write = Step(text=_SET, parameters={"rows": rows[start : start + _PAGE]})
        if not await driver.write(Unit(guard=guard, steps=[write])):
            return False
    return await driver.write(Unit(guard=guard, steps=[Step(text=_COUNTED, parameters={"calendar": digest})]))


async def _ended(driver: BoltDriver, calendar: WorkingCalendar) -> Tally:
    tally, after = Tally(calendar), ""
    while page := await driver.rows(_CLOCKS, {"after": after, "page": _PAGE}):
        for _, properties in page:
            tally.clock(clock_of(properties))
        after = page[-1][0]
    return tally
