"""Follow-ups in the graph: journal records to rows, rows to nodes.

(:Case)-[:FOLLOWED_UP_BY]->(:FollowUp {code: "<case number>", county, doneAt, outcome})
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, LiteralString

from hub.graph.driver import Step
from hub.graph.facts import instant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.journal.followups import FollowUpRecord

__all__ = ["follow_up_steps"]

_FOLLOWED_UP: Final[LiteralString] = """\
UNWIND $rows AS row
MATCH (c:Case {caseNumber: row.case})
MERGE (f:FollowUp {code: row.case})
SET f += row.properties
MERGE (c)-[:FOLLOWED_UP_BY]->(f)"""


def follow_up_steps(records: Sequence[FollowUpRecord]) -> list[Step]:
    """Write that cases were followed up."""
    rows = [
        {
            "case": each.case,
            "properties": {"county": each.iss, "doneAt": instant(each.iat), "outcome": each.outcome.value},
        }
        for each in records
    ]
    return [Step(text=_FOLLOWED_UP, parameters={"rows": rows})] if rows else []
