"""A county's desk for cases: reads a case at the hub, signs the next step with the county's journal key, states it.

    case, next step's members  ->  signed by the county  ->  POST /journal/records  ->  position in the journal

What the hub says of a case is only where the next step begins: the county signs the leaf hash that it was told, and the
journal takes the step only if that is the newest one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from hub.hubdesk import read_root, state_record, unreadable
from hub.journal.assistance import build_assistance
from hub.journal.casesteps import build_case_step
from ledger.cases import MODES
from ledger.errors import Conflict, Malformed, Refused
from ledger.identifiers import holder_key

if TYPE_CHECKING:
    from hub.county.node import CountyNode
    from ledger.encoding import JsonValue

__all__ = ["holder_of", "read_case", "read_help", "state_help", "state_step"]

_SCOPE: Final = "case.read"
_STANDING: Final = """query($number: CaseNumber!, $cause: UseCause!) {
  case(caseNumber: $number, useCause: $cause) { stepCount head }
}"""
_HELP: Final = """fragment Help on CaseAssistance {
  number kind county window role statedAt service staff toWindow toRole appointedAt subject digest
}
"""
_WHOLE: Final = f"""{_HELP}query($number: CaseNumber!, $cause: UseCause!) {{
  case(caseNumber: $number, useCause: $cause) {{
    caseNumber matterCode offeringCode mode stage missing takenInBy handledBy pickedUpAt
    appliedAt steppedAt stepCount head
    steps {{ sequence kind outcome county window role takenAt leafHash licenses supplied items trackingNumber rating }}
    nextSteps {{ kind outcome counties }}
    clocks {{
      name county lamp ended spans supervisedBy supervisedAt
      promised {{ days used left due lamp provisional }} statutory {{ days used left due lamp provisional }}
    }}
    assistance {{ ...Help }}
  }}
}}"""
_HELPED: Final = f"""{_HELP}query($number: CaseNumber!, $cause: UseCause!) {{
  case(caseNumber: $number, useCause: $cause) {{ assistance {{ ...Help }} }}
}}"""
_OFFERED: Final = """query($matter: CatalogueCode!, $county: CatalogueCode!) {
  offering(matter: $matter, county: $county) { code mode }
}"""
_LIMITS: Final = """query($number: CaseNumber!, $cause: UseCause!) {
  case(caseNumber: $number, useCause: $cause) { offering { code statutoryDays promisedDays dayUnit } }
}"""
_MODES: Final = {rule.name: mode.value for mode, rule in MODES.items()}


def holder_of(node: CountyNode, type_code: str, code: str) -> str:
    """Give the holder key of an applicant, as license records have it."""
    return holder_key(node.keys.holder, type_code, code)


def read_case(node: CountyNode, number: str, cause: str) -> dict[str, Any]:
    """Read a case as the hub shows it to this county: fields by their names in the API.

    Raises Refused not_party (no such case for this county), what the hub states; Unavailable not_ready.
    """
    return _case(node, _WHOLE, number, cause)


def _case(node: CountyNode, document: str, number: str, cause: str) -> dict[str, Any]:
    case = read_root(node, _SCOPE, document, {"number": number, "cause": cause}, "case")
    if case is None:
        raise Refused("not_party", "the county is no party of a case with this number")
    return case


def state_step(node: CountyNode, number: str, members: Mapping[str, JsonValue], now: int) -> tuple[int, int]:
    """Sign and state the next step of a case at `now`, POSIX seconds; give its number and its journal position.

    members: those from `step` on, as `hub.journal.casesteps` lists them. An APPLICATION opens the case. None stands for
    what the hub knows: offering and mode of an APPLICATION, limits of the handling. Durable in the journal when this
    returns. Raises Malformed (form), NotVerified key_not_active, Conflict not_offered (no offering is in force), and
    what the hub states: Conflict stale_prev, illegal_step, already_exists, wrong_target, stale_version, not_offered,
    not_valid, not_member, items_differ, Refused not_party; Unavailable not_ready.
    """
    members = {**members, **_known(node, number, members)}
    sequence, prev = _place(node, number, members)
    claims: dict[str, JsonValue] = {"caseNumber": number, "sequence": sequence, "prev": prev, **members}
    key = node.keys.key("journal")
    raw = build_case_step(claims, iat=now, kid=key.kid, signer=key.signer)
    return sequence, state_record(node, raw)


def read_help(node: CountyNode, number: str, cause: str) -> list[dict[str, Any]]:
    """Read the help around a case, by its number: fields by their names in the API. Raises as read_case."""
    found: list[dict[str, Any]] = _case(node, _HELPED, number, cause)["assistance"]
    return found


def state_help(node: CountyNode, number: str, members: Mapping[str, JsonValue], now: int) -> tuple[int, int]:
    """Sign and state help around a case at `now`, POSIX seconds; give its number and its journal position.

    members: those from `kind` on, as `hub.journal.assistance` lists them. It takes the number after the newest that
    the hub shows: of two at once one is refused. Raises Malformed (form), NotVerified key_not_active, and what the hub
    states: Conflict illegal_step, duplicate_identifier, Refused not_party; Unavailable not_ready.
    """
    place = max((each["number"] for each in read_help(node, number, "next help")), default=0) + 1
    key = node.keys.key("journal")
    claims: dict[str, JsonValue] = {"caseNumber": number, "number": place, **members}
    return place, state_record(node, build_assistance(claims, iat=now, kid=key.kid, signer=key.signer))


def _known(node: CountyNode, number: str, members: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Ask the hub for what the step leaves open, and it can tell."""
    if members["step"] == "APPLICATION" and (members.get("offering") is None or members.get("mode") is None):
        return _offered(node, members)
    if (members["step"], members.get("outcome")) == ("ACCEPTANCE", "ACCEPTED") and members.get("limits") is None:
        offering = _case(node, _LIMITS, number, "limits of the handling").get("offering")
        if not isinstance(offering, dict):
            raise unreadable()
        if offering.get("dayUnit") != "working":
            raise Malformed("bad_setting", f"{offering.get('code')} counts calendar days: state working days")
        return {"limits": {"statutory": offering.get("statutoryDays"), "promised": offering.get("promisedDays")}}
    return {}


def _offered(node: CountyNode, members: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    asked = {"matter": str(members["matter"]), "county": str(members["handledBy"])}
    found = read_root(node, _SCOPE, _OFFERED, asked, "offering")
    if found is None:
        raise Conflict("not_offered", "the handling county has no offering of this matter in force")
    known: dict[str, JsonValue] = {"offering": found.get("code"), "mode": _MODES.get(str(found.get("mode")))}
    return {name: value for name, value in known.items() if members.get(name) is None}


def _place(node: CountyNode, number: str, members: Mapping[str, JsonValue]) -> tuple[int, str | None]:
    if members["step"] == "APPLICATION":
        return 1, None
    case = _case(node, _STANDING, number, f"next step: {members['step']}")
    count, head = case.get("stepCount"), case.get("head")
    if not isinstance(count, int) or not isinstance(head, str):
        raise unreadable()
    return count + 1, head
