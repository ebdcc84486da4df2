"""A county's own node as record source: one signed call, an answer that is believed only as far as it was asked for.

    POST <node>/records/faces      Authorization: Bearer <hub+jwt>      (hub/county/service.py has both bodies)

Whatever the node answers, at most its own licenses suffer: an answer that is late, too large, no JSON, of other
licenses or with other fields than asked for is no answer at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final

import httpx2

from hub.answers import read_answer
from hub.county.licenses import is_face_name
from ledger.closed import closed, integer, list_of
from ledger.encoding import JsonValue, canonical_json, parse_json
from ledger.errors import TongbanError, Unavailable
from schema.context import FaceAnswer, FaceRequest

if TYPE_CHECKING:
    from hub.auth import TokenIssuer
    from schema.context import Clock

__all__ = ["MAX_ANSWER_BYTES", "MAX_LICENSES", "NodeSource"]

MAX_ANSWER_BYTES: Final = 1 << 20
MAX_LICENSES: Final = 256  # in one call
_MAX_DEPTH: Final = 16
_ANSWER: Final = frozenset({"faces", "asOf"})
_FACE: Final = frozenset({"certificateIdentifier", "values", "code"})
_JSON: Final = {"Content-Type": "application/json", "Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSource:
    """One county's node. url: its public URL without a path, the audience of the hub's tokens.

    outgoing: gives the headers that go with a call, beside the hub's own.
    """

    licenses_per_call: ClassVar[int] = MAX_LICENSES

    county: str
    url: str
    client: httpx2.AsyncClient
    issuer: TokenIssuer
    clock: Clock
    outgoing: Callable[[], Mapping[str, str]] = dict

    async def faces(self, requests: Sequence[FaceRequest]) -> list[FaceAnswer]:
        """Ask 1..256 faces in one call, as RecordSource has it.

        Raises Unavailable source_unavailable for every fault of the node.
        """
        try:
            body = await self._post(_query(requests))
            return _answers(body, requests, self.clock())
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            raise Unavailable("source_unavailable", "the county's node does not answer") from error
        except TongbanError as error:
            raise Unavailable("source_unavailable", "the county's node gave no proper answer") from error

    async def _post(self, query: bytes) -> bytes:
        headers = {
            **self.outgoing(),
            **_JSON,
            "Authorization": f"Bearer {self.issuer.node_token(self.url, self.clock())}",
        }
        async with self.client.stream("POST", f"{self.url}/records/faces", content=query, headers=headers) as response:
            if response.status_code != 200:
                raise Unavailable("source_unavailable", "the county's node refused")
            if response.headers.get("content-encoding", "identity") != "identity":  # it could unpack to gigabytes
                raise Unavailable("source_unavailable", "the county's node packed its answer")
            return await read_answer(response, MAX_ANSWER_BYTES)


def _query(requests: Sequence[FaceRequest]) -> bytes:
    first = requests[0]
    return canonical_json(
        {
            "useCause": first.use_cause,
            "caller": {"county": first.caller.county, "client": first.caller.client},
            "requests": [
                {"certificateIdentifier": each.certificate_identifier, "fields": list(each.fields)} for each in requests
            ],
        }
    )


def _answers(body: bytes, requests: Sequence[FaceRequest], now: int) -> list[FaceAnswer]:
    obj = closed(parse_json(body, max_bytes=MAX_ANSWER_BYTES, max_depth=_MAX_DEPTH), "answer", _ANSWER)
    rows = list_of(obj, "faces", maximum=len(requests))
    if len(rows) != len(requests):
        raise Unavailable("source_unavailable", "the county did not answer for every license")
    as_of = min(integer(obj, "asOf"), now)  # a clock that is ahead makes nothing fresher
    return [_answer(row, request, as_of) for row, request in zip(rows, requests, strict=True)]


def _answer(row: JsonValue, request: FaceRequest, as_of: int) -> FaceAnswer:
    obj = closed(row, "face", _FACE)
    if obj["certificateIdentifier"] != request.certificate_identifier:
        raise Unavailable("source_unavailable", "the county answered for another license")
    if obj["values"] is None and obj["code"] == "absent":
        return FaceAnswer(values=None, source="node", as_of=as_of, code="absent")
    values = obj["values"]
    if not isinstance(values, dict) or obj["code"] is not None:
        raise Unavailable("source_unavailable", "a face has neither values nor a code, or both")
    return FaceAnswer(values=_checked(values, request.fields), source="node", as_of=as_of)


def _checked(values: dict[str, JsonValue], fields: Sequence[str]) -> Mapping[str, Any]:
    # What was not asked for is not passed on: the caller's right ends at the fields of its question.
    if not all(name in fields if fields else is_face_name(name) for name in values):
        raise Unavailable("source_unavailable", "the county gave a field that was not asked for")
    return values
