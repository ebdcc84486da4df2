"""A small alliance as graph data: the world that compiled statements are tried on, with every null that may occur.

山东省 > 青岛市 > 城阳区 (member), 即墨区      吉林省 > 长春市 > 宽城区 (member)
three matters on a list that changes, three offerings in five versions, materials with and without license types, five
licenses of two counties, two cases; a third one with appeals, a bad rating and a follow-up; objections open, decided and
another county's; counts of two counties
"""

from __future__ import annotations

from typing import Any, Final

from hub.graph.driver import BoltDriver, Step, Unit
from tests.case_world import CASE_STEPS
from tests.count_world import COUNT_STEPS
from tests.desk_world import DESK_STEPS
from tests.ports import CONSENT

__all__ = ["CONSENTS", "ENDED_CONSENT", "EXPIRED_CONSENT", "HOLDERS", "LICENSES", "fill_world"]

ENDED_CONSENT: Final = "BBBBBBBBBBBBBBBBBBBBBQ"
EXPIRED_CONSENT: Final = "CCCCCCCCCCCCCCCCCCCCCQ"

_JURISDICTIONS: Final[list[dict[str, Any]]] = [
    {"code": "370000", "name": "山东省", "level": "PROVINCE", "member": False, "above": None},
    {"code": "370200", "name": "青岛市", "level": "CITY", "member": False, "above": "370000"},
    {
        "code": "370214",
        "name": "城阳区",
        "level": "COUNTY",
        "member": True,
        "above": "370200",
        "validFrom": "1994-06-01",
    },
    {
        "code": "370215",
        "name": "即墨区",
        "level": "COUNTY",
        "member": False,
        "above": "370200",
        "validTo": "2030-12-31",
    },
    {"code": "220000", "name": "吉林省", "level": "PROVINCE", "member": False, "above": None},
    {"code": "220100", "name": "长春市", "level": "CITY", "member": False, "above": "220000"},
    {"code": "220103", "name": "宽城区", "level": "COUNTY", "member": True, "above": "220100"},
]
_AUTHORITIES: Final[list[dict[str, Any]]] = [
    {"code": "11370214MB2857113F", "name": "城阳区市场监督管理局", "of": "370214"},
    {"code": "11220103MB1234567X", "name": "宽城区市场监督管理局", "of": "220103"},
]
_TYPES: Final[list[dict[str, Any]]] = [
    {"code": "11100000000013127D001", "name": "营业执照", "definerName": "市场监管总局", "validityYears": None},
    {"code": "11100000000013338W011", "name": "不动产权证书", "definerCode": "11100000000013338W", "validityYears": 70},
    {"code": "11100000MB0143028R021", "name": "食品经营许可证", "holderCategory": "企业法人", "provisional": True},
]
_MATTERS: Final[list[dict[str, Any]]] = [
    {
        "code": "000101002000",
        "name": "食品经营许可",
        "type": "01",
        "mode": "全程网办",
        "statutoryDays": 20,
        "promisedDays": 10,
    },
    {
        "code": "000707003000",
        "name": "不动产登记",
        "type": "07",
        "mode": "异地代收代办",
        "statutoryDays": None,
        "listedUntil": "2027-01-01",
    },
    {"code": "000707004000", "name": "不动产查询", "type": "07", "mode": "全程网办", "listedFrom": "2026-06-01"},
]
_VERSIONS: Final[list[dict[str, Any]]] = [
    {"code": "000101002000@00000000", "name": "餐饮服务许可", "mode": "全程网办", "until": "2026-03-01", "act": "TABLE"},
    {
        "code": "000101002000@20260301", "name": "食品经营许可", "mode": "全程网办", "since": "2026-03-01",
        "act": "CHANGE", "logIndex": 38,
    },
    {"code": "000707003000@00000000", "name": "不动产登记", "mode": "异地代收代办", "until": "2027-01-01", "act": "TABLE"},
    {"code": "000707003000@20270101", "since": "2027-01-01", "act": "REMOVE", "logIndex": 40},
    {
        "code": "000707004000@20260601", "name": "不动产查询", "mode": "全程网办", "since": "2026-06-01", "act": "ADD",
        "logIndex": 39,
    },
]  # fmt: skip
"""What the list says of three matters: one has another name since March, one leaves, one comes today."""

