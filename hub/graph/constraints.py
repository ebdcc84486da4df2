"""Unique keys and indexes of the graph, applied at every start, before any data.

Uniqueness is the only constraint that both engines have. What else must hold of a key (it is text, and never null) is
checked before a statement runs: ArcadeDB makes a node without key when `MERGE` is given a null.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, LiteralString

if TYPE_CHECKING:
    from hub.graph.driver import BoltDriver

__all__ = ["CONSTRAINTS", "KEYS", "apply_constraints"]

KEYS: Final[dict[str, str]] = {
    "Assistance": "code",
    "Authority": "code",
    "Case": "caseNumber",
    "Clock": "code",
    "Consent": "id",
    "Cursor": "id",
    "FollowUp": "code",
    "Holder": "key",
    "HotlineAppeal": "id",
    "Jurisdiction": "code",
    "License": "logIndex",
    "LicenseType": "code",
    "Material": "code",
    "Matter": "code",
    "MatterVersion": "code",
    "Objection": "id",
    "Offering": "code",
    "PeriodCount": "code",
    "Step": "code",
}
"""Every label of the graph with the property that all its nodes have and that tells them apart."""

CONSTRAINTS: Final[tuple[LiteralString, ...]] = (
    "CREATE CONSTRAINT assistance_code IF NOT EXISTS FOR (n:Assistance) REQUIRE n.code IS UNIQUE",
    "CREATE CONSTRAINT authority_code IF NOT EXISTS FOR (n:Authority) REQUIRE n.code IS UNIQUE",
    "CREATE CONSTRAINT case_number IF NOT EXISTS FOR (n:Case) REQUIRE n.caseNumber IS UNIQUE",
    "CREATE CONSTRAINT clock_code IF NOT EXISTS FOR (n:Clock) REQUIRE n.code IS UNIQUE",
    "CREATE CONSTRAINT consent_id IF NOT EXISTS FOR (n:Consent) REQUIRE n.id IS UNIQUE",
    "CREATE CONSTRAINT cursor_id IF NOT EXISTS FOR (n:Cursor) REQUIRE n.id IS UNIQUE",
    "CREATE CONSTRAINT follow_up_code IF NOT EXISTS FOR (n:FollowUp) REQUIRE n.code IS UNIQUE",
    "CREATE CONSTRAINT holder_key IF NOT EXISTS FOR (n:Holder) REQUIRE n.key IS UNIQUE",
    "CREATE CONSTRAINT hotline_appeal_id IF NOT EXISTS FOR (n:HotlineAppeal) REQUIRE n.id IS UNIQUE",
    "CREATE CONSTRAINT jurisdiction_code IF NOT EXISTS FOR (n:Jurisdiction) REQUIRE n.code IS UNIQUE",
    "CREATE CONSTRAINT license_identifier IF NOT EXISTS FOR (n:License) REQUIRE n.certificateIdentifier IS UNIQUE",
    "CREATE CONSTRAINT license_leaf IF NOT EXISTS FOR (n:License) REQUIRE n.leafHash IS UNIQUE",
    "CREATE CONSTRAINT license_index IF NOT EXISTS FOR (n:License) REQUIRE n.logIndex IS UNIQUE",
    "CREATE CONSTRAINT license_type_code IF NOT EXISTS FOR (n:LicenseType) REQUIRE n.code IS UNIQUE",
    "CREATE CONSTRAINT material_code IF NOT EXISTS FOR (n:Material) REQUIRE n.code IS UNIQUE",
    "CREATE CONSTRAINT matter_code IF NOT EXISTS FOR (n:Matter) REQUIRE n.code IS UNIQUE",
    "CREATE CONSTRAINT matter_version_code IF NOT EXISTS FOR (n:MatterVersion) REQUIRE n.code IS UNIQUE",
    "CREATE CONSTRAINT objection_id IF NOT EXISTS FOR (n:Objection) REQUIRE n.id IS UNIQUE",
    "CREATE CONSTRAINT offering_code IF NOT EXISTS FOR (n:Offering) REQUIRE n.code IS UNIQUE",
    "CREATE CONSTRAINT period_count_code IF NOT EXISTS FOR (n:PeriodCount) REQUIRE n.code IS UNIQUE",
    "CREATE CONSTRAINT step_code IF NOT EXISTS FOR (n:Step) REQUIRE n.code IS UNIQUE",
    "CREATE INDEX case_matter IF NOT EXISTS FOR (n:Case) ON (n.matterCode)",
    "CREATE INDEX case_taken_in IF NOT EXISTS FOR (n:Case) ON (n.takenInBy)",
    "CREATE INDEX case_handled IF NOT EXISTS FOR (n:Case) ON (n.handledBy)",
    "CREATE INDEX case_picked_up IF NOT EXISTS FOR (n:Case) ON (n.pickedUpAt)",
    "CREATE INDEX clock_open IF NOT EXISTS FOR (n:Clock) ON (n.openIn)",
    "CREATE INDEX license_type IF NOT EXISTS FOR (n:License) ON (n.certificateTypeCode)",
    "CREATE INDEX license_issuer IF NOT EXISTS FOR (n:License) ON (n.certificateIssuingAuthorityCode)",
    "CREATE INDEX matter_version_matter IF NOT EXISTS FOR (n:MatterVersion) ON (n.matterCode)",
    "CREATE INDEX offering_matter IF NOT EXISTS FOR (n:Offering) ON (n.matterCode)",
    "CREATE INDEX objection_answered_by IF NOT EXISTS FOR (n:Objection) ON (n.answeredBy)",
    "CREATE INDEX objection_holder IF NOT EXISTS FOR (n:Objection) ON (n.holderKey)",
    "CREATE INDEX offering_service IF NOT EXISTS FOR (n:Offering) ON (n.service)",
    "CREATE INDEX license_replaces IF NOT EXISTS FOR (n:License) ON (n.replaces)",
)


async def apply_constraints(driver: BoltDriver) -> None:
    """Create what is missing, one transaction a statement. Raises Unavailable graph_unavailable or deadline."""
    for text in CONSTRAINTS:
        await driver.apply(text)
