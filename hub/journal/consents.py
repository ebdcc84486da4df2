"""Consents in the journal: a holder's grant as a county states it, and its end.

Compact JWS by a `journal` key; the consent is stated once, under the name `consent/<id>`:

    {"alg":"Ed25519","typ":"consent+jwt","kid":"320583#4"}
    {"iss":"320583","iat":1780304400,"type":"consent","id":"<22>","county":"320583","matter":"<12>"|null,
     "fields":["certificateHolderName"]|null,"purpose":"HANDLING","expires":1782896400,"holder":"<holder key>",
     "license":"<certificateIdentifier>"|null,"signed":"<seal>~<JWT>"|null,"evidence":"<b64u SHA-256>"|null}

Its terms, and what a holder signs, are those of `ledger.consents`. Either the holder's key signed it: then `license` is
a license of this holder alone, whose seal confirms that key. Or a clerk of the county recorded it: then `evidence` is
the digest of what the holder signed at the counter, which stays with the county. One of the two, never both.

    {"iss":"320583","iat":1780304500,"type":"consent-revocation","id":"<22>","signed":"<JWT>"|null,
     "evidence":"<b64u SHA-256>"|null}

under the name `consent/<id>/revoked`: by the county that stated the consent and the one that may read by it, as they
say; by any other county with one of the two: the withdrawal that the granting key signed, or the digest of what the
holder signed or sent there, however the consent came about. So a holder ends a consent wherever he shows up or signs
in, and needs no key for it: ending is never harder than granting. A county that ends what its holder did not end takes
a right away and gives none, under its own name (`Consent.revokedBy`), and must know the 128 random bits of the id.
No text of a person stands in either: no name, no number, no cause in words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hub.journal.reading import HOLDER, constant, ordered, random_id, stating_county, string
from hub.journal.standing import NOT_STATED
from ledger.closed import county_of, digest, integer, text
from ledger.consents import (
    MAX_CONSENT_S,
    TERMS,
    Consent,
    SignedGrant,
    check_withdrawal,
    parse_consent,
    parse_signed_grant,
)
from ledger.encoding import JsonValue, b64u_encode
from ledger.errors import Conflict, Malformed, NotVerified, Refused
from ledger.identifiers import LicenseIdentifier
from ledger.jws import Jws, compact_jws, parse_compact
from ledger.signers import Signer

if TYPE_CHECKING:
    from hub.journal.standing import Stated
    from ledger.casework import Case

__all__ = [
    "CONSENT_TYP",
    "REVOCATION_TYP",
    "ConsentRecord",
    "RevocationRecord",
    "build_consent",
    "build_revocation",
    "consent_of",
    "revocation_of",
]

CONSENT_TYP: Final = "consent+jwt"
REVOCATION_TYP: Final = "consent-revocation+jwt"
_CONSENT_MEMBERS: Final = ("iss", "iat", "type", *TERMS, "holder", "license", "signed", "evidence")
_REVOCATION_MEMBERS: Final = ("iss", "iat", "type", "id", "signed", "evidence")
_JWT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentRecord:
    """A county's statement of a consent, no signature in it yet verified.

    holder: keyed hash. license, grant: of one that the holder's key signed. evidence: SHA-256 digest, 32 bytes, of one
    that a clerk recorded.
    """

    jws: Jws
    iss: str
    iat: int
    consent: Consent
    holder: str
    license: str | None
    grant: SignedGrant | None
    evidence: bytes | None

    @property
    def raw(self) -> bytes:
        """The record's bytes as they came."""
        return self.jws.raw

    @property
    def states(self) -> str:
        """What it states, and no other record may."""
        return f"consent/{self.consent.id}"

    @property
    def follows(self) -> str | None:
        """The license that must have been stated before: that of a consent which the holder's key signed."""
        return self.license

    @property
    def case(self) -> str | None:
        """A consent belongs to no case."""
        return None

    def within(self, case: Case) -> None:
        """Nothing: it is tied to no case."""

    def after(self, earlier: Stated) -> None:
        """Check a signed consent against its license's record: signature, then seal and holder.

        Raises NotVerified holder_binding (not signed by the key), Malformed; Conflict wrong_target: the license is of
        another seal or holder, in the words of one that is not there.
        """
        if self.grant is None:  # then it follows nothing
            return
        self.grant.check(self.consent)  # says nothing of the journal, so it comes first
        if (getattr(earlier, "leaf", None), getattr(earlier, "holders", ())) != (self.grant.seal.leaf, (self.holder,)):
            raise Conflict("wrong_target", NOT_STATED)


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationRecord:
    """A county's statement that a consent has ended. At most one of two shows that its holder ended it.

    withdrawal: the holder's JWT, not verified. evidence: SHA-256 digest, 32 bytes, of what the county keeps.
    """

    jws: Jws
    iss: str
    iat: int
    consent_id: str
    withdrawal: str | None
    evidence: bytes | None

    @property
    def raw(self) -> bytes:
        """The record's bytes as they came."""
        return self.jws.raw

    @property
    def states(self) -> str:
        """What it states, and no other record may."""
        return f"{self.follows}/revoked"

    @property
    def follows(self) -> str:
        """The consent that it ends."""
        return f"consent/{self.consent_id}"

    @property
    def case(self) -> str | None:
        """A consent belongs to no case."""
        return None

    def within(self, case: Case) -> None:
        """Nothing: it is tied to no case."""

    def after(self, earlier: Stated) -> None:
        """Check that the holder ends the consent, or a county that stated it or may read by it.

        Raises Refused not_party (another county that shows nothing of the holder's), NotVerified holder_binding (a
        withdrawal that the granting key did not sign, or of a consent that no key granted), Malformed.
        """
        if not isinstance(earlier, ConsentRecord):
            raise Refused("not_party", "there is no such consent for this county to end")
        if self.withdrawal is not None:
            if earlier.grant is None:
                raise NotVerified("holder_binding", "no key granted this consent: state the withdrawal's digest")
            check_withdrawal(self.withdrawal, earlier.grant, self.consent_id)
        elif self.evidence is None and self.iss not in {earlier.iss, earlier.consent.county}:
            raise Refused("not_party", "there is no such consent for this county to end")


