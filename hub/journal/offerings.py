"""An offering: what one county asks and promises for one matter, from a day on: a row of its implementation list.

Compact JWS by a `journal` key of the county:

    {"alg":"Ed25519","typ":"offering+jwt","kid":"370214#4"}
    {"iss":"370214","iat":1780304400,"type":"offering","matter":"000101002000",
     "planEffectiveDate":"2026-06-01","planCancelDate":"2027-05-31"|null,
     "statutoryDays":20,"promisedDays":5,"dayUnit":"working","mode":"异地代收代办","visits":1,
     "onSiteReason":"现场核查经营场所"|null,"fee":0,"feeStandard":"…"|null,"flow":["申请","受理","审查","办结"],
     "materials":[{"name":"营业执照","kind":"电子","need":true,"toleranceDays":5|null,
                   "certificateTypeCodes":["11100000MB0143028R001"]},…],
     "produces":["11100000MB0143028R021"],"source":"…","confidence":"S"}

Fields: GB/T 39046-2020, table 4. All members, in this order. Its code is `<matter>@<iss>@<yyyymmdd>`: one version of
that matter in that county, stated once. A version is in force from its planEffectiveDate until the next version's,
and never past its planCancelDate. It takes effect on the day of its statement (in China) or later: what was in force
on a day is not changed after it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hub.journal.reading import day, optional_day, ordered, strings
from ledger.closed import COUNTY, KID, county_of, integer, list_of, text
from ledger.encoding import JsonValue
from ledger.errors import Malformed
from ledger.jws import MAX_ENTRY_BYTES, Jws, compact_jws
from ledger.matters import CATALOGUE_CODE
from ledger.offered import OfferingTerms
from ledger.signers import Signer
from ledger.workdays import china_day

__all__ = [
    "DAY_UNITS",
    "KINDS",
    "MATERIAL_MEMBERS",
    "MODES",
    "OFFERING_CLAIMS",
    "OFFERING_TYP",
    "OfferedMaterial",
    "OfferingRecord",
    "build_offering",
    "offering_of",
    "read_claims",
]

OFFERING_TYP: Final = "offering+jwt"
MODES: Final = ("全程网办", "异地代收代办", "多地联办", "授权办理")
"""How a matter is handled across provinces (国办发〔2020〕35号; the fourth as running systems count it)."""

DAY_UNITS: Final = ("working", "calendar")
KINDS: Final = ("原件", "复印件", "原件和复印件", "表格", "电子")
"""In which form a material is handed in."""

OFFERING_CLAIMS: Final = (
    "matter", "planEffectiveDate", "planCancelDate", "statutoryDays", "promisedDays", "dayUnit", "mode", "visits",
    "onSiteReason", "fee", "feeStandard", "flow", "materials", "produces", "source", "confidence",
)  # fmt: skip
"""What an offering says, beside who says it and when."""

MATERIAL_MEMBERS: Final = ("name", "kind", "need", "toleranceDays", "certificateTypeCodes")
_MEMBERS: Final = ("iss", "iat", "type", *OFFERING_CLAIMS)

_MAX_DAYS: Final = 3650
_MAX_TOLERANCE: Final = 60  # working days
_MAX_VISITS: Final = 20
_MAX_FEE: Final = 100_000_000  # yuan
_MAX_STEPS: Final = 20
_MAX_MATERIALS: Final = 30
_MAX_TYPES: Final = 10

_OFFERING: Final = re.compile(r"offering")
_TEXT: Final = re.compile(r"(?=\S)[^\x00-\x1f\x7f\ud800-\udfff]{1,200}(?<=\S)")
_TYPE: Final = re.compile(r"[0-9A-Z]{21}")


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedMaterial:
    """A material that an offering asks for.

    tolerance: it may follow within so many working days (容缺); None: it may not. type_codes: the license types any of
    which makes it unnecessary to hand it in, ascending.
    """

    name: str
    kind: str
    need: bool
    tolerance: int | None
    type_codes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferingRecord:
    """A county's offering of one matter, its signature not yet verified.

    claims: the members of OFFERING_CLAIMS as they stand in the record. Days are `YYYY-MM-DD`.
    """

    jws: Jws
    iss: str
    iat: int
    matter: str
    effective: str
    claims: Mapping[str, JsonValue]
    materials: tuple[OfferedMaterial, ...]
    produces: tuple[str, ...]

    @property
    def raw(self) -> bytes:
        """The record's bytes as they came."""
        return self.jws.raw

    @property
    def code(self) -> str:
        """What this version is called: `<matter>@<iss>@<yyyymmdd>`."""
        return f"{self.matter}@{self.iss}@{self.effective.replace('-', '')}"

    @property
    def states(self) -> str:
        """What it states, and no other record may: its code."""
        return self.code

    @property
    def terms(self) -> OfferingTerms:
        """What a case that is pinned to this version depends on."""
        last, mode = self.claims["planCancelDate"], self.claims["mode"]
        return OfferingTerms(
            code=self.code,
            last=None if last is None else str(last),
            mode=str(mode),
            statutory=integer({**self.claims}, "statutoryDays"),
            promised=integer({**self.claims}, "promisedDays"),
            working=self.claims["dayUnit"] == DAY_UNITS[0],
            tolerances=tuple(material.tolerance for material in self.materials),
        )

    @property
    def type_codes(self) -> frozenset[str]:
        """Every license type that it names."""
        return frozenset(self.produces).union(*(material.type_codes for material in self.materials))


