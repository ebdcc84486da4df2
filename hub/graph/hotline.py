"""Hotline appeals in the graph: journal records to rows, rows to nodes.

    (:Case)-[:HAS_APPEAL]->(:HotlineAppeal {id, kind, receivedBy, receivedAt, passedTo, passedAt, …})

What has not happened yet has no property. `order` is receivedAt and id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, LiteralString

from hub.graph.driver import Step
from hub.graph.facts import instant
from hub.journal.hotline import HotlineEvent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.journal.hotline import HotlineRecord

__all__ = ["hotline_steps"]

_RECEIVED: Final[LiteralString] = """\
UNWIND $rows AS row
MATCH (c:Case {caseNumber: row.case})
MERGE (a:HotlineAppeal {id: row.id})
SET a += row.properties
MERGE (c)-[:HAS_APPEAL]->(a)"""

_LATER: Final[LiteralString] = """\
UNWIND $rows AS row
MATCH (a:HotlineAppeal {id: row.id})
SET a += row.properties"""


def hotline_steps(records: Sequence[HotlineRecord]) -> list[Step]:
    """Write what happened to appeals, in order."""
    rows = [(record.event is HotlineEvent.RECEIVED, _row(record)) for record in records]
    parts = [(_RECEIVED, [row for first, row in rows if first]), (_LATER, [row for first, row in rows if not first])]
    return [Step(text=text, parameters={"rows": part}) for text, part in parts if part]


def _row(record: HotlineRecord) -> dict[str, Any]:
    at = instant(record.iat)
    if record.kind is not None:
        said: dict[str, Any] = {"kind": record.kind.value, "receivedBy": record.iss, "receivedAt": at}
        said["order"] = f"{at} {record.identifier}"
    elif record.outcome is not None:
        said = {"outcome": record.outcome.value, "answeredAt": at}
    else:
        said = {"passedTo": record.to, "passedAt": at}
    return {"case": record.case, "id": record.identifier, "properties": said}
