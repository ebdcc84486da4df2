"""Licenses: what the graph knows of a sealed license. Names and numbers of persons are part of the face, not of this.

    (:License {certificateIdentifier, logIndex, leafHash, status, ...})
        -[:OF_TYPE]->(:LicenseType), -[:ISSUED_BY]->(:Authority), -[:HELD_BY]->(:Holder {key}), -[:REPLACES]->(:License)

Names: GB/T 36903 in English. A license is read below a root field that names a `useCause`; a row that the caller may
not see looks like a row that is absent.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import strawberry
from strawberry.types import Info

from ledger.errors import TongbanError
from schema.accesses import AccessRecordsResult, access_records
from schema.catalogue import LicenseType
from schema.connections import DEFAULT_PAGE, After, First
from schema.context import Context
from schema.faces import FaceResult, face_of
from schema.jurisdictions import Authority
from schema.mapping import Expression, Property, Relation, attribute, computed, needed, stored
from schema.objections import Objection
from schema.problems import Problem, problem_of
from schema.scalars import (
    CatalogueCode,
    Date,
    DateTime,
    Digest,
    HolderCode,
    HolderTypeCode,
    LicenseIdentifier,
    LogNumber,
    instant,
)
from schema.transparency import ReceiptResult, receipt_at

if TYPE_CHECKING:
    from schema.cases import Case

__all__ = ["HolderInput", "License", "LicenseReceipt", "LicenseStanding", "LicenseStatus"]


@strawberry.enum(description="Status of a license in the ledger. Expiry is no status: it follows from the dates.")
class LicenseStatus(Enum):
    """Each value is its GraphQL name, as the graph stores it."""

    VALID = strawberry.enum_value("VALID", description="In force, as far as its issuer has stated.")
    REVOKED = strawberry.enum_value("REVOKED", description="Withdrawn, cancelled or lapsed for good.")
    SUSPENDED = strawberry.enum_value("SUSPENDED", description="Withheld for a time, or being moved to another county.")
    SUPERSEDED = strawberry.enum_value("SUPERSEDED", description="Replaced by a renewed or changed license.")


@strawberry.input(description="A holder, by the kind of code and the code; only its keyed hash goes on from here.")
class HolderInput:
    """Identifies a holder; the code is never stored, logged or put into a statement."""

    certificate_holder_type_code: HolderTypeCode = strawberry.field(description="Kind of code, e.g. 001 or 111.")
    certificate_holder_code: HolderCode = strawberry.field(description="The code itself.")


@strawberry.type(
    description="The status of a license under the ledger's newest witnessed checkpoint, and how old that is."
)
class LicenseStanding:
    """The field `status` follows the graph, which may be seconds behind; this does not."""

    status: LicenseStatus = attribute(access="license.log", description="Status as of that checkpoint.")
    as_of: DateTime = attribute(access="license.log", description="When a quorum of counties witnessed it.")
    checkpoint_size: LogNumber = attribute(access="license.log", description="How many entries it covers.")


StandingResult: TypeAlias = Annotated[
    LicenseStanding | Problem,
    strawberry.union("StandingResult", description="A status with its age, or why the ledger gives none now."),
]


async def _standing_of(context: Context, index: int) -> LicenseStanding | Problem:
    try:
        found = await context.registry.statuses([index])
    except TongbanError as error:
        return problem_of(error)
    return LicenseStanding(
        status=LicenseStatus[found.statuses[0].name],
        as_of=instant(found.time),
        checkpoint_size=LogNumber(found.size),
    )


@strawberry.type(description="A sealed e-license, as the ledger and its county's journal state it.")
class License:
    """A node `License`."""

    certificate_identifier: LicenseIdentifier = stored(
        Property("certificateIdentifier"), access="license.read", description="Identifier of the license (GB/T 36904)."
    )
    log_index: LogNumber = stored(
        Property("logIndex"), access="license.read", description="Index of its seal in the ledger, from 0."
    )
    leaf_hash: Digest = stored(
        Property("leafHash"), access="license.read", description="RFC 6962 leaf hash of its seal."
    )
    status: LicenseStatus = stored(
        Property("status"), access="license.read", description="Status in the ledger; the dates say whether it expired."
    )
    status_reason: str | None = stored(
        Property("statusReason"),
        access="license.read",
        description="Reason of the last change of status, if one was made.",
    )
    status_index: LogNumber | None = stored(
        Property("statusIndex"), access="license.read", description="Log index of the last change of status, if any."
    )
    certificate_issued_date: Date = stored(
        Property("certificateIssuedDate"), access="license.read", description="Day of issue."
    )
    certificate_effective_date: Date | None = stored(
        Property("certificateEffectiveDate"), access="license.read", description="First day of validity."
    )
    certificate_expiring_date: Date | None = stored(
        Property("certificateExpiringDate"),
        access="license.read",
        description="Last day of validity; null: no end (长期).",
    )
    sealed_at: DateTime = stored(Property("sealedAt"), access="license.read", description="When the county sealed it.")
    sealed_by: CatalogueCode = stored(
        Property("sealedBy"), access="license.read", description="Member id of the county that sealed it, 6 digits."
    )
    type: LicenseType | None = stored(
        Relation(type="OF_TYPE", direction="out", target="LicenseType"),
        access="license.read",
        cost=2,
        description="Its type; null while the directory does not list the type.",
    )
    issued_by: Authority | None = stored(
        Relation(type="ISSUED_BY", direction="out", target="Authority"),
        access="license.read",
        cost=2,
        description="The authority that issued it; null while the catalogue does not list it.",
    )
    disputed: bool = stored(
        Expression(cypher="coalesce({n}.disputed, false)"),
        access="license.read",
        description="Whether an objection to it is open (存疑); its status, and its receipts, are not changed by that.",
    )
    objections: list[Objection] | None = stored(
        Relation(type="DISPUTED_BY", direction="out", target="Objection", many=True, order="id"),
        access="objection.read",
        cost=2,
        description="Objections to it that the caller's county raised or must answer, by id; the first 100.",
    )
    replaces: License | None = stored(
        Relation(type="REPLACES", direction="out", target="License"),
        access="license.read",
        cost=2,
        description="The license that this one replaces, as far as the caller may see it.",
    )
    replaced_by: License | None = stored(
        Relation(type="REPLACES", direction="in", target="License"),
        access="license.read",
        cost=2,
        description="The license that replaces this one, as far as the caller may see it.",
    )

    cases: list[Annotated[Case, strawberry.lazy("schema.cases")]] | None = stored(
        Relation(type="USES", direction="in", target="Case", many=True, order="caseNumber"),
        access="case.read",
        cost=2,
        description="Cases that use it, as far as the caller may see them, by number; at most 100.",
    )

    @computed(needs=("certificateIdentifier", "sealedBy"), access="license.face", cost=20)
    async def face(self, info: Info[Context, Any]) -> FaceResult | None:
        """Its face, from the county's node or legacy service, or the vault: only the selected fields are asked for."""
        return await face_of(
            info,
            certificate_identifier=needed(self, "certificateIdentifier"),
            county=needed(self, "sealedBy"),
            use_cause=info.context.use_cause(info.path),
        )

    @computed(needs=("logIndex",), access="license.log", cost=5)
    async def standing(self, info: Info[Context, Any]) -> StandingResult:
        """Its status in the ledger itself, and when that was witnessed."""
        return await _standing_of(info.context, needed(self, "logIndex"))

    @computed(needs=("logIndex",), access="license.log", cost=5)
    async def receipt(self, info: Info[Context, Any]) -> ReceiptResult:
        """A fresh receipt, which proves seal and status offline; it discloses nothing of the face."""
        return await receipt_at(info.context, needed(self, "logIndex"))

    @computed(needs=("certificateIdentifier", "sealedBy"), access="license.access_records", cost=5)
    async def access_records(
        self, info: Info[Context, Any], first: First = DEFAULT_PAGE, after: After = None
    ) -> AccessRecordsResult | None:
        """Who read it, when and why; for the county that sealed it, and for its holder."""
        return await access_records(
            info.context,
            certificate_identifier=needed(self, "certificateIdentifier"),
            sealed_by=needed(self, "sealedBy"),
            first=first,
            after=after,
        )


@strawberry.type(description="A fresh receipt of a license, with what the ledger says of it.")
class LicenseReceipt:
    """The node `License` seen from the ledger."""

    certificate_identifier: LicenseIdentifier = stored(
        Property("certificateIdentifier"), access="license.read", description="Identifier of the license (GB/T 36904)."
    )
    log_index: LogNumber = stored(
        Property("logIndex"), access="license.read", description="Index of its seal in the ledger, from 0."
    )
    status: LicenseStatus = stored(
        Property("status"), access="license.read", description="Status in the ledger; the receipt proves it."
    )

    @computed(needs=("logIndex",), access="license.log", cost=5)
    async def result(self, info: Info[Context, Any]) -> ReceiptResult:
        """The receipt, or why there is none now."""
        return await receipt_at(info.context, needed(self, "logIndex"))
