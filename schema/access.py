"""Who may see what: one table of access rules, named by every field.

A static rule is decided from document and caller alone, before any I/O. A row rule is a predicate in the statement
itself (`hub/graph/predicates.py` holds its Cypher under the same name): a row that is cut looks like a row that is
absent. "Everyone" is a rule too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["ANONYMOUS", "RULES", "SCOPES", "TYPES", "AccessRule", "Principal", "rule_of_type"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who asks: a client of one county with scopes, from a verified access token; or nobody.

    county: 6-digit member id, None for nobody. client: kid of the client's key. token_id: `jti` of the token.
    expires: POSIX seconds.
    """

    county: str | None = None
    client: str | None = None
    token_id: str | None = None
    scopes: frozenset[str] = frozenset()
    expires: int = 0


ANONYMOUS: Final = Principal()

SCOPES: Final[dict[str, str]] = {
    "license.read": "look up licenses of all counties",
    "license.read.own": "look up licenses that the caller's own county issued",
    "license.face": "read faces of licenses, field by field",
    "ledger.entries": "read entry bundles of the log and receipts",
    "journal.read": "read access records of the own county's licenses",
    "case.read": "read cases that the caller's own county takes in, handles or hands out",
    "case.supervise": "list the own county's clocks that are yellow or red, and read the cases they are of",
    "vault.deposit": "deposit and erase faces in the vault",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRule:
    """One rule: any one of `scopes` is enough (empty: everyone); `use_cause`: the root field must carry one.

    row: name of the row predicate that joins the statement for a caller for whom `row_unless` is not among the scopes.
    """

    scopes: frozenset[str] = frozenset()
    use_cause: bool = False
    row: str | None = None
    row_unless: str | None = None


_READ: Final = frozenset({"license.read", "license.read.own"})
_CASE: Final = frozenset({"case.read", "case.supervise"})

RULES: Final[dict[str, AccessRule]] = {
    "public": AccessRule(),
    "license.read": AccessRule(scopes=_READ, use_cause=True, row="own_county", row_unless="license.read"),
    "license.checklist": AccessRule(scopes=_READ, use_cause=True),
    "license.face": AccessRule(scopes=frozenset({"license.face"}), use_cause=True),
    "license.log": AccessRule(scopes=_READ, use_cause=True),
    "license.access_records": AccessRule(scopes=frozenset({"journal.read"}), use_cause=True),
    "case.read": AccessRule(scopes=_CASE, use_cause=True, row="case_party"),
    "case.steps": AccessRule(scopes=_CASE, use_cause=True),
    "case.supervise": AccessRule(scopes=frozenset({"case.supervise"}), use_cause=True),
}

TYPES: Final[dict[str, str]] = {
    "License": "license.read",
    "LicenseConnection": "license.read",
    "LicenseEdge": "license.read",
    "LicenseReceipt": "license.read",
    "Checklist": "license.checklist",
    "ChecklistFindings": "license.checklist",
    "ChecklistItem": "license.checklist",
    "ChecklistLicense": "license.checklist",
    "ChecklistType": "license.checklist",
    "Face": "license.face",
    "FaceUnavailable": "license.face",
    "AccessRecord": "license.access_records",
    "AccessRecords": "license.access_records",
    "Case": "case.read",
    "CaseStep": "case.steps",
    "CaseAssistance": "case.steps",
    "CaseClock": "case.steps",
    "Escalation": "case.supervise",
    "EscalatedClock": "case.supervise",
    "EscalationPage": "case.supervise",
    "LegalStep": "case.steps",
    "LimitReading": "case.steps",
}
"""The rule of each object type by its GraphQL name; a type that is not listed is public.

Wherever a row of a type with a row rule enters an answer, the predicate joins the statement.
"""


def rule_of_type(type_name: str) -> str:
    """Give the name of the access rule of an object type."""
    return TYPES.get(type_name, "public")
