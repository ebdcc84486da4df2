"""Metadata elements of a license on the wire of other systems: GB/T 36903 short names, and the forms of their values.

    ZZMC certificateName   CZZT certificateHolderName   ZZBFRQ certificateIssuedDate   …   KZ_* face fields of a type

Short names are the pinyin initials that real systems exchange. The standard has none for `certificateTypeName` and
`certificateAreaCode`: for these, and for `KZ_*`, the name itself stands. A date is `YYYYMMDD` there and `YYYY-MM-DD`
here; the holders of a license (共有) are a list, or one text with `;` between them.
"""

from __future__ import annotations

import re
from datetime import date
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from hub.county.licenses import is_face_name
from ledger.errors import Malformed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ledger.encoding import JsonValue

__all__ = ["SHORT_NAMES", "face_value", "name_of", "short_name", "wire_value"]

SHORT_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ZZBS": "certificateIdentifier",
        "ZZLXDM": "certificateTypeCode",
        "ZZMC": "certificateName",
        "ZZBH": "certificateNumber",
        "ZZBFJG": "certificateIssuingAuthorityName",
        "ZZBFJGDM": "certificateIssuingAuthorityCode",
        "ZZBFRQ": "certificateIssuedDate",
        "CZZT": "certificateHolderName",
        "CZZTDM": "certificateHolderCode",
        "CZZTDMLXDM": "certificateHolderTypeCode",
        "CZZTDMLX": "certificateHolderTypeName",
        "ZZYXQQSRQ": "certificateEffectiveDate",
        "ZZYXQJZRQ": "certificateExpiringDate",
        "GLZZBS": "associatedZzeCertID",
    }
)
"""Short name of GB/T 36903, as feeds and legacy services use it -> English name."""

_SHORT: Final[Mapping[str, str]] = MappingProxyType({name: short for short, name in SHORT_NAMES.items()})
_NO_END: Final = "certificateExpiringDate"
_DATES: Final = frozenset({"certificateIssuedDate", "certificateEffectiveDate", _NO_END})
_DATE: Final = re.compile(r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})")
_MAX_TEXT: Final = 4096
_MAX_HOLDERS: Final = 64


def short_name(name: str) -> str:
    """Give the name by which other systems are asked for an element."""
    return _SHORT.get(name, name)


def name_of(short: str) -> str | None:
    """Give the English or `KZ_*` name of an element, or None: a face has no such element."""
    if short in _SHORT:  # it has a short name, which alone is its name on the wire
        return None
    name = SHORT_NAMES.get(short, short)
    return name if is_face_name(name) else None


def wire_value(name: str, value: str) -> str:
    """Write the value of an element for another system: a day without hyphens, any other as it is."""
    return value.replace("-", "") if name in _DATES else value


def face_value(name: str, value: JsonValue) -> JsonValue:
    """Read the value of an element as it came. None: the license has none (an expiring date of none is 长期).

    Raises Malformed bad_payload, naming the element and never its value.
    """
    if value is None or value == "" or name.startswith("KZ_"):
        return None if value == "" else value
    if name.startswith("certificateHolder"):
        rows = value.split(";") if isinstance(value, str) else value
        if not isinstance(rows, list) or len(rows) > _MAX_HOLDERS:
            raise Malformed("bad_payload", f"{name}: expected a list of at most {_MAX_HOLDERS} texts")
        return [_text(name, row) for row in rows]
    return _day(name, value) if name in _DATES else _text(name, value)


def _text(name: str, value: JsonValue) -> str:
    if not isinstance(value, str) or len(value) > _MAX_TEXT:
        raise Malformed("bad_payload", f"{name}: expected a text of at most {_MAX_TEXT} characters")
    return value


def _day(name: str, value: JsonValue) -> str:
    found = _DATE.fullmatch(value) if isinstance(value, str) else None
    try:
        if found is not None:
            return date(*map(int, found.groups())).isoformat()
    except ValueError:
        pass
    raise Malformed("bad_payload", f"{name}: expected a day as YYYYMMDD")