_OFFERINGS: Final[list[dict[str, Any]]] = [
    {"code": "000101002000@220103@20260101", "fee": 20, "visits": 1, "supersededOn": "2027-01-01"},
    {"code": "000101002000@220103@20270101", "fee": 10, "visits": 0},
    {"code": "000101002000@370214@20250101", "fee": 5, "visits": 2, "supersededOn": "2026-01-01"},
    {"code": "000101002000@370214@20260101", "fee": 0, "visits": 0, "flow": ["申请", "受理"]},
    {"code": "000707003000@370214@20260101", "fee": 80, "mode": "多地联办", "planCancelDate": "2026-12-31"},
]
"""Versions of three offerings; those of 20260101 are in force at the time of the tests, 2026-06-01."""

_MATERIALS: Final[list[dict[str, Any]]] = [
    {"code": "000101002000@220103@20260101.01", "name": "营业执照", "types": ["11100000000013127D001"], "need": True},
    {"code": "000101002000@370214@20250101.01", "name": "房产证", "types": ["11100000000013338W011"], "need": True},
    {"code": "000101002000@370214@20260101.01", "name": "营业执照", "types": ["11100000000013127D001"], "need": True},
    {"code": "000101002000@370214@20260101.02", "name": "平面图", "types": [], "need": False},
    {
        "code": "000101002000@370214@20260101.03",
        "name": "场所证明",
        "types": ["11100000000013338W011"],
        "need": True,
        "tolerance": 5,
    },
    {"code": "000101002000@370214@20260101.04", "name": "原许可证", "types": ["11100000MB0143028R021"], "need": True},
    {
        "code": "000707003000@370214@20260101.01",
        "name": "权属证书",
        "types": ["11100000000013338W011", "11100000000013127D001"],
        "need": None,
    },
]
_PRODUCED: Final[list[dict[str, Any]]] = [
    {"offering": "000101002000@370214@20260101", "type": "11100000MB0143028R021"},
    {"offering": "000101002000@220103@20260101", "type": "11100000MB0143028R021"},
    {"offering": "000707003000@370214@20260101", "type": "11100000000013338W011"},
]


def _offering_rows() -> list[dict[str, Any]]:
    rows = []
    for one in _OFFERINGS:
        matter, county, day = one["code"].split("@")
        links = {"matterCode": matter, "countyCode": county, "service": f"{matter}@{county}"}
        said = {"statutoryDays": 20, "promisedDays": 10, "dayUnit": "working", "mode": "全程网办", "flow": []}
        first = f"{day[:4]}-{day[4:6]}-{day[6:]}"
        stated = {"planEffectiveDate": first, "statedAt": f"{first}T00:00:00.000Z", "visits": 0}
        origin = {"source": "test", "confidence": "sample"}
        rows.append(
            {
                "code": one["code"],
                "matter": matter,
                "county": county,
                "set": {**links, **said, **stated, **origin, **one},
            }
        )
    return rows


def _material_rows() -> list[dict[str, Any]]:
    return [
        {"offering": code, "order": int(place), "tolerance": None, **one}
        for one in _MATERIALS
        for code, place in [one["code"].split(".")]
    ]


HOLDERS: Final[dict[str, str]] = {"91370214MA3C000001": "holder-one", "91220103MA17000002": "holder-two"}
"""Holder code -> key of its node; the keyed hash of the tests is a table."""


def _license(number: int, county: str, status: str, holders: list[str], **more: Any) -> dict[str, Any]:
    return {
        "certificateIdentifier": f"1.2.156.3005.2.TYPE.ISSUER.{number:05d}.001.A",
        "logIndex": number,
        "leafHash": f"{number:043d}",
        "status": status,
        "certificateIssuedDate": "2026-05-01",
        "sealedAt": "2026-05-01T08:00:00.000Z",
        "sealedBy": county,
        "holders": holders,
        "type": None,
        "issuer": None,
        "old": None,
        **more,
    }


