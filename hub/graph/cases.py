"""Cases in the graph: the statements that let them go on by the journal's steps, under the journal's cursor.

    (:Case)-[:FOR]->(:Offering), -[:FOR]->(:Matter), -[:APPLIED_BY]->(:Holder), -[:USES|PRODUCED]->(:License)
    (:Case)-[:TAKEN_IN_BY|HANDLED_BY|PICKED_UP_AT]->(:Jurisdiction)<-[:OPEN_IN]-(:Clock)      until it ends
    (:Case)-[:HAS_STEP]->(:Step), -[:NEXT]->(:Step)-[:NEXT]->(:Step)…, -[:TIMED_BY]->(:Clock)

A matter or county that the catalogue does not list yet is linked when it does (`CASE_LINKS`). An offering or license
that a step names was stated before the step: the journal takes no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, LiteralString

from hub.graph.casefacts import CaseRows, Taken, case_of, case_rows
from hub.graph.driver import Step

if TYPE_CHECKING:
    from hub.graph.driver import BoltDriver
    from hub.journal.casesteps import CaseStepRecord
    from ledger.casework import Case

__all__ = ["CASE_LINKS", "steps_of_cases"]

_KNOWN: Final[LiteralString] = """\
UNWIND $numbers AS number
MATCH (c:Case {caseNumber: number})-[:TIMED_BY]->(k:Clock)
RETURN properties(c), properties(k) ORDER BY number, k.code"""

_OPENED: Final[tuple[LiteralString, ...]] = (
    """\
UNWIND $rows AS row
MERGE (c:Case {caseNumber: row.number})
SET c += row.properties""",
    """\
UNWIND $rows AS row
MATCH (c:Case {caseNumber: row.number})
MATCH (m:Matter {code: row.properties.matterCode})
MERGE (c)-[:FOR]->(m)""",
    """\
UNWIND $rows AS row
MATCH (c:Case {caseNumber: row.number})
MATCH (o:Offering {code: row.properties.offeringCode})
MERGE (c)-[:FOR]->(o)""",
    """\
UNWIND $rows AS row
MATCH (c:Case {caseNumber: row.number})
MERGE (h:Holder {key: row.properties.holderKey})
MERGE (c)-[:APPLIED_BY]->(h)""",
    """\
UNWIND $rows AS row
MATCH (c:Case {caseNumber: row.number})
MATCH (j:Jurisdiction {code: row.properties.takenInBy})
MERGE (c)-[:TAKEN_IN_BY]->(j)""",
    """\
UNWIND $rows AS row
MATCH (c:Case {caseNumber: row.number})
MATCH (j:Jurisdiction {code: row.properties.handledBy})
MERGE (c)-[:HANDLED_BY]->(j)""",
    """\
UNWIND $rows AS row
MATCH (c:Case {caseNumber: row.number})
MATCH (j:Jurisdiction {code: row.properties.pickedUpAt})
MERGE (c)-[:PICKED_UP_AT]->(j)""",
)

_CASES: Final[LiteralString] = """\
UNWIND $rows AS row
MATCH (c:Case {caseNumber: row.number})
SET c += row.properties"""

_STEPS: Final[tuple[LiteralString, ...]] = (
    """\
UNWIND $rows AS row
MATCH (c:Case {caseNumber: row.case})
MERGE (s:Step {code: row.code})
SET s += row.properties
MERGE (c)-[:HAS_STEP]->(s)""",
    """\
UNWIND $rows AS row
MATCH (s:Step {code: row.code}) WHERE s.sequence = 1
MATCH (c:Case {caseNumber: row.case})
MERGE (c)-[:NEXT]->(s)""",
    """\
UNWIND $rows AS row
MATCH (s:Step {code: row.code})
MATCH (before:Step {code: row.before})
MERGE (before)-[:NEXT]->(s)""",
)

_CLOCKS: Final[LiteralString] = """\
UNWIND $rows AS row
MATCH (c:Case {caseNumber: row.case})
MERGE (k:Clock {code: row.code})
SET k += row.properties
MERGE (c)-[:TIMED_BY]->(k)"""

_OPEN: Final[tuple[LiteralString, ...]] = (
    """\
UNWIND $rows AS row
MATCH (k:Clock {code: row.code}) WHERE k.openIn IS NOT NULL
MATCH (j:Jurisdiction {code: k.openIn})
MERGE (k)-[:OPEN_IN]->(j)""",
    """\
