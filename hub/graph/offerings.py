"""Offerings in the graph: journal records to rows, rows to nodes, and which version is in force until when.

    (:Offering {code, service, planEffectiveDate, planCancelDate, supersededOn, ...})
        -[:REQUIRES {order, need, toleranceDays}]->(:Material {code, name, kind, certificateTypeCodes})

`service` is `<matter>@<county>`: all versions of one offering have it. `supersededOn` is the planEffectiveDate of the
next version, whichever of them was stated first, or the day on which the matter leaves the list (`hub.graph.matters`),
if that comes before. A material belongs to one version: its code is that of the version, a dot, and its place in the
list.

Matter, county and license types are named by code, as properties; the links to them are made by whichever comes later,
projection or catalogue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, LiteralString, TypeAlias

from hub.graph.driver import Step, Unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.graph.driver import BoltDriver
    from hub.journal.offerings import OfferingRecord

__all__ = ["ENDS", "OfferingRow", "link_offerings", "offering_row", "offering_steps"]

OfferingRow: TypeAlias = dict[str, Any]

_PAGE: Final = 500
_ELSEWHERE: Final = frozenset({"matter", "materials"})  # claims that are no property of the node


def offering_row(position: int, record: OfferingRecord, stated_at: str) -> OfferingRow:
    """Make the row of the record at a journal position. stated_at: its `iat` as an instant."""
    said = {name: value for name, value in record.claims.items() if name not in _ELSEWHERE}
    links = {"matterCode": record.matter, "countyCode": record.iss, "service": f"{record.matter}@{record.iss}"}
    materials = [
        {
            "code": f"{record.code}.{order:02d}",
            "order": order,
            "need": each.need,
            "tolerance": each.tolerance,
            "properties": {"name": each.name, "kind": each.kind, "certificateTypeCodes": list(each.type_codes)},
        }
        for order, each in enumerate(record.materials, start=1)
    ]
    return {
        "position": position,
        "code": record.code,
        "properties": {**said, **links, "statedAt": stated_at},
        "materials": materials,
    }


_STATEMENT: Final[tuple[LiteralString, ...]] = (
    "UNWIND $rows AS row MERGE (o:Offering {code: row.code}) SET o += row.properties",
    """\
UNWIND $rows AS row
MATCH (o:Offering {code: row.code})
UNWIND row.materials AS item
MERGE (m:Material {code: item.code})
SET m += item.properties
MERGE (o)-[r:REQUIRES]->(m)
SET r.order = item.order, r.need = item.need, r.toleranceDays = item.tolerance""",
)

# The last match finds the version of the matter that holds on the offering's own first day, if the list has one.
ENDS: Final[LiteralString] = """\
OPTIONAL MATCH (later:Offering {service: o.service}) WHERE later.planEffectiveDate > o.planEffectiveDate
WITH o, min(later.planEffectiveDate) AS next
OPTIONAL MATCH (v:MatterVersion {matterCode: o.matterCode}) WHERE v.act = 'REMOVE' AND v.since > o.planEffectiveDate
WITH o, next, min(v.since) AS gone
OPTIONAL MATCH (v:MatterVersion {matterCode: o.matterCode})
WHERE coalesce(v.since, '') <= o.planEffectiveDate AND (v.until IS NULL OR v.until > o.planEffectiveDate)
WITH o, next, gone, max(v.act) AS act
SET o.supersededOn = CASE
  WHEN act = 'REMOVE' THEN o.planEffectiveDate
  WHEN gone IS NULL OR next < gone THEN next
  ELSE gone END"""
"""How each offering `o` ends: where the next version begins, or its matter leaves the list."""

_SUCCESSION: Final[LiteralString] = (
    """\
UNWIND $services AS service
MATCH (o:Offering {service: service})
"""
    + ENDS
)

_LINKS: Final[tuple[LiteralString, ...]] = (
    """\
UNWIND $codes AS code
MATCH (o:Offering {code: code})
MATCH (m:Matter {code: o.matterCode})
MERGE (o)-[:IMPLEMENTS]->(m)""",
    """\
UNWIND $codes AS code
MATCH (o:Offering {code: code})
MATCH (j:Jurisdiction {code: o.countyCode})
MERGE (o)-[:IN]->(j)""",
    """\
UNWIND $codes AS code
MATCH (o:Offering {code: code})
UNWIND o.produces AS type
MATCH (t:LicenseType {code: type})
MERGE (o)-[:PRODUCES]->(t)""",
    """\
UNWIND $codes AS code
MATCH (:Offering {code: code})-[:REQUIRES]->(m:Material)
UNWIND m.certificateTypeCodes AS type
MATCH (t:LicenseType {code: type})
MERGE (m)-[:SATISFIED_BY]->(t)""",
)


def offering_steps(rows: Sequence[OfferingRow]) -> list[Step]:
    """Write the rows, link them, and let each version end where the next one begins."""
    if not rows:
        return []
    services = sorted({row["properties"]["service"] for row in rows})
    return [
        *(Step(text=text, parameters={"rows": list(rows)}) for text in _STATEMENT),
        Step(text=_SUCCESSION, parameters={"services": services}),
        *_link_steps([row["code"] for row in rows]),
    ]


def _link_steps(codes: Sequence[str]) -> list[Step]:
    return [Step(text=text, parameters={"codes": list(codes)}) for text in _LINKS]


_CODES: Final[LiteralString] = "MATCH (o:Offering) WHERE o.code > $after RETURN o.code ORDER BY o.code LIMIT $page"


async def link_offerings(driver: BoltDriver) -> None:
    """Link every offering to what the catalogue lists now, 500 a transaction; what is linked stays so."""
    after = ""
    while rows := await driver.rows(_CODES, {"after": after, "page": _PAGE}):
        codes = [row[0] for row in rows]
        await driver.write(Unit(steps=_link_steps(codes)))
        after = codes[-1]
