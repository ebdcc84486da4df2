"""A county's desk for what stands beside a case's steps: objections, appeals, follow-ups, supervision; signed, stated.

    members  ->  signed by the county's journal key  ->  POST /journal/records  ->  position in the journal

Each raises Malformed (form), NotVerified key_not_active, and what the hub states: Conflict wrong_target,
duplicate_identifier, illegal_step, iat_too_old, Refused not_party; Unavailable not_ready. A statement is durable in the
journal when its function returns. A new statement gets an id of 128 random bits.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from hub.hubdesk import read_root, state_record
from hub.journal.followups import build_follow_up
from hub.journal.hotline import build_hotline
from hub.journal.objections import build_objection
from hub.journal.supervision import build_supervision
from ledger.encoding import b64u_encode
from ledger.errors import Refused
from schema.roles import RoleKind

if TYPE_CHECKING:
    from hub.county.node import CountyNode
    from ledger.encoding import JsonValue

__all__ = [
    "escalated",
    "fresh_id",
    "open_objections",
    "read_objection",
    "state_appeal",
    "state_follow_up",
    "state_objection",
    "state_supervision",
]

_ID_BYTES: Final = 16
_SCOPE: Final = "objection.read"
_SUPERVISION: Final = "case.supervise"
_FIELDS: Final = (
    "id kind raisedBy raisedAt answeredBy certificateIdentifier certificateTypeCode holderKey caseNumber "
    "open outcome decidedBy decidedAt due daysLeft lamp provisional"
)
_OBJECTION: Final = f"""query($id: StatementId!, $cause: UseCause!) {{
  objection(id: $id, useCause: $cause) {{ {_FIELDS} }}
}}"""
_OPEN: Final = f"""query($county: CatalogueCode!, $cause: UseCause!) {{
  objections(county: $county, useCause: $cause, first: 100) {{ edges {{ node {{ {_FIELDS} }} }} }}
}}"""

_ESCALATED: Final = """query($county: CatalogueCode!, $cause: UseCause!, $on: Date, $after: CatalogueCode) {
  escalation(county: $county, useCause: $cause, on: $on, after: $after) {
    page { clocks { caseNumber matterCode name lamp left due supervisedBy supervisedAt } next }
  }
}"""


def fresh_id() -> str:
    """Make the id of a new objection or appeal, 22 characters."""
    return b64u_encode(secrets.token_bytes(_ID_BYTES))


def state_objection(node: CountyNode, members: Mapping[str, JsonValue], now: int) -> int:
    """Sign and state an objection or its end at `now`, POSIX seconds; give its journal position.

    members: those from `id` on, as `hub.journal.objections` lists them.
    """
    return _state(node, build_objection, members, now)


def state_appeal(node: CountyNode, members: Mapping[str, JsonValue], now: int) -> int:
    """Sign and state an event of a hotline appeal; members: those of `hub.journal.hotline` from `id` on."""
    return _state(node, build_hotline, members, now)


def state_follow_up(node: CountyNode, members: Mapping[str, JsonValue], now: int) -> int:
    """Sign and state that a case was followed up; members: `caseNumber` and `outcome`."""
    return _state(node, build_follow_up, members, now)


def state_supervision(node: CountyNode, members: Mapping[str, JsonValue], now: int) -> int:
    """Sign and state that a red clock is urged on; members: `caseNumber`, `clock` and `window`.

    Raises also Conflict not_red.
    """
    return _state(node, build_supervision, members, now)


def _state(node: CountyNode, build: Callable[..., bytes], members: Mapping[str, JsonValue], now: int) -> int:
    key = node.keys.key("journal")
    return state_record(node, build(members, iat=now, kid=key.kid, signer=key.signer))


def read_objection(node: CountyNode, identifier: str, cause: str) -> dict[str, Any]:
    """Read an objection as the hub shows it to this county: fields by their names in the API.

    Raises Refused not_party (no such objection for this county), what the hub states; Unavailable not_ready.
    """
    found = read_root(node, _SCOPE, _OBJECTION, {"id": identifier, "cause": cause}, "objection")
    if found is None:
        raise Refused("not_party", "the county is no party of an objection with this id")
    return found


def open_objections(node: CountyNode, county: str, cause: str) -> list[dict[str, Any]]:
    """Read the oldest 100 open objections that a county must answer, as far as the hub shows them to this county.

    Raises what the hub states; Unavailable not_ready.
    """
    found = read_root(node, _SCOPE, _OPEN, {"county": county, "cause": cause}, "objections")
    return [] if found is None else [edge["node"] for edge in found["edges"]]


def escalated(node: CountyNode, cause: str, *, on: str | None = None, after: str | None = None) -> dict[str, Any]:
    """Read a page of the county's clocks that are yellow or red: `clocks`, and `next`, where the next page begins.

    on: day that lamps are read for, None: today. after: the `next` of the page before. Raises what the hub states;
    Unavailable not_ready.
    """
    asked = {"county": node.config.county, "cause": cause, "on": on, "after": after}
    found = read_root(node, _SUPERVISION, _ESCALATED, asked, "escalation", RoleKind.SUPERVISOR)
    page: dict[str, Any] = {"clocks": [], "next": None} if found is None else found["page"]
    return page
