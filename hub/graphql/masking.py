"""Errors as they leave: expected ones with their stable code, all others masked under a request id.

    {"message": "the token's scopes do not allow this field", "path": ["license", "face"],
     "locations": [{"line": 1, "column": 40}], "extensions": {"code": "forbidden"}}

    {"message": "internal error", "path": [...], "extensions": {"code": "internal", "requestId": "4f2c..."}}

What is masked is logged by the class of the error and the place in our code, never by its text: a text may hold a
value, and a value may be a person's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from graphql import GraphQLError

from hub.graphql.documents import Fault, wording
from hub.graphql.execution import Answer
from hub.observability import log_unexpected
from ledger.errors import TongbanError

__all__ = ["INTERNAL", "answer_body", "error_of", "expected", "fault_of", "field_error", "masked"]

INTERNAL: Final = "internal"


def error_of(code: str, message: str, **extensions: str | int) -> dict[str, Any]:
    """Give an error without a place."""
    return {"message": message, "extensions": {"code": code, **extensions}}


class _Stated(Protocol):
    @property
    def code(self) -> str: ...

    @property
    def message(self) -> str: ...


def expected(error: _Stated) -> dict[str, Any]:
    """Give an expected error without a place; `retryAfter`: seconds, where it is known."""
    later = error.retry_after if isinstance(error, TongbanError) else None
    return error_of(error.code, error.message, **({} if later is None else {"retryAfter": later}))


def fault_of(fault: Fault) -> dict[str, Any]:
    """Give one reason why a document or its variables were refused."""
    error = error_of(fault.code, fault.message)
    if fault.locations:
        error["locations"] = [{"line": line, "column": column} for line, column in fault.locations]
    return error


def masked(error: BaseException, request_id: str, **place: str) -> dict[str, Any]:
    """Log an unexpected error and give what its caller may know of it."""
    log_unexpected(error, request_id, **place)
    return error_of(INTERNAL, "internal error", requestId=request_id)


def _cause(error: GraphQLError) -> BaseException | None:
    cause: BaseException | None = error.original_error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause


def _body(error: GraphQLError, request_id: str, *, dev: bool) -> dict[str, Any]:
    cause = _cause(error)
    if isinstance(cause, TongbanError):
        return expected(cause)
    if cause is None:  # graphql-core's own words on the document's values
        code = (error.extensions or {}).get("code", "bad_variables")
        return error_of(code, wording(error.message, dev=dev))
    field = error.nodes[0] if error.nodes else None
    return masked(cause, request_id, field=field.name.value if field is not None and hasattr(field, "name") else "")


def field_error(error: GraphQLError, request_id: str, *, dev: bool = False) -> dict[str, Any]:
    """Give one error of an executed request, with its path and locations."""
    body = _body(error, request_id, dev=dev)
    placed: dict[str, Any] = {"message": body["message"]}
    if error.locations:
        placed["locations"] = _locations(error.locations)
    if error.path is not None:
        placed["path"] = list(error.path)
    return {**placed, "extensions": body["extensions"]}


def answer_body(answer: Answer, request_id: str, *, dev: bool = False) -> dict[str, Any]:
    """Give an executed request as it is answered.

    In `extensions` stand `cost`, where it was asked for, and `readAfter`, where the request has written.
    """
    body: dict[str, Any] = {"data": answer.data}
    if answer.errors:
        body = {"errors": [field_error(one, request_id, dev=dev) for one in answer.errors], **body}
    extensions: dict[str, int | str] = {} if answer.cost is None else {"cost": answer.cost}
    if answer.written is not None:
        extensions["readAfter"] = answer.written.format()
    return {**body, "extensions": extensions} if extensions else body


def _locations(locations: Sequence[Any]) -> list[Mapping[str, int]]:
    return [{"line": one.line, "column": one.column} for one in locations]
