"""Consents in the graph: who may read a holder's licenses, until when, and whether it was taken back.

    (:Consent {id, county, matterCode, fields, purpose, expiresAt, statedBy, statedAt, evidence, revokedAt, revokedBy})
        -[:GRANTED_BY]->(:Holder)

For people to look at. Whether a reading may take place is judged by the journal (`hub.journal.bases`), which is ahead
of any projection. `fields` is missing when the consent is for all of them, `revokedAt` and `revokedBy` until it is
taken back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, LiteralString

from hub.graph.driver import Step
from hub.graph.facts import instant

if TYPE_CHECKING:
    from hub.journal.consents import ConsentRecord, RevocationRecord

__all__ = ["consent_steps", "revocation_steps"]

_STATED: Final[tuple[LiteralString, ...]] = (
    "UNWIND $rows AS row MERGE (c:Consent {id: row.id}) SET c += row.properties",
    """\
UNWIND $rows AS row
MATCH (c:Consent {id: row.id})
MERGE (h:Holder {key: row.holder})
MERGE (c)-[:GRANTED_BY]->(h)""",
)

_REVOKED: Final[LiteralString] = """\
UNWIND $rows AS row
MATCH (c:Consent {id: row.id})
SET c.revokedAt = row.at, c.revokedBy = row.by"""


def consent_steps(records: Sequence[ConsentRecord]) -> list[Step]:
    """Write consents, each once."""
    rows = [_row(record) for record in records]
    return [Step(text=text, parameters={"rows": rows}) for text in _STATED]


def _row(record: ConsentRecord) -> dict[str, Any]:
    consent = record.consent
    properties = {
        "county": consent.county,
        "matterCode": consent.matter,
        "fields": None if consent.fields is None else sorted(consent.fields),
        "purpose": consent.purpose.value,
        "expiresAt": instant(consent.expires),
        "statedBy": record.iss,
        "statedAt": instant(record.iat),
        "evidence": "RECORDED" if record.grant is None else "SIGNED",
    }
    return {"id": consent.id, "holder": record.holder, "properties": properties}


def revocation_steps(records: Sequence[RevocationRecord]) -> list[Step]:
    """Write that consents were taken back; the journal has each consent before its end."""
    rows = [{"id": record.consent_id, "at": instant(record.iat), "by": record.iss} for record in records]
    return [Step(text=_REVOKED, parameters={"rows": rows})]
