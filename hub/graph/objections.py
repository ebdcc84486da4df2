"""Objections in the graph: journal records to rows, rows to nodes, and how many are open for each license.

    (:License {disputes})-[:DISPUTED_BY]->(:Objection {id, kind, raisedBy, raisedAt, answeredBy, open, …})

`disputes` counts a license's open objections, so that a look-up or a checklist sees whether it is in doubt without the
objections, which only two counties may see. It is counted anew for every license of a batch: the batches do not matter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, LiteralString

from hub.graph.driver import Step
from hub.graph.facts import instant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.journal.objections import ObjectionRecord

__all__ = ["objection_steps"]

_RAISED: Final[LiteralString] = """\
UNWIND $rows AS row
MERGE (o:Objection {id: row.id})
SET o += row.properties"""

_LICENSE: Final[LiteralString] = """\
UNWIND $rows AS row
MATCH (o:Objection {id: row.id})
MATCH (l:License {certificateIdentifier: row.properties.certificateIdentifier})
MERGE (l)-[:DISPUTED_BY]->(o)"""

_DECIDED: Final[LiteralString] = """\
UNWIND $rows AS row
MATCH (o:Objection {id: row.id})
SET o += row.properties"""

_DISPUTES: Final[LiteralString] = """\
UNWIND $ids AS id
MATCH (l:License)-[:DISPUTED_BY]->(:Objection {id: id})
WITH DISTINCT l
OPTIONAL MATCH (l)-[:DISPUTED_BY]->(o:Objection {open: true})
WITH l, count(o) AS disputes
SET l.disputes = disputes"""


def objection_steps(records: Sequence[ObjectionRecord]) -> list[Step]:
    """Write objections and their ends, in order, and count what is open."""
    raised = [_raised(record) for record in records if record.outcome is None]
    about = [row for row in raised if "certificateIdentifier" in row["properties"]]
    decided = [_decided(record) for record in records if record.outcome is not None]
    parts = [(_RAISED, raised), (_LICENSE, about), (_DECIDED, decided)]
    made = [Step(text=text, parameters={"rows": part}) for text, part in parts if part]
    ids = sorted({record.identifier for record in records})
    return [*made, Step(text=_DISPUTES, parameters={"ids": ids})] if ids else []


def _raised(record: ObjectionRecord) -> dict[str, Any]:
    stated = {
        "kind": None if record.kind is None else record.kind.value,
        "raisedBy": record.iss,
        "raisedAt": instant(record.iat),
        "answeredBy": record.answered_by,
        "certificateIdentifier": record.license,
        "certificateTypeCode": record.type_code,
        "holderKey": record.holder,
        "caseNumber": record.case,
        "open": True,
    }
    return {
        "id": record.identifier,
        "properties": {name: value for name, value in stated.items() if value is not None},
    }


def _decided(record: ObjectionRecord) -> dict[str, Any]:
    outcome = None if record.outcome is None else record.outcome.value
    said = {"outcome": outcome, "decidedBy": record.iss, "decidedAt": instant(record.iat), "open": False}
    return {"id": record.identifier, "properties": said}