LICENSES: Final[list[dict[str, Any]]] = [
    _license(
        1, "370214", "VALID", ["holder-one"], type=_TYPES[0]["code"], issuer=_AUTHORITIES[0]["code"],
        certificateEffectiveDate="2026-05-01", certificateExpiringDate="2031-04-30",
    ),
    _license(2, "370214", "REVOKED", ["holder-one", "holder-two"], statusReason="吊销", statusIndex=9, type=_TYPES[2]["code"]),
    _license(3, "220103", "VALID", ["holder-one"], issuer=_AUTHORITIES[1]["code"], type=_TYPES[1]["code"]),
    _license(4, "220103", "SUPERSEDED", ["holder-two"], issuer=_AUTHORITIES[1]["code"]),
    _license(5, "220103", "VALID", ["holder-two"], issuer=_AUTHORITIES[1]["code"], old=4),
]  # fmt: skip
"""The licenses; 5 replaces 4, and 3 and 4 are the other county's."""


CONSENTS: Final[list[dict[str, Any]]] = [
    {
        "id": CONSENT, "holder": "holder-one", "county": "370214", "matterCode": "000101002000",
        "fields": ["certificateHolderName"], "purpose": "HANDLING", "expiresAt": "2026-07-01T00:00:00.000Z",
        "statedBy": "370214", "statedAt": "2026-06-01T08:00:00.000Z", "evidence": "RECORDED",
    },
    {
        "id": ENDED_CONSENT, "holder": "holder-one", "county": "220103", "purpose": "VERIFICATION",
        "expiresAt": "2026-07-01T00:00:00.000Z", "statedBy": "370214", "statedAt": "2026-06-01T08:00:00.000Z",
        "evidence": "SIGNED", "revokedAt": "2026-06-01T08:30:00.000Z", "revokedBy": "370214",
    },
    {
        "id": EXPIRED_CONSENT, "holder": "holder-one", "county": "220103", "fields": [], "purpose": "ADVICE",
        "expiresAt": "2026-06-01T09:00:00.000Z", "statedBy": "220103", "statedAt": "2026-06-01T08:00:00.000Z",
        "evidence": "RECORDED",
    },
]  # fmt: skip
"""Consents of the first holder: one in force, one that was taken back, one that expires at the time of the tests."""


def _plain(rows: list[dict[str, Any]], *links: str) -> list[dict[str, Any]]:
    return [{"key": row, "set": {name: value for name, value in row.items() if name not in links}} for row in rows]


async def fill_world(driver: BoltDriver) -> None:
    """Write the world into an empty graph."""
    await driver.write(Unit(steps=_STEPS))


