"""A county's sharing service in the form of GB/T 36906: search, metadata and verify over one envelope.

    POST <url><path>
    {"head":{"accessId":"tongban","accessToken":"…"},
     "data":{"certIdentifier":"1.2.156.3005.2.…","metadataRange":["ZZBS","CZZT"],"useCause":"…"}}

    {"head":{"status":"0","message":"success"},"data":{"ZZBS":"1.2.156.3005.2.…","CZZT":"示例食品店"}}

    call        request's data                                            answer's data
    search      holderCode, certTypeCode, holderTypeCode, useCause        list of certIdentifier, certName, status
    metadata    certIdentifier, metadataRange (empty: all), useCause      element -> value
    verify      certTypeCode, certData {element: value}, useCause         {"result":"0"}, 0..7

The token is a secret that stands in the body of each call, so it goes over TLS, or to this machine. The answer is a
stranger's: bounded while it is read, never unpacked, parsed strictly. `status` 0 is an answer; 3 (not found) and 10,
21, 22, 23 (no match, void, expired, restricted) say that there is no face for us; any other is a fault of the service.
Source: GB/T 36906-2018 as two provincial systems expose it; the paths are each system's own, so they are settings.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import httpx2

from hub.answers import read_answer
from hub.county.licenses import is_face_name
from hub.elements import face_value, name_of, short_name, wire_value
from ledger.closed import closed, list_of
from ledger.encoding import JsonValue, canonical_json, parse_json
from ledger.errors import Malformed, Unavailable
from ledger.identifiers import HOLDER_CODE_TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["MAX_ANSWER_BYTES", "LegacyService", "Listed", "parse_listing", "parse_metadata", "parse_verified"]

MAX_ANSWER_BYTES: Final = 1 << 20
MAX_RANGE: Final = 64
_MAX_LISTED: Final = 256
_MAX_DEPTH: Final = 16
_MAX_TEXT: Final = 512
_MAX_CAUSE: Final = 200
_IDENTIFIER: Final = "ZZBS"
_ANSWER: Final = frozenset({"head"})
_DATA: Final = frozenset({"data"})
_HEAD: Final = frozenset({"status"})
_MESSAGE: Final = frozenset({"message"})
_LISTED: Final = frozenset({"certIdentifier", "certName", "status"})
_STATUS: Final = re.compile(r"[0-9]{1,3}")
_TYPE_CODE: Final = re.compile(r"[0-9A-Z]{1,64}")
_SUCCESS: Final = "0"
_TIMED_OUT: Final = "2"
_HEADERS: Final = {"Content-Type": "application/json", "Accept-Encoding": "identity"}

Call: TypeAlias = Literal["search", "metadata", "verify"]
Found: TypeAlias = Literal["有效", "失效", "存疑", "查无"]

_FOUND: Final[Mapping[str, Found]] = {
    "0": "有效", "1": "存疑", "2": "失效", "3": "失效", "4": "存疑", "5": "查无", "6": "存疑", "7": "存疑",
}  # fmt: skip
"""Result of a verify call -> one of the four answers that a clerk sees."""
_WITHOUT_DATA: Final[Mapping[str, Found]] = {"3": "查无", "10": "查无", "21": "失效", "22": "失效", "23": "存疑"}
"""Head status that is an answer and comes without data -> the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One license that a search found. status: the service's own word; what counts is the ledger's."""

    certificate_identifier: str
    certificate_name: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyService:
    """One county's service. url: without a final slash. paths: by call. The time limit is always the caller's.

    Every call raises Unavailable source_unavailable, or deadline when the service says that it ran out of time itself.
    """

    url: str
    paths: Mapping[Call, str]
    access_id: str
    access_token: str = field(repr=False)
    client: httpx2.AsyncClient

    async def search(
        self, *, holder_type_code: str, holder_code: str, type_code: str, use_cause: str
    ) -> list[Listed]:  # fmt: skip
        """Find a holder's licenses of one type; none is an empty list. Raises Malformed bad_request."""
        if holder_type_code not in HOLDER_CODE_TYPES or not 1 <= len(holder_code) <= _MAX_TEXT:
            raise Malformed("bad_request", "expected a code type of GB/T 36903 Annex A, and a code")
        data: dict[str, JsonValue] = {"holderTypeCode": holder_type_code, "holderCode": holder_code}
        return parse_listing(await self._call("search", data | _typed(type_code), use_cause))

    async def metadata(
        self, certificate_identifier: str, names: Sequence[str], use_cause: str
    ) -> dict[str, JsonValue] | None:  # fmt: skip
        """Read elements of one license, by their English and `KZ_*` names; none: all. None: the service has no face.

        The identifier is always asked with them: it tells whether the answer is one of this license.
        """
        wanted = list(dict.fromkeys([_IDENTIFIER, *map(short_name, names)])) if names else []
        data: dict[str, JsonValue] = {"certIdentifier": certificate_identifier, "metadataRange": [*wanted]}
        answer = await self._call("metadata", data, use_cause)
        return parse_metadata(answer, certificate_identifier, names)

    async def verify(self, type_code: str, values: Mapping[str, str], use_cause: str) -> Found:
        """Compare elements of a license, by English and `KZ_*` names, with what the service holds."""
        if not 1 <= len(values) <= MAX_RANGE or not all(map(is_face_name, values)):
            raise Malformed("bad_request", f"expected 1..{MAX_RANGE} elements of a license by their names")
        data: dict[str, JsonValue] = {
            "certData": {short_name(name): wire_value(name, value) for name, value in values.items()}
        }
        return parse_verified(await self._call("verify", data | _typed(type_code), use_cause))

    async def _call(self, call: Call, data: dict[str, JsonValue], use_cause: str) -> bytes:
        if not 1 <= len(use_cause) <= _MAX_CAUSE:
            raise Malformed("bad_request", f"useCause has not 1..{_MAX_CAUSE} characters")
        head: JsonValue = {"accessId": self.access_id, "accessToken": self.access_token}
        content = canonical_json({"head": head, "data": data | {"useCause": use_cause}})
        url = f"{self.url}{self.paths[call]}"
        try:
            async with self.client.stream("POST", url, content=content, headers=_HEADERS) as response:
                return await _body(response)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise Unavailable("source_unavailable", "the county's service does not answer") from error
        except Malformed as error:
            raise Unavailable("source_unavailable", "the county's service sent too much") from error