UNWIND $rows AS row
MATCH (k:Clock {code: row.code})-[r:OPEN_IN]->(:Jurisdiction) WHERE k.openIn IS NULL
DELETE r""",
)

_USED: Final[LiteralString] = """\
UNWIND $rows AS row
MATCH (c:Case {caseNumber: row.case})
MATCH (l:License {certificateIdentifier: row.license})
MERGE (c)-[:USES]->(l)"""

_PRODUCED: Final[LiteralString] = """\
UNWIND $rows AS row
MATCH (c:Case {caseNumber: row.case})
MATCH (l:License {certificateIdentifier: row.license})
MERGE (c)-[:PRODUCED]->(l)"""

CASE_LINKS: Final[tuple[tuple[LiteralString, LiteralString], ...]] = (
    (
        """\
MATCH (m:Matter)
MATCH (c:Case {matterCode: m.code}) WHERE NOT EXISTS { (c)-[:FOR]->(:Matter) }
RETURN 1 LIMIT 1""",
        """\
MATCH (m:Matter)
MATCH (c:Case {matterCode: m.code}) WHERE NOT EXISTS { (c)-[:FOR]->(:Matter) }
WITH c, m LIMIT 1000
MERGE (c)-[:FOR]->(m)""",
    ),
    (
        """\
MATCH (j:Jurisdiction)
MATCH (c:Case {takenInBy: j.code}) WHERE NOT EXISTS { (c)-[:TAKEN_IN_BY]->(:Jurisdiction) }
RETURN 1 LIMIT 1""",
        """\
MATCH (j:Jurisdiction)
MATCH (c:Case {takenInBy: j.code}) WHERE NOT EXISTS { (c)-[:TAKEN_IN_BY]->(:Jurisdiction) }
WITH c, j LIMIT 1000
MERGE (c)-[:TAKEN_IN_BY]->(j)""",
    ),
    (
        """\
MATCH (j:Jurisdiction)
MATCH (c:Case {handledBy: j.code}) WHERE NOT EXISTS { (c)-[:HANDLED_BY]->(:Jurisdiction) }
RETURN 1 LIMIT 1""",
        """\
MATCH (j:Jurisdiction)
MATCH (c:Case {handledBy: j.code}) WHERE NOT EXISTS { (c)-[:HANDLED_BY]->(:Jurisdiction) }
WITH c, j LIMIT 1000
MERGE (c)-[:HANDLED_BY]->(j)""",
    ),
    (
        """\
MATCH (j:Jurisdiction)
MATCH (c:Case {pickedUpAt: j.code}) WHERE NOT EXISTS { (c)-[:PICKED_UP_AT]->(:Jurisdiction) }
RETURN 1 LIMIT 1""",
        """\
MATCH (j:Jurisdiction)
MATCH (c:Case {pickedUpAt: j.code}) WHERE NOT EXISTS { (c)-[:PICKED_UP_AT]->(:Jurisdiction) }
WITH c, j LIMIT 1000
MERGE (c)-[:PICKED_UP_AT]->(j)""",
    ),
    (
        """\
MATCH (j:Jurisdiction)
MATCH (k:Clock {openIn: j.code}) WHERE NOT EXISTS { (k)-[:OPEN_IN]->(:Jurisdiction) }
RETURN 1 LIMIT 1""",
        """\
MATCH (j:Jurisdiction)
MATCH (k:Clock {openIn: j.code}) WHERE NOT EXISTS { (k)-[:OPEN_IN]->(:Jurisdiction) }
WITH k, j LIMIT 1000
MERGE (k)-[:OPEN_IN]->(j)""",
    ),
)
"""(what is still to be linked, the link): for a catalogue that lists a matter or county only after its case."""


async def steps_of_cases(
    driver: BoltDriver, records: Sequence[CaseStepRecord], taken: Taken = lambda *_: None
) -> list[Step]:
    """Give the writes of these case steps, in order, from what the graph holds of their cases. taken: hears of each.

    Raises NotVerified corrupt_store, Unavailable.
    """
    if not records:
        return []
    known = await _known(driver, sorted({record.step.number for record in records}))
    return _writes(case_rows(records, known, taken))


async def _known(driver: BoltDriver, numbers: Sequence[str]) -> dict[str, Case]:
    cases: dict[str, dict[str, Any]] = {}
    clocks: dict[str, list[dict[str, Any]]] = {}
    for case, clock in await driver.rows(_KNOWN, {"numbers": numbers}):
        number = case["caseNumber"]
        cases[number] = case
        clocks.setdefault(number, []).append(clock)
    return {number: case_of(case, clocks[number]) for number, case in cases.items()}


def _writes(rows: CaseRows) -> list[Step]:
    made: list[tuple[LiteralString, list[dict[str, Any]]]] = [
        *((text, rows.opened) for text in _OPENED),
        (_CASES, rows.cases),
        *((text, rows.steps) for text in _STEPS),
        (_CLOCKS, rows.clocks),
        *((text, rows.clocks) for text in _OPEN),
        (_USED, rows.used),
        (_PRODUCED, rows.produced),
    ]
    return [Step(text=text, parameters={"rows": part}) for text, part in made if part]
