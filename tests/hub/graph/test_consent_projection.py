"""Consents in the graph, on both engines: exact nodes and links, the same whatever the batches."""

from __future__ import annotations

import pytest

from hub.graph.driver import BoltDriver
from hub.graph.dump import dump_graph
from hub.graph.projection import Position, Projector
from tests.consents import (
    ASKING,
    EVIDENCE,
    HOLDER,
    LICENSE_RECORD,
    SEAL,
    SEALING,
    consent,
    consent_id,
    recorded,
    revoked,
    signed,
    withdrawn,
)
from tests.statements import MemoryLog, genesis


def _logs() -> tuple[MemoryLog, MemoryLog]:
    first, second = consent_id(1), consent_id(2)
    journal = [
        LICENSE_RECORD,
        recorded(consent(1)),
        signed(consent(2, fields=None, matter="000101002000"), by=SEALING),
        revoked(second, withdrawal=withdrawn(second)),
        recorded(consent(3, fields=frozenset())),
        revoked(first, by=SEALING, evidence=EVIDENCE),
    ]
    return MemoryLog([genesis(SEALING, ASKING), SEAL]), MemoryLog(journal)


@pytest.mark.parametrize("batch", [1, 100])
async def test_consents_are_nodes_of_their_holder(driver: BoltDriver, batch: int) -> None:
    ledger, journal = _logs()
    projector = Projector(driver, ledger, journal, batch=batch)
    assert await projector.catch_up() == Position(ledger=2, journal=6)
    graph = await dump_graph(driver)
    common = {
        "county": ASKING, "purpose": "HANDLING", "expiresAt": "2026-06-01T10:00:00.000Z",
        "statedAt": "2026-06-01T09:00:00.000Z",
    }  # fmt: skip
    at = "2026-06-01T09:01:00.000Z"
    assert {name: node for name, node in graph.nodes.items() if name.startswith("Consent")} == {
        f"Consent:{consent_id(1)}": {
            **common, "id": consent_id(1), "fields": ["certificateHolderName"], "statedBy": ASKING,
            "evidence": "RECORDED", "revokedAt": at, "revokedBy": SEALING,
        },
        f"Consent:{consent_id(2)}": {
            **common, "id": consent_id(2), "matterCode": "000101002000", "statedBy": SEALING, "evidence": "SIGNED",
            "revokedAt": at, "revokedBy": ASKING,
        },
        f"Consent:{consent_id(3)}": {
            **common, "id": consent_id(3), "fields": [], "statedBy": ASKING, "evidence": "RECORDED",
        },
    }  # fmt: skip
    links = [(start, kind, end) for start, kind, end, _ in graph.relationships if start.startswith("Consent")]
    assert links == [(f"Consent:{consent_id(number)}", "GRANTED_BY", f"Holder:{HOLDER}") for number in (1, 2, 3)]
