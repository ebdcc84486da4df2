"""The smallest catalogue in which every kind of row and link occurs."""

from __future__ import annotations

from typing import Final

from tests.statements import ISSUER, TYPE_CODE

__all__ = ["SAMPLE", "small_tables"]

SAMPLE: Final = {"source": "sample", "confidence": "sample"}


def small_tables() -> dict[str, list[dict[str, str]]]:
    """Give its tables, rows of text by column name."""
    rows: dict[str, list[dict[str, str]]] = {
        "divisions": [
            {"code": "370000", "name": "山东省", "level": "province", "valid_from": "", "valid_to": ""},
            {"code": "370200", "name": "青岛市", "level": "city", "valid_from": "", "valid_to": ""},
            {"code": "370214", "name": "城阳区", "level": "county", "valid_from": "1994-04-23", "valid_to": ""},
            {"code": "120000", "name": "天津市", "level": "province", "valid_from": "", "valid_to": ""},
            {"code": "120223", "name": "静海县", "level": "county", "valid_from": "", "valid_to": "2014-12-31"},
        ],
        "roster": [{"code": "370214", "authority_code": ISSUER, "authority_name": "城阳区行政审批服务局"}],
        "license_types": [
            {
                "code": TYPE_CODE,
                "name": "建筑施工特种作业人员操作资格证书",
                "definer_code": "11100000000013338W",
                "definer_name": "住建部",
                "holder_category": "自然人",
                "validity_years": "6",
                "provisional": "false",
            }
        ],
        "matters": [
            {
                "number": "1",
                "code": "000117001000",
                "name": "资质认定",
                "mode": "全程网办",
                "type": "01",
                "statutory_days": "20",
                "day_unit": "working",
                "promised_days": "",
                "produces": TYPE_CODE,
            }
        ],
    }
    return {name: [row | SAMPLE for row in made] for name, made in rows.items()}
