"""Consents as they can be asked for, and the basis that a reading of a person's licenses names.

    licenses(holder: {...}, useCause: "...", basis: {consent: "Jq0…"}, matter: "000101002000") { … }
    license(certificateIdentifier: "…", useCause: "…", basis: {case: "11370214MB…"}) { … }

Whoever reads beyond what the own county sealed names one: a consent of the holder for the caller's county, or a case
that the county takes in, handles or hands out, whose applicant is the holder. It is judged by the journal before
anything is read, and once more before the answer leaves. A consent for one matter covers a reading that says it is for
this matter, and each of its purposes covers certain root fields (`COVERED`); a case says itself what it is for.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

import strawberry

from ledger.consents import Purpose
from ledger.errors import Refused
from schema.context import Basis, Context
from schema.mapping import Expression, Property, stored
from schema.scalars import CaseNumber, CatalogueCode, DateTime, StatementId

__all__ = [
    "COVERED",
    "NO_BASIS",
    "Consent",
    "ConsentEvidence",
    "ConsentPurpose",
    "ReadBasis",
    "basis_of",
    "check_purpose",
]

_ACCESS: Final = "consent.read"
NO_BASIS: Final = "there is no such consent or case of this holder for the caller's county"
"""The message of Refused no_basis: the same whatever is wrong, so that nobody learns of another county's."""

COVERED: Final[Mapping[Purpose, frozenset[str]]] = {
    Purpose.HANDLING: frozenset({"checklist", "license", "licenses", "receipt"}),
    Purpose.ADVICE: frozenset({"checklist"}),
    Purpose.VERIFICATION: frozenset({"license", "receipt"}),
}
"""Purpose of a consent -> the root fields that may be read by it."""


@strawberry.enum(description="By what kind of question a holder lets a county read.")
class ConsentPurpose(Enum):
    """Each value is its GraphQL name, as the graph stores it."""

    HANDLING = strawberry.enum_value("HANDLING", description="To handle the holder's matter (办理事项): every look-up.")
    ADVICE = strawberry.enum_value("ADVICE", description="To tell the holder what to bring (咨询): `checklist`.")
    VERIFICATION = strawberry.enum_value(
        "VERIFICATION", description="To check a license that was shown (核验): `license` and `receipt`."
    )


@strawberry.enum(description="How a consent is shown to be the holder's.")
class ConsentEvidence(Enum):
    """Each value is its GraphQL name, as the graph stores it."""

    SIGNED = strawberry.enum_value("SIGNED", description="Signed by the key that a county confirmed to the holder.")
    RECORDED = strawberry.enum_value("RECORDED", description="Recorded by a clerk, with the digest of the evidence.")


@strawberry.input(description="By what right a person's licenses are read: one of the two.", one_of=True)
class ReadBasis:
    """Exactly one member is given."""

    consent: StatementId | None = strawberry.field(
        default=strawberry.UNSET, description="A consent of the holder for the caller's county."
    )
    case: CaseNumber | None = strawberry.field(
        default=strawberry.UNSET, description="An open case of the caller's county whose applicant is the holder."
    )


@strawberry.type(description="A holder's consent that one county may read the holder's licenses.")
class Consent:
    """A node `Consent`."""

    id: StatementId = stored(Property("id"), access=_ACCESS, description="Its id, for `basis`.")
    county: CatalogueCode = stored(Property("county"), access=_ACCESS, description="Member id of who may read.")
    matter_code: CatalogueCode | None = stored(
        Property("matterCode"), access=_ACCESS, description="For which matter; null: for any."
    )
    fields: list[str] | None = stored(
        Property("fields"), access=_ACCESS, description="Names of the face fields, ascending; null: all of them."
    )
    purpose: ConsentPurpose = stored(Property("purpose"), access=_ACCESS, description="By which questions.")
    expires_at: DateTime = stored(Property("expiresAt"), access=_ACCESS, description="Its last second is before this.")
    stated_by: CatalogueCode = stored(
        Property("statedBy"), access=_ACCESS, description="Member id of the county that stated it."
    )
    stated_at: DateTime = stored(Property("statedAt"), access=_ACCESS, description="When, by that county's clock.")
    evidence: ConsentEvidence = stored(Property("evidence"), access=_ACCESS, description="How it is shown.")
    revoked_at: DateTime | None = stored(
        Property("revokedAt"), access=_ACCESS, description="When it was taken back; null: it was not."
    )
    revoked_by: CatalogueCode | None = stored(
        Property("revokedBy"), access=_ACCESS, description="Member id of the county that stated its end."
    )
    in_force: bool = stored(
        Expression(cypher="({n}.revokedAt IS NULL AND {n}.expiresAt > $now)", parameters=("now",)),
        access=_ACCESS,
        description="Whether it can be a basis now.",
    )


async def basis_of(arguments: Mapping[str, Any], context: Context) -> Basis | None:
    """Judge the basis that a root field names, if it names one, for the caller at this time. A case is its own.

    Raises Refused no_basis, basis_ended, not_consented (it is for another matter than the one that is read for).
    """
    given = arguments.get("basis")
    consent, case = (given.get("consent"), given.get("case")) if given else (None, arguments.get("caseNumber"))
    if consent is None and case is None:
        return None
    found = await context.bases.judge(
        consent=consent, case=case, county=context.principal.county or "", at=context.clock()
    )
    matter = arguments.get("matter")
    if found.purpose is None and matter is None:  # a case says itself what it is for
        return found
    if found.matter not in {None, matter}:
        raise Refused("not_consented", "the basis is for another matter, or for one that the reading does not name")
    return found


def check_purpose(basis: Basis, root_field: str) -> None:
    """Check that a basis is for the kind of question that a root field asks. Raises Refused not_consented."""
    if basis.purpose is not None and root_field not in COVERED[basis.purpose]:
        raise Refused("not_consented", f"the consent is for {basis.purpose.value}, which does not cover {root_field}")
