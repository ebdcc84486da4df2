"""Who may see what: one table of access rules, named by every field.

A static rule is decided from document and caller alone, before any I/O. A row rule is a predicate in the statement
itself (`hub/graph/predicates.py` holds its Cypher under the same name): a row that is cut looks like a row that is
absent. "Everyone" is a rule too. Which scopes somebody can have says `schema.roles`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from schema.roles import RoleKind

__all__ = ["ANONYMOUS", "HOLDER_SCOPE", "RULES", "SCOPES", "TYPES", "AccessRule", "Principal", "rule_of_type"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who asks: a client of one county in a role with scopes, from a verified access token; or nobody.

    county: 6-digit member id, None for nobody. client: kid of the client's key. token_id: `jti` of the token.
    expires: POSIX seconds. holder: key of the holder that the token is bound to; of the role HOLDER alone.
    """

    county: str | None = None
    client: str | None = None
    token_id: str | None = None
    scopes: frozenset[str] = frozenset()
    expires: int = 0
    role: RoleKind | None = None
    holder: str | None = None


ANONYMOUS: Final = Principal()

SCOPES: Final[dict[str, str]] = {
    "license.read": "look up licenses of all counties",
    "license.read.own": "look up licenses that the caller's own county issued",
    "license.face": "read faces of licenses, field by field",
    "ledger.entries": "read entry bundles of the log and receipts",
    "journal.read": "read access records of the own county's licenses",
    "case.follow": "follow the events of cases that the caller's own county takes in, handles or hands out",
    "case.read": "read cases that the caller's own county takes in, handles or hands out",
    "case.supervise": "list the own county's clocks that are yellow or red, and read the cases they are of",
    "objection.read": "read objections that the caller's own county raised or must answer",
    "statistics.read": "read what counties did for others, and how well: the own county exactly, the others rounded",
    "webhook.manage": "have the events of the own county's cases sent to its systems",
    "vault.deposit": "deposit and erase faces in the vault",
    "holder.read": "read what is kept of the holder that the token is bound to, in all counties",
}

HOLDER_SCOPE: Final = "holder.read"
_OWN_HOLDER: Final = "own_holder"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRule:
    """One rule: any one of `scopes` is enough (empty: everyone); `use_cause`: the root field must carry one.

    row: name of the row predicate that joins the statement for a caller for whom `row_unless` is not among the scopes.
    Who has no scope of the rule but `HOLDER_SCOPE` sees the rows of the token's own holder in their place.
    basis: scopes with which the root field must name by what right it is read; whoever names one sees its rows only.
    """

    scopes: frozenset[str] = frozenset()
    use_cause: bool = False
    row: str | None = None
    row_unless: str | None = None
    basis: frozenset[str] = frozenset()

    def row_for(self, scopes: frozenset[str]) -> str | None:
        """Give the name of the row predicate for a caller with these scopes; None: every row."""
        if self.row is None or self.row_unless in scopes:
            return None
        by_holder = HOLDER_SCOPE in self.scopes and self.scopes & scopes <= {HOLDER_SCOPE}
        return _OWN_HOLDER if by_holder else self.row

    def open_to(self, scopes: frozenset[str]) -> bool:
        """Tell whether a caller with these scopes meets the rule before any row is read."""
        return not self.scopes or not self.scopes.isdisjoint(scopes)

    def rows(self) -> tuple[str, ...]:
        """Give the names of all row predicates that some caller may need."""
        own = (_OWN_HOLDER,) if HOLDER_SCOPE in self.scopes else ()
        return () if self.row is None else (self.row, *own)


_READ: Final = frozenset({"license.read", "license.read.own", HOLDER_SCOPE})
_CASE: Final = frozenset({"case.read", "case.supervise", HOLDER_SCOPE})
_BEYOND: Final = frozenset({"license.read"})
"""The scopes that reach beyond the own county's licenses, and beyond the holder's own."""

RULES: Final[dict[str, AccessRule]] = {
    "public": AccessRule(),
    "license.read": AccessRule(
        scopes=_READ, use_cause=True, row="own_county", row_unless="license.read", basis=_BEYOND
    ),
    "license.checklist": AccessRule(scopes=_READ, use_cause=True, basis=_BEYOND),
    "license.face": AccessRule(scopes=frozenset({"license.face", HOLDER_SCOPE}), use_cause=True),
    "license.log": AccessRule(scopes=_READ, use_cause=True),
    "license.access_records": AccessRule(scopes=frozenset({"journal.read", HOLDER_SCOPE}), use_cause=True),
    "consent.read": AccessRule(scopes=_READ, row="consent_party"),
    "case.event": AccessRule(scopes=frozenset({"case.follow"}), use_cause=True),
    "case.feed": AccessRule(scopes=frozenset({"case.follow"})),
    "case.read": AccessRule(scopes=_CASE, use_cause=True, row="case_party"),
    "case.own": AccessRule(scopes=frozenset({HOLDER_SCOPE}), use_cause=True, row="case_party"),
    "case.steps": AccessRule(scopes=_CASE, use_cause=True),
    "case.supervise": AccessRule(scopes=frozenset({"case.supervise"}), use_cause=True),
    "objection.read": AccessRule(
        scopes=frozenset({"objection.read", HOLDER_SCOPE}), use_cause=True, row="objection_party"
    ),
    "schema.read": AccessRule(scopes=frozenset(SCOPES) - {HOLDER_SCOPE}),
    "statistics.read": AccessRule(scopes=frozenset({"statistics.read"})),
}

TYPES: Final[dict[str, str]] = {
    "License": "license.read",
    "LicenseConnection": "license.read",
    "LicenseEdge": "license.read",
    "LicenseReceipt": "license.read",
    "LicenseStanding": "license.log",
    "Checklist": "license.checklist",
    "ChecklistFindings": "license.checklist",
    "ChecklistItem": "license.checklist",
    "ChecklistLicense": "license.checklist",
    "ChecklistObjection": "license.checklist",
    "ChecklistType": "license.checklist",
    "Face": "license.face",
    "FaceUnavailable": "license.face",
    "AccessRecord": "license.access_records",
    "AccessRecords": "license.access_records",
    "HolderReads": "license.access_records",
    "Consent": "consent.read",
    "ConsentConnection": "consent.read",
    "ConsentEdge": "consent.read",
    "Case": "case.read",
    "CaseConnection": "case.own",
    "CaseEdge": "case.own",
    "CaseEvent": "case.event",
    "CaseEventFeed": "case.feed",
    "CaseLampTurned": "case.event",
    "CaseLicenseChanged": "case.event",
    "CaseStepTaken": "case.event",
    "CaseStep": "case.steps",
    "CaseAssistance": "case.steps",
    "CaseClock": "case.steps",
    "Escalation": "case.supervise",
    "EscalatedClock": "case.supervise",
    "EscalationPage": "case.supervise",
    "LegalStep": "case.steps",
    "LimitReading": "case.steps",
    "HotlineAppeal": "case.steps",
    "FollowUp": "case.steps",
    "Objection": "objection.read",
    "ObjectionConnection": "objection.read",
    "ObjectionEdge": "objection.read",
    "CountyStatistics": "statistics.read",
    "PeriodStatistics": "statistics.read",
    "SatisfactionCounts": "statistics.read",
    "TimelyCounts": "statistics.read",
    "_Service": "schema.read",
}
"""The rule of each object type by its GraphQL name; a type that is not listed is public.

Wherever a row of a type with a row rule enters an answer, the predicate joins the statement.
"""


def rule_of_type(type_name: str) -> str:
    """Give the name of the access rule of an object type."""
    return TYPES.get(type_name, "public")
