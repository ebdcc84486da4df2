"""The verifier of e-seals: a seal signature and its document in, one verdict out; no exception for any input.

     #  step         checks                                                                        code
     1  parse        size, DER, structure, V4 or V5, both certificates can be read                 bad_eseal, ...
     2  seal         the maker's signature over DER(eSealInfo)                                     bad_signature
     3  maker        the maker's chain to a root, good at createDate, for signing, not revoked     bad_chain, ...
     4  listed       the signer's certificate stands in certList, whole or by its SM3              eseal_not_listed
     5  signature    the signer's signature over DER(toSign)                                       bad_signature
     6  signer       the signer's chain to a root, good at timeInfo, for signing, not revoked      bad_chain, ...
     7  time         timeInfo is in the period of the seal, after its making, not in the future    eseal_period
     8  document     dataHash is the plain SM3 of the document that propertyInfo names             eseal_digest
     9  timestamp    none; or there is one, which is said and not judged
    10  attestation  it verified, and binds this seal: eSealHash, or its JWT is the document       eseal_unbound
    11  county       the signer's USCC is of the county of `iss`, or of an authority of it         eseal_county
    12  license      propertyInfo is the attestation's certificateIdentifier                       eseal_license

Steps 10-12 are taken with an attestation only; a bare seal has steps 1-3 and its period.
Whoever signs says the time himself: `proven` is a time at which others have seen the signature, e.g. the `iat` of an
attestation in the log that binds it.
Source of the order: GB/T 38540-2020; of 10-12: this project's profile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ledger.encoding import JsonValue
from ledger.errors import Malformed, NotVerified, TongbanError
from ledger.eseal.certificates import Certificate
from ledger.eseal.chains import Chain, TrustStore
from ledger.eseal.documents import E_SEAL_HASH, Document, DocumentBytes, eseal_hash
from ledger.eseal.structures import ESeal, ESealSignature
from ledger.eseal.verdict import BINDING_STEPS, SEAL_STEPS, STEPS, ESealVerdict
from ledger.identifiers import LicenseIdentifier, Uscc
from ledger.sm2 import signer_digest, sm3
from ledger.verdict import Outcome, Step, StepState, utc

__all__ = ["AHEAD_S", "Attestation", "verify_eseal", "verify_seal", "verify_with_attestation"]

AHEAD_S: Final = 300  # seconds that clocks may differ


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """What a verified receipt proves. entry: the issuer-signed JWT. claims: of its verdict; none if it is FORGED.

    authorities: USCCs that the county of `iss` registered beside those of its own division. registered: SM3 of a
    certificate that names no USCC, in hexadecimal, and the USCC that it is registered with.
    """

    entry: bytes
    claims: Mapping[str, JsonValue]
    authorities: frozenset[str] = field(default_factory=frozenset)
    registered: Mapping[str, str] = field(default_factory=dict)


def verify_eseal(
    data: bytes, document: Document, *, trust: TrustStore, now: int, license_id: str | None = None
) -> ESealVerdict:
    """Return the verdict on a seal signature over a document: steps 1-9.

    now: POSIX seconds. license_id: the certificateIdentifier that the document is; None: any that propertyInfo names.
    """
    return _Examination(data, trust, now=now, document=document, license_id=license_id).run(STEPS, _STEPS)


def verify_seal(data: bytes, *, trust: TrustStore, now: int) -> ESealVerdict:
    """Return the verdict on a bare seal that a maker hands over: steps 1-3, and that it can be put on now."""
    return _Examination(data, trust, now=now).run(SEAL_STEPS, _SEAL_STEPS)


def verify_with_attestation(
    data: bytes,
    document: Document | None,
    *,
    trust: TrustStore,
    now: int,
    attestation: Attestation,
    license_id: str | None = None,
) -> ESealVerdict:
    """Return the verdict on a seal signature that goes with an attestation: steps 1-12.

    document: the license file; None: the attestation's JWT is the document. license_id: as for verify_eseal.
    The receipt has a verdict of its own: both must be VALID. A seal that the attestation binds by eSealHash was there
    when the log took the attestation.
    """
    bound = attestation.claims.get(E_SEAL_HASH) == eseal_hash(data)
    iat = attestation.claims.get("iat")
    proven = iat if bound and isinstance(iat, int) else None
    under = DocumentBytes(attestation.entry) if document is None else document
    examination = _Examination(
        data, trust, now=now, document=under, license_id=license_id, proven=proven, attestation=attestation
    )
    examination.bound = bound or document is None
    return examination.run(STEPS + BINDING_STEPS, _STEPS + _BINDING_STEPS)


class _Examination:
    """One seal on its way through the steps; what a step finds is there for the later ones."""

    seal: ESeal
    signed: ESealSignature
    maker: Certificate
    signer: Certificate
    chains: tuple[Chain, ...] = ()
    bound = False

    def __init__(
        self,
        data: bytes,
        trust: TrustStore,
        *,
        now: int,
        document: Document | None = None,
        license_id: str | None = None,
        proven: int | None = None,
        attestation: Attestation | None = None,
    ) -> None:
        self.data, self.trust, self.now, self.license_id = data, trust, now, license_id
        self.document = document or DocumentBytes(b"")
        self.proven, self.attestation = proven, attestation
        self.facts: dict[str, JsonValue] = {}
        self.stamps: dict[str, bytes | None] = {}

    def run(self, names: Sequence[str], steps: Sequence[Callable[[_Examination], str]]) -> ESealVerdict:
        passed: list[Step] = []
        try:
            for number, (name, step) in enumerate(zip(names, steps, strict=True), start=1):
                passed.append(Step(number, name, StepState.PASSED, step(self)))
        except TongbanError as error:
            return ESealVerdict.stopped(names, passed, error)
        message = f"{self.seal.name}, made by {self.maker.subject}"
        return ESealVerdict(
            outcome=Outcome.VALID, code="valid", message=message, steps=tuple(passed), facts=self.facts,
            notes=self._notes(),
        )  # fmt: skip

    # Each step returns what it found, or raises.

    def check_parse(self) -> str:  # 1
        self.signed = ESealSignature.parse(self.data)
        self._take(self.signed.seal)
        self.signer = Certificate.parse(self.signed.certificate)
        self.stamps["the signature's"] = self.signed.timestamp
        self.facts |= {
            "signer": self.signer.subject,
            "organization": self.signer.organization,
            "time": self.signed.time,
            "certificateIdentifier": self.signed.property_info,
        }
        return f"{len(self.data)} bytes, SES V{self.signed.version}"

    def check_parse_seal(self) -> str:  # 1, of a bare seal
        self._take(ESeal.parse(self.data))
        return f"{len(self.data)} bytes, SES V{self.seal.version}"

    def check_seal(self) -> str:  # 2
        self.maker.verify(self.seal.info, self.seal.signature)
        return f"made by {self.maker.subject}"

    def check_maker(self) -> str:  # 3
        return self._chain(self.maker, self.seal.created)

    def check_period(self) -> str:  # 4, of a bare seal
        if not max(self.seal.valid_from, self.seal.created) <= self.now <= self.seal.valid_to:
            raise NotVerified("eseal_period", f"the seal is not in its period at {utc(self.now)}")
        return f"can be put on until {utc(self.seal.valid_to)}"

    def check_listed(self) -> str:  # 4
        seal, der = self.seal, self.signed.certificate
        if seal.lists(der):
            return "stands in certList" if seal.certificates else "stands in certList by its SM3"
        if seal.lists_digest(sm3(self._z() + der)):
            raise NotVerified("eseal_z_digest", "certList holds SM3(Z || certificate), where plain SM3 is expected")
        raise NotVerified("eseal_not_listed", "the signer's certificate is not among those that may use the seal")

    def check_signature(self) -> str:  # 5
        self.signer.verify(self.signed.to_sign, self.signed.signature)
        return f"signed by {self.signer.subject}"

    def check_signer(self) -> str:  # 6
        return self._chain(self.signer, self.signed.time)

    def check_time(self) -> str:  # 7
        seal, time = self.seal, self.signed.time
        if not seal.valid_from <= time <= seal.valid_to:
            raise NotVerified("eseal_period", f"the seal was put on at {utc(time)}, outside its period")
        if time < seal.created:
            raise NotVerified("eseal_period", f"the seal was put on at {utc(time)}, before it was made")
        if time > self.now + AHEAD_S:
            raise NotVerified("eseal_period", f"the seal was put on at {utc(time)}, which is in the future")
        return f"put on at {utc(time)}, by the signer's own clock"

    def check_document(self) -> str:  # 8
        named, digest = self.signed.property_info, self.signed.data_hash
        try:
            LicenseIdentifier.parse(named)
        except Malformed as error:
            raise NotVerified("eseal_license", "propertyInfo is no certificateIdentifier") from error
        if self.license_id not in {None, named}:
            raise NotVerified("eseal_license", f"the seal is on the license {named}")
        if self.document.sm3() == digest:
            return f"SM3 of the document is dataHash; license {named}"
        if self.document.sm3(self._z()) == digest:
            raise NotVerified("eseal_z_digest", "dataHash is SM3(Z || document), where plain SM3 is expected")
        raise NotVerified("eseal_digest", "dataHash is of another document")

    def check_timestamp(self) -> str:  # 9
        found = [name for name, stamp in self.stamps.items() if stamp is not None]
        return f"{' and '.join(found)} present, not judged" if found else "none"

    def check_attestation(self) -> str:  # 10
        claims = self._attested().claims
        if not claims:
            raise NotVerified("eseal_unbound", "the attestation does not verify")
        if not self.bound:
            shown = claims.get(E_SEAL_HASH)
            what = "shows no eSealHash" if shown is None else "has the eSealHash of another seal"
            raise NotVerified("eseal_unbound", f"the attestation {what}")
        return "binds this seal"

    def check_county(self) -> str:  # 11
        attested, der = self._attested(), self.signer.der
        county = attested.claims.get("iss")
        try:
            uscc = Uscc.parse(self.signer.organization or attested.registered.get(sm3(der).hex(), ""))
        except Malformed as error:
            raise NotVerified("eseal_county", "the signer's certificate names no USCC") from error
        if uscc.division != county and uscc.code not in attested.authorities:
            raise NotVerified("eseal_county", f"the seal is of {uscc.code}, the attestation of county {county}")
        return f"{uscc.code} is of county {county}"

    def check_license(self) -> str:  # 12
        shown, named = self._attested().claims.get("certificateIdentifier"), self.signed.property_info
        if shown != named:
            what = "shows no certificateIdentifier" if shown is None else "is of another license"
            raise NotVerified("eseal_license", f"the seal is on the license {named}; the attestation {what}")
        return f"both name {named}"

    def _take(self, seal: ESeal) -> None:
        self.seal, self.maker = seal, Certificate.parse(seal.certificate)
        self.stamps["the seal's"] = seal.timestamp
        self.facts |= {"version": seal.version, "esid": seal.esid, "name": seal.name, "maker": self.maker.subject}

    def _attested(self) -> Attestation:
        return self.attestation or Attestation(entry=b"", claims={})

    def _chain(self, certificate: Certificate, at: int) -> str:
        chain = self.trust.check(certificate, at=at, proven=self.proven)
        self.chains = (*self.chains, chain)
        unknown = f"; revocation not known of {len(chain.unlisted)}" if chain.unlisted else ""
        return f"{len(chain.path)} certificates up to {chain.path[-1].subject}, good at {utc(at)}{unknown}"

    def _z(self) -> bytes:
        key = self.signer.public_key
        return signer_digest(key.x, key.y or b"")

    def _notes(self) -> tuple[str, ...]:
        stamped = any(stamp is not None for stamp in self.stamps.values())
        unknown = any(chain.unlisted for chain in self.chains)
        since = any(chain.revoked_since for chain in self.chains)
        found = {"revocation_unknown": unknown, "revoked_since": since, "timestamp_not_judged": stamped}
        return tuple(note for note, holds in found.items() if holds)


_SEAL_STEPS: Final[tuple[Callable[[_Examination], str], ...]] = (
    _Examination.check_parse_seal,
    _Examination.check_seal,
    _Examination.check_maker,
    _Examination.check_period,
)
_STEPS: Final[tuple[Callable[[_Examination], str], ...]] = (
    _Examination.check_parse,
    _Examination.check_seal,
    _Examination.check_maker,
    _Examination.check_listed,
    _Examination.check_signature,
    _Examination.check_signer,
    _Examination.check_time,
    _Examination.check_document,
    _Examination.check_timestamp,
)
_BINDING_STEPS: Final[tuple[Callable[[_Examination], str], ...]] = (
    _Examination.check_attestation,
    _Examination.check_county,
    _Examination.check_license,
)
