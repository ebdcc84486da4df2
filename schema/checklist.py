"""The checklist (一次性告知): what a holder still has to bring for one matter in one county, told once and in full.

    checklist(matter: "000101002000", county: "370214", holder: {...}, useCause: "...") {
      findings { complete asOf items { name state license { certificateIdentifier sealedBy } toleratedUntil } } }

One statement reads the offering in force today, its materials, and the holder's licenses of their types, from whatever
county; their status is that of the ledger's newest checkpoint. The judgement is `schema.coverage`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import strawberry
from strawberry.types import Info

from ledger.errors import Malformed
from ledger.status import Status
from ledger.workdays import china_day
from schema.catalogue import Matter
from schema.context import Context, Standing
from schema.coverage import Asked, Covered, Held, MaterialState, Missed, UnusableReason, cover
from schema.jurisdictions import Jurisdiction
from schema.lamps import CaseLamp
from schema.mapping import Expression, Gather, Property, Relation, attribute, computed, needed, stored
from schema.objections import read_objection
from schema.scalars import CatalogueCode, Date, DateTime, LicenseIdentifier, LogNumber, StatementId, instant

__all__ = ["Checklist", "ChecklistFindings", "ChecklistItem", "ChecklistLicense", "ChecklistObjection", "ChecklistType"]

_ACCESS: Final = "license.checklist"
_MOST_LICENSES: Final = 500  # an access record names each of them

_MATERIALS: Final = Gather(
    name="materials",
    place=Relation(type="REQUIRES", direction="out", target="Material", many=True, order="code", page=30),
    properties=("code", "name", "kind"),
    edge=("order", "need", "toleranceDays"),
    gathers=(
        Gather(
            name="types",
            place=Relation(
                type="SATISFIED_BY", direction="out", target="LicenseType", many=True, order="code", page=10
            ),
            properties=("code", "name", "definerName"),
        ),
    ),
)

# From the holder, who has few licenses, and never from a type, which has a million.
_LICENSES: Final = Gather(
    name="licenses",
    place=Expression(
        cypher="(:Holder {key: $holder_key})<-[:HELD_BY]-({t}:License) WHERE EXISTS { "
        "MATCH ({n})-[:REQUIRES]->(:Material)-[:SATISFIED_BY]->(y:LicenseType) "
        "WHERE y.code = {t}.certificateTypeCode }",
        parameters=("holder_key",),
        target="License",
        many=True,
        order="certificateIdentifier",
        page=_MOST_LICENSES,
    ),
    properties=(
        "certificateIdentifier", "certificateTypeCode", "logIndex", "sealedBy", "certificateIssuedDate",
        "certificateEffectiveDate", "certificateExpiringDate", "disputed",
    ),
    gathers=(
        Gather(
            name="issuers",
            place=Relation(type="ISSUED_BY", direction="out", target="Authority", many=True, order="code", page=1),
            properties=("name",),
        ),
    ),
)  # fmt: skip

# By the holder's key, as an objection names him: who misses his only license is no `Holder` here.
_MISSED: Final = Gather(
    name="missed",
    place=Expression(
        cypher="({t}:Objection {holderKey: $holder_key}) WHERE {t}.open AND EXISTS { "
        "MATCH ({n})-[:REQUIRES]->(:Material)-[:SATISFIED_BY]->(y:LicenseType) "
        "WHERE y.code = {t}.certificateTypeCode }",
        parameters=("holder_key",),
        target="Objection",
        many=True,
        order="id",
        page=100,
    ),
    properties=("id", "certificateTypeCode", "answeredBy", "raisedAt"),
    optional=True,
)


@strawberry.type(description="A license type that would satisfy a material: what to bring, and whose document it is.")
class ChecklistType:
    """One row of the license directory."""

    code: CatalogueCode = attribute(access=_ACCESS, description="Certificate type code, 21 characters.")
    name: str = attribute(access=_ACCESS, description="Name in Chinese.")
    definer_name: str | None = attribute(access=_ACCESS, description="Name of the body that defines it.")


@strawberry.type(description="A license of the holder that satisfies a material, or would if it were in force.")
class ChecklistLicense:
    """Which one, and whose; its status is as of the findings' checkpoint."""

    certificate_identifier: LicenseIdentifier = attribute(access=_ACCESS, description="Identifier (GB/T 36904).")
    certificate_type_code: CatalogueCode = attribute(access=_ACCESS, description="Code of its type, 21 characters.")
    log_index: LogNumber = attribute(access=_ACCESS, description="Index of its seal in the ledger, from 0.")
    sealed_by: CatalogueCode = attribute(access=_ACCESS, description="Member id of the county that sealed it.")
    issued_by: str | None = attribute(
        access=_ACCESS, description="Name of the authority that issued it; null while the catalogue does not list it."
    )
    certificate_effective_date: Date | None = attribute(access=_ACCESS, description="First day of validity.")
    certificate_expiring_date: Date | None = attribute(
        access=_ACCESS, description="Last day of validity; null: no end (长期)."
    )
    reason: UnusableReason | None = attribute(access=_ACCESS, description="Why it does not count; null: it does.")


