"""What the hub keeps of a holder, asked with a token that is bound to that holder.

Licenses of all counties, faces from the counties that issued them, who read them, cases that use them, objections:

    county's client key vouches for HOLDER  ->  token bound to the keyed hash  ->  POST /graphql, page by page
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hub.answers import stated_error
from hub.partner import Partner, access_token
from ledger.errors import Unavailable
from schema.roles import RoleKind

if TYPE_CHECKING:
    from hub.county.node import CountyNode

__all__ = ["open_cases", "records_at_hub"]

_PAGE: Final = 20
_OVER: Final = frozenset({"CLOSED", "DELIVERED", "EVALUATED"})
_CASES: Final = """query Cases($holder: HolderInput!, $cause: UseCause!, $after: Cursor) {
  licenses(holder: $holder, useCause: $cause, first: 20, after: $after) {
    edges { node { certificateIdentifier cases { caseNumber stage } } }
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
      accessRecords(first: 100) { ...Reads }
      objections { id kind raisedBy raisedAt answeredBy open outcome decidedAt }
      cases { caseNumber matterCode mode stage takenInBy handledBy pickedUpAt appliedAt steppedAt }
    } }
    pageInfo { hasNextPage endCursor }
  }
}
fragment Reads on AccessRecordsResult {
  ... on AccessRecords { records { time county client useCause rootField fields } hasNextPage endCursor }
  ... on Problem { code message }
}"""
_MORE_READS: Final = """query Reads($identifier: LicenseIdentifier!, $cause: UseCause!, $after: Cursor) {
  license(certificateIdentifier: $identifier, useCause: $cause) {
    accessRecords(first: 100, after: $after) {
      ... on AccessRecords { records { time county client useCause rootField fields } hasNextPage endCursor }
      ... on Problem { code message }
    }
  }
}"""


def records_at_hub(node: CountyNode, holder: tuple[str, str], cause: str) -> list[dict[str, Any]]:
    """Give every license of a holder with all that the hub shows of it to the holder himself, by identifier.

    holder: kind of code and code. A county whose faces cannot be had now is named in the face's place. Raises what
    the hub states; Unavailable not_ready.
    """
    partner = _as_holder(node, holder)
    found = _licenses(partner, _WHOLE, holder, cause)
    for each in found:
        _read_on(partner, each, cause)
    return found


def open_cases(node: CountyNode, holder: tuple[str, str], cause: str) -> list[str]:
    """Give the numbers of cases that use a license of the holder and are not over, as holder and county see them."""
    as_county = Partner(node.config.hub_url, access_token(node, "license.read.own case.read"))
    rows = [
        *_licenses(_as_holder(node, holder), _CASES, holder, cause),
        *_licenses(as_county, _CASES, holder, cause),
    ]
    return sorted({case["caseNumber"] for row in rows for case in row["cases"] if case["stage"] not in _OVER})


def _as_holder(node: CountyNode, holder: tuple[str, str]) -> Partner:
    return Partner(node.config.hub_url, access_token(node, None, RoleKind.HOLDER, holder))


def _licenses(partner: Partner, document: str, holder: tuple[str, str], cause: str) -> list[dict[str, Any]]:
    named = dict(zip(("certificateHolderTypeCode", "certificateHolderCode"), holder, strict=True))
    found: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        page = _data(partner.query(document, {"holder": named, "cause": cause, "after": after}))["licenses"]
        found += [edge["node"] for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


def _read_on(partner: Partner, license_: dict[str, Any], cause: str) -> None:
    """Fetch the rest of a license's access records; the copy is whole, or it is not made."""
    reads = page = license_["accessRecords"]
    while page.get("hasNextPage"):
        variables = {"identifier": license_["certificateIdentifier"], "cause": cause, "after": page["endCursor"]}
        page = _data(partner.query(_MORE_READS, variables))["license"]["accessRecords"]
        reads["records"] += page["records"]
    if "records" not in reads:
        raise Unavailable("not_ready", f"the hub shows no access records: {reads.get('code')}")
    license_["accessRecords"] = reads["records"]


def _data(answer: dict[str, Any]) -> dict[str, Any]:
    if errors := answer.get("errors"):
        first = errors[0]
        said = {"code": first.get("extensions", {}).get("code"), "message": first.get("message")}
        raise stated_error(said) or Unavailable("not_ready", "the hub gives no answer to this")
    data: dict[str, Any] = answer["data"]
    return data
