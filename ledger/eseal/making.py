"""Making seals and putting them on documents: always V4, `extDatas` left away, plain SM3.

    seal = make_seal(draft, maker_certificate, maker_signer)                        # DER(SESeal)
    data = sign_document(seal, document, license_id=..., time=..., certificate=..., signer=...)   # DER(SES_Signature)

The maker signs DER(eSealInfo); a holder of one of the listed certificates signs DER(toSign). What is made here is what
the verifier takes: a key that is not the certificate's, a time outside the period, an unlisted signer are refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ledger.errors import Malformed, NotVerified
from ledger.eseal.asn1 import ESEAL, ESEAL_INFO, ESEAL_SIGNATURE, SM2_WITH_SM3, TO_SIGN
from ledger.eseal.certificates import Certificate
from ledger.eseal.der import asn1_time
from ledger.eseal.documents import Document
from ledger.eseal.structures import ESeal, ESealSignature, Picture
from ledger.identifiers import LicenseIdentifier
from ledger.signers import Signer
from ledger.sm2 import der_from_raw, sm3

__all__ = ["VERSION", "SealDraft", "make_seal", "sign_document"]

VERSION: Final = 4
_WHOLE, _BY_DIGEST = 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SealDraft:
    """What a seal will say. signers: certificates that may use it, 1..64; by_digest: list their SM3 and not them.

    esid: number of the seal, ASCII. name: as people read it. kind: the maker's number for its type.
    Times: POSIX seconds. vendor: ASCII.
    """

    esid: str
    name: str
    picture: Picture
    signers: tuple[Certificate, ...]
    created: int
    valid_from: int
    valid_to: int
    by_digest: bool = False
    kind: int = 1
    vendor: str = "TONGBAN"


def make_seal(draft: SealDraft, certificate: Certificate, signer: Signer) -> bytes:
    """Make a seal with the maker's certificate and key: DER(SESeal).

    Raises Malformed bad_eseal (key of another certificate, fields that no reader takes), too_large.
    """
    _check_key(certificate, signer)
    info = _built(ESEAL_INFO, _info(draft)).dump()
    value = {
        "eSealInfo": ESEAL_INFO.load(info),
        "cert": certificate.der,
        "signAlgID": SM2_WITH_SM3,
        "signedValue": der_from_raw(signer.sign(info)),
    }
    data: bytes = _built(ESEAL, value).dump()
    return ESeal.parse(data).der


def sign_document(
    seal: bytes, document: Document, *, license_id: str, time: int, certificate: Certificate, signer: Signer
) -> bytes:
    """Put a seal on the document of a license: DER(SES_Signature).

    license_id: the certificateIdentifier. time: POSIX seconds. Raises Malformed bad_eseal, eseal_version,
    bad_identifier, too_large, NotVerified eseal_not_listed, eseal_period.
    """
    _check_key(certificate, signer)
    LicenseIdentifier.parse(license_id)
    parsed = ESeal.parse(seal)
    if not parsed.lists(certificate.der):
        raise NotVerified("eseal_not_listed", "the certificate is not among those that may use the seal")
    if not max(parsed.valid_from, parsed.created) <= time <= parsed.valid_to:
        raise NotVerified("eseal_period", "the seal is not valid at that time")
    to_sign = _built(TO_SIGN, _to_sign(parsed, document.sm3(), license_id, time)).dump()
    value = {
        "toSign": TO_SIGN.load(to_sign),
        "cert": certificate.der,
        "signatureAlgID": SM2_WITH_SM3,
        "signature": der_from_raw(signer.sign(to_sign)),
    }
    data: bytes = _built(ESEAL_SIGNATURE, value).dump()
    return ESealSignature.parse(data).der


def _check_key(certificate: Certificate, signer: Signer) -> None:
    if signer.public_key != certificate.public_key:
        raise Malformed("bad_eseal", "the key is not the one of the certificate")


def _info(draft: SealDraft) -> dict[str, Any]:
    picture = draft.picture
    return {
        "header": {"ID": "ES", "version": VERSION, "Vid": draft.vendor},
        "esID": draft.esid,
        "property": {
            "type": draft.kind,
            "name": draft.name,
            "certListType": _BY_DIGEST if draft.by_digest else _WHOLE,
            "certList": _listed(draft),
            "createDate": asn1_time(draft.created),
            "validStart": asn1_time(draft.valid_from),
            "validEnd": asn1_time(draft.valid_to),
        },
        "picture": {"type": picture.kind, "data": picture.data, "width": picture.width, "height": picture.height},
    }


def _listed(draft: SealDraft) -> list[Any]:
    if draft.by_digest:
        return [{"type": "SM3", "value": sm3(signer.der)} for signer in draft.signers]
    return [signer.der for signer in draft.signers]


def _to_sign(seal: ESeal, digest: bytes, license_id: str, time: int) -> dict[str, Any]:
    return {
        "version": seal.version,
        "eseal": ESEAL.load(seal.der),
        "timeInfo": asn1_time(time),
        "dataHash": digest,
        "propertyInfo": license_id,
    }


def _built(spec: Any, value: dict[str, Any]) -> Any:
    try:
        return spec(value)
    except (TypeError, ValueError) as error:
        raise Malformed("bad_eseal", "a field of the seal cannot be written as its type") from error