@strawberry.type(description="An open objection (异议): a license that would satisfy a material is missing.")
class ChecklistObjection:
    """For the counties that are its parties, and the holder; its clock is read at the request."""

    id: StatementId = attribute(access=_ACCESS, description="Id of the objection.")
    certificate_type_code: CatalogueCode = attribute(access=_ACCESS, description="Type code of the missing license.")
    answered_by: CatalogueCode = attribute(access=_ACCESS, description="Member id of the county that must answer.")
    due: Date = attribute(access=_ACCESS, description="Last day in time to decide it.")
    lamp: CaseLamp = attribute(access=_ACCESS, description="What its clock shows now.")
    provisional: bool = attribute(
        access=_ACCESS, description="Whether that rests on days whose official calendar is not there yet."
    )


@strawberry.type(description="One material of a checklist.")
class ChecklistItem:
    """What is asked for, and what is known of it."""

    code: CatalogueCode = attribute(access=_ACCESS, description="Code of the material.")
    order: int = attribute(access=_ACCESS, description="Its place in the offering's list, from 1.")
    name: str = attribute(access=_ACCESS, description="Name in Chinese.")
    kind: str = attribute(access=_ACCESS, description="In which form it is handed in: 原件, 复印件, 表格, 电子 ….")
    need: bool = attribute(access=_ACCESS, description="Whether the offering cannot do without it.")
    state: MaterialState = attribute(access=_ACCESS, description="What is known of it.")
    license: ChecklistLicense | None = attribute(access=_ACCESS, description="The license that satisfies it, if HELD.")
    unusable: list[ChecklistLicense] = attribute(
        access=_ACCESS, description="Licenses that would satisfy it, each with the reason; empty if HELD."
    )
    objections: list[ChecklistObjection] = attribute(
        access=_ACCESS,
        description="Open objections that the caller may see: a license that satisfies it is missing; empty if HELD.",
    )
    license_types: list[ChecklistType] = attribute(
        access=_ACCESS, description="The license types any of which satisfies it, by code."
    )
    tolerated_until: Date | None = attribute(access=_ACCESS, description="Last day to bring it, if TOLERATED.")
    provisional: bool = attribute(
        access=_ACCESS, description="Whether that day may change: days off up to it are not all announced yet."
    )


@strawberry.type(description="What a holder still has to bring, and as of when that is known.")
class ChecklistFindings:
    """The materials of the offering, each judged."""

    on: Date = attribute(access=_ACCESS, description="The day in China that it is judged for.")
    as_of: DateTime = attribute(access=_ACCESS, description="When the statuses were witnessed.")
    checkpoint_size: LogNumber = attribute(access=_ACCESS, description="Size of the ledger's checkpoint they are of.")
    complete: bool = attribute(
        access=_ACCESS, description="Whether the case can begin: all that is needed is HELD or TOLERATED."
    )
    held: int = attribute(access=_ACCESS, description="How many materials need not be handed in.")
    to_bring: int = attribute(
        access=_ACCESS, description="How many needed materials are to be handed in, now or later."
    )
    items: list[ChecklistItem] = attribute(access=_ACCESS, description="The materials, in the order of the list.")


