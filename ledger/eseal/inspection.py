"""Everything that a seal file says, as JSON members, believed or not: what `tongban seal inspect` prints.

    {"kind":"SES_Signature","version":4,"bytes":1801,"timeInfo":"2026-06-01T08:00:05Z","dataHash":"…","propertyInfo":"…",
     "extDatas":[],"timeStamp":null,"signature":"…","certificate":{…},"seal":{"esID":"…","name":"…",…}}

Bytes are hexadecimal, times RFC 3339; of a picture its size and digest are given. A certificate that cannot be read
says why in its place: the rest of the file may still be worth reading.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ledger.encoding import JsonValue
from ledger.errors import Malformed
from ledger.eseal.certificates import Certificate
from ledger.eseal.structures import ESeal, ESealSignature, Extension
from ledger.sm2 import sm3
from ledger.verdict import utc

__all__ = ["inspect_eseal"]

_NOT_SEAL: Final = "bad_eseal"


def inspect_eseal(data: bytes) -> dict[str, JsonValue]:
    """Describe a seal signature or a bare seal, at most 1 MiB; nothing is verified.

    Raises Malformed too_large, bad_eseal (neither of the two), eseal_version (V1, or a version to come).
    """
    try:
        return _signature(ESealSignature.parse(data))
    except Malformed as error:
        if error.code != _NOT_SEAL:
            raise
        signature_fault = error
    try:
        return {"kind": "SESeal", **_seal(ESeal.parse(data))}
    except Malformed as error:
        raise Malformed(error.code, f"no SES_Signature ({signature_fault.message}), no SESeal") from error


def _signature(signed: ESealSignature) -> dict[str, JsonValue]:
    return {
        "kind": "SES_Signature",
        "version": signed.version,
        "bytes": len(signed.der),
        "timeInfo": utc(signed.time),
        "dataHash": signed.data_hash.hex(),
        "propertyInfo": signed.property_info,
        "extDatas": _extensions(signed.extensions),
        "timeStamp": _hex(signed.timestamp),
        "signature": signed.signature.hex(),
        "certificate": _certificate(signed.certificate),
        "seal": _seal(signed.seal),
    }


def _seal(seal: ESeal) -> dict[str, JsonValue]:
    picture = seal.picture
    return {
        "version": seal.version,
        "Vid": seal.vendor,
        "esID": seal.esid,
        "type": seal.kind,
        "name": seal.name,
        "certs": [_certificate(der) for der in seal.certificates],
        "certDigestList": [{"type": each.kind, "value": each.value.hex()} for each in seal.digests],
        "createDate": utc(seal.created),
        "validStart": utc(seal.valid_from),
        "validEnd": utc(seal.valid_to),
        "picture": {
            "type": picture.kind,
            "bytes": len(picture.data),
            "sm3": sm3(picture.data).hex(),
            "width": picture.width,
            "height": picture.height,
        },
        "extDatas": _extensions(seal.extensions),
        "timeStamp": _hex(seal.timestamp),
        "signedValue": seal.signature.hex(),
        "maker": _certificate(seal.certificate),
    }


def _certificate(der: bytes) -> dict[str, JsonValue]:
    try:
        certificate = Certificate.parse(der)
    except Malformed as error:
        return {"fault": str(error), "sm3": sm3(der).hex()}
    return {
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "serial": f"{certificate.serial:x}",
        "notBefore": utc(certificate.not_before),
        "notAfter": utc(certificate.not_after),
        "organizationIdentifier": certificate.organization,
        "ca": certificate.is_ca,
        "keyUsage": None if certificate.uses is None else [*sorted(certificate.uses)],
        "sm3": sm3(der).hex(),
    }


def _extensions(extensions: Iterable[Extension]) -> list[JsonValue]:
    return [{"extnID": each.oid, "extnValue": each.value.hex()} for each in extensions]


def _hex(data: bytes | None) -> str | None:
    return None if data is None else data.hex()
