"""A raw row becomes a license record, or a reject with line, code and reason.

    ZZBS certificateIdentifier · ZZLXDM certificateTypeCode · ZZMC certificateName · ZZBH certificateNumber ·
    ZZBFJG / ZZBFJGDM certificateIssuingAuthorityName / Code · ZZBFRQ certificateIssuedDate ·
    CZZT / CZZTDM / CZZTDMLXDM certificateHolderName / Code / TypeCode, lists with `;` in one order ·
    ZZYXQQSRQ / ZZYXQJZRQ certificateEffectiveDate / ExpiringDate (empty = 长期) · KZ_* face fields · GLZZBS the license
    that this one replaces

Dates are `YYYYMMDD`. A reason names the column and what was expected; never the value, which may be a person's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeVar

from hub.county.licenses import LicenseHolder, LicenseRecord
from hub.elements import SHORT_NAMES
from hub.ingest.feeds import BadRow, RawRow
from ledger.encoding import JsonValue
from ledger.errors import Malformed
from ledger.identifiers import LicenseIdentifier, ResidentId, Uscc

__all__ = ["Normaliser", "Reject"]

_T = TypeVar("_T")
_DATE: Final = re.compile(r"[0-9]{8}")
_NAME: Final = re.compile(r"[A-Z][A-Za-z_]{0,31}")
_RESIDENT: Final = "111"
_USCC: Final = "001"


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that was not taken in: 1-based line, stable code, reason without values."""

    line: int
    code: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Normaliser:
    """The checks of one county's feed.

    county: 6-digit code, whose authorities alone may issue. types: license type code -> name. today: for dates.
    """

    county: str
    types: Mapping[str, str]
    today: date

    def record(self, row: RawRow | BadRow) -> LicenseRecord | Reject:
        """Turn a row into a record, or say why not; never raises for a row."""
        if isinstance(row, BadRow):
            return Reject(row.line, "bad_row", row.reason)
        try:
            return self._record(row.values)
        except Malformed as error:
            return Reject(row.line, error.code, error.message)

    def _record(self, values: Mapping[str, str]) -> LicenseRecord:
        identifier = _column("ZZBS", LicenseIdentifier.parse, values["ZZBS"])
        self._check_issuer(identifier, values)
        issued = _date("ZZBFRQ", values["ZZBFRQ"])
        if issued > self.today:
            raise Malformed("bad_row", "ZZBFRQ: the license is issued in the future")
        known = SHORT_NAMES.keys()
        strange = [name for name in values if name not in known and not name.startswith("KZ_")]
        if strange:
            name = strange[0] if _NAME.fullmatch(strange[0]) else "(not a name)"  # it came from outside, too
            raise Malformed("bad_row", f"{name}: no such column")
        extend_info: dict[str, JsonValue] = {
            name: value for name, value in values.items() if name.startswith("KZ_") and value
        }
        return LicenseRecord(
            certificate_identifier=identifier,
            certificate_name=values["ZZMC"],
            certificate_type_name=self.types[identifier.type_code],
            certificate_number=values["ZZBH"],
            certificate_issuing_authority_name=values["ZZBFJG"],
            certificate_issuing_authority_code=values["ZZBFJGDM"],
            certificate_issued_date=issued,
            certificate_area_code=self.county,
            holders=self._holders(values),
            certificate_effective_date=_optional_date("ZZYXQQSRQ", values),
            certificate_expiring_date=_optional_date("ZZYXQJZRQ", values),
            associated=_replaced(values.get("GLZZBS", "")),
            extend_info=extend_info,
        )

    def _check_issuer(self, identifier: LicenseIdentifier, values: Mapping[str, str]) -> None:
        if identifier.type_code not in self.types:
            raise Malformed("bad_row", "ZZBS: the directory of license types does not hold the type code")
        if values["ZZLXDM"] != identifier.type_code:
            raise Malformed("bad_row", "ZZLXDM: differs from the type code in ZZBS")
        if values["ZZBFJGDM"] != identifier.issuer:
            raise Malformed("bad_row", "ZZBFJGDM: differs from the issuer in ZZBS")
        if identifier.issuer[2:8] != self.county:
            raise Malformed("bad_row", f"ZZBFJGDM: not an authority of county {self.county}")

    def _holders(self, values: Mapping[str, str]) -> tuple[LicenseHolder, ...]:
        names, codes, types = (values[name].split(";") for name in ("CZZT", "CZZTDM", "CZZTDMLXDM"))
        if not len(names) == len(codes) == len(types):
            raise Malformed("bad_row", "CZZT, CZZTDM and CZZTDMLXDM: lists of different length")
        if len(set(zip(types, codes, strict=True))) != len(codes):
            raise Malformed("bad_row", "CZZTDM: a holder stands in the list twice")
        return tuple(self._holder(*each) for each in zip(names, types, codes, strict=True))

    def _holder(self, name: str, type_code: str, code: str) -> LicenseHolder:
        if type_code == _RESIDENT:
            _column("CZZTDM", lambda text: ResidentId.parse(text, self.today), code)
        elif type_code == _USCC:
            _column("CZZTDM", Uscc.parse, code)
        return LicenseHolder(name=name, type_code=type_code, code=code)


def _column(column: str, parse: Callable[[str], _T], text: str) -> _T:
    try:
        return parse(text)
    except Malformed as error:
        raise Malformed(error.code, f"{column}: {error.message}") from error


def _replaced(text: str) -> LicenseIdentifier | None:
    return _column("GLZZBS", LicenseIdentifier.parse, text) if text else None


def _optional_date(column: str, values: Mapping[str, str]) -> date | None:
    text = values.get(column, "")
    return _date(column, text) if text else None


def _date(column: str, text: str) -> date:
    fault = Malformed("bad_row", f"{column}: expected a date YYYYMMDD that exists")
    if not _DATE.fullmatch(text):
        raise fault
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError as error:
        raise fault from error
