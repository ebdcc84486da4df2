"""Revocation lists: X.509 v2 CRLs signed with SM2 (RFC 5280, 5), judged by date.

    CertificateList ::= SEQUENCE { tbsCertList, signatureAlgorithm 1.2.156.10197.1.501, signatureValue BIT STRING }

A certificate that was revoked later does not void what was signed earlier. When that was, the signer says itself
(timeInfo): where the reason is a leaked key that word is worth nothing, and only a time that others have proven counts.
A date of invalidity before the date of revocation is the one that counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from ledger.errors import Malformed, NotVerified
from ledger.eseal.asn1 import SM2_WITH_SM3, X509
from ledger.eseal.certificates import Certificate, name_text, pem_blocks
from ledger.eseal.der import posix_time, read_der

__all__ = ["MAX_CRL_BYTES", "RevocationList", "Revoked", "read_revocations"]

MAX_CRL_BYTES: Final = 131_072  # some 2,800 certificates with their reasons
_MAX_ELEMENTS: Final = 32_768  # up to 8 for one of them
_CODE: Final = "bad_certificate"
_LEAKED: Final = frozenset({"key_compromise", "ca_compromise", "aa_compromise"})
_UNDONE: Final = "remove_from_crl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """One line of a list. date: POSIX seconds, from then on the certificate is void. reason: as RFC 5280 names it."""

    date: int
    reason: str

    def voids(self, time: int, proven: int | None) -> bool:
        """Tell whether a signature dated `time` by its signer, and proven by others to exist at `proven`, is void."""
        if self.reason in _LEAKED:
            return proven is None or proven >= self.date
        return time >= self.date


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationList:
    """A list that was read; `check` is what verifies it. revoked: by serial number. Times: POSIX seconds."""

    tbs: bytes
    issuer: str
    issuer_der: bytes
    this_update: int
    next_update: int | None
    revoked: Mapping[int, Revoked]
    signature: bytes

    @classmethod
    def parse(cls, data: bytes) -> RevocationList:
        """Read a DER list of at most 128 KiB. Raises Malformed too_large, bad_certificate."""
        return read_der(
            X509.revocations, data, _revocations, max_bytes=MAX_CRL_BYTES, code=_CODE, max_elements=_MAX_ELEMENTS
        )

    def check(self, issuer: Certificate) -> None:
        """Check that the issuer made this list, and may. Raises NotVerified bad_signature, certificate_use."""
        if issuer.uses is not None and "crl_sign" not in issuer.uses:
            raise NotVerified("certificate_use", f"{issuer.subject} may not sign revocation lists")
        issuer.verify(self.tbs, self.signature)


def _revocations(value: Any) -> RevocationList:
    tbs = value["tbs_cert_list"]
    if tbs["signature"].dump() != value["signature_algorithm"].dump():
        raise Malformed(_CODE, "a revocation list names two signature algorithms")
    if tbs["signature"]["algorithm"].dotted != SM2_WITH_SM3:
        raise Malformed(_CODE, "expected a revocation list signed by SM2 with SM3")
    _refuse_critical(tbs["crl_extensions"])
    return RevocationList(
        tbs=tbs.dump(),
        issuer=name_text(tbs["issuer"]),
        issuer_der=tbs["issuer"].dump(),
        this_update=posix_time(tbs["this_update"]),
        next_update=None if tbs["next_update"].native is None else posix_time(tbs["next_update"]),
        revoked=MappingProxyType(_revoked(tbs["revoked_certificates"])),
        signature=value["signature"].native,
    )


def _revoked(lines: Any) -> dict[int, Revoked]:
    found: dict[int, Revoked] = {}
    for line in lines:
        date, reason = posix_time(line["revocation_date"]), "unspecified"
        _refuse_critical(line["crl_entry_extensions"])
        for extension in line["crl_entry_extensions"]:
            name, stated = extension["extn_id"].native, extension["extn_value"].parsed.native
            reason = stated if name == "crl_reason" else reason
            date = min(date, posix_time(extension["extn_value"].parsed)) if name == "invalidity_date" else date
        if reason != _UNDONE:
            found[line["user_certificate"].native] = Revoked(date=date, reason=reason)
    return found


def _refuse_critical(extensions: Any) -> None:
    # Among them: lists of changes only, lists of other issuers' certificates.
    if any(extension["critical"].native for extension in extensions):
        raise Malformed(_CODE, "critical extension in a revocation list: none is known here")


def read_revocations(data: bytes) -> tuple[RevocationList, ...]:
    """Read all lists of a PEM file, or the one of a DER file. Raises as pem_blocks and RevocationList.parse."""
    return tuple(RevocationList.parse(der) for der in pem_blocks(data, "X509 CRL"))
