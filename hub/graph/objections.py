"""Objections in the graph: journal records to rows, rows to nodes, and which licenses are in doubt.

    (:License {disputed})-[:DISPUTED_BY]->(:Objection {id, kind, raisedBy, raisedAt, answeredBy, open, …})
    (:Objection)-[:OPEN_AT]->(:Jurisdiction)      the county that must answer, until it is decided

`disputed` says whether an objection to a license is open, so that a look-up or a checklist needs no objection, which
only two counties may see. It is worked out anew for every license of a batch: the batches do not matter.
A county that the catalogue does not list yet is linked when it does (`OBJECTION_LINKS`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, LiteralString

from hub.graph.driver import Step
from hub.graph.facts import instant

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.journal.objections import ObjectionRecord

__all__ = ["OBJECTION_LINKS", "objection_steps"]

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

_OPEN: Final[LiteralString] = """\
UNWIND $ids AS id
MATCH (o:Objection {id: id}) WHERE o.open
MATCH (j:Jurisdiction {code: o.answeredBy})
MERGE (o)-[:OPEN_AT]->(j)"""

_CLOSED: Final[LiteralString] = """\
UNWIND $ids AS id
MATCH (o:Objection {id: id})-[r:OPEN_AT]->(:Jurisdiction) WHERE NOT o.open
DELETE r"""

OBJECTION_LINKS: Final[tuple[tuple[LiteralString, LiteralString], ...]] = (
    (
        """\
MATCH (j:Jurisdiction)
MATCH (o:Objection {answeredBy: j.code}) WHERE o.open AND NOT EXISTS { (o)-[:OPEN_AT]->(:Jurisdiction) }
RETURN 1 LIMIT 1""",
        """\
MATCH (j:Jurisdiction)
MATCH (o:Objection {answeredBy: j.code}) WHERE o.open AND NOT EXISTS { (o)-[:OPEN_AT]->(:Jurisdiction) }
WITH o, j LIMIT 1000
MERGE (o)-[:OPEN_AT]->(j)""",
    ),
)
"""(what is still to be linked, the link): for a catalogue that lists a county only after an objection."""

_DISPUTED: Final[LiteralString] = """\
UNWIND $ids AS id
MATCH (l:License)-[:DISPUTED_BY]->(:Objection {id: id})
WITH DISTINCT l
OPTIONAL MATCH (l)-[:DISPUTED_BY]->(o:Objection {open: true})
WITH l, count(o) > 0 AS disputed
SET l.disputed = disputed"""


def objection_steps(records: Sequence[ObjectionRecord]) -> list[Step]:
    """Write objections and their ends, in order, and say what is in doubt."""
    raised = [_raised(record) for record in records if record.outcome is None]
    about = [row for row in raised if "certificateIdentifier" in row["properties"]]
    decided = [_decided(record) for record in records if record.outcome is not None]
    parts = [(_RAISED, raised), (_LICENSE, about), (_DECIDED, decided)]
    made = [Step(text=text, parameters={"rows": part}) for text, part in parts if part]
    ids = sorted({record.identifier for record in records})
    counted = [Step(text=text, parameters={"ids": ids}) for text in (_OPEN, _CLOSED, _DISPUTED)]
    return [*made, *counted] if ids else []


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
        "order": f"{instant(record.iat)} {record.identifier}",
    }
    return {
        "id": record.identifier,
        "properties": {name: value for name, value in stated.items() if value is not None},
    }


def _decided(record: ObjectionRecord) -> dict[str, Any]:
    outcome = None if record.outcome is None else record.outcome.value
    said = {"outcome": outcome, "decidedBy": record.iss, "decidedAt": instant(record.iat), "open": False}
    return {"id": record.identifier, "properties": said}