def offering_of(jws: Jws) -> OfferingRecord:
    """Read an offering out of a compact JWS; form only, neither signature nor whether its codes are listed.

    Raises Malformed bad_header, unknown_member, bad_payload, bad_number.
    """
    obj = ordered(jws.payload, "offering", _MEMBERS)
    text(obj, "type", _OFFERING)
    kid, iss, iat = jws.signatures[0].kid, text(obj, "iss", COUNTY), integer(obj, "iat")
    if not KID.fullmatch(kid) or county_of(kid) != iss:
        raise Malformed("bad_header", "kid is not <iss>#<number>")
    claims = {name: obj[name] for name in OFFERING_CLAIMS}
    materials, produces = read_claims(claims)
    effective = day(obj, "planEffectiveDate")
    if effective < china_day(iat).isoformat():
        raise Malformed("bad_payload", "planEffectiveDate lies before the day of the statement")
    return OfferingRecord(
        jws=jws, iss=iss, iat=iat, matter=text(obj, "matter", CATALOGUE_CODE), effective=effective, claims=claims,
        materials=materials, produces=produces,
    )  # fmt: skip


def read_claims(claims: dict[str, JsonValue]) -> tuple[tuple[OfferedMaterial, ...], tuple[str, ...]]:
    """Check what an offering says; give its materials, and the license types that it produces.

    claims: exactly OFFERING_CLAIMS, in their order. Raises Malformed bad_payload, bad_number, unknown_member.
    """
    ordered(claims, "offering", OFFERING_CLAIMS)
    text(claims, "matter", CATALOGUE_CODE)
    _check_days(claims)
    _one_of(claims, "dayUnit", DAY_UNITS)
    _one_of(claims, "mode", MODES)
    _check_visits(claims)
    integer(claims, "fee", maximum=_MAX_FEE)
    _optional_text(claims, "feeStandard")
    _texts(claims, "flow", maximum=_MAX_STEPS)
    materials = tuple(_material(row) for row in list_of(claims, "materials", maximum=_MAX_MATERIALS))
    if len({material.name for material in materials}) != len(materials):
        raise Malformed("bad_payload", "a material stands in the list twice")
    text(claims, "source", _TEXT)
    text(claims, "confidence", _TEXT)
    return materials, _type_codes(claims, "produces")


