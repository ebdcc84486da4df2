"""What stands beside the steps of a case in the graph: help around it, and its clocks that were urged on.

(:Case)-[:HAS_HELP]->(:Assistance {code: "<case number>/<number>", number, kind, county, window, role, statedAt, …})
(:Clock {supervisedBy, supervisedAt})                                   the first supervision, and the only one
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, LiteralString

from hub.graph.driver import Step
from hub.graph.facts import instant
from ledger.encoding import b64u_encode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.journal.assistance import AssistanceRecord
    from hub.journal.supervision import SupervisionRecord

__all__ = ["assistance_steps", "supervision_steps"]

_ASSISTED: Final[LiteralString] = """\
UNWIND $rows AS row
MATCH (c:Case {caseNumber: row.case})
MERGE (a:Assistance {code: row.code})
SET a += row.properties
MERGE (c)-[:HAS_HELP]->(a)"""

_SUPERVISED: Final[LiteralString] = """\
UNWIND $rows AS row
MATCH (k:Clock {code: row.clock})
SET k.supervisedBy = row.county, k.supervisedAt = row.at"""


def assistance_steps(records: Sequence[AssistanceRecord]) -> list[Step]:
    """Write what help was given."""
    return [Step(text=_ASSISTED, parameters={"rows": [_assistance(record) for record in records]})]


def _assistance(record: AssistanceRecord) -> dict[str, Any]:
    properties = {
        "number": record.number,
        "kind": record.kind.value,
        "county": record.iss,
        "window": record.window,
        "role": record.role.value,
        "statedAt": instant(record.iat),
        "service": None if record.service is None else record.service.value,
        "staff": record.staff,
        "toWindow": record.to_window,
        "toRole": None if record.to_role is None else record.to_role.value,
        "appointedAt": None if record.appointed_at is None else instant(record.appointed_at),
        "subject": None if record.subject is None else record.subject.value,
        "digest": None if record.digest is None else b64u_encode(record.digest),
    }
    return {"case": record.case, "code": f"{record.case}/{record.number}", "properties": properties}


def supervision_steps(records: Sequence[SupervisionRecord]) -> list[Step]:
    """Write which clocks were urged on, by whom and when."""
    rows = [
        {"clock": f"{record.case}#{record.clock}", "county": record.iss, "at": instant(record.iat)}
        for record in records
    ]
    return [Step(text=_SUPERVISED, parameters={"rows": rows})]
