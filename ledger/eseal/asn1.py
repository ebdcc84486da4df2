"""The ASN.1 types of e-seals as asn1crypto takes them: GB/T 38540-2020 (V4) and GM/T 0031-2025 (V5).

    SESeal ::= SEQUENCE { eSealInfo SES_SealInfo, cert OCTET STRING, signAlgID OBJECT IDENTIFIER,
      signedValue BIT STRING, timeStamp [0] EXPLICIT BIT STRING OPTIONAL }                            -- V5 only
    SES_SealInfo ::= SEQUENCE { header SES_Header, esID IA5String, property SES_ESPropertyInfo,
      picture SES_ESPictrueInfo, extDatas [0] EXPLICIT ExtensionDatas OPTIONAL }
    SES_Header ::= SEQUENCE { ID IA5String, version INTEGER, Vid IA5String }
    SES_ESPropertyInfo ::= SEQUENCE { type INTEGER, name UTF8String, certListType INTEGER, certList SES_CertList,
      createDate GeneralizedTime, validStart GeneralizedTime, validEnd GeneralizedTime }
    SES_CertList ::= CHOICE { certs SEQUENCE OF OCTET STRING,                                         -- certListType 1
      certDigestList SEQUENCE OF SEQUENCE { type PrintableString, value OCTET STRING } }              -- certListType 2
    SES_ESPictrueInfo ::= SEQUENCE { type IA5String, data OCTET STRING, width INTEGER, height INTEGER }
    SES_Signature ::= SEQUENCE { toSign TBS_Sign, cert OCTET STRING, signatureAlgID OBJECT IDENTIFIER,
      signature BIT STRING, timeStamp [0] EXPLICIT BIT STRING OPTIONAL }
    TBS_Sign ::= SEQUENCE { version INTEGER, eseal SESeal, timeInfo GeneralizedTime, dataHash BIT STRING,
      propertyInfo IA5String, extDatas [0] EXPLICIT ExtensionDatas OPTIONAL }
    ExtensionDatas ::= SEQUENCE OF SEQUENCE { extnID OBJECT IDENTIFIER, critical BOOLEAN DEFAULT FALSE,
      extnValue OCTET STRING }

Some makers leave the tag [0] of `extDatas` away: those types have a second place for it. Only here is asn1crypto, which
has no types of its own, imported; elsewhere its classes and values are Any.
"""

from __future__ import annotations

from typing import Any, Final

from asn1crypto import algos, core, crl, keys, x509  # type: ignore[import-untyped]

__all__ = [
    "EC_POINT",
    "ESEAL",
    "ESEAL_INFO",
    "ESEAL_SIGNATURE",
    "SM2_CURVE",
    "SM2_WITH_SM3",
    "SM3",
    "TO_SIGN",
    "X509",
]

SM2_WITH_SM3: Final = "1.2.156.10197.1.501"
SM2_CURVE: Final = "1.2.156.10197.1.301"
SM3: Final = "1.2.156.10197.1.401"
EC_POINT: Final = "1.2.840.10045.2.1"

_TAG_0: Final = {"explicit": 0, "optional": True}
_OPTIONAL: Final = {"optional": True}


def _sequence(name: str, *fields: tuple[Any, ...], **members: Any) -> Any:
    return type(name, (core.Sequence,), {"_fields": list(fields), **members})


def _sequence_of(name: str, child: Any) -> Any:
    return type(name, (core.SequenceOf,), {"_child_spec": child})


_EXT_DATA: Final = _sequence(
    "ExtData",
    ("extnID", core.ObjectIdentifier),
    ("critical", core.Boolean, {"default": False}),
    ("extnValue", core.OctetString),
)
_EXT_DATAS: Final = _sequence_of("ExtensionDatas", _EXT_DATA)
_CERTS: Final = _sequence_of("Certs", core.OctetString)
_DIGEST: Final = _sequence("CertDigest", ("type", core.PrintableString), ("value", core.OctetString))
_DIGESTS: Final = _sequence_of("CertDigestList", _DIGEST)
_HEADER: Final = _sequence("SES_Header", ("ID", core.IA5String), ("version", core.Integer), ("Vid", core.IA5String))
_PROPERTY: Final = _sequence(
    "SES_ESPropertyInfo",
    ("type", core.Integer),
    ("name", core.UTF8String),
    ("certListType", core.Integer),
    ("certList", core.Any),
    ("createDate", core.GeneralizedTime),
    ("validStart", core.GeneralizedTime),
    ("validEnd", core.GeneralizedTime),
    # Both alternatives of the choice have one tag: the number before it says which one it is.
    _spec_callbacks={"certList": lambda values: {1: _CERTS, 2: _DIGESTS}[values["certListType"].native]},
)
_PICTURE: Final = _sequence(
    "SES_ESPictrueInfo",
    ("type", core.IA5String),
    ("data", core.OctetString),
    ("width", core.Integer),
    ("height", core.Integer),
)
ESEAL_INFO: Final = _sequence(
    "SES_SealInfo",
    ("header", _HEADER),
    ("esID", core.IA5String),
    ("property", _PROPERTY),
    ("picture", _PICTURE),
    ("extDatas", _EXT_DATAS, _TAG_0),
    ("untagged", _EXT_DATAS, _OPTIONAL),
)
ESEAL: Final = _sequence(
    "SESeal",
    ("eSealInfo", ESEAL_INFO),
    ("cert", core.OctetString),
    ("signAlgID", core.ObjectIdentifier),
    ("signedValue", core.OctetBitString),
    ("timeStamp", core.OctetBitString, _TAG_0),
)
TO_SIGN: Final = _sequence(
    "TBS_Sign",
    ("version", core.Integer),
    ("eseal", ESEAL),
    ("timeInfo", core.GeneralizedTime),
    ("dataHash", core.OctetBitString),
    ("propertyInfo", core.IA5String),
    ("extDatas", _EXT_DATAS, _TAG_0),
    ("untagged", _EXT_DATAS, _OPTIONAL),
)
ESEAL_SIGNATURE: Final = _sequence(
    "SES_Signature",
    ("toSign", TO_SIGN),
    ("cert", core.OctetString),
    ("signatureAlgID", core.ObjectIdentifier),
    ("signature", core.OctetBitString),
    ("timeStamp", core.OctetBitString, _TAG_0),
)


class X509:
    """The types of RFC 5280 that certificates and revocation lists are read and made with."""

    algorithm: Final[Any] = algos.SignedDigestAlgorithm
    certificate: Final[Any] = x509.Certificate
    tbs: Final[Any] = x509.TbsCertificate
    name: Final[Any] = x509.Name
    time: Final[Any] = x509.Time
    key_info: Final[Any] = keys.PublicKeyInfo
    basic_constraints: Final[Any] = x509.BasicConstraints
    key_usage: Final[Any] = x509.KeyUsage
    authority_key: Final[Any] = x509.AuthorityKeyIdentifier
    octets: Final[Any] = core.OctetString
    revocations: Final[Any] = crl.CertificateList
    tbs_revocations: Final[Any] = crl.TbsCertList
