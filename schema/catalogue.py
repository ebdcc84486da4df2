"""The catalogue: matters, each county's offering of them, the materials they ask for, the license types behind these.

    (:MatterVersion)<-[:HAS_VERSION]-(:Matter)<-[:IMPLEMENTS]-(:Offering)-[:IN]->(:Jurisdiction)
    (:Offering)-[:REQUIRES {order, need, toleranceDays}]->(:Material)-[:SATISFIED_BY]->(:LicenseType)
    (:Offering)-[:PRODUCES]->(:LicenseType)

An offering has versions, one node each: stated by its county in the journal, in force from `planEffectiveDate` to the
day before `supersededOn`, and not past `planCancelDate`. A matter has versions, too: those of the list with which the
members began, and what k of n of them decided since in rule entries of the ledger.

Code lists: GB/T 39046-2020 Annex A (type), State Council notice 2020/35 (mode), GB/T 36902 (license types).
"""

from __future__ import annotations

from typing import Final

import strawberry

from schema.jurisdictions import Jurisdiction
from schema.mapping import EdgeProperty, Expression, Property, Relation, stored
from schema.scalars import CatalogueCode, Date, DateTime, LogNumber

__all__ = ["IN_FORCE", "ON_LIST", "LicenseType", "ListedMatter", "Material", "Matter", "Offering"]

IN_FORCE: Final = (
    "{t}.planEffectiveDate <= $today AND coalesce({t}.planCancelDate, $today) >= $today "
    "AND ({t}.supersededOn IS NULL OR {t}.supersededOn > $today)"
)
"""Whether the version `{t}` of an offering is in force today: of all versions of one, at most one is."""

ON_LIST: Final = (
    "{n}.listed AND coalesce({n}.since, '') <= coalesce($on, $today) "
    "AND ({n}.until IS NULL OR {n}.until > coalesce($on, $today))"
)
"""Whether the version `{n}` of a matter is on the list on the day `on`, by default today: at most one of them is."""


@strawberry.type(description="A government service matter that the alliance handles across provinces.")
class Matter:
    """A node `Matter`."""

    code: CatalogueCode = stored(
        Property("code"), access="public", description="Basic code of the matter, 12 characters (GB/T 39554)."
    )
    number: int | None = stored(Property("number"), access="public", description="Number in the alliance's list.")
    name: str = stored(
        Property("name"), access="public", description="Name in Chinese, by the newest of its versions on the list."
    )
    listed_from: Date | None = stored(
        Property("listedFrom"),
        access="public",
        description="Day from which it is, or last was, on the list; null: from the beginning.",
    )
    listed_until: Date | None = stored(
        Property("listedUntil"),
        access="public",
        description="First day on which it is not on the list any more; null: it has not been removed.",
    )
    versions: list[ListedMatter] = stored(
        Expression(
            cypher="({n})-[:HAS_VERSION]->({t}:MatterVersion) WHERE {t}.listed",
            target="MatterVersion",
            many=True,
            order="code",
            page=50,
        ),
        access="public",
        cost=2,
        description="What was decided about it, oldest first; at most 50. Between them it may be off the list.",
    )
    type: str = stored(
        Property("type"),
        access="public",
        description="Type of the matter, 2 digits: 01 permit, 05 payment, 07 confirmation, 20 public service.",
    )
    mode: str = stored(
        Property("mode"),
        access="public",
        description="How it is handled across provinces: 全程网办, 异地代收代办, 多地联办 or 授权办理.",
    )
    statutory_days: int | None = stored(
        Property("statutoryDays"), access="public", description="Days that the law allows."
    )
    promised_days: int | None = stored(
        Property("promisedDays"), access="public", description="Days that the alliance promises."
    )
    day_unit: str | None = stored(
        Property("dayUnit"), access="public", description="What the days are: working (the calendar's) or calendar."
    )
    source: str = stored(Property("source"), access="public", description="Where this row was taken from.")
    confidence: str = stored(
        Property("confidence"),
        access="public",
        description="How sure it is: S from a source, T checked, M from memory (h high, m middle), sample made up.",
    )
    offerings: list[Offering] = stored(
        Expression(
            cypher="({n})<-[:IMPLEMENTS]-({t}:Offering) WHERE " + IN_FORCE,
            parameters=("today",),
            target="Offering",
            many=True,
            order="code",
            page=50,
        ),
        access="public",
        cost=2,
        description="The counties' offerings of this matter that are in force today, by code; at most 50.",
    )


@strawberry.type(description="One version of a matter on the alliance's list: what holds of it from a day on.")
class ListedMatter:
    """A node `MatterVersion`; its own code is the matter's, `@`, its first day."""

    matter_code: CatalogueCode = stored(Property("matterCode"), access="public", description="Code of the matter.")
    name: str = stored(Property("name"), access="public", description="Name in Chinese.")
    type: str = stored(Property("type"), access="public", description="Type of the matter, digits 3 and 4 of its code.")
    mode: str = stored(Property("mode"), access="public", description="How it is handled across provinces; see Matter.")
    since: Date | None = stored(
        Property("since"), access="public", description="First day of this version; null: from the beginning."
    )
    until: Date | None = stored(
        Property("until"),
        access="public",
        description="First day of the next version, or without it on the list; null: neither is decided.",
    )
    log_index: LogNumber | None = stored(
        Property("logIndex"),
        access="public",
        description="Index of the rule entry in which k of n members decided it; null: it stands in the first table.",
    )
    matter: Matter = stored(
        Relation(type="HAS_VERSION", direction="in", target="Matter", nullable=False),
        access="public",
        cost=2,
        description="The matter itself, with the counties' offerings.",
    )


