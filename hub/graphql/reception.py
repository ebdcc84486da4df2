"""What came over HTTP: the parameters of GET and POST, the media type of body and answer.

    POST /graphql   Content-Type: application/json
    {"query": "...", "operationName": null, "variables": {}, "extensions": {}}

    GET /graphql?query=...&operationName=...&variables=%7B%7D

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
from ledger.encoding import parse_json
from ledger.errors import Malformed

__all__ = [
    "GRAPHQL_JSON",
    "JSON",
    "HttpFault",
    "answer_type",
    "check_content",
    "from_body",
    "from_query_string",
    "read_request",
]

JSON: Final = "application/json"
GRAPHQL_JSON: Final = "application/graphql-response+json"

_MEMBERS: Final = frozenset({"query", "operationName", "variables", "extensions"})
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


def check_content(headers: Mapping[str, str]) -> None:
    """Check the headers of a POST, by names in lower case.

    Raises HttpFault 415 for another media type, charset or encoding.
    """
    name, *parameters = (piece.strip().lower() for piece in headers.get("content-type", "").split(";"))
    charset = next((one[8:].strip('"') for one in parameters if one.startswith("charset=")), "utf-8")
    if name != JSON or charset not in {"utf-8", "utf8"}:
        raise HttpFault(415, "bad_request", "expected Content-Type: application/json in UTF-8")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise HttpFault(415, "bad_request", "expected a body without content encoding")


def from_body(body: bytes, limits: Limits) -> GraphQLRequest:
    """Read the JSON body of a POST. Raises HttpFault 400 with the code of what is wrong."""
    return read_request(_json(body, limits))


def read_request(value: Any) -> GraphQLRequest:
    """Read the parameters of a request from a JSON value. Raises HttpFault 400 with the code of what is wrong."""
    if isinstance(value, list):
        raise HttpFault(400, "bad_request", "expected one request, not a list of them")
    if not isinstance(value, dict):
        raise HttpFault(400, "bad_request", "expected a JSON object")
    if not value.keys() <= _MEMBERS:
        raise HttpFault(400, "unknown_member", "expected query, operationName, variables and extensions only")
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
        raise HttpFault(400, "unknown_member", "expected query, operationName, variables and extensions only")
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
    query, name = value.get("query"), value.get("operationName")
    variables, extensions = value.get("variables"), value.get("extensions")
    if not isinstance(query, str) or not query:
        raise HttpFault(400, "bad_request", "query: expected a text")
    if name is not None and not isinstance(name, str):
        raise HttpFault(400, "bad_request", "operationName: expected a text or null")
    if variables is not None and not isinstance(variables, dict):
        raise HttpFault(400, "bad_request", "variables: expected an object or null")
    if extensions is not None and not isinstance(extensions, dict):
        raise HttpFault(400, "bad_request", "extensions: expected an object or null")
    return GraphQLRequest(query=query, operation_name=name or None, variables=variables or {})
