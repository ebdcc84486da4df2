"""Consents: a holder's grant that one county may read the holder's licenses; its terms, its limits, its signatures.

    {"id":"<22>","county":"320583","matter":"000101002000"|null,"fields":["certificateHolderName",…]|null,
     "purpose":"HANDLING","expires":1782896400}

`county` may read, for `matter` (null: whatever the matter), the face fields of `fields` (null: all; an empty list:
none, only what is said of a license beside its face), by the questions of `purpose`, until `expires` and never a second
longer. A purpose is a kind of question, so that a machine can hold a reader to it:

    HANDLING        every question: which licenses the holder has, each of them, what is still to be brought
    ADVICE          what is still to be brought for a matter
    VERIFICATION    a license whose identifier was shown

Why somebody asks is the `useCause` of the reading: words, for holder and auditor to judge beside the access record.

A holder grants with the key that a county confirmed in a seal (`cnf`), and takes back with the same one:

    signed      <seal>~<JWT>        the seal as it stands in the log, and the holder's JWT over the terms above
    JWT         {"alg":"Ed25519","typ":"consent-grant+jwt"}        the terms, behind "iat" and "seal" (leaf hash)
    withdrawal  {"alg":"Ed25519","typ":"consent-withdrawal+jwt"}   {"iat":…,"id":"<22>","seal":"…"}

A type of its own keeps either from passing for a key binding (`ledger.holder_binding`). Who the holder of a license is
stands in no seal: that the seal is this holder's is for whoever has the license's record to check.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from ledger.closed import COUNTY, closed, digest, integer, list_of, text
from ledger.encoding import JsonValue, b64u_decode, b64u_encode, parse_json
from ledger.entries import Seal, parse_entry
from ledger.errors import Malformed, NotVerified
from ledger.holder_binding import holder_statement
from ledger.jws import MAX_ENTRY_BYTES, compact_jws
from ledger.matters import CATALOGUE_CODE
from ledger.signers import Signer

__all__ = [
    "CONSENT_ID",
    "MAX_CONSENT_S",
    "MAX_FIELDS",
    "MAX_SIGNED",
    "TERMS",
    "Consent",
    "Purpose",
    "SignedGrant",
    "check_withdrawal",
    "covers",
    "parse_consent",
    "parse_signed_grant",
    "sign_grant",
    "sign_withdrawal",
]

CONSENT_ID: Final = re.compile(r"[A-Za-z0-9_-]{21}[AQgw]")
"""16 random bytes as canonical base64url."""

MAX_CONSENT_S: Final = 366 * 86_400
"""The longest time, in seconds, from the statement of a consent to its end."""

MAX_FIELDS: Final = 64
TERMS: Final = ("id", "county", "matter", "fields", "purpose", "expires")
"""The members of the terms, in their order."""

GRANT_TYP: Final = "consent-grant+jwt"
WITHDRAWAL_TYP: Final = "consent-withdrawal+jwt"
MAX_SIGNED: Final = MAX_ENTRY_BYTES + 4096
_FIELD: Final = re.compile(r"[a-z][A-Za-z]{2,63}|KZ_[0-9A-Za-z_]{1,61}")
_SIGNED: Final = re.compile(r"[A-Za-z0-9_.-]+~[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_GRANT: Final = frozenset({"iat", "seal", *TERMS})
_WITHDRAWAL: Final = frozenset({"iat", "id", "seal"})


class Purpose(Enum):
    """By what kind of question a holder lets a county read. Each value is its name on the wire."""

    HANDLING = "HANDLING"
    ADVICE = "ADVICE"
    VERIFICATION = "VERIFICATION"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """The terms of a consent. fields: names in ascending order; None: every field. expires: POSIX seconds."""

    id: str
    county: str
    matter: str | None
    fields: frozenset[str] | None
    purpose: Purpose
    expires: int

    def terms(self) -> dict[str, JsonValue]:
        """Give the members in their order, as they are stated and signed."""
        return {
            "id": self.id,
            "county": self.county,
            "matter": self.matter,
            "fields": None if self.fields is None else [*sorted(self.fields)],
            "purpose": self.purpose.value,
            "expires": self.expires,
        }


def covers(consent: Consent, *, county: str, matter: str | None, fields: Collection[str], at: int) -> bool:
    """Tell whether a county may read these face fields under a consent at a time, POSIX seconds.

    matter: the matter that the reading is for; None: it names none, and then only a consent for any matter covers it.
    A consent ends with the second `expires`: then it covers nothing.
    """
    if consent.county != county or at >= consent.expires:
        return False
    if consent.matter not in {None, matter}:
        return False
    return consent.fields is None or consent.fields.issuperset(fields)


def parse_consent(obj: Mapping[str, JsonValue]) -> Consent:
    """Read the terms among the members of an object that has them all.

    Raises Malformed bad_payload, bad_number.
    """
    terms = {name: obj[name] for name in TERMS}
    return Consent(
        id=text(terms, "id", CONSENT_ID),
        county=text(terms, "county", COUNTY),
        matter=None if terms["matter"] is None else text(terms, "matter", CATALOGUE_CODE),
        fields=None if terms["fields"] is None else _fields(terms),
        purpose=_purpose(terms["purpose"]),
        expires=integer(terms, "expires"),
    )


def _fields(terms: dict[str, JsonValue]) -> frozenset[str]:
    values = list_of(terms, "fields", maximum=MAX_FIELDS)
    found = [value for value in values if isinstance(value, str) and _FIELD.fullmatch(value)]
    if found != values or found != sorted(set(found)):
        raise Malformed("bad_payload", f"fields are at most {MAX_FIELDS} names of face fields, each once, ascending")
    return frozenset(found)


def _purpose(value: JsonValue) -> Purpose:
    try:
        return Purpose(value)
    except ValueError as error:
        raise Malformed("bad_payload", f"purpose is none of {', '.join(each.value for each in Purpose)}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedGrant:
    """A holder's grant whose signature is not verified. seal: the seal whose `cnf` is the holder's key."""

    seal: Seal
    jwt: str

    def terms(self) -> Consent:
        """Read the terms that it says it was signed for. Raises Malformed; whether they were signed, `check` says."""
        payload = parse_json(b64u_decode(self.jwt.split(".")[1]), max_bytes=MAX_SIGNED)
        return parse_consent(closed(payload, "payload of the holder's JWT", _GRANT))

    def check(self, consent: Consent) -> None:
        """Check that the holder's key signed exactly these terms. Raises NotVerified holder_binding, Malformed."""
        if self.seal.holder_key is None:
            raise NotVerified("holder_binding", "the seal confirms no key of a holder")
        signed = holder_statement(self.jwt, self.seal.holder_key, typ=GRANT_TYP, members=_GRANT)
        integer(signed, "iat")
        if digest(signed, "seal") != self.seal.leaf:
            raise NotVerified("holder_binding", "the holder signed for another seal")
        if parse_consent(signed) != consent:
            raise NotVerified("holder_binding", "the holder signed other terms")


