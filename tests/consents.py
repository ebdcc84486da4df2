"""Consents for tests: a seal that confirms a holder's key, and statements about the holder's licenses."""

from __future__ import annotations

from typing import Any, Final

from hub.journal.consents import build_consent, build_revocation
from hub.journal.records import build_license_record
from ledger.attestation import issue
from ledger.consents import Consent, Purpose, sign_grant, sign_withdrawal
from ledger.encoding import b64u_encode
from ledger.transparency.merkle import leaf_hash
from tests.entropy import seeded, signer_of
from tests.statements import ISSUER, NOW, TYPE_CODE, County, MemoryLog

__all__ = [
    "ASKING",
    "EVIDENCE",
    "HOLDER",
    "HOLDER_SIGNER",
    "LICENSE",
    "LICENSE_RECORD",
    "SEAL",
    "SEALING",
    "consent",
    "consent_id",
    "license_record",
    "recorded",
    "revoked",
    "signed",
    "signed_text",
    "withdrawn",
]

SEALING: Final = "370214"
ASKING: Final = "320583"
HOLDER: Final = County.holder("1")
HOLDER_SIGNER: Final = signer_of("holder of the license")
EVIDENCE: Final = bytes(range(32))
LICENSE: Final = County(SEALING, MemoryLog(), MemoryLog()).identifier(1)


def _seal() -> bytes:
    sd_jwt = issue(
        {"certificateIdentifier": LICENSE}, kid=f"{SEALING}#2", vct=f"urn:tongban:license:{TYPE_CODE}", iss=SEALING,
        iat=NOW, cnf=HOLDER_SIGNER.public_key, signer=signer_of(f"{SEALING}#2"), random=seeded("sealed for a consent"),
    )  # fmt: skip
    return sd_jwt.partition("~")[0].encode()


SEAL: Final = _seal()
"""A seal of Chengyang that confirms the holder's key."""


def license_record(*holders: str, leaf: bytes | None = None) -> bytes:
    """State the license of the seal."""
    claims = {
        "certificateIdentifier": LICENSE, "certificateTypeCode": TYPE_CODE, "certificateIssuingAuthorityCode": ISSUER,
        "holders": [*holders], "certificateIssuedDate": "2026-05-01", "certificateEffectiveDate": None,
        "certificateExpiringDate": "2031-04-30", "replaces": None,
    }  # fmt: skip
    kid = f"{SEALING}#4"
    return build_license_record(claims, leaf=leaf or leaf_hash(SEAL), iat=NOW, kid=kid, signer=signer_of(kid))


LICENSE_RECORD: Final = license_record(HOLDER)


def consent_id(number: int) -> str:
    """Name a consent."""
    return b64u_encode(number.to_bytes(16, "big"))


def consent(number: int = 1, **changed: Any) -> Consent:
    """Make terms: the asking county may read one name for an hour."""
    usual: dict[str, Any] = {
        "id": consent_id(number), "county": ASKING, "matter": None, "fields": frozenset({"certificateHolderName"}),
        "purpose": Purpose.HANDLING, "expires": NOW + 3600,
    }  # fmt: skip
    return Consent(**(usual | changed))


def recorded(terms: Consent, *, by: str = ASKING, holder: str = HOLDER, at: int = NOW) -> bytes:
    """State a consent that a clerk recorded."""
    kid = f"{by}#4"
    return build_consent(terms, holder=holder, evidence=EVIDENCE, iat=at, kid=kid, signer=signer_of(kid))


def signed_text(terms: Consent) -> str:
    """Sign the terms with the holder's key."""
    return sign_grant(SEAL, terms, iat=NOW, signer=HOLDER_SIGNER)


def signed(
    terms: Consent, *, text: str | None = None, by: str = ASKING, holder: str = HOLDER, at: int = NOW
) -> bytes:  # fmt: skip
    """State a consent that the holder signed, or one that claims it."""
    kid, grant = f"{by}#4", signed_text(terms) if text is None else text
    return build_consent(terms, holder=holder, license=LICENSE, signed=grant, iat=at, kid=kid, signer=signer_of(kid))


def withdrawn(name: str) -> str:
    """Take a consent back with the holder's key."""
    return sign_withdrawal(SEAL, name, iat=NOW + 60, signer=HOLDER_SIGNER)


def revoked(
    name: str, *, by: str = ASKING, withdrawal: str | None = None, evidence: bytes | None = None, at: int = NOW + 60
) -> bytes:
    """State that a consent has ended."""
    kid = f"{by}#4"
    return build_revocation(name, withdrawal=withdrawal, evidence=evidence, iat=at, kid=kid, signer=signer_of(kid))
