"""A TEST certificate authority (测试): for demonstrations and tests, and for nothing else.

Every name that it writes begins with `TEST 测试`: a seal under its root says so itself. A county's certificates come
from a licensed authority (电子认证服务机构), its seals from a registered maker. X.509 v3, SM2 with SM3.

    root    self-signed, CA, keyCertSign and cRLSign
    others  maker and signers: digitalSignature, nonRepudiation; a USCC as organizationIdentifier (2.5.4.97)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ledger.errors import Malformed
from ledger.eseal.asn1 import SM2_WITH_SM3, X509
from ledger.eseal.certificates import Certificate
from ledger.eseal.der import asn1_time
from ledger.eseal.revocation import Revoked
from ledger.signers import Signer
from ledger.sm2 import der_from_raw, sm3
from ledger.suites import PublicKey

__all__ = ["CA_USES", "SIGNER_USES", "TEST_MARK", "CertificateDraft", "issue_certificate", "issue_revocations"]

TEST_MARK: Final = "TEST 测试"
SIGNER_USES: Final = frozenset({"digital_signature", "non_repudiation"})
CA_USES: Final = frozenset({"key_cert_sign", "crl_sign"})
_ALGORITHM: Final = {"algorithm": SM2_WITH_SM3}
_LAST_UTC_TIME: Final = 2_524_608_000  # RFC 5280, 4.1.2.5: from 2050 on GeneralizedTime


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateDraft:
    """What a test certificate will say. name: gets the mark before it. organization: a USCC. Times: POSIX seconds."""

    name: str
    serial: int
    not_before: int
    not_after: int
    public_key: PublicKey
    organization: str | None = None
    uses: frozenset[str] | None = field(default=SIGNER_USES)
    is_ca: bool = False
    path_length: int | None = None


def issue_certificate(draft: CertificateDraft, signer: Signer, issuer: Certificate | None = None) -> Certificate:
    """Make a TEST certificate; `signer` holds the issuer's key, and without an issuer that of the draft: a root.

    Raises Malformed unknown_alg (no SM2 key), bad_certificate (a key that is not the issuer's).
    """
    _check_key(signer, draft.public_key if issuer is None else issuer.public_key)
    subject = _name(draft)
    tbs = X509.tbs(
        {
            "version": "v3",
            "serial_number": draft.serial,
            "signature": _ALGORITHM,
            "issuer": subject if issuer is None else X509.name.load(issuer.subject_der),
            "validity": {"not_before": _time(draft.not_before), "not_after": _time(draft.not_after)},
            "subject": subject,
            "subject_public_key_info": X509.key_info.load(_key_info(draft.public_key)),
            "extensions": _extensions(draft, signer.public_key),
        }
    )
    signature = der_from_raw(signer.sign(tbs.dump()))
    members = {"tbs_certificate": tbs, "signature_algorithm": _ALGORITHM, "signature_value": signature}
    return Certificate.parse(X509.certificate(members).dump())


def issue_revocations(
    issuer: Certificate,
    signer: Signer,
    revoked: Mapping[int, Revoked],
    *,
    this_update: int,
    next_update: int | None = None,
) -> bytes:
    """Make a TEST revocation list, DER: serial -> date and reason."""
    _check_key(signer, issuer.public_key)
    members: dict[str, Any] = {
        "version": "v2",
        "signature": _ALGORITHM,
        "issuer": X509.name.load(issuer.subject_der),
        "this_update": _time(this_update),
    }
    members |= {} if next_update is None else {"next_update": _time(next_update)}
    members |= {"revoked_certificates": [_line(*each) for each in revoked.items()]} if revoked else {}
    tbs = X509.tbs_revocations(members)
    signature = der_from_raw(signer.sign(tbs.dump()))
    parts = {"tbs_cert_list": tbs, "signature_algorithm": _ALGORITHM, "signature": signature}
    return bytes(X509.revocations(parts).dump())


def _check_key(signer: Signer, public_key: PublicKey) -> None:
    if signer.public_key.alg != "SM2":
        raise Malformed("unknown_alg", "expected a key of SM2")
    if signer.public_key != public_key:
        raise Malformed("bad_certificate", "the signer does not hold the issuer's key")


def _name(draft: CertificateDraft) -> Any:
    parts = {"country_name": "CN", "common_name": f"{TEST_MARK} {draft.name}"}
    parts |= {} if draft.organization is None else {"organization_identifier": draft.organization}
    return X509.name.build(parts)


def _time(time: int) -> Any:
    return X509.time({"utc_time" if time < _LAST_UTC_TIME else "general_time": asn1_time(time)})


def _key_info(key: PublicKey) -> bytes:
    return bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d03420004") + key.x + (key.y or b"")


def _key_id(key: PublicKey) -> bytes:
    return sm3(key.x + (key.y or b""))[:20]


def _extensions(draft: CertificateDraft, issuer_key: PublicKey) -> list[dict[str, Any]]:
    constraints: dict[str, Any] = {"ca": draft.is_ca}
    constraints |= {} if draft.path_length is None else {"path_len_constraint": draft.path_length}
    rows: list[dict[str, Any]] = [
        {"extn_id": "basic_constraints", "critical": True, "extn_value": constraints},
        {"extn_id": "key_identifier", "extn_value": _key_id(draft.public_key)},
        {"extn_id": "authority_key_identifier", "extn_value": {"key_identifier": _key_id(issuer_key)}},
    ]
    uses = [] if draft.uses is None else [{"extn_id": "key_usage", "critical": True, "extn_value": set(draft.uses)}]
    return rows + uses


def _line(serial: int, revoked: Revoked) -> dict[str, Any]:
    line: dict[str, Any] = {"user_certificate": serial, "revocation_date": _time(revoked.date)}
    if revoked.reason != "unspecified":  # RFC 5280, 5.3.1: that reason is not written
        line["crl_entry_extensions"] = [{"extn_id": "crl_reason", "extn_value": revoked.reason}]
    return line