@strawberry.type(description="One county's implementation of a matter: its time limits, visits, fee and materials.")
class Offering:
    """A node `Offering`: one version. Its code is the matter's, `@`, the county's, `@`, its first day."""

    code: CatalogueCode = stored(
        Property("code"), access="public", description="Matter, @, county, @, first day: 001001001000@370214@20260601."
    )
    plan_effective_date: Date = stored(
        Property("planEffectiveDate"), access="public", description="First day on which this version is in force."
    )
    plan_cancel_date: Date | None = stored(
        Property("planCancelDate"),
        access="public",
        description="Last day at most; null: until a version supersedes it.",
    )
    superseded_on: Date | None = stored(
        Property("supersededOn"),
        access="public",
        description="First day of the next version, or without the matter on the list; null: neither.",
    )
    stated_at: DateTime = stored(Property("statedAt"), access="public", description="When the county signed it.")
    mode: str | None = stored(Property("mode"), access="public", description="How this county handles it.")
    statutory_days: int | None = stored(
        Property("statutoryDays"), access="public", description="Days that the law allows."
    )
    promised_days: int | None = stored(
        Property("promisedDays"), access="public", description="Days that this county promises."
    )
    day_unit: str = stored(
        Property("dayUnit"), access="public", description="What the days are: working (the calendar's) or calendar."
    )
    visits: int | None = stored(
        Property("visits"), access="public", description="How often the applicant must come in person."
    )
    on_site_reason: str | None = stored(
        Property("onSiteReason"), access="public", description="Why one must come; null: nobody has to."
    )
    fee: int | None = stored(Property("fee"), access="public", description="Fee in yuan; 0: free of charge.")
    fee_standard: str | None = stored(
        Property("feeStandard"), access="public", description="By which standard the fee is set, if there is one."
    )
    flow: list[str] = stored(Property("flow"), access="public", description="The steps of its handling, in order.")
    source: str = stored(Property("source"), access="public", description="Where this row was taken from.")
    confidence: str = stored(Property("confidence"), access="public", description="How sure it is; see Matter.")
    matter: Matter | None = stored(
        Relation(type="IMPLEMENTS", direction="out", target="Matter"),
        access="public",
        cost=2,
        description="The matter that is offered; null while the catalogue does not list it.",
    )
    county: Jurisdiction | None = stored(
        Relation(type="IN", direction="out", target="Jurisdiction"),
        access="public",
        cost=2,
        description="The county that offers it; null while the catalogue does not list it.",
    )
    materials: list[Material] = stored(
        Relation(type="REQUIRES", direction="out", target="Material", many=True, order="code", page=30),
        access="public",
        cost=2,
        description="What the applicant must bring, in the order of the list; at most 30.",
    )
    produces: list[LicenseType] = stored(
        Relation(type="PRODUCES", direction="out", target="LicenseType", many=True, order="code", page=10),
        access="public",
        cost=2,
        description="The license types that the matter ends in, by code; at most 10.",
    )


@strawberry.type(description="A material that an offering asks for.")
class Material:
    """A node `Material`; what the offering says of it stands on the relationship that led to it."""

    code: CatalogueCode = stored(
        Property("code"), access="public", description="Code of the offering's version, a dot, its place in the list."
    )
    name: str = stored(Property("name"), access="public", description="Name in Chinese.")
    order: int | None = stored(
        EdgeProperty("order"),
        access="public",
        description="Its place in the offering's list; null outside an offering.",
    )
    need: bool | None = stored(
        EdgeProperty("need"),
        access="public",
        description="Whether the offering cannot do without it; null outside an offering.",
    )
    tolerance_days: int | None = stored(
        EdgeProperty("toleranceDays"),
        access="public",
        description="Within how many working days it may follow (容缺); null: not at all, or outside an offering.",
    )
    kind: str = stored(
        Property("kind"), access="public", description="In which form it is handed in: 原件, 复印件, 表格, 电子 …."
    )
    satisfied_by: list[LicenseType] = stored(
        Relation(type="SATISFIED_BY", direction="out", target="LicenseType", many=True, order="code", page=10),
        access="public",
        cost=2,
        description="The license types any of which makes handing it in unnecessary, by code; at most 10.",
    )


@strawberry.type(description="A type of e-license: one row of the license directory (GB/T 36902).")
class LicenseType:
    """A node `LicenseType`."""

    code: CatalogueCode = stored(
        Property("code"), access="public", description="Certificate type code, 21 characters: definer's code, number."
    )
    name: str = stored(Property("name"), access="public", description="Name in Chinese.")
    definer_code: CatalogueCode | None = stored(
        Property("definerCode"), access="public", description="Unified social credit code of the body that defines it."
    )
    definer_name: str | None = stored(
        Property("definerName"), access="public", description="Name of the body that defines it."
    )
    holder_category: str | None = stored(
        Property("holderCategory"), access="public", description="Who holds it: 自然人, 企业法人, ..., joined by ;."
    )
    validity_years: int | None = stored(
        Property("validityYears"), access="public", description="Usual term in years; null: without end."
    )
    provisional: bool | None = stored(
        Property("provisional"), access="public", description="Whether the code is this project's, not a national one."
    )
    source: str = stored(Property("source"), access="public", description="Where this row was taken from.")
    confidence: str = stored(Property("confidence"), access="public", description="How sure it is; see Matter.")
    satisfies: list[Material] = stored(
        Relation(type="SATISFIED_BY", direction="in", target="Material", many=True, order="code"),
        access="public",
        cost=2,
        description="The materials of any version that a license of this type satisfies, by code; at most 100.",
    )
