"""The resident's papers in the demo: identity card, business license and its successor, the permit that is granted.

All are made up: rows of the sample feed, put into one holder's name, as a self-employed person has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from hub.ingest.generate import FeedPlan, feed_rows

__all__ = ["ResidentPapers", "resident_papers"]

_HOLDER = ("CZZT", "CZZTDM", "CZZTDMLXDM")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResidentPapers:
    """Feed rows of one holder. successor: the business license that replaces the first. permit: what is applied for."""

    identity_card: Mapping[str, str]
    business_license: Mapping[str, str]
    successor: Mapping[str, str]
    permit: Mapping[str, str]

    @property
    def holder(self) -> dict[str, str]:
        """The holder, by the names of the API."""
        card = self.identity_card
        return {"certificateHolderTypeCode": card["CZZTDMLXDM"], "certificateHolderCode": card["CZZTDM"]}


def resident_papers(county: str, as_of: date) -> ResidentPapers:
    """Make the papers of a resident of a county, in force on a day."""
    first, second = (
        {row["ZZMC"]: row for row in feed_rows(FeedPlan(county=county, count=20, as_of=as_of, seed=seed))}
        for seed in (11, 12)
    )
    person = {name: first["居民身份证"][name] for name in _HOLDER}
    return ResidentPapers(
        identity_card=first["居民身份证"],
        business_license=first["营业执照"] | person,
        successor=second["营业执照"] | person,
        permit=first["食品经营许可证"] | person,
    )
