"""A license as its county knows it: the metadata of GB/T 36903 and the face fields of its type.

`claims()` gives what is sealed, each member one disclosure, named as the standard's English names:

    {"certificateIdentifier":"1.2.156.3005.2.….Z","certificateName":"营业执照",…,
     "certificateHolderName":["示例食品店"],"certificateHolderCode":["92370214MA3C00000X"],
     "certificateHolderTypeCode":["001"],…,"certificateIssuedDate":"2026-04-01",
     "certificateEffectiveDate":"2026-04-01","certificateExpiringDate":null,…,"KZ_ADDRESS":"…"}

The three holder claims are lists of one length and order: a license can have several holders (共有). Dates are
`YYYY-MM-DD`; an expiring date of null means no end (长期).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Final

from ledger.errors import Malformed
from ledger.eseal.documents import E_SEAL_HASH
from ledger.identifiers import HOLDER_CODE_TYPES

if TYPE_CHECKING:
    from ledger.encoding import JsonValue
    from ledger.identifiers import LicenseIdentifier

__all__ = ["FACE_NAMES", "LicenseHolder", "LicenseRecord", "is_face_name"]

FACE_NAMES: Final = frozenset(
    {
        "certificateIdentifier", "certificateName", "certificateTypeName", "certificateTypeCode", "certificateNumber",
        "certificateIssuingAuthorityName", "certificateIssuingAuthorityCode", "certificateIssuedDate",
        "certificateHolderName", "certificateHolderCode", "certificateHolderTypeName", "certificateHolderTypeCode",
        "certificateEffectiveDate", "certificateExpiringDate", "certificateAreaCode", "associatedZzeCertID",
        "eSealHash",
    }
)  # fmt: skip
"""The metadata names that a face can hold, beside its `KZ_*` fields, and the digest of an e-seal that goes with it."""

_EXTENSION: Final = re.compile(r"KZ_[0-9A-Za-z_]{1,61}")
_HASH: Final = re.compile(r"[0-9A-Za-z_-]{43}")
_AREA: Final = re.compile(r"[0-9]{6}")
_MAX_TEXT: Final = 512
_MAX_HOLDERS: Final = 64
_MAX_EXTENSIONS: Final = 64 - 16  # an SD-JWT of the ledger has at most 64 disclosures


def is_face_name(name: str) -> bool:
    """Tell whether a face can have a field of this name: a metadata name of GB/T 36903 or a `KZ_*` name."""
    return name in FACE_NAMES or _EXTENSION.fullmatch(name) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenseHolder:
    """One holder: name, code of the code's type (Annex A), and the code itself. Raises Malformed bad_row."""

    name: str
    type_code: str
    code: str

    def __post_init__(self) -> None:
        _check_text("certificateHolderName", self.name)
        _check_text("certificateHolderCode", self.code)
        if self.type_code not in HOLDER_CODE_TYPES:
            raise Malformed("bad_row", "certificateHolderTypeCode is not in Annex A of GB/T 36903")


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenseRecord:
    """One license to be sealed. Raises Malformed bad_row, naming the field and never its value.

    Lengths are those of the national reporting table, at most 512 characters; 1..64 holders; at most 48 `KZ_*` fields,
    each any JSON value. associated: the license that this one replaces. e_seal_hash: of the seal signature over the
    license's file, 43 characters (`ledger.eseal`). identifier: certificate_identifier as text.
    """

    certificate_identifier: LicenseIdentifier
    certificate_name: str
    certificate_type_name: str
    certificate_number: str
    certificate_issuing_authority_name: str
    certificate_issuing_authority_code: str
    certificate_issued_date: date
    certificate_area_code: str
    holders: tuple[LicenseHolder, ...]
    certificate_effective_date: date | None = None
    certificate_expiring_date: date | None = None
    associated: LicenseIdentifier | None = None
    e_seal_hash: str | None = None
    extend_info: Mapping[str, JsonValue] = field(default_factory=dict)
    identifier: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "identifier", str(self.certificate_identifier))  # its check character costs time
        for name, text in (
            ("certificateName", self.certificate_name),
            ("certificateTypeName", self.certificate_type_name),
            ("certificateNumber", self.certificate_number),
            ("certificateIssuingAuthorityName", self.certificate_issuing_authority_name),
            ("certificateIssuingAuthorityCode", self.certificate_issuing_authority_code),
        ):
            _check_text(name, text)
        if not _AREA.fullmatch(self.certificate_area_code):
            raise Malformed("bad_row", "certificateAreaCode is no 6-digit division code")
        if self.certificate_issuing_authority_code != self.certificate_identifier.issuer:
            raise Malformed("bad_row", "certificateIssuingAuthorityCode is not the one in the certificateIdentifier")
        if not 1 <= len(self.holders) <= _MAX_HOLDERS or len(set(self.holders)) != len(self.holders):
            raise Malformed("bad_row", f"expected 1..{_MAX_HOLDERS} different holders")
        _check_order("certificateExpiringDate", self.certificate_effective_date, self.certificate_expiring_date)
        _check_order("certificateExpiringDate", self.certificate_issued_date, self.certificate_expiring_date)
        if self.e_seal_hash is not None and not _HASH.fullmatch(self.e_seal_hash):
            raise Malformed("bad_row", "eSealHash is no SM3 as base64url")
        _check_extensions(self.extend_info, _MAX_EXTENSIONS - (self.e_seal_hash is not None))

    @property
    def type_code(self) -> str:
        """The certificateTypeCode, 21 characters: the identifier's own."""
        return self.certificate_identifier.type_code

    def claims(self) -> dict[str, JsonValue]:
        """Give what is sealed: one claim a metadata element or `KZ_*` field, in the standard's order."""
        claims: dict[str, JsonValue] = {
            "certificateIdentifier": self.identifier,
            "certificateName": self.certificate_name,
            "certificateTypeName": self.certificate_type_name,
            "certificateTypeCode": self.type_code,
            "certificateNumber": self.certificate_number,
            "certificateIssuingAuthorityName": self.certificate_issuing_authority_name,
            "certificateIssuingAuthorityCode": self.certificate_issuing_authority_code,
            "certificateIssuedDate": self.certificate_issued_date.isoformat(),
            "certificateHolderName": [holder.name for holder in self.holders],
            "certificateHolderCode": [holder.code for holder in self.holders],
            "certificateHolderTypeName": [HOLDER_CODE_TYPES[holder.type_code] for holder in self.holders],
            "certificateHolderTypeCode": [holder.type_code for holder in self.holders],
            "certificateEffectiveDate": _iso(self.certificate_effective_date),
            "certificateExpiringDate": _iso(self.certificate_expiring_date),
            "certificateAreaCode": self.certificate_area_code,
        }
        if self.associated is not None:
            claims["associatedZzeCertID"] = str(self.associated)
        if self.e_seal_hash is not None:
            claims[E_SEAL_HASH] = self.e_seal_hash
        return claims | dict(self.extend_info)


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _check_text(name: str, text: str) -> None:
    if not 1 <= len(text) <= _MAX_TEXT or not text.isprintable() or text != text.strip():
        raise Malformed("bad_row", f"{name} has not 1..{_MAX_TEXT} printable characters without blanks around them")


def _check_order(name: str, first: date | None, last: date | None) -> None:
    if first is not None and last is not None and last < first:
        raise Malformed("bad_row", f"{name} lies before the license begins")


def _check_extensions(fields: Mapping[str, JsonValue], maximum: int) -> None:
    if len(fields) > maximum:
        raise Malformed("bad_row", f"expected at most {maximum} KZ_ fields")
    for name in fields:
        if not _EXTENSION.fullmatch(name):
            raise Malformed("bad_row", "a face field is not named KZ_ and 1..61 letters, digits or underscores")