def consent_of(jws: Jws) -> ConsentRecord:
    """Read a JWS that must be a consent; form only.

    Raises Malformed bad_header, bad_payload, unknown_member, bad_number, bad_base64, bad_identifier,
    too_large, bad_disclosure_form.
    """
    obj = ordered(jws.payload, "consent", _CONSENT_MEMBERS)
    constant(obj, "type", "consent")
    record = ConsentRecord(
        jws=jws,
        iss=stating_county(jws, obj),
        iat=integer(obj, "iat"),
        consent=parse_consent(obj),
        holder=text(obj, "holder", HOLDER),
        license=None if obj["license"] is None else str(LicenseIdentifier.parse(string(obj, "license"))),
        grant=None if obj["signed"] is None else parse_signed_grant(string(obj, "signed")),
        evidence=None if obj["evidence"] is None else digest(obj, "evidence"),
    )
    if not record.iat < record.consent.expires <= record.iat + MAX_CONSENT_S:
        raise Malformed("bad_payload", "a consent ends after it is stated, within 366 days")
    if (record.license is None, record.evidence is None) != (record.grant is None, record.grant is not None):
        raise Malformed("bad_payload", "a consent has license and signed, or evidence")
    return record


def revocation_of(jws: Jws) -> RevocationRecord:
    """Read a JWS that must be the end of a consent; form only. Raises as consent_of."""
    obj = ordered(jws.payload, "consent revocation", _REVOCATION_MEMBERS)
    constant(obj, "type", "consent-revocation")
    if obj["signed"] is not None and obj["evidence"] is not None:
        raise Malformed("bad_payload", "the end of a consent has signed or evidence, or neither")
    return RevocationRecord(
        jws=jws,
        iss=stating_county(jws, obj),
        iat=integer(obj, "iat"),
        consent_id=random_id(obj, "id"),
        withdrawal=None if obj["signed"] is None else text(obj, "signed", _JWT),
        evidence=None if obj["evidence"] is None else digest(obj, "evidence"),
    )


def build_consent(
    consent: Consent,
    *,
    holder: str,
    evidence: bytes | None = None,
    license: str | None = None,  # noqa: A002  # the member's name
    signed: str | None = None,
    iat: int,
    kid: str,
    signer: Signer,
) -> bytes:
    """Sign a consent as `consent_of` reads it: with the evidence's digest, or with license and the holder's grant.

    iat: POSIX seconds. Raises Malformed as consent_of.
    """
    common: dict[str, JsonValue] = {"iss": county_of(kid), "iat": iat, "type": "consent", **consent.terms()}
    proof = {"license": license, "signed": signed, "evidence": None if evidence is None else b64u_encode(evidence)}
    return _signed(CONSENT_TYP, {**common, "holder": holder, **proof}, kid, signer)


def build_revocation(
    consent_id: str,
    *,
    withdrawal: str | None = None,
    evidence: bytes | None = None,
    iat: int,
    kid: str,
    signer: Signer,
) -> bytes:
    """Sign the end of a consent. withdrawal: the holder's JWT. evidence: 32 bytes. iat: POSIX seconds.

    Raises Malformed as consent_of.
    """
    payload: dict[str, JsonValue] = {
        "iss": county_of(kid), "iat": iat, "type": "consent-revocation", "id": consent_id, "signed": withdrawal,
        "evidence": None if evidence is None else b64u_encode(evidence),
    }  # fmt: skip
    return _signed(REVOCATION_TYP, payload, kid, signer)


def _signed(typ: str, payload: Mapping[str, JsonValue], kid: str, signer: Signer) -> bytes:
    raw = compact_jws({"alg": signer.public_key.alg, "typ": typ, "kid": kid}, payload, signer)
    (consent_of if typ == CONSENT_TYP else revocation_of)(parse_compact(raw, typ))
    return raw
