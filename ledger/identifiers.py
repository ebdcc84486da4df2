"""Identifiers of licenses, organisations and persons, each with its check character.

    license       1.2.156.3005.2.<type code 21>.<issuer 18>.<serial 1..32>.<version 3>.<check>     GB/T 36904-2018
    organisation  authority 1, class 1, division 6, organisation code 9, check 1 (USCC)            GB 32100-2015
    person        division 6, birth date 8, sequence 3, check 1 (resident ID)                      GB 11643-1999
    holder        b64u(HMAC-SHA256(secret, code type, U+000A, code)): a holder in graph and journal

`parse` and `make` are strict: what they give may be written. `foreign` is tolerant: it keeps what others wrote, with
the reason why it would not be written here. An instance is always sound. Check characters guard against typing errors;
they are no security check.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from ledger.encoding import b64u_encode
from ledger.errors import Malformed

__all__ = [
    "HOLDER_CODE_TYPES",
    "LICENSE_ROOT",
    "LicenseIdentifier",
    "ResidentId",
    "Uscc",
    "check_char",
    "fault_of",
    "holder_key",
]

LICENSE_ROOT: Final = "1.2.156.3005.2"
_HOLDER_SECRET_BYTES: Final = 32
_MAX_HOLDER_CODE_CHARS: Final = 256

HOLDER_CODE_TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "001": "统一社会信用代码", "099": "其他法人或其他组织有效证件代码", "111": "公民身份号码", "114": "军官证",
        "115": "武警警官证", "118": "士兵证", "119": "武警士兵证", "120": "军队文职", "122": "武警文职",
        "411": "外交护照", "412": "公务护照", "413": "公务普通护照", "414": "普通护照",
        "511": "台湾居民来往大陆通行证", "516": "港澳居民来往内地通行证", "999": "其他自然人有效证件",
    }
)  # fmt: skip
"""Holder code types of GB/T 36903-2018, Annex A: code to name."""

_BASE36: Final = MappingProxyType({char: value for value, char in enumerate("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")})
_BASE36_CHARS: Final = "".join(_BASE36)
_USCC_CHARS: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # no I O Z S V
_USCC: Final = re.compile(rf"[{_USCC_CHARS}]{{2}}[0-9]{{6}}[{_USCC_CHARS}]{{10}}")
_USCC_WEIGHTS: Final = tuple(pow(3, place, 31) for place in range(17))
_ORGANISATION: Final = re.compile(r"[0-9A-Z]{8}")
_ORGANISATION_WEIGHTS: Final = (3, 7, 9, 10, 5, 8, 4, 2)
_RESIDENT_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_RESIDENT: Final = re.compile(r"([0-9]{6})([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{3})([0-9X])")
_DIVISION: Final = re.compile(r"[0-9]{6}")
_TYPE_NUMBER: Final = re.compile(r"[0-9]{3}")
_SERIAL: Final = re.compile(r"[0-9A-Z]{1,32}")
_LICENSE: Final = re.compile(
    r"1\.2\.156\.3005\.2\.([0-9A-Z]{21})\.([0-9A-Z]{6,18})\.([0-9A-Z]{1,32})\.([0-9]{3})\.([0-9A-Z])"
)


def fault_of(parse: Callable[[str], object], text: str) -> str | None:
    """Say why `parse` refuses `text`; None if it does not."""
    try:
        parse(text)
    except Malformed as refusal:
        return refusal.message
    return None


@lru_cache(maxsize=256)  # an identifier that was read is soon written
def check_char(text: str) -> str:
    """Compute the check character over `[0-9A-Z]*`: ISO/IEC 7064, MOD 37,36 (hybrid).

    Raises Malformed bad_identifier on another character.
    """
    product = 36
    for char in text:
        if char not in _BASE36:
            raise Malformed("bad_identifier", "a check character covers digits and capital letters only")
        product = ((product + _BASE36[char]) % 36 or 36) * 2 % 37
    return _BASE36_CHARS[(37 - product) % 36]


@dataclass(frozen=True, slots=True)
class Uscc:
    """A unified social credit code (统一社会信用代码) whose two check characters are right."""

    code: str

    def __post_init__(self) -> None:
        if not _USCC.fullmatch(self.code):
            raise Malformed("bad_identifier", "a USCC has 18 characters, digits and capital letters without I O Z S V")
        if self.code[-1] != _uscc_check(self.code[:-1]):
            raise Malformed("bad_identifier", "the check character of the USCC is wrong")
        if self.code[16] != _organisation_check(self.code[8:16]):
            raise Malformed("bad_identifier", "the organisation code inside the USCC has a wrong check character")

    def __str__(self) -> str:
        return self.code

    @classmethod
    def parse(cls, text: str) -> Uscc:
        """Read a USCC. Raises Malformed bad_identifier."""
        return cls(text)

    @classmethod
    def foreign(cls, text: str) -> tuple[str, str | None]:
        """Keep a code that others wrote, with the reason why it would not be written here, or None."""
        return text, fault_of(cls.parse, text)

    @classmethod
    def make(cls, head: str, organisation: str) -> Uscc:
        """Complete a USCC from authority, class and division (8 characters) and the organisation code's first 8.

        Raises Malformed bad_identifier.
        """
        body = head + organisation + _organisation_check(organisation)
        return cls(body + _uscc_check(body))

    @property
    def division(self) -> str:
        """The division (GB/T 2260, 6 digits) of the registering authority, at the time of registration."""
        return self.code[2:8]

    @property
    def organisation_code(self) -> str:
        """The organisation code (GB 11714, 9 characters) inside."""
        return self.code[8:17]


@lru_cache(maxsize=4096)  # some thousand authorities define and issue all licenses
def _uscc_fault(text: str) -> str | None:
    return fault_of(Uscc.parse, text)


def _uscc_check(body: str) -> str:
    total = sum(weight * _USCC_CHARS.find(char) for weight, char in zip(_USCC_WEIGHTS, body, strict=False))
    return _USCC_CHARS[-total % 31]


def _organisation_check(body: str) -> str:
    if not _ORGANISATION.fullmatch(body):
        raise Malformed("bad_identifier", "an organisation code begins with 8 digits and capital letters")
    total = sum(weight * _BASE36[char] for weight, char in zip(_ORGANISATION_WEIGHTS, body, strict=True))
    return "0123456789X"[-total % 11]


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenseIdentifier:
    """A license identifier (电子证照标识) as this project writes it.

    type_code: USCC of the definer and a 3-digit number. issuer: a valid USCC. version: 1..999, one more at each change
    or renewal of the same license. Raises Malformed bad_identifier.
    """

    type_code: str
    issuer: str
    serial: str
    version: int

    def __post_init__(self) -> None:
        if fault := _uscc_fault(self.type_code[:18]):
            raise Malformed("bad_identifier", f"definer in the type code: {fault}")
        if not _TYPE_NUMBER.fullmatch(self.type_code[18:]):
            raise Malformed("bad_identifier", "a type code ends in a 3-digit number")
        if fault := _uscc_fault(self.issuer):
            raise Malformed("bad_identifier", f"issuer: {fault}")
        if not _SERIAL.fullmatch(self.serial):
            raise Malformed("bad_identifier", "a serial has 1..32 digits and capital letters")
        if not 1 <= self.version <= 999:
            raise Malformed("bad_identifier", "a version is 001..999")

    def __str__(self) -> str:
        return f"{LICENSE_ROOT}.{self.type_code}.{self.issuer}.{self.serial}.{self.version:03d}.{self.check}"

    @property
    def division(self) -> str:
        """The division (GB/T 2260, 6 digits) in the issuer's USCC: the county that the license is of."""
        return self.issuer[2:8]

    @property
    def check(self) -> str:
        """The check character: over all parts but the root, without dots."""
        return check_char(f"{self.type_code}{self.issuer}{self.serial}{self.version:03d}")

    @classmethod
    def parse(cls, text: str) -> LicenseIdentifier:
        """Read an identifier that may be written. Raises Malformed bad_identifier."""
        match = _LICENSE.fullmatch(text)
        if match is None:
            raise Malformed("bad_identifier", f"expected {LICENSE_ROOT}.type.issuer.serial.version.check")
        *parts, check = match.groups()
        if check != (computed := check_char("".join(parts))):
            raise Malformed("bad_identifier", f"check character is {check}, expected {computed}")
        type_code, issuer, serial, version = parts
        return cls(type_code=type_code, issuer=issuer, serial=serial, version=int(version))

    @classmethod
    def foreign(cls, text: str) -> tuple[str, str | None]:
        """Keep an identifier that others wrote, with the reason why it would not be written here, or None."""
        return text, fault_of(cls.parse, text)

    @classmethod
    def make(cls, type_code: str, issuer: str, serial: str, version: int) -> LicenseIdentifier:
        """Make an identifier; its check character follows. Raises Malformed bad_identifier."""
        return cls(type_code=type_code, issuer=issuer, serial=serial, version=version)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ResidentId:
    """A resident ID number (公民身份号码). Personal data: it shows in `str()` only, never in a repr or an error.

    division: where the number was assigned; it may be younger than the person, so no date is held against it.
    sequence: 0..999, odd for men. Raises Malformed bad_identifier.
    """

    division: str
    born: date
    sequence: int

    def __post_init__(self) -> None:
        if not _DIVISION.fullmatch(self.division) or not 0 <= self.sequence <= 999:
            raise Malformed("bad_identifier", "a resident ID has a division of 6 digits and a sequence of 0..999")

    def __repr__(self) -> str:
        return "ResidentId(...)"

    def __str__(self) -> str:
        return self._body + _resident_check(self._body)

    @property
    def _body(self) -> str:
        born = self.born
        return f"{self.division}{born.year:04d}{born.month:02d}{born.day:02d}{self.sequence:03d}"

    @classmethod
    def parse(cls, text: str, today: date) -> ResidentId:
        """Read 17 digits and a digit or `X`, with a real birth date up to `today`. Raises Malformed bad_identifier."""
        match = _RESIDENT.fullmatch(text)
        if match is None:
            raise Malformed("bad_identifier", "a resident ID has 17 digits and a digit or X")
        division, year, month, day, sequence, check = match.groups()
        try:
            born = date(int(year), int(month), int(day))
        except ValueError:
            # Without the cause: its text would say a part of the number.
            raise Malformed("bad_identifier", "the birth date in the resident ID does not exist") from None
        if born > today:
            raise Malformed("bad_identifier", "the birth date in the resident ID lies ahead")
        if check != _resident_check(text[:17]):
            raise Malformed("bad_identifier", "the check character of the resident ID is wrong")
        return cls(division=division, born=born, sequence=int(sequence))

    @classmethod
    def make(cls, division: str, born: date, sequence: int) -> ResidentId:
        """Make a (fictional) number; its check character follows. Raises Malformed bad_identifier."""
        return cls(division=division, born=born, sequence=sequence)


