"""In what role somebody asks: one table from roles to scopes.

A token is of one role and carries scopes of that role only. What a scope lets see, and where a county's border or a
holder's own records cut it, says `schema.access`. A case's steps name the same roles (`hub.journal.casesteps`).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final

__all__ = ["ROLES", "RoleKind", "role_named"]


class RoleKind(Enum):
    """Each value is the word of the token request, of the token's claim `roles`, and of a case's step."""

    INTAKE_CLERK = "INTAKE_CLERK"
    HANDLER = "HANDLER"
    SUPERVISOR = "SUPERVISOR"
    AUDITOR = "AUDITOR"
    HOLDER = "HOLDER"
    PARTNER_SYSTEM = "PARTNER_SYSTEM"


ROLES: Final[Mapping[RoleKind, frozenset[str]]] = MappingProxyType(
    {
        # 收件: form and identity. Which licenses there are and whether they are in force, not what stands on them.
        RoleKind.INTAKE_CLERK: frozenset({"license.read", "case.read", "case.follow", "objection.read"}),
        # 经办: judges the papers, and the faces in their place.
        RoleKind.HANDLER: frozenset({"license.read", "license.face", "case.read", "case.follow", "objection.read"}),
        # 审批, 督办: what a handler sees, who read the own county's licenses, and what the county reports.
        RoleKind.SUPERVISOR: frozenset(
            {
                "license.read",
                "license.face",
                "case.read",
                "case.follow",
                "case.supervise",
                "objection.read",
                "journal.read",
                "statistics.read",
            }
        ),
        # Looks after the others: entries, access records, cases; the own county's licenses only, and no face.
        RoleKind.AUDITOR: frozenset(
            {"license.read.own", "case.read", "objection.read", "journal.read", "ledger.entries", "statistics.read"}
        ),
        # One person or firm, whom a county has authenticated: own records of all counties, and nobody else's.
        RoleKind.HOLDER: frozenset({"holder.read"}),
        # A machine of a county: counter and approval systems, nodes, mirrors.
        RoleKind.PARTNER_SYSTEM: frozenset(
            {
                "license.read",
                "license.read.own",
                "license.face",
                "case.read",
                "case.follow",
                "objection.read",
                "ledger.entries",
                "statistics.read",
                "vault.deposit",
                "webhook.manage",
            }
        ),
    }
)
"""Role -> its scopes: a token has these or fewer."""


def role_named(name: str) -> RoleKind | None:
    """Give the role of a name as it stands in a request or a token; None if there is none."""
    return RoleKind.__members__.get(name)