async def _body(response: httpx2.Response) -> bytes:
    if response.status_code != 200:
        raise Unavailable("source_unavailable", f"the county's service answered with status {response.status_code}")
    if response.headers.get("content-encoding", "identity") != "identity":  # a few bytes could unpack to gigabytes
        raise Unavailable("source_unavailable", "the county's service packed its answer, which nobody asked for")
    return await read_answer(response, MAX_ANSWER_BYTES)


def parse_metadata(body: bytes, certificate_identifier: str, names: Sequence[str]) -> dict[str, JsonValue] | None:
    """Read the answer of a metadata call: the elements of `names` alone, whatever else was sent; none: all.

    None: the service has no face of this license. Raises Unavailable source_unavailable, deadline.
    """
    try:
        _, data = _opened(body)
        return None if data is None else _face(data, certificate_identifier, names)
    except Malformed as error:
        raise _improper() from error


def _face(data: JsonValue, certificate_identifier: str, names: Sequence[str]) -> dict[str, JsonValue]:
    if not isinstance(data, dict) or data.get(_IDENTIFIER) != certificate_identifier:
        raise Malformed("bad_payload", "the answer is not one of this license")
    named = {name: value for short, value in data.items() if (name := name_of(short)) is not None}
    return {name: face_value(name, value) for name, value in named.items() if not names or name in names}


def parse_listing(body: bytes) -> list[Listed]:
    """Read the answer of a search: at most 256 licenses. Raises Unavailable source_unavailable, deadline."""
    try:
        _, data = _opened(body)
        rows = [] if data is None else list_of({"data": data}, "data", maximum=_MAX_LISTED)
        return [_listed(row) for row in rows]
    except Malformed as error:
        raise _improper() from error


def parse_verified(body: bytes) -> Found:
    """Read the answer of a verify call. Raises Unavailable source_unavailable, deadline."""
    try:
        status, data = _opened(body)
        if data is None:
            return _WITHOUT_DATA[status]
        result = closed(data, "data", frozenset({"result"}))["result"]
        return _FOUND[_code(result)]
    except (Malformed, KeyError) as error:
        raise _improper() from error


def _opened(body: bytes) -> tuple[str, JsonValue]:
    """Open the envelope: its head status and its data, which is None where the service has nothing for us."""
    obj = closed(parse_json(body, max_bytes=MAX_ANSWER_BYTES, max_depth=_MAX_DEPTH), "answer", _ANSWER, _DATA)
    head = closed(obj["head"], "head", _HEAD, _MESSAGE)
    status = _code(head["status"])
    if status in _WITHOUT_DATA:
        return status, None
    if status == _TIMED_OUT:
        raise Unavailable("deadline", "the county's service ran out of time itself")
    if status != _SUCCESS:  # its message may hold anything: it goes nowhere
        raise Unavailable("source_unavailable", f"the county's service answered with head status {status}")
    if obj.get("data") is None:
        raise Malformed("bad_payload", "the answer says success and has no data")
    return status, obj["data"]


def _code(value: JsonValue) -> str:
    code = str(value) if type(value) is int else value
    if not isinstance(code, str) or not _STATUS.fullmatch(code):
        raise Malformed("bad_payload", "a status is no number of at most 3 digits")
    return code


def _listed(row: JsonValue) -> Listed:
    obj = closed(row, "license", _LISTED)
    texts = {name: str(value) for name, value in obj.items() if isinstance(value, str) and len(value) <= _MAX_TEXT}
    if texts.keys() != _LISTED:
        raise Malformed("bad_payload", f"a license's members are no texts of at most {_MAX_TEXT} characters")
    return Listed(
        certificate_identifier=texts["certIdentifier"], certificate_name=texts["certName"], status=texts["status"]
    )


def _typed(type_code: str) -> dict[str, JsonValue]:
    if not _TYPE_CODE.fullmatch(type_code):
        raise Malformed("bad_request", "certTypeCode is not 1..64 digits and capital letters")
    return {"certTypeCode": type_code}


def _improper() -> Unavailable:
    return Unavailable("source_unavailable", "the county's service gave no proper answer")
