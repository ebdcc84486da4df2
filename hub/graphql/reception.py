"""What came over HTTP: the parameters of GET and POST, the media type of body and answer.

    POST /graphql   Content-Type: application/json
    {"query": "...", "operationName": null, "variables": {}, "extensions": {"cost": true, "readAfter": "812.0"}}
    {"documentId": "sha256:2cf2…", "variables": {}}
    [{"query": "..."}, {"documentId": "..."}]         a batch, where the limits allow more than one document

    GET /graphql?query=...&operationName=...&variables=%7B%7D
    GET /graphql?documentId=sha256%3A2cf2…&variables=%7B%7D

Everything is bounded before it is read, read strictly, and refused with the status that says what was wrong. A form or
`text/plain` body is refused, so that no page of another site can post without asking. Source: GraphQL over HTTP.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qsl

from hub.graphql.execution import GraphQLRequest
from hub.graphql.limits import Limits
from hub.graphql.trusted import is_document_id
from ledger.encoding import parse_json
from ledger.errors import Malformed
from schema.readafter import ReadAfter

__all__ = [
    "GRAPHQL_JSON",
    "JSON",
    "HttpFault",
    "answer_type",
    "batch_from_body",
    "check_content",
    "from_body",
    "from_query_string",
    "read_request",
]

JSON: Final = "application/json"
GRAPHQL_JSON: Final = "application/graphql-response+json"

_MEMBERS: Final = frozenset({"query", "documentId", "operationName", "variables", "extensions"})
_UNKNOWN: Final = "expected query or documentId, operationName, variables and extensions only"
_WEIGHTS: Final = {GRAPHQL_JSON: GRAPHQL_JSON, JSON: JSON, "application/*": JSON, "*/*": JSON}


class HttpFault(Exception):
    """A request that is refused before it is a GraphQL request. headers: those that the status asks for."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(code)
        self.status: Final = status
        self.code: Final = code
        self.message: Final = message
        self.headers: Final = dict(headers or {})


@lru_cache(maxsize=256)
def answer_type(accept: str | None) -> str:
    """Choose the media type of the answer: the highest weight, and of equals the one that stands first.

    Without a wish it is application/json. Raises HttpFault 406 when neither type is acceptable.
    """
    if accept is None or not accept.strip():
        return JSON
    best, chosen = 0.0, ""
    for part in accept.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = _weight(parameters)
        if name in _WEIGHTS and weight > best:
            best, chosen = weight, _WEIGHTS[name]
    if not chosen:
        raise HttpFault(406, "bad_request", f"expected to answer with {GRAPHQL_JSON} or {JSON}")
    return chosen


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0


@lru_cache(maxsize=256)
def check_content(content_type: str, encoding: str) -> None:
    """Check Content-Type and Content-Encoding of a POST. Raises HttpFault 415 for another one of them, or charset."""
    name, *parameters = (piece.strip().lower() for piece in content_type.split(";"))
    charset = next((one[8:].strip('"') for one in parameters if one.startswith("charset=")), "utf-8")
    if name != JSON or charset not in {"utf-8", "utf8"}:
        raise HttpFault(415, "bad_request", "expected Content-Type: application/json in UTF-8")
    if encoding.lower() != "identity":
        raise HttpFault(415, "bad_request", "expected a body without content encoding")


def from_body(body: bytes, limits: Limits) -> GraphQLRequest:
    """Read the JSON body of a POST. Raises HttpFault 400 with the code of what is wrong."""
    return read_request(_json(body, limits))


def batch_from_body(body: bytes, limits: Limits) -> GraphQLRequest | list[GraphQLRequest | HttpFault]:
    """Read the JSON body of a POST that may hold a batch: 1..`limits.batch_length` requests, good or bad, in order.

    Raises HttpFault 400 with the code of what is wrong with the body, or with the only request.
    """
    value = _json(body, limits)
    if not isinstance(value, list) or limits.batch_length == 1:
        return read_request(value)
    if not 0 < len(value) <= limits.batch_length:
        raise HttpFault(400, "limit_exceeded", f"documents in a batch: 1 to {limits.batch_length}, got {len(value)}")
    return [_read_or_fault(one) for one in value]


def _read_or_fault(value: Any) -> GraphQLRequest | HttpFault:
    try:
        return read_request(value)
    except HttpFault as fault:
        return fault


def read_request(value: Any) -> GraphQLRequest:
    """Read the parameters of a request from a JSON value. Raises HttpFault 400 with the code of what is wrong."""
    if isinstance(value, list):
        raise HttpFault(400, "bad_request", "expected one request, not a list of them")
    if not isinstance(value, dict):
        raise HttpFault(400, "bad_request", "expected a JSON object")
    if not value.keys() <= _MEMBERS:
        raise HttpFault(400, "unknown_member", _UNKNOWN)
    return _request(value)


def from_query_string(raw: bytes, limits: Limits) -> GraphQLRequest:
    """Read the parameters of a GET. Raises HttpFault 400, or 414 above the cap."""
    if len(raw) > limits.query_string_bytes:
        raise HttpFault(414, "too_large", f"query string: at most {limits.query_string_bytes} bytes")
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=8)
    except ValueError as error:
        raise HttpFault(400, "bad_encoding", "expected a query string in UTF-8") from error
    value: dict[str, Any] = dict(pairs)
    if len(value) != len(pairs):
        raise HttpFault(400, "duplicate_member", "a parameter stands twice in the query string")
    if not value.keys() <= _MEMBERS:
        raise HttpFault(400, "unknown_member", _UNKNOWN)
    for name in ("variables", "extensions"):
        if name in value:
            value[name] = _json(value[name].encode(), limits)
    return _request(value)


def _json(data: bytes, limits: Limits) -> Any:
    try:
        return parse_json(data, max_bytes=limits.body_bytes, max_depth=limits.json_depth)
    except Malformed as error:
        raise HttpFault(400, error.code, error.message) from error


def _request(value: Mapping[str, Any]) -> GraphQLRequest:
    query, identifier, name = value.get("query"), value.get("documentId"), value.get("operationName")
    variables, extensions = value.get("variables"), value.get("extensions")
    if identifier is None and (not isinstance(query, str) or not query):
        raise HttpFault(400, "bad_request", "query: expected a text")
    if identifier is not None and (query is not None or not _is_identifier(identifier)):
        raise HttpFault(400, "bad_request", "documentId: expected sha256: and 64 hex digits, and no query beside it")
    if name is not None and not isinstance(name, str):
        raise HttpFault(400, "bad_request", "operationName: expected a text or null")
    if variables is not None and not isinstance(variables, dict):
        raise HttpFault(400, "bad_request", "variables: expected an object or null")
    if extensions is not None and not isinstance(extensions, dict):
        raise HttpFault(400, "bad_request", "extensions: expected an object or null")
    return GraphQLRequest(
        query=query or "", document_id=identifier, operation_name=name or None, variables=variables or {},
        tell_cost=extensions is not None and extensions.get("cost") is True, read_after=_read_after(extensions or {}),
    )  # fmt: skip


def _read_after(extensions: Mapping[str, Any]) -> ReadAfter | None:
    text = extensions.get("readAfter")
    try:
        return None if text is None else ReadAfter.parse(text if isinstance(text, str) else "")
    except Malformed as error:
        raise HttpFault(400, error.code, error.message) from error


def _is_identifier(value: Any) -> bool:
    return isinstance(value, str) and is_document_id(value)
