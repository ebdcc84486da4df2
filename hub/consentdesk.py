"""A county's desk for consents: states what a holder grants, and that it has ended; shows one.

    terms, evidence or the holder's signature  ->  signed by the county  ->  POST /journal/records  ->  position

The evidence itself (a signed form, a recording) stays with the county: the journal has its SHA-256 digest, by which the
county can show later what the holder agreed to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from hub.hubdesk import read_root, state_record
from hub.journal.consents import build_consent, build_revocation
from ledger.consents import Consent, parse_signed_grant
from ledger.encoding import b64u_encode
from ledger.errors import Refused
from ledger.identifiers import LicenseIdentifier, holder_key

if TYPE_CHECKING:
    from hub.county.node import CountyNode

__all__ = ["new_consent_id", "read_consent", "state_consent", "state_end", "state_signed_consent"]

_SCOPE: Final = "license.read.own"
_SHOWN: Final = """query($id: StatementId!) {
  consent(id: $id) {
    id county matterCode fields purpose expiresAt statedBy statedAt evidence revokedAt revokedBy inForce
  }
}"""


def new_consent_id(node: CountyNode) -> str:
    """Make an id of 128 random bits."""
    return b64u_encode(node.random(16))


def state_consent(node: CountyNode, consent: Consent, *, holder: tuple[str, str], evidence: bytes, now: int) -> int:
    """State a consent that a clerk recorded; its journal position. Durable when this returns.

    holder: kind of code and code; only their keyed hash leaves the county. evidence: SHA-256 digest, 32 bytes. now:
    POSIX seconds. Raises Malformed, Conflict duplicate_identifier, Unavailable not_ready, and what the hub states.
    """
    key, named = node.keys.key("journal"), holder_key(node.keys.holder, *holder)
    return state_record(
        node, build_consent(consent, holder=named, evidence=evidence, iat=now, kid=key.kid, signer=key.signer)
    )


def state_signed_consent(
    node: CountyNode, signed: str, *, holder: tuple[str, str], license: str, now: int  # noqa: A002  # as it is stated
) -> tuple[Consent, int]:  # fmt: skip
    """State a consent that the holder's key signed; its terms and its journal position.

    license: one of this holder alone, whose seal confirms the key. Raises as state_consent; NotVerified holder_binding.
    """
    grant = parse_signed_grant(signed)
    consent = grant.terms()
    grant.check(consent)
    key, named = node.keys.key("journal"), holder_key(node.keys.holder, *holder)
    identifier = str(LicenseIdentifier.parse(license))
    raw = build_consent(
        consent, holder=named, license=identifier, signed=signed, iat=now, kid=key.kid, signer=key.signer
    )
    return consent, state_record(node, raw)


def state_end(
    node: CountyNode, consent_id: str, *, withdrawal: str | None = None, evidence: bytes | None = None, now: int
) -> int:
    """State that a consent has ended; the journal position. From then on no reading has it as its basis.

    withdrawal: the JWT of the holder whose key granted it. evidence: SHA-256 digest of what the holder signed or sent
    here; without either the county must have stated the consent, or be the one that may read. Raises Conflict
    wrong_target (no such consent), Refused not_party, NotVerified holder_binding, Malformed, Unavailable not_ready.
    """
    key = node.keys.key("journal")
    raw = build_revocation(
        consent_id, withdrawal=withdrawal, evidence=evidence, iat=now, kid=key.kid, signer=key.signer
    )
    return state_record(node, raw)


def read_consent(node: CountyNode, consent_id: str) -> dict[str, Any]:
    """Read a consent as the hub shows it to this county: fields by their names in the API.

    Raises Refused no_basis (no such consent for this county), what the hub states; Unavailable not_ready.
    """
    found = read_root(node, _SCOPE, _SHOWN, {"id": consent_id}, "consent")
    if found is None:
        raise Refused("no_basis", "there is no such consent that this county stated or may read by")
    return found