def _check_days(claims: dict[str, JsonValue]) -> None:
    start, end = day(claims, "planEffectiveDate"), optional_day(claims, "planCancelDate")
    if end is not None and end < start:
        raise Malformed("bad_payload", "planCancelDate lies before planEffectiveDate")
    statutory = integer(claims, "statutoryDays", maximum=_MAX_DAYS)
    if integer(claims, "promisedDays", maximum=_MAX_DAYS) > statutory:
        raise Malformed("bad_payload", "promisedDays are more than statutoryDays")


def _check_visits(claims: dict[str, JsonValue]) -> None:
    """Check that whoever makes people come says why: the reason is a mandatory text."""
    visits, reason = integer(claims, "visits", maximum=_MAX_VISITS), _optional_text(claims, "onSiteReason")
    if (visits > 0) != (reason is not None):
        raise Malformed("bad_payload", "onSiteReason stands exactly where visits are asked for")


def _material(row: JsonValue) -> OfferedMaterial:
    obj = ordered(row, "material", MATERIAL_MEMBERS)
    need, tolerance = obj["need"], obj["toleranceDays"]
    if not isinstance(need, bool):
        raise Malformed("bad_payload", "need is neither true nor false")
    if tolerance is not None:
        tolerance = integer(obj, "toleranceDays", minimum=1, maximum=_MAX_TOLERANCE)
        if not need:
            raise Malformed("bad_payload", "toleranceDays stand beside a material that is not needed")
    return OfferedMaterial(
        name=text(obj, "name", _TEXT),
        kind=_one_of(obj, "kind", KINDS),
        need=need,
        tolerance=tolerance,
        type_codes=_type_codes(obj, "certificateTypeCodes"),
    )


def _one_of(obj: dict[str, JsonValue], name: str, values: tuple[str, ...]) -> str:
    value = obj[name]
    if not isinstance(value, str) or value not in values:
        raise Malformed("bad_payload", f"{name} is none of {', '.join(values)}")
    return value


def _optional_text(obj: dict[str, JsonValue], name: str) -> str | None:
    return None if obj[name] is None else text(obj, name, _TEXT)


def _texts(obj: dict[str, JsonValue], name: str, *, maximum: int) -> tuple[str, ...]:
    values = strings(obj, name, maximum=maximum)
    if not all(_TEXT.fullmatch(value) for value in values):
        raise Malformed("bad_payload", f"{name} holds something that does not match {_TEXT.pattern}")
    return values


def _type_codes(obj: dict[str, JsonValue], name: str) -> tuple[str, ...]:
    codes = strings(obj, name, maximum=_MAX_TYPES)
    if not all(_TYPE.fullmatch(code) for code in codes) or list(codes) != sorted(set(codes)):
        raise Malformed("bad_payload", f"{name} are different certificate type codes of 21 characters, ascending")
    return codes


def build_offering(claims: Mapping[str, JsonValue], *, iat: int, kid: str, signer: Signer) -> bytes:
    """Sign an offering; `claims` holds the members of OFFERING_CLAIMS. Raises Malformed as `offering_of`, too_large."""
    if claims.keys() != set(OFFERING_CLAIMS):
        raise Malformed("bad_payload", "an offering states exactly its listed members")
    said = {name: claims[name] for name in OFFERING_CLAIMS}
    payload: dict[str, JsonValue] = {"iss": county_of(kid), "iat": iat, "type": "offering", **said}
    read_claims(said)
    if str(said["planEffectiveDate"]) < china_day(iat).isoformat():
        raise Malformed("bad_payload", "planEffectiveDate lies before the day of the statement")
    raw = compact_jws({"alg": signer.public_key.alg, "typ": OFFERING_TYP, "kid": kid}, payload, signer)
    if len(raw) > MAX_ENTRY_BYTES:
        raise Malformed(
            "too_large", f"the offering has {len(raw)} bytes when signed, at most {MAX_ENTRY_BYTES} are read"
        )
    return raw
