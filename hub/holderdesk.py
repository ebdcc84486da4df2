"""What the hub keeps of a holder, asked with a token that is bound to that holder.

Licenses of all counties, faces from the counties that issued them, cases that use them, objections; every case that the
holder applied for, with licenses or without; every consent; open objections that a license is missing; who read any of
it, or asked and found nothing:

    county's client key vouches for HOLDER  ->  token bound to the keyed hash  ->  POST /graphql, page by page
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from hub.answers import stated_error
from hub.partner import Partner, access_token
from ledger.errors import Unavailable
from schema.roles import RoleKind

if TYPE_CHECKING:
    from hub.county.node import CountyNode

__all__ = [
    "as_holder",
    "cases_at_hub",
    "consents_at_hub",
    "missing_at_hub",
    "open_cases",
    "reads_at_hub",
    "records_at_hub",
]

_PAGE: Final = 20
_OVER: Final = frozenset({"CLOSED", "DELIVERED", "EVALUATED"})
_CASES: Final = """query Cases($holder: HolderInput!, $cause: UseCause!, $after: Cursor) {
  licenses(holder: $holder, useCause: $cause, first: 20, after: $after) {
    edges { node { certificateIdentifier cases { caseNumber stage } } }
    pageInfo { hasNextPage endCursor }
  }
}"""
_APPLIED: Final = """query Applied($holder: HolderInput!, $cause: UseCause!, $after: Cursor) {
  cases(holder: $holder, useCause: $cause, first: 20, after: $after) {
    edges { node {
      caseNumber matterCode mode stage takenInBy handledBy pickedUpAt appliedAt steppedAt
      uses { certificateIdentifier } produced { certificateIdentifier }
    } }
    pageInfo { hasNextPage endCursor }
  }
}"""
_GRANTED: Final = """query Granted($holder: HolderInput!, $after: Cursor) {
  consents(holder: $holder, first: 20, after: $after) {
    edges { node {
      id county matterCode fields purpose expiresAt statedBy statedAt evidence revokedAt revokedBy inForce
    } }
    pageInfo { hasNextPage endCursor }
  }
}"""
_WHOLE: Final = """query Whole($holder: HolderInput!, $cause: UseCause!, $after: Cursor) {
  licenses(holder: $holder, useCause: $cause, first: 20, after: $after) {
    edges { node {
      certificateIdentifier logIndex leafHash status statusReason sealedBy sealedAt
      certificateIssuedDate certificateEffectiveDate certificateExpiringDate
      type { code name } issuedBy { code name }
      face {
        ... on Face {
          certificateName certificateNumber certificateHolderName certificateHolderCode certificateHolderTypeCode
          certificateIssuingAuthorityName certificateIssuedDate certificateEffectiveDate certificateExpiringDate
          certificateAreaCode associatedZzeCertID source asOf
        }
        ... on FaceUnavailable { code county }
      }
      objections { id kind raisedBy raisedAt answeredBy open outcome decidedAt }
      cases { caseNumber matterCode mode stage takenInBy handledBy pickedUpAt appliedAt steppedAt }
    } }
    pageInfo { hasNextPage endCursor }
  }
}"""
_COUNTIES: Final = """query Counties($after: Cursor) {
  jurisdictions(level: COUNTY, first: 100, after: $after) {
    edges { node { code } }
    pageInfo { hasNextPage endCursor }
  }
}"""
_MISSING: Final = """query Missing($county: CatalogueCode!, $cause: UseCause!, $after: Cursor) {
  objections(county: $county, useCause: $cause, first: 20, after: $after) {
    edges { node { id kind raisedBy raisedAt answeredBy certificateTypeCode certificateIdentifier caseNumber due } }
    pageInfo { hasNextPage endCursor }
  }
}"""
_READS: Final = """query Reads($holder: HolderInput!, $cause: UseCause!, $after: Cursor) {
  accessRecords(holder: $holder, useCause: $cause) {
    records(first: 100, after: $after) {
      ... on AccessRecords {
        records { time county client useCause basis matter rootField fields licenses cases }
        hasNextPage endCursor
      }
      ... on Problem { code message }
    }
  }
}"""


def as_holder(node: CountyNode, holder: tuple[str, str]) -> Partner:
    """Ask the hub in a holder's place, with one token that is bound to this holder.

    holder: kind of code and code. Raises what the hub states; Unavailable not_ready.
    """
    return Partner(node.config.hub_url, access_token(node, None, RoleKind.HOLDER, holder))


def records_at_hub(partner: Partner, holder: tuple[str, str], cause: str) -> list[dict[str, Any]]:
    """Give every license of a holder with all that the hub shows of it to the holder himself, by identifier.

    partner: as that holder. A county whose faces cannot be had now is named in the face's place. Raises what the hub
    states; Unavailable not_ready.
    """
    return _nodes(partner, _WHOLE, "licenses", holder, {"cause": cause})


def missing_at_hub(partner: Partner, cause: str) -> list[dict[str, Any]]:
    """Give the open objections that a license of the holder is missing, by the county that must answer.

    The hub shows a holder's token no others than the holder's. Raises as records_at_hub.
    """
    counties = [each["code"] for each in _pages(partner, _COUNTIES, "jurisdictions")]
    pages = (_pages(partner, _MISSING, "objections", county=county, cause=cause) for county in counties)
    # Those about a license stand beside it.
    return [each for page in pages for each in page if each["certificateIdentifier"] is None]


def reads_at_hub(partner: Partner, holder: tuple[str, str], cause: str) -> list[dict[str, Any]]:
    """Give every read of the holder's licenses and cases, and every one that found nothing, oldest first.

    The copy is whole, or it is not made. Raises as records_at_hub.
    """
    found: list[dict[str, Any]] = []
    variables: dict[str, Any] = {"holder": _named(holder), "cause": cause, "after": None}
    while (reads := _data(partner.query(_READS, variables))["accessRecords"]) is not None:
        page = reads["records"]
        if "records" not in page:
            raise Unavailable("not_ready", f"the hub shows no access records: {page.get('code')}")
        found += page["records"]
        if not page["hasNextPage"]:
            break
        variables = {**variables, "after": page["endCursor"]}
    return found


def cases_at_hub(partner: Partner, holder: tuple[str, str], cause: str) -> list[dict[str, Any]]:
    """Give every case that the holder applied for, in all counties, by number. Raises as records_at_hub."""
    return _nodes(partner, _APPLIED, "cases", holder, {"cause": cause})


def consents_at_hub(partner: Partner, holder: tuple[str, str]) -> list[dict[str, Any]]:
    """Give every consent of the holder, in force or not, whoever stated it, by id. Raises as records_at_hub."""
    return _nodes(partner, _GRANTED, "consents", holder, {})


def open_cases(node: CountyNode, partner: Partner, holder: tuple[str, str], cause: str) -> list[str]:
    """Give the numbers of cases that are not over: the holder's own, and those that use a license of the holder.

    As holder (partner) and county (node) see them. Raises as records_at_hub.
    """
    as_county = Partner(node.config.hub_url, access_token(node, "license.read.own case.read"))
    rows = [
        *_nodes(partner, _CASES, "licenses", holder, {"cause": cause}),
        *_nodes(as_county, _CASES, "licenses", holder, {"cause": cause}),
        {"cases": cases_at_hub(partner, holder, cause)},
    ]
    return sorted({case["caseNumber"] for row in rows for case in row["cases"] if case["stage"] not in _OVER})


def _nodes(
    partner: Partner, document: str, root: str, holder: tuple[str, str], more: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Read every page of a list that a holder is named for. more: further variables of the document."""
    return _pages(partner, document, root, holder=_named(holder), **more)


def _pages(partner: Partner, document: str, root: str, **variables: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        page = _data(partner.query(document, {"after": after, **variables}))[root]
        found += [edge["node"] for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


def _named(holder: tuple[str, str]) -> dict[str, str]:
    return dict(zip(("certificateHolderTypeCode", "certificateHolderCode"), holder, strict=True))


def _data(answer: dict[str, Any]) -> dict[str, Any]:
    if errors := answer.get("errors"):
        first = errors[0]
        said = {"code": first.get("extensions", {}).get("code"), "message": first.get("message")}
        raise stated_error(said) or Unavailable("not_ready", "the hub gives no answer to this")
    data: dict[str, Any] = answer["data"]
    return data
