"""The counties' keys, and what they sign: seals, license records, offerings. Deterministic, for any worker process."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from hub.ingest.offerings import sample_offerings
from hub.journal.offerings import build_offering
from hub.journal.records import build_license_record
from hub.journal.store import JournalRow
from ledger.attestation import issue
from ledger.entries import parse_entry
from ledger.signers import SoftwareSigner
from ledger.transparency.candidate import Candidate
from ledger.transparency.merkle import leaf_hash
from ledger.workdays import china_day
from loadtests.nineteen.plan import START, License, World

if TYPE_CHECKING:
    from ledger.encoding import JsonValue

__all__ = ["GOVERN", "JOURNAL", "SEAL", "Sealed", "Span", "offerings_of", "sealed_span", "signer_of"]

GOVERN: Final = 1
SEAL: Final = 2
JOURNAL: Final = 4


@lru_cache(maxsize=256)
def signer_of(name: str) -> SoftwareSigner:
    """Give the key of a name (`370214#2`): the same in every run, for made-up data alone."""
    return SoftwareSigner.generate("Ed25519", lambda size: sha256(f"nineteen {name}".encode()).digest()[:size])


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Numbers to be made: first, how many, of which world."""

    world: World
    first: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A license's seal, read and ready to be sequenced, and the journal's row of its record."""

    candidate: Candidate
    row: JournalRow


def sealed_span(span: Span) -> list[Sealed]:
    """Seal and state the licenses of a span."""
    salts = random.Random(f"{span.world.seed}/{span.first}")  # seeded on purpose: the same log again
    return [_sealed(span.world.license(span.first + n), salts) for n in range(span.count)]


def _sealed(license_: License, salts: random.Random) -> Sealed:
    claims: dict[str, JsonValue] = {
        "certificateIdentifier": license_.identifier,
        "certificateTypeName": license_.type_name,
        "certificateNumber": f"SAMPLE-{license_.number:09d}",
        "certificateIssuedDate": license_.issued.isoformat(),
    }
    kid = f"{license_.county}#{SEAL}"
    raw = issue(
        claims, kid=kid, vct=f"urn:tongban:license:{license_.type_code}", iss=license_.county, iat=START,
        signer=signer_of(kid), random=salts.randbytes,
    ).partition("~")[0].encode("ascii")  # fmt: skip
    leaf = leaf_hash(raw)
    # Not verified here: it was signed a moment ago. The key state is put in by the one who sequences.
    candidate = Candidate(raw=raw, leaf=leaf, state=None, entry=parse_entry(raw))  # type: ignore[arg-type]
    return Sealed(candidate=candidate, row=_row(license_, leaf))


def _row(license_: License, leaf: bytes) -> JournalRow:
    kid = f"{license_.county}#{JOURNAL}"
    claims: dict[str, JsonValue] = {
        "certificateIdentifier": license_.identifier,
        "certificateTypeCode": license_.type_code,
        "certificateIssuingAuthorityCode": license_.issuer,
        "holders": [license_.holder],
        "certificateIssuedDate": license_.issued.isoformat(),
        "certificateEffectiveDate": license_.issued.isoformat(),
        "certificateExpiringDate": None if license_.expires is None else license_.expires.isoformat(),
        "replaces": None,
    }
    raw = build_license_record(claims, leaf=leaf, iat=START, kid=kid, signer=signer_of(kid))
    return JournalRow(raw=raw, states=license_.identifier, holders=(license_.holder,), county=license_.county)


def offerings_of(county: str) -> list[bytes]:
    """State what a county of the sample roster offers: thirty matters."""
    kid = f"{county}#{JOURNAL}"
    claims = sample_offerings(county, china_day(START).isoformat())
    return [build_offering(each, iat=START, kid=kid, signer=signer_of(kid)) for each in claims]
