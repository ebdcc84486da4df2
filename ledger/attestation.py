"""Attestations: SD-JWT (RFC 9901), flat profile. The county signs digests, the holder shows the claims of choice.

    <jwt>~<disclosure>~...~<disclosure>~              ends in `~`
    <jwt>~<disclosure>~...~<disclosure>~<kb-jwt>      with key binding (ledger.holder_binding)

    header   {"alg":"Ed25519","typ":"dc+sd-jwt","kid":"370214#1"}
    payload  {"iss":"370214","vct":"urn:tongban:license:<21-character type code>","iat":1780300860,"nbf":...,"exp":...,
              "_sd_alg":"sha-256","_sd":["<digest>",...],"cnf":{"jwk":{...}}}        nbf, exp, cnf are optional

`<jwt>` is the log entry, byte for byte. Whether its payload keeps the profile is checked by the parser of entries, its
signature against the key that the log gives for `kid`; here the disclosures are checked against the payload. `nbf` and
`exp` are left to the verifier, which is given the time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ledger.closed import county_of
from ledger.confirmation import confirmation_of
from ledger.disclosures import MAX_DISCLOSURES, Disclosure, decoy
from ledger.encoding import JsonValue
from ledger.errors import Malformed, NotVerified
from ledger.jws import compact_jws
from ledger.signers import Signer
from ledger.suites import PublicKey

__all__ = ["MAX_PRESENTATION_BYTES", "SEAL_TYP", "SdJwt", "check", "issue", "present"]

MAX_PRESENTATION_BYTES: Final = 65_536
SEAL_TYP: Final = "dc+sd-jwt"
_SD_ALG: Final = "sha-256"
_DECOY_STEP: Final = 4
_JWT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class SdJwt:
    """An SD-JWT whose form is right; nothing in it is verified.

    jwt: the issuer-signed compact JWS, the log entry as text. disclosures: in the order they came. key_binding: the
    holder's compact JWS, or None.
    """

    jwt: str
    disclosures: tuple[Disclosure, ...]
    key_binding: str | None = None

    @classmethod
    def parse(cls, text: str) -> SdJwt:
        """Read an SD-JWT with or without key binding: at most 64 KiB and 64 disclosures.

        Raises Malformed too_large, bad_disclosure_form, and what Disclosure.parse raises.
        """
        if len(text) > MAX_PRESENTATION_BYTES:
            raise Malformed("too_large", f"an SD-JWT has at most {MAX_PRESENTATION_BYTES} characters")
        jwt, *texts = text.split("~")
        if not texts or not _JWT.fullmatch(jwt):
            raise Malformed("bad_disclosure_form", "expected <jwt>~<disclosure>~...~ with or without key binding")
        key_binding = texts.pop()
        if key_binding and not _JWT.fullmatch(key_binding):
            raise Malformed("bad_disclosure_form", "after the last ~ stands nothing, or a key binding JWT")
        if len(texts) > MAX_DISCLOSURES:
            raise Malformed("too_large", f"an SD-JWT has at most {MAX_DISCLOSURES} disclosures")
        return cls(jwt=jwt, disclosures=tuple(map(Disclosure.parse, texts)), key_binding=key_binding or None)

    def __str__(self) -> str:
        return self.unbound + (self.key_binding or "")

    @property
    def unbound(self) -> str:
        """The text up to and including the last `~`: what a key binding JWT covers."""
        return "~".join([self.jwt, *(disclosure.text for disclosure in self.disclosures), ""])


def issue(  # noqa: PLR0913  # the members of the payload, each by its name
    claims: Mapping[str, JsonValue],
    *,
    kid: str,
    vct: str,
    iss: str,
    iat: int,
    exp: int | None = None,
    nbf: int | None = None,
    cnf: PublicKey | None = None,
    signer: Signer,
    random: Callable[[int], bytes],
) -> str:
    """Seal a license: sign digests of 1..64 claims and give the SD-JWT with all disclosures, in the order of `claims`.

    kid: `<iss>#<number>`. iat, nbf, exp: POSIX seconds; exp > max(iat, nbf); no exp = no end date. cnf: the holder's
    key, if holder binding is wanted. Digests stand in ascending order, filled with decoys to a multiple of 4.
    Raises Malformed bad_payload, too_large, and what Disclosure.make raises.
    """
    if county_of(kid) != iss:
        raise Malformed("bad_payload", "iss is not the county of kid")
    if exp is not None and exp <= max(iat, iat if nbf is None else nbf):
        raise Malformed("bad_payload", "exp is not after iat and nbf")
    if not 1 <= len(claims) <= MAX_DISCLOSURES:
        raise Malformed("bad_payload", f"expected 1..{MAX_DISCLOSURES} claims, got {len(claims)}")
    disclosures = tuple(Disclosure.make(name, value, random) for name, value in claims.items())
    payload: dict[str, JsonValue] = {"iss": iss, "vct": vct, "iat": iat}
    payload |= {name: time for name, time in (("nbf", nbf), ("exp", exp)) if time is not None}
    payload |= {"_sd_alg": _SD_ALG, "_sd": _digests(disclosures, random)}
    payload |= {} if cnf is None else {"cnf": confirmation_of(cnf)}
    header = {"alg": signer.public_key.alg, "typ": SEAL_TYP, "kid": kid}
    jwt = compact_jws(header, payload, signer).decode("ascii")
    text = str(SdJwt(jwt=jwt, disclosures=disclosures))
    if len(text) > MAX_PRESENTATION_BYTES:
        raise Malformed("too_large", f"an SD-JWT has at most {MAX_PRESENTATION_BYTES} characters")
    return text


def _digests(disclosures: Sequence[Disclosure], random: Callable[[int], bytes]) -> list[JsonValue]:
    # Ascending order hides which digest belongs to which claim (RFC 9901, 4.2.4.1).
    decoys = [decoy(random) for _ in range(-len(disclosures) % _DECOY_STEP)]
    return [*sorted([disclosure.digest for disclosure in disclosures] + decoys)]


def present(text: str, names: Iterable[str]) -> str:
    """Keep only the claims of `names` of an SD-JWT, in the order they came, and drop a key binding.

    Raises Malformed bad_disclosure_form if a name is not among the disclosures, and what SdJwt.parse raises.
    """
    whole = SdJwt.parse(text)
    wanted = frozenset(names)
    kept = tuple(disclosure for disclosure in whole.disclosures if disclosure.name in wanted)
    if missing := wanted - {disclosure.name for disclosure in kept}:
        there = ", ".join(sorted(disclosure.name for disclosure in whole.disclosures))
        raise Malformed(
            "bad_disclosure_form", f"the attestation has no claim {', '.join(sorted(missing))}; it has {there}"
        )
    return str(SdJwt(jwt=whole.jwt, disclosures=kept))


def check(sd_jwt: SdJwt, payload: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Check every disclosure against the verified payload of `sd_jwt.jwt` and give all claims that are shown.

    The result holds the payload's members without `_sd` and `_sd_alg`, then the disclosed claims. A digest without a
    disclosure is hidden or a decoy: fine. Not checked here: signature, `nbf`, `exp`.
    Raises NotVerified bad_disclosure. Source: RFC 9901, 7.1.
    """
    digests = _payload_digests(payload)
    claims = {name: value for name, value in payload.items() if name not in {"_sd", "_sd_alg"}}
    for disclosure in sd_jwt.disclosures:
        digest = disclosure.digest
        if digest not in digests:
            raise NotVerified("bad_disclosure", "a disclosure does not belong to this attestation, or stands twice")
        digests.remove(digest)
        if disclosure.name in claims:
            raise NotVerified("bad_disclosure", f"the claim {disclosure.name} is given twice")
        claims[disclosure.name] = disclosure.value
    return claims


def _payload_digests(payload: Mapping[str, JsonValue]) -> set[str]:
    listed = payload.get("_sd")
    if payload.get("_sd_alg") != _SD_ALG or not isinstance(listed, list):
        raise NotVerified("bad_disclosure", f"the payload has no _sd of {_SD_ALG}")
    try:
        "".join(listed)  # type: ignore[arg-type]  # tells in one pass whether each is a text
        digests = set(listed)
    except TypeError as error:
        raise NotVerified("bad_disclosure", "_sd holds what is no digest") from error
    if len(digests) != len(listed):
        raise NotVerified("bad_disclosure", "_sd holds a digest twice")
    return digests  # type: ignore[return-value]  # texts, as joining them has shown