_STEPS: Final = (
    Step(
        text="UNWIND $rows AS row MERGE (n:Jurisdiction {code: row.code}) SET n += row.set",
        parameters={
            "rows": [
                {"code": one["code"], "set": {k: v for k, v in one.items() if k != "above"}} for one in _JURISDICTIONS
            ]
        },
    ),
    Step(
        text="UNWIND $rows AS row MATCH (n:Jurisdiction {code: row.code}), (a:Jurisdiction {code: row.above}) "
        "MERGE (n)-[:WITHIN]->(a)",
        parameters={"rows": [{"code": one["code"], "above": one["above"]} for one in _JURISDICTIONS if one["above"]]},
    ),
    Step(
        text="UNWIND $rows AS row MATCH (j:Jurisdiction {code: row.of}) MERGE (n:Authority {code: row.code}) "
        "SET n.name = row.name MERGE (n)-[:OF]->(j)",
        parameters={"rows": _AUTHORITIES},
    ),
    Step(
        text="UNWIND $rows AS row MERGE (n:LicenseType {code: row.code}) SET n += row, n.source = 'test', n.confidence = 'sample'",
        parameters={"rows": _TYPES},
    ),
    Step(
        text="UNWIND $rows AS row MERGE (n:Matter {code: row.code}) SET n += row, n.source = 'test', n.confidence = 'sample'",
        parameters={"rows": _MATTERS},
    ),
    Step(
        text="UNWIND $rows AS row MATCH (m:Matter {code: row.matterCode}) MERGE (n:MatterVersion {code: row.code}) "
        "SET n += row MERGE (m)-[:HAS_VERSION]->(n)",
        parameters={
            "rows": [
                {"matterCode": one["code"][:12], "type": one["code"][2:4], "listed": one["act"] != "REMOVE", **one}
                for one in _VERSIONS
            ]
        },
    ),
    Step(
        text="UNWIND $rows AS row MATCH (m:Matter {code: row.matter}), (j:Jurisdiction {code: row.county}) "
        "MERGE (n:Offering {code: row.code}) SET n += row.set MERGE (n)-[:IMPLEMENTS]->(m) MERGE (n)-[:IN]->(j)",
        parameters={"rows": _offering_rows()},
    ),
    Step(
        text="UNWIND $rows AS row MATCH (o:Offering {code: row.offering}) MERGE (n:Material {code: row.code}) "
        "SET n.name = row.name, n.kind = '电子' MERGE (o)-[r:REQUIRES]->(n) "
        "SET r.order = row.order, r.need = row.need, r.toleranceDays = row.tolerance",
        parameters={"rows": _material_rows()},
    ),
    Step(
        text="UNWIND $rows AS row MATCH (n:Material {code: row.code}) UNWIND row.types AS code "
        "MATCH (t:LicenseType {code: code}) MERGE (n)-[:SATISFIED_BY]->(t)",
        parameters={"rows": _material_rows()},
    ),
    Step(
        text="UNWIND $rows AS row MATCH (o:Offering {code: row.offering}), (t:LicenseType {code: row.type}) "
        "MERGE (o)-[:PRODUCES]->(t)",
        parameters={"rows": _PRODUCED},
    ),
    Step(
        text="UNWIND $rows AS row MERGE (n:License {logIndex: row.set.logIndex}) SET n += row.set "
        "WITH n, row UNWIND row.holders AS key MERGE (h:Holder {key: key}) MERGE (n)-[:HELD_BY]->(h)",
        parameters={
            "rows": [
                {
                    "holders": one["holders"],
                    "set": {
                        **{k: v for k, v in one.items() if k not in {"holders", "type", "issuer", "old"}},
                        "certificateTypeCode": one["type"],
                    },
                }
                for one in LICENSES
            ]
        },
    ),
    Step(
        text="UNWIND $rows AS row MATCH (n:License {logIndex: row.logIndex}), (t:LicenseType {code: row.type}) "
        "MERGE (n)-[:OF_TYPE]->(t)",
        parameters={"rows": [{"logIndex": one["logIndex"], "type": one["type"]} for one in LICENSES if one["type"]]},
    ),
    Step(
        text="UNWIND $rows AS row MATCH (n:License {logIndex: row.logIndex}), (a:Authority {code: row.issuer}) "
        "MERGE (n)-[:ISSUED_BY]->(a)",
        parameters={
            "rows": [{"logIndex": one["logIndex"], "issuer": one["issuer"]} for one in LICENSES if one["issuer"]]
        },
    ),
    Step(
        text="UNWIND $rows AS row MATCH (n:License {logIndex: row.logIndex}), (o:License {logIndex: row.old}) "
        "MERGE (n)-[:REPLACES]->(o)",
        parameters={"rows": [{"logIndex": one["logIndex"], "old": one["old"]} for one in LICENSES if one["old"]]},
    ),
    Step(
        text="UNWIND $rows AS row MERGE (n:Consent {id: row.id}) SET n += row.set "
        "WITH n, row MATCH (h:Holder {key: row.holder}) MERGE (n)-[:GRANTED_BY]->(h)",
        parameters={
            "rows": [
                {"id": one["id"], "holder": one["holder"], "set": {k: v for k, v in one.items() if k != "holder"}}
                for one in CONSENTS
            ]
        },
    ),
    *CASE_STEPS,
    *COUNT_STEPS,
    *DESK_STEPS,
)
