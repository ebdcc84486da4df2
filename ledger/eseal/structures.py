"""Seals and seal signatures as values: read from DER, strictly, and nothing in them believed.

    ESeal              SESeal: a picture, the certificates that may use it, its period; signed by a maker
    ESealSignature     SES_Signature: a seal put on a document by one of those certificates

Versions are told apart by the number of elements and the version numbers: V4 (GB/T 38540-2020) and V5 (GM/T 0031-2025,
where the seal may carry a timestamp) are read; V1 (GM/T 0031-2014: two elements) is refused by its name. `extDatas` is
read with its tag [0] and without. A critical extension is refused: none is known here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ledger.errors import Malformed
from ledger.eseal.asn1 import ESEAL, ESEAL_SIGNATURE, SM2_WITH_SM3, SM3
from ledger.eseal.der import children_of, posix_time, read_der
from ledger.sm2 import sm3

__all__ = ["MAX_ESEAL_BYTES", "MAX_LISTED", "CertificateDigest", "ESeal", "ESealSignature", "Extension", "Picture"]

MAX_ESEAL_BYTES: Final = 1_048_576
MAX_LISTED: Final = 64
"""Certificates in one seal."""

_CODE: Final = "bad_eseal"
_VERSIONS: Final = (4, 5)
_MAX_TEXT: Final = 512
_MAX_SIGNATURE: Final = 72
_SM3_NAMES: Final = frozenset({"SM3", "sm3", SM3})
_SIDES: Final = range(1, 1001)  # mm
_DIGEST_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """One of `extDatas`. oid: dotted. value: the bytes inside its OCTET STRING."""

    oid: str
    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """The picture of a seal. kind: as the maker wrote it, e.g. `PNG`. width, height: millimetres, 1..1,000."""

    kind: str
    data: bytes
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateDigest:
    """A certificate listed by its digest. kind: name or OID of the digest, as the maker wrote it."""

    kind: str
    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ESeal:
    """A SESeal. der: all of it; info: DER(eSealInfo), what the maker signs.

    kind: the maker's number for its type. certificates, digests: who may use it; one of the two is empty, the other has
    1..64. Times: POSIX seconds. certificate: the maker's, DER. signature: DER. timestamp: V5 only, not looked into.
    """

    der: bytes
    info: bytes
    version: int
    vendor: str
    esid: str
    kind: int
    name: str
    certificates: tuple[bytes, ...]
    digests: tuple[CertificateDigest, ...]
    created: int
    valid_from: int
    valid_to: int
    picture: Picture
    extensions: tuple[Extension, ...]
    certificate: bytes
    signature: bytes
    timestamp: bytes | None

    @classmethod
    def parse(cls, data: bytes) -> ESeal:
        """Read a seal, at most 1 MiB. Raises Malformed too_large, bad_eseal, eseal_version."""
        _refuse_old(data)
        return read_der(ESEAL, data, _seal, max_bytes=MAX_ESEAL_BYTES, code=_CODE)

    def lists(self, certificate: bytes) -> bool:
        """Tell whether a certificate, DER, may use this seal: listed whole, or by its plain SM3."""
        return certificate in self.certificates or self.lists_digest(sm3(certificate))

    def lists_digest(self, digest: bytes) -> bool:
        """Tell whether certList holds this digest as one of SM3."""
        return any(each.value == digest and each.kind in _SM3_NAMES for each in self.digests)


@dataclass(frozen=True, slots=True, kw_only=True)
class ESealSignature:
    """A SES_Signature. to_sign: DER(toSign), what the signer signs.

    time: timeInfo, POSIX seconds, the signer's own word. data_hash: 32 bytes. property_info: names the document; here a
    certificateIdentifier. certificate: the signer's, DER. signature: DER. timestamp: not looked into.
    """

    der: bytes
    to_sign: bytes
    version: int
    seal: ESeal
    time: int
    data_hash: bytes
    property_info: str
    extensions: tuple[Extension, ...]
    certificate: bytes
    signature: bytes
    timestamp: bytes | None

    @classmethod
    def parse(cls, data: bytes) -> ESealSignature:
        """Read a seal signature, at most 1 MiB. Raises Malformed too_large, bad_eseal, eseal_version."""
        _refuse_old(data)
        return read_der(ESEAL_SIGNATURE, data, _signature, max_bytes=MAX_ESEAL_BYTES, code=_CODE)


def _refuse_old(data: bytes) -> None:
    """Name V1 before its other layout is called broken: its seals and its signatures have two elements."""
    outer = children_of(data) if len(data) <= MAX_ESEAL_BYTES else []
    inner = children_of(outer[0]) if outer else []
    seal = children_of(inner[1]) if len(inner) > 1 else []
    if 2 in {len(outer), len(seal)}:
        raise Malformed("eseal_version", "seal of GM/T 0031-2014 (V1): only V4 and V5 are read")


def _seal(value: Any) -> ESeal:
    info = value["eSealInfo"]
    header, properties = info["header"], info["property"]
    version = _version(header["version"].native)
    if _text(header["ID"]) != "ES":
        raise Malformed(_CODE, "the header of a seal says ES")
    _check_algorithm(value["signAlgID"])
    timestamp = _optional(value["timeStamp"])
    if timestamp is not None and version < 5:
        raise Malformed(_CODE, "a seal of V4 has no timestamp")
    certificates, digests = _listed(properties)
    return ESeal(
        der=value.dump(),
        info=info.dump(),
        version=version,
        vendor=_text(header["Vid"]),
        esid=_text(info["esID"]),
        kind=_number(properties["type"], range(2**31)),
        name=_text(properties["name"]),
        certificates=certificates,
        digests=digests,
        created=posix_time(properties["createDate"]),
        valid_from=posix_time(properties["validStart"]),
        valid_to=posix_time(properties["validEnd"]),
        picture=_picture(info["picture"]),
        extensions=_extensions(info),
        certificate=value["cert"].native,
        signature=_bits(value["signedValue"], range(1, _MAX_SIGNATURE + 1)),
        timestamp=timestamp,
    )


def _signature(value: Any) -> ESealSignature:
    signed = value["toSign"]
    seal, version = _seal(signed["eseal"]), _version(signed["version"].native)
    if seal.version > version:
        raise Malformed("eseal_version", f"a signature of V{version} over a seal of V{seal.version}")
    _check_algorithm(value["signatureAlgID"])
    return ESealSignature(
        der=value.dump(),
        to_sign=signed.dump(),
        version=version,
        seal=seal,
        time=posix_time(signed["timeInfo"]),
        data_hash=_bits(signed["dataHash"], range(_DIGEST_BYTES, _DIGEST_BYTES + 1)),
        property_info=_text(signed["propertyInfo"]),
        extensions=_extensions(signed),
        certificate=value["cert"].native,
        signature=_bits(value["signature"], range(1, _MAX_SIGNATURE + 1)),
        timestamp=_optional(value["timeStamp"]),
    )


def _version(number: int) -> int:
    if number not in _VERSIONS:
        raise Malformed("eseal_version", f"seal of version {number}: only V4 and V5 are read")
    return number


def _check_algorithm(oid: Any) -> None:
    if oid.dotted != SM2_WITH_SM3:
        raise Malformed(_CODE, f"expected the signature algorithm SM2 with SM3, got {oid.dotted}")


def _listed(properties: Any) -> tuple[tuple[bytes, ...], tuple[CertificateDigest, ...]]:
    entries = properties["certList"]
    if properties["certListType"].native not in (1, 2) or not 1 <= len(entries) <= MAX_LISTED:
        raise Malformed(_CODE, f"expected 1..{MAX_LISTED} certificates or digests in certList")
    if properties["certListType"].native == 1:
        return tuple(entry.native for entry in entries), ()
    digests = [CertificateDigest(kind=_text(entry["type"]), value=entry["value"].native) for entry in entries]
    return (), tuple(digests)


def _picture(picture: Any) -> Picture:
    return Picture(
        kind=_text(picture["type"]),
        data=picture["data"].native,
        width=_number(picture["width"], _SIDES),
        height=_number(picture["height"], _SIDES),
    )


def _extensions(holder: Any) -> tuple[Extension, ...]:
    tagged, untagged = _present(holder["extDatas"]), _present(holder["untagged"])
    if tagged and untagged:
        raise Malformed(_CODE, "extDatas stands twice")
    return tuple(
        _extension(each) for each in (holder["extDatas"] if tagged else holder["untagged"] if untagged else ())
    )


def _extension(value: Any) -> Extension:
    if value["critical"].native:
        raise Malformed(_CODE, f"critical extension {value['extnID'].dotted}: none is known here")
    return Extension(oid=value["extnID"].dotted, value=value["extnValue"].native)


def _present(value: Any) -> bool:
    return value.__class__.__name__ not in {"Void", "NoValue"}


def _optional(value: Any) -> bytes | None:
    return _bits(value, range(1, MAX_ESEAL_BYTES)) if _present(value) else None


def _bits(value: Any, sizes: range) -> bytes:
    data: bytes = value.native
    if len(data) not in sizes:
        raise Malformed(_CODE, f"expected a BIT STRING of {sizes.start}..{sizes.stop - 1} bytes, got {len(data)}")
    return data


def _number(value: Any, allowed: range) -> int:
    number: int = value.native
    if number not in allowed:
        raise Malformed(_CODE, f"expected a number of {allowed.start}..{allowed.stop - 1}")
    return number


def _text(value: Any) -> str:
    text: str = value.native
    if not 1 <= len(text) <= _MAX_TEXT or not text.isprintable():
        raise Malformed(_CODE, f"expected a text of 1..{_MAX_TEXT} printable characters")
    return text