def parse_signed_grant(value: str) -> SignedGrant:
    """Read `<seal>~<JWT>`, form only. Raises Malformed too_large, bad_disclosure_form, and what parse_entry raises."""
    if len(value) > MAX_SIGNED:
        raise Malformed("too_large", f"a signed grant has at most {MAX_SIGNED} characters")
    if not _SIGNED.fullmatch(value):
        raise Malformed("bad_disclosure_form", "expected <seal>~<JWT of the holder>")
    raw, _, jwt = value.partition("~")
    seal = parse_entry(raw.encode("ascii"))
    if not isinstance(seal, Seal):
        raise Malformed("unknown_typ", "expected a seal before the ~")
    return SignedGrant(seal=seal, jwt=jwt)


def sign_grant(seal: bytes, consent: Consent, *, iat: int, signer: Signer) -> str:
    """Grant a consent with the key that the seal confirms: `<seal>~<JWT>`. iat: POSIX seconds.

    Raises Malformed (the seal does not read), NotVerified holder_binding (it confirms another key, or none).
    """
    entry = _confirming(seal, signer)
    payload: dict[str, JsonValue] = {"iat": iat, "seal": b64u_encode(entry.leaf), **consent.terms()}
    return f"{seal.decode('ascii')}~{_signed(GRANT_TYP, payload, signer)}"


def sign_withdrawal(seal: bytes, consent_id: str, *, iat: int, signer: Signer) -> str:
    """Take a consent back with the key that granted it: the JWT. Raises as sign_grant."""
    entry = _confirming(seal, signer)
    return _signed(WITHDRAWAL_TYP, {"iat": iat, "id": consent_id, "seal": b64u_encode(entry.leaf)}, signer)


def check_withdrawal(jwt: str, grant: SignedGrant, consent_id: str) -> None:
    """Check that the key that granted a consent takes it back. Raises NotVerified holder_binding, Malformed."""
    if grant.seal.holder_key is None:
        raise NotVerified("holder_binding", "the seal confirms no key of a holder")
    signed = holder_statement(jwt, grant.seal.holder_key, typ=WITHDRAWAL_TYP, members=_WITHDRAWAL)
    integer(signed, "iat")
    if (signed["id"], digest(signed, "seal")) != (consent_id, grant.seal.leaf):
        raise NotVerified("holder_binding", "the holder takes another consent back")


def _confirming(seal: bytes, signer: Signer) -> Seal:
    entry = parse_entry(seal)
    if not isinstance(entry, Seal) or entry.holder_key != signer.public_key:
        raise NotVerified("holder_binding", "the seal does not confirm this key")
    return entry


def _signed(typ: str, payload: Mapping[str, JsonValue], signer: Signer) -> str:
    return compact_jws({"alg": signer.public_key.alg, "typ": typ}, payload, signer).decode("ascii")
