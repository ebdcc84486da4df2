"""How a county's desks talk to the hub: one record stated to the journal, one field read through GraphQL.

record  ->  POST /journal/records  ->  [{"position": 7}] or [{"error": {"code": "not_party", "message": "…"}}]
fields  ->  POST /graphql with a token of one scope  ->  the root field's value, or null
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from hub.answers import stated_error
from hub.partner import Partner, access_token, ask
from ledger.errors import Unavailable
from ledger.transparency.tiles import encode_bundle
from schema.roles import RoleKind

if TYPE_CHECKING:
    from hub.county.node import CountyNode

__all__ = ["read_root", "state_record", "state_records", "unreadable"]

_HEADERS: Final = {"Content-Type": "application/octet-stream"}


def read_root(
    node: CountyNode,
    scope: str,
    document: str,
    variables: Mapping[str, str | None],
    field: str,
    role: RoleKind = RoleKind.PARTNER_SYSTEM,
) -> dict[str, Any] | None:
    """Ask a document of one root field, in a role that has the scope; give its value, None where the hub shows nothing.

    Raises what the hub states, Unavailable not_ready.
    """
    answer = Partner(node.config.hub_url, access_token(node, scope, role)).query(document, variables)
    if errors := answer.get("errors"):
        raise _error_in(errors)
    found: dict[str, Any] | None = (answer.get("data") or {}).get(field)
    return found


def _error_in(errors: Any) -> Exception:
    """Read the first error of a GraphQL answer: its code stands among the extensions."""
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    extensions = first.get("extensions")
    code = extensions.get("code") if isinstance(extensions, dict) else None
    return stated_error({"code": code, "message": first.get("message")}) or unreadable()


def unreadable() -> Unavailable:
    """Give the error for an answer that is not what it should be."""
    return Unavailable("not_ready", "the hub's answer does not read")


def state_record(node: CountyNode, raw: bytes) -> int:
    """State one signed record; give its journal position. Durable in the journal when this returns.

    Raises what the hub states, Unavailable not_ready.
    """
    return state_records(node, [raw])[0]


def state_records(node: CountyNode, raws: Sequence[bytes]) -> list[int]:
    """State 1..1,000 signed records; a position each, in order. Raises what the hub states of the first it refuses."""
    url = f"{node.config.hub_url}/journal/records"
    answers = ask("POST", url, content=encode_bundle(raws), headers=_HEADERS).json()
    if not isinstance(answers, list) or len(answers) != len(raws):
        raise unreadable()
    return [_position(answer) for answer in answers]


def _position(answer: Any) -> int:
    if not isinstance(answer, dict):
        raise unreadable()
    if error := stated_error(answer.get("error")):
        raise error
    position = answer.get("position")
    if not isinstance(position, int):
        raise unreadable()
    return position