@strawberry.type(description="A county's offering in force, seen with what one holder has of it.")
class Checklist:
    """A node `Offering`."""

    code: CatalogueCode = stored(Property("code"), access=_ACCESS, description="Code of the offering's version.")
    matter: Matter | None = stored(
        Relation(type="IMPLEMENTS", direction="out", target="Matter"),
        access=_ACCESS,
        cost=2,
        description="The matter; null while the catalogue does not list it.",
    )
    county: Jurisdiction | None = stored(
        Relation(type="IN", direction="out", target="Jurisdiction"),
        access=_ACCESS,
        cost=2,
        description="The county that decides; null while the catalogue does not list it.",
    )

    @computed(gathers=(_MATERIALS, _LICENSES, _MISSED), access=_ACCESS, cost=20)
    async def findings(self, info: Info[Context, Any]) -> ChecklistFindings:
        """Each material: held and in force, tolerated, not usable and why, or missing."""
        licenses = needed(self, "licenses")
        if len(licenses) >= _MOST_LICENSES:
            raise Malformed("limit_exceeded", f"the holder has {_MOST_LICENSES} licenses of these types, or more")
        standing = await info.context.registry.statuses([each["logIndex"] for each in licenses])
        missed = [_missed(each) for each in needed(self, "missed") or ()]
        return _findings(needed(self, "materials"), licenses, missed, standing, info.context)


def _findings(
    materials: Sequence[Mapping[str, Any]],
    licenses: Sequence[Mapping[str, Any]],
    missed: Sequence[Missed],
    standing: Standing,
    context: Context,
) -> ChecklistFindings:
    today = china_day(context.clock()).isoformat()
    held = [_held(each, status) for each, status in zip(licenses, standing.statuses, strict=True)]
    rows = {each["certificateIdentifier"]: each for each in licenses}
    judged = [(each, cover(_asked(each), held, today, context.calendar, missed)) for each in materials]
    needed_ones = [covered.state for each, covered in judged if each["need"]]
    return ChecklistFindings(
        on=Date(today),
        as_of=instant(standing.time),
        checkpoint_size=LogNumber(standing.size),
        complete=all(state in {MaterialState.HELD, MaterialState.TOLERATED} for state in needed_ones),
        held=sum(covered.state is MaterialState.HELD for _, covered in judged),
        to_bring=sum(state is not MaterialState.HELD for state in needed_ones),
        items=[_item(each, covered, rows, context) for each, covered in judged],
    )


def _asked(row: Mapping[str, Any]) -> Asked:
    types = frozenset(each["code"] for each in row["types"])
    return Asked(type_codes=types, tolerance=row["toleranceDays"])


def _held(row: Mapping[str, Any], status: Status) -> Held:
    return Held(
        identifier=row["certificateIdentifier"],
        type_code=row["certificateTypeCode"],
        status=status,
        issued=row["certificateIssuedDate"],
        effective=row["certificateEffectiveDate"],
        expires=row["certificateExpiringDate"],
        disputed=bool(row["disputed"]),
    )


def _missed(row: Mapping[str, Any]) -> Missed:
    return Missed(
        id=row["id"], type_code=row["certificateTypeCode"], answered_by=row["answeredBy"], raised=row["raisedAt"]
    )


def _item(
    row: Mapping[str, Any], covered: Covered, rows: Mapping[str, Mapping[str, Any]], context: Context
) -> ChecklistItem:
    until = covered.until
    return ChecklistItem(
        code=row["code"],
        order=row["order"],
        name=row["name"],
        kind=row["kind"],
        need=row["need"],
        state=covered.state,
        license=None if covered.license is None else _license(rows[covered.license.identifier], None),
        unusable=[_license(rows[each.identifier], reason) for each, reason in covered.unusable],
        objections=[_objection(each, context) for each in covered.missed],
        license_types=[
            ChecklistType(code=each["code"], name=each["name"], definer_name=each["definerName"])
            for each in row["types"]
        ],
        tolerated_until=None if until is None else Date(until.day.isoformat()),
        provisional=until is not None and until.provisional,
    )


def _license(row: Mapping[str, Any], reason: UnusableReason | None) -> ChecklistLicense:
    return ChecklistLicense(
        certificate_identifier=row["certificateIdentifier"],
        certificate_type_code=row["certificateTypeCode"],
        log_index=row["logIndex"],
        sealed_by=row["sealedBy"],
        issued_by=next((each["name"] for each in row["issuers"]), None),
        certificate_effective_date=row["certificateEffectiveDate"],
        certificate_expiring_date=row["certificateExpiringDate"],
        reason=reason,
    )


def _objection(missed: Missed, context: Context) -> ChecklistObjection:
    read = read_objection(missed.raised, None, context)
    assert read.due is not None  # noqa: S101  # a clock that never stops has one
    return ChecklistObjection(
        id=StatementId(missed.id),
        certificate_type_code=CatalogueCode(missed.type_code),
        answered_by=CatalogueCode(missed.answered_by),
        due=Date(read.due.isoformat()),
        lamp=CaseLamp(read.lamp.value),
        provisional=read.provisional,
    )
