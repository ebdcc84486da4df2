"""What there is to make: who holds which license of which county, told by numbers alone, so that any part can be made.

    license n    the (n mod 5)th of holder n div 5; three of them from the holder's own county, two from others
    case n       handled by county n mod 19, matter (n div 19) mod 30, in the mode and limits of that county's offering

Everything is fictional: `hub/ingest/data` has counties, license types and matters; resident IDs and USCCs are made up.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, Final

from hub.ingest.data import read_table
from hub.ingest.offerings import sample_offerings
from ledger.cases import MODES, CaseMode
from ledger.clocks import Limits
from ledger.identifiers import LicenseIdentifier, ResidentId, Uscc, holder_key
from ledger.workdays import china_day

__all__ = ["HOLDER_SECRET", "LICENSES_A_HOLDER", "START", "World"]

START: Final = 1_767_229_200  # 2026-01-01T09:00:00+08:00
HOLDER_SECRET: Final = bytes(range(32))
LICENSES_A_HOLDER: Final = 5
_CASE_DAYS: Final = 300
_DAY_S: Final = 86_400
_PERSON: Final = ("居民身份证", "社会保障卡", "居住证", "机动车驾驶证", "不动产权证书")
_FIRM: Final = ("营业执照", "食品经营许可证", "公共场所卫生许可证", "道路运输经营许可证", "药品经营许可证")


@lru_cache
def _roster() -> tuple[tuple[str, str], ...]:
    return tuple((row["code"], row["authority_code"]) for row in read_table("roster"))


@lru_cache
def _types() -> dict[str, str]:
    return {row["name"]: row["code"] for row in read_table("license_types")}


@lru_cache
def _matters() -> tuple[str, ...]:
    return tuple(row["code"] for row in read_table("matters"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """What a case is pinned to. tolerated: place of each material that may follow, and in how many working days."""

    code: str
    mode: CaseMode
    limits: Limits
    tolerated: tuple[tuple[int, int], ...]


@lru_cache
def _offered(county: str) -> dict[str, Offered]:
    """Give a county's offerings of the first day, by matter."""
    day, modes = china_day(START), {rule.name: mode for mode, rule in MODES.items()}
    found: dict[str, Offered] = {}
    for claims in sample_offerings(county, day.isoformat()):
        said: Any = claims
        days = [each["toleranceDays"] for each in said["materials"]]
        found[said["matter"]] = Offered(
            code=f"{said['matter']}@{county}@{day:%Y%m%d}",
            mode=modes[said["mode"]],
            limits=Limits(said["statutoryDays"], said["promisedDays"]),
            tolerated=tuple((place, each) for place, each in enumerate(days, start=1) if each is not None),
        )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class License:
    """One license to be. county: member id of the issuing county."""

    number: int
    county: str
    identifier: str
    type_name: str
    type_code: str
    issuer: str
    holder: str
    issued: date
    expires: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CasePlan:
    """One case to be. counties: intake, handling, pick-up. holder: number of the applicant. at: POSIX seconds."""

    number: str
    offered: Offered
    counties: tuple[str, str, str]
    matter: str
    holder: int
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """How large it is, and its seed: 5 licenses a holder, a case for every 10 licenses, an access for every 20."""

    licenses: int
    seed: int = 1

    @property
    def holders(self) -> int:
        """Count the holders."""
        return -(-self.licenses // LICENSES_A_HOLDER)

    @property
    def cases(self) -> int:
        """Count the cases."""
        return self.licenses // 10

    @property
    def accesses(self) -> int:
        """Count the access records."""
        return self.licenses // 20

    @property
    def counties(self) -> tuple[str, ...]:
        """Give the member ids."""
        return tuple(code for code, _ in _roster())

    def holder_code(self, holder: int) -> tuple[str, str]:
        """Give code type and code of a holder: persons have even numbers, firms odd ones."""
        county = self.counties[holder % len(self.counties)]
        if holder % 2:
            return "001", str(Uscc.make(f"92{county}", f"MB{holder % 0x1000000:06X}"))
        turn, day = divmod(holder // len(self.counties), 18_000)
        born = date(1955, 1, 1) + timedelta(days=day)
        return "111", str(ResidentId.make(county, born, turn % 1000))

    def holder_key(self, holder: int) -> str:
        """Give the keyed hash of a holder."""
        return holder_key(HOLDER_SECRET, *self.holder_code(holder))

    def license(self, number: int) -> License:
        """Give one license, 0 .. licenses - 1."""
        holder, turn = divmod(number, LICENSES_A_HOLDER)
        roster = _roster()
        county, issuer = roster[(holder if turn < 3 else holder + 5 * turn) % len(roster)]
        name = (_FIRM if holder % 2 else _PERSON)[turn]
        issued = date(2024, 1, 1) + timedelta(days=(number * 7 + self.seed) % 700)
        serial = f"{issued:%Y%m%d}{self.seed:03d}{number:09d}"
        identifier = LicenseIdentifier.make(_types()[name], issuer, serial, 1)
        return License(
            number=number, county=county, identifier=str(identifier), type_name=name, type_code=_types()[name],
            issuer=issuer, holder=self.holder_key(holder), issued=issued,
            expires=None if turn in (0, 4) else issued + timedelta(days=1825),
        )  # fmt: skip

    def own_licenses(self, county: str, holder: int) -> list[str]:
        """Give the identifiers of a holder's licenses that a county issued; most have none of most counties."""
        first = holder * LICENSES_A_HOLDER
        held = [self.license(n) for n in range(first, min(first + LICENSES_A_HOLDER, self.licenses))]
        return [each.identifier for each in held if each.county == county]

    def case(self, number: int) -> CasePlan:
        """Give one case, 0 .. cases - 1; cases are taken in one after another over 300 days."""
        roster = _roster()
        handled, implementer = roster[number % len(roster)]
        matter = _matters()[number // len(roster) % len(_matters())]
        offered = _offered(handled)[matter]
        beside = roster[(number + 1 + number // 7 % (len(roster) - 1)) % len(roster)][0]
        intake = handled if MODES[offered.mode].one_county else beside
        at = START + number * (_CASE_DAYS * _DAY_S) // max(self.cases, 1)
        day = china_day(at)
        pick_up = roster[number // 3 % len(roster)][0]
        return CasePlan(
            number=f"{implementer}4{matter}{day:%Y%m%d}{number % 10_000:04d}", offered=offered,
            counties=(intake, handled, pick_up), matter=matter, holder=number * 37 % self.holders, at=at,
        )  # fmt: skip
