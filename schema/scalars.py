"""Scalars: identifiers, dates, instants, digests, log numbers, and the cause of a personal read.

A stored value already is its wire value, so serializing is the identity for all of them; parsing is strict and caps
the length first. A value that breaks its form is an error of the document or the variables, before anything is read.

    LicenseIdentifier   1.2.156.3005.2.<type code>.<issuer>.<serial>.<version>.<check>     GB/T 36904
    Date                2026-05-01                      DateTime   2026-05-01T08:00:00.000Z
    Digest              base64url of 32 bytes, no padding           LogNumber   0 .. 2^53 - 1, a JSON number
    StatementId         base64url of 16 bytes, no padding
    UseCause            1-200 characters                            Cursor      opaque
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

from ledger.encoding import MAX_INTEGER
from ledger.errors import Malformed

__all__ = [
    "SCALARS",
    "CaseNumber",
    "CatalogueCode",
    "Cursor",
    "Date",
    "DateTime",
    "Digest",
    "FaceFieldName",
    "HolderCode",
    "HolderTypeCode",
    "LicenseIdentifier",
    "LogNumber",
    "StatementId",
    "UseCause",
    "instant",
]

CaseNumber = NewType("CaseNumber", str)
CatalogueCode = NewType("CatalogueCode", str)
Cursor = NewType("Cursor", str)
Date = NewType("Date", str)
DateTime = NewType("DateTime", str)
Digest = NewType("Digest", str)
FaceFieldName = NewType("FaceFieldName", str)
HolderCode = NewType("HolderCode", str)
HolderTypeCode = NewType("HolderTypeCode", str)
LicenseIdentifier = NewType("LicenseIdentifier", str)
LogNumber = NewType("LogNumber", int)
StatementId = NewType("StatementId", str)
UseCause = NewType("UseCause", str)


_LAST_SECOND: Final = 253_402_300_799  # 9999-12-31T23:59:59Z


def instant(seconds: int) -> DateTime:
    """Write POSIX seconds as RFC 3339 UTC text with milliseconds. Raises Malformed bad_number outside 1970..9999."""
    if not 0 <= seconds <= _LAST_SECOND:
        raise Malformed("bad_number", "expected a time between the years 1970 and 9999")
    return DateTime(datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"))


def _identity(value: Any) -> Any:
    return value


def _fault(name: str, expected: str, code: str) -> GraphQLError:
    """Name the scalar and the form expected, never the value: it may be an identity number."""
    return GraphQLError(f"{name}: expected {expected}", extensions={"code": code})


def _text(name: str, form: str, expected: str, *, code: str = "bad_variables") -> Callable[[Any], str]:
    pattern = re.compile(form)

    def parse(value: Any) -> str:
        if not isinstance(value, str) or pattern.fullmatch(value) is None:
            raise _fault(name, expected, code)
        return value

    return parse


def _log_number(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_INTEGER:
        raise _fault("LogNumber", "an integer from 0 to 2^53 - 1", "bad_variables")
    return value


def _scalar(name: str, description: str, parse: Callable[[Any], Any]) -> ScalarDefinition:
    return strawberry.scalar(name=name, description=description, serialize=_identity, parse_value=parse)


def _text_scalar(
    name: str, form: str, expected: str, description: str, *, code: str = "bad_variables"
) -> ScalarDefinition:
    return _scalar(name, f"{description} Form: {expected}.", _text(name, form, expected, code=code))


SCALARS: Final[Mapping[object, ScalarDefinition]] = {
    CaseNumber: _text_scalar(
        "CaseNumber", r"[0-9A-Z]{43}", "43 digits and capital letters",
        "The number of a case (办件编号): task code, day of intake, serial of the day.",
    ),
    CatalogueCode: _text_scalar(
        "CatalogueCode", r"[0-9A-Za-z@._-]{1,64}", "1-64 letters, digits and @ . _ -",
        "A code of the catalogue: a division (GB/T 2260), an authority (USCC), a matter, a license type.",
    ),
    Cursor: _text_scalar(
        "Cursor", r"[0-9A-Za-z_-]{1,400}", "1-400 characters of base64url",
        "A place in a list: give an edge's cursor, or a page's endCursor, as `after`; its content is not an interface.",
    ),
    Date: _text_scalar("Date", r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "YYYY-MM-DD", "A calendar day in China (UTC+8)."),
    DateTime: _text_scalar(
        "DateTime", r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z",
        "YYYY-MM-DDThh:mm:ss.sssZ", "An instant in UTC (RFC 3339, fixed width).",
    ),
    Digest: _text_scalar("Digest", r"[0-9A-Za-z_-]{43}", "43 characters of base64url, no padding", "A SHA-256 digest."),
    FaceFieldName: _text_scalar(
        "FaceFieldName", r"KZ_[0-9A-Za-z_]{1,61}", "KZ_ and 1-61 letters, digits or underscores",
        "The name of a field that only licenses of one type have on their face (GB/T 36903 extendInfo).",
    ),
    HolderCode: _text_scalar(
        "HolderCode", r"(?![\s\S]*[\x00-\x1f\x7f\ud800-\udfff])\S(?:.{0,126}\S)?",
        "1-128 characters, no white space around them, letters as on the document",
        "The code of a license's holder: a unified social credit code, a resident ID number, a passport number.",
    ),
    HolderTypeCode: _text_scalar(
        "HolderTypeCode", r"[0-9]{3}", "3 digits",
        "What kind of code identifies the holder (GB/T 36903 Annex A): 001 unified social credit code, "
        "111 resident ID number, 414 passport.",
    ),
    LicenseIdentifier: _text_scalar(
        "LicenseIdentifier", r"[0-9A-Za-z.]{1,128}", "1-128 letters, digits and dots",
        "The identifier of one license (GB/T 36904), with its check character.",
    ),
    LogNumber: _scalar("LogNumber", "A log index or tree size: an integer from 0 to 2^53 - 1.", _log_number),
    StatementId: _text_scalar(
        "StatementId", r"[A-Za-z0-9_-]{22}", "22 characters of base64url, no padding",
        "What a county named a statement by: 128 random bits.",
    ),
    UseCause: _text_scalar(
        "UseCause", r"(?=.{0,199}\S)[^\x00-\x1f\x7f\ud800-\udfff]{1,200}",
        "1-200 characters, not only white space, no control characters",
        "Why a person's license is read; it is kept in the access record that the holder's county can see.",
        code="use_cause",
    ),
}  # fmt: skip
