"""Offerings as a county would state them: claims of one that is right, and what the catalogue of the tests lists."""

from __future__ import annotations

from typing import Any, Final

from hub.journal.intake import Listed
from tests.statements import TYPE_CODE

__all__ = ["LISTED", "MATTER", "OTHER_TYPE", "material", "offering"]

MATTER: Final = "000117001000"
OTHER_TYPE: Final = "11100000MB0143028R001"
LISTED: Final = Listed(matters=frozenset({MATTER}), types=frozenset({TYPE_CODE, OTHER_TYPE}))


def material(**members: Any) -> dict[str, Any]:
    """Give one material; `members` replaces any of its members."""
    known = {"name": "操作证", "kind": "电子", "need": True, "toleranceDays": None, "certificateTypeCodes": [TYPE_CODE]}
    return known | members


def offering(**members: Any) -> dict[str, Any]:
    """Give the claims of an offering in force from 2026-07-01 on; `members` replaces any of them."""
    known = {
        "matter": MATTER,
        "planEffectiveDate": "2026-07-01",
        "planCancelDate": None,
        "statutoryDays": 20,
        "promisedDays": 5,
        "dayUnit": "working",
        "mode": "异地代收代办",
        "visits": 1,
        "onSiteReason": "现场核查",
        "fee": 0,
        "feeStandard": None,
        "flow": ["申请", "受理", "办结"],
        "materials": [
            material(),
            material(name="申请表", kind="表格", need=False, certificateTypeCodes=[]),
            material(name="营业执照", toleranceDays=5, certificateTypeCodes=[OTHER_TYPE]),
        ],
        "produces": [TYPE_CODE],
        "source": "sample",
        "confidence": "sample",
    }
    return known | members