def _resident_check(body: str) -> str:
    return "10X98765432"[sum(weight * int(char) for weight, char in zip(_RESIDENT_WEIGHTS, body, strict=True)) % 11]


def holder_key(secret: bytes, type_code: str, code: str) -> str:
    """Give the key under which a holder stands in graph and journal: 43 characters, the same for the same holder.

    secret: 32 bytes, shared by the alliance; without it a key cannot be tried against the few billion ID numbers.
    type_code: one of HOLDER_CODE_TYPES. Raises Malformed bad_setting (secret), bad_identifier.
    """
    if len(secret) != _HOLDER_SECRET_BYTES:
        raise Malformed("bad_setting", f"the holder secret has {_HOLDER_SECRET_BYTES} bytes")
    if type_code not in HOLDER_CODE_TYPES:
        raise Malformed("bad_identifier", "the holder code type is none of GB/T 36903, Annex A")
    if not 1 <= len(code) <= _MAX_HOLDER_CODE_CHARS:
        raise Malformed("bad_identifier", f"a holder code has 1..{_MAX_HOLDER_CODE_CHARS} characters")
    try:
        message = f"{type_code}\n{code}".encode()
    except UnicodeEncodeError:  # without the cause: its text would say the code
        raise Malformed("bad_encoding", "a holder code holds a lone surrogate") from None
    # Not hmac.digest: it lets go of the interpreter for so few bytes, and another thread takes it for a while.
    return b64u_encode(hmac.new(secret, message, "sha256").digest())
