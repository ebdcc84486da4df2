"""Made-up feeds of any size: the same county, seed, count and day give the same bytes.

Every person, firm, number and license is fictional: resident IDs carry the county's own division code and a running
birth date, USCCs the prefix `MB3`. One holder has several licenses, as in the field.
"""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

from hub.ingest.data import read_table
from ledger.identifiers import LicenseIdentifier, ResidentId, Uscc

__all__ = ["COLUMNS", "FeedPlan", "feed_lines", "feed_rows"]

COLUMNS: Final = (
    "ZZBS", "ZZLXDM", "ZZMC", "ZZBH", "ZZBFJG", "ZZBFJGDM", "ZZBFRQ", "CZZT", "CZZTDM", "CZZTDMLXDM",
    "ZZYXQQSRQ", "ZZYXQJZRQ", "KZ_ADDRESS", "KZ_SCOPE",
)  # fmt: skip
_SURNAMES: Final = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗"
_GIVEN: Final = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华"
_TRADES: Final = ("食品", "商贸", "餐饮", "物流", "建材", "药房", "服装", "机电", "书店", "农业")
_PERSON_TYPES: Final = ("居民身份证", "社会保障卡", "居住证", "机动车驾驶证", "不动产权证书")
_FIRM_TYPES: Final = ("营业执照", "食品经营许可证", "公共场所卫生许可证", "道路运输经营许可证")


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPlan:
    """What to make: a county of the roster, how many licenses, as of which day, and the seed.

    Every license is issued before `as_of` and in force on it, for 30 days more at least.
    """

    county: str
    count: int
    as_of: date
    seed: int = 1


@dataclass(frozen=True, slots=True)
class _Holder:
    name: str
    type_code: str
    code: str


def feed_rows(plan: FeedPlan) -> Iterator[dict[str, str]]:
    """Give `plan.count` rows of text by column name, in order."""
    chance = random.Random(f"{plan.county}/{plan.seed}")  # noqa: S311  # seeded on purpose: the same feed again
    roster = {row["code"]: row for row in read_table("roster")}[plan.county]
    types = {row["name"]: row for row in read_table("license_types")}
    made = 0
    number = 0
    while made < plan.count:
        number += 1
        firm = number % 2 == 0
        holder = _firm(plan.county, number, chance) if firm else _person(plan.county, number, chance)
        names = _FIRM_TYPES if firm else _PERSON_TYPES
        for name in names[: chance.randint(2, len(names))]:
            if made == plan.count:
                return
            made += 1
            yield _row(plan, types[name], roster, holder, made, chance)


def _row(
    plan: FeedPlan, kind: dict[str, str], roster: dict[str, str], holder: _Holder, serial: int, chance: random.Random
) -> dict[str, str]:
    years = int(kind["validity_years"] or 0)
    issued = plan.as_of - timedelta(days=1 + chance.randrange(365 * years - 34 if years else 700))
    expires = issued.replace(year=issued.year + years, day=min(issued.day, 28)) if years else None
    identifier = LicenseIdentifier.make(
        type_code=kind["code"],
        issuer=roster["authority_code"],
        serial=f"{issued:%Y%m%d}{plan.seed:03d}{serial:09d}",
        version=1,
    )
    return {
        "ZZBS": str(identifier),
        "ZZLXDM": kind["code"],
        "ZZMC": kind["name"],
        "ZZBH": f"SAMPLE-{plan.county}-{plan.seed:03d}-{serial:09d}",
        "ZZBFJG": roster["authority_name"],
        "ZZBFJGDM": roster["authority_code"],
        "ZZBFRQ": f"{issued:%Y%m%d}",
        "CZZT": holder.name,
        "CZZTDM": holder.code,
        "CZZTDMLXDM": holder.type_code,
        "ZZYXQQSRQ": f"{issued:%Y%m%d}",
        "ZZYXQJZRQ": f"{expires:%Y%m%d}" if expires else "",
        "KZ_ADDRESS": f"示例路{chance.randint(1, 999)}号",
        "KZ_SCOPE": f"示例范围{chance.randint(1, 40)}",
    }


def _person(county: str, number: int, chance: random.Random) -> _Holder:
    born = date(1955, 1, 1) + timedelta(days=(number * 7) % 18000)
    name = chance.choice(_SURNAMES) + "".join(chance.sample(_GIVEN, 2))
    sequence = (number + number // 18000) % 1000  # another one for those born on the same day
    return _Holder(name, "111", str(ResidentId.make(county, born, sequence)))


def _firm(county: str, number: int, chance: random.Random) -> _Holder:
    code = str(Uscc.make(f"92{county}", f"MB3{number % 0x100000:05X}"))
    return _Holder(f"示例{chance.choice(_TRADES)}店{number}", "001", code)


def feed_lines(plan: FeedPlan, *, form: Literal["csv", "ndjson"] = "csv") -> Iterator[str]:
    r"""Give the feed's lines, each ended by `\n`; a CSV feed begins with its header."""
    if form == "ndjson":
        for row in feed_rows(plan):
            yield json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n"
        return
    yield _csv_line(COLUMNS)
    for row in feed_rows(plan):
        yield _csv_line([row[name] for name in COLUMNS])


def _csv_line(fields: Sequence[str]) -> str:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\n").writerow(fields)
    return buffer.getvalue()
