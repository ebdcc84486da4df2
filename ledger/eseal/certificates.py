"""SM2 certificates: X.509 v3 with a key on sm2p256v1 and a signature of SM2 with SM3 (RFC 5280; GB/T 20518).

    Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm 1.2.156.10197.1.501, signatureValue BIT STRING }
    subjectPublicKeyInfo: id-ecPublicKey with 1.2.156.10197.1.301; point 04 || x || y
    organizationIdentifier (2.5.4.97) of the subject: the USCC of the body that holds the certificate

The signature covers the TBS bytes as they came, with Z of the issuer's key and the default ID. Only extensions that are
understood here may be critical. Read by asn1crypto: `cryptography` knows no SM2.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from ledger.errors import Malformed, NotVerified
from ledger.eseal.asn1 import EC_POINT, SM2_CURVE, SM2_WITH_SM3, X509
from ledger.eseal.der import load_der, posix_time, read_der
from ledger.sm2 import raw_from_der
from ledger.suites import PublicKey, load_public_key, verify

__all__ = ["MAX_CERTIFICATE_BYTES", "MAX_PEM_BYTES", "Certificate", "name_text", "pem_blocks", "read_certificates"]

MAX_CERTIFICATE_BYTES: Final = 8192
MAX_PEM_BYTES: Final = 1_048_576
_CODE: Final = "bad_certificate"
_MAX_BLOCKS: Final = 256
_MAX_SERIAL: Final = 2**160  # RFC 5280, 4.1.2.2: at most 20 bytes
_ORGANIZATION_IDENTIFIER: Final = "2.5.4.97"
_BASIC_CONSTRAINTS, _KEY_USAGE = "2.5.29.19", "2.5.29.15"
_SUBJECT_KEY, _AUTHORITY_KEY = "2.5.29.14", "2.5.29.35"
_MAX_EXTENSION: Final = 1024
_POINT_BYTES: Final = 65


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate that was read; nothing about it is verified.

    tbs: the signed bytes. subject, issuer: the names, for people; subject_der, issuer_der: to compare. Times: POSIX
    seconds. signature: DER. uses: names of RFC 5280 with underscores, None where the certificate does not say.
    path_length: of a CA, None for no limit. organization: of the subject, None if there is none.
    """

    der: bytes
    tbs: bytes
    serial: int
    subject: str
    issuer: str
    subject_der: bytes
    issuer_der: bytes
    not_before: int
    not_after: int
    public_key: PublicKey
    signature: bytes
    is_ca: bool
    path_length: int | None
    uses: frozenset[str] | None
    organization: str | None
    subject_key: bytes | None
    authority_key: bytes | None

    @classmethod
    def parse(cls, data: bytes) -> Certificate:
        """Read a DER certificate of at most 8 KiB. Raises Malformed too_large, bad_certificate, weak_key."""
        return _parsed(data)

    def pem(self) -> bytes:
        """Write the certificate as PEM (RFC 7468)."""
        text = binascii.b2a_base64(self.der, newline=False)
        lines = [text[start : start + 64] for start in range(0, len(text), 64)]
        return b"\n".join((b"-----BEGIN CERTIFICATE-----", *lines, b"-----END CERTIFICATE-----", b""))

    @property
    def self_issued(self) -> bool:
        """Whether issuer and subject have one name."""
        return self.subject_der == self.issuer_der

    def is_signed_by(self, issuer: Certificate) -> bool:
        """Tell whether the issuer's key made the signature."""
        return _is_signed(self.tbs, self.signature, issuer.public_key)

    def verify(self, message: bytes, signature: bytes) -> None:
        """Check a DER signature by this certificate's key over a message. Raises NotVerified bad_signature."""
        verify(self.public_key, message, raw_from_der(signature))


@lru_cache(maxsize=1024)
def _parsed(data: bytes) -> Certificate:
    return read_der(X509.certificate, data, _certificate, max_bytes=MAX_CERTIFICATE_BYTES, code=_CODE)


@lru_cache(maxsize=1024)  # of what a certificate says, and never of what one is trusted for
def _is_signed(tbs: bytes, signature: bytes, key: PublicKey) -> bool:
    try:
        verify(key, tbs, raw_from_der(signature))
    except NotVerified:
        return False
    return True


def _certificate(value: Any) -> Certificate:
    tbs = value["tbs_certificate"]
    if tbs["version"].native != "v3":
        raise Malformed(_CODE, "expected a certificate of X.509 v3")
    _check_algorithm(tbs["signature"], value["signature_algorithm"])
    serial: int = tbs["serial_number"].native
    if not 0 < serial < _MAX_SERIAL:
        raise Malformed(_CODE, "a serial number is positive and has at most 20 bytes")
    extensions = _extensions(tbs["extensions"])
    is_ca, path_length = _basic_constraints(extensions.get(_BASIC_CONSTRAINTS))
    subject, issuer = tbs["subject"], tbs["issuer"]
    return Certificate(
        der=value.dump(),
        tbs=tbs.dump(),
        serial=serial,
        subject=name_text(subject),
        issuer=name_text(issuer),
        subject_der=subject.dump(),
        issuer_der=issuer.dump(),
        not_before=posix_time(tbs["validity"]["not_before"]),
        not_after=posix_time(tbs["validity"]["not_after"]),
        public_key=_public_key(tbs["subject_public_key_info"]),
        signature=value["signature_value"].native,
        is_ca=is_ca,
        path_length=path_length,
        uses=_uses(extensions.get(_KEY_USAGE)),
        organization=_organization(subject),
        subject_key=_octets(extensions.get(_SUBJECT_KEY)),
        authority_key=_authority_key(extensions.get(_AUTHORITY_KEY)),
    )


def _check_algorithm(inner: Any, outer: Any) -> None:
    # RFC 5280, 4.1.1.2: both say the same; only the inner one is signed. Parameters are absent, or NULL as some write.
    if inner.dump() != outer.dump() or inner["algorithm"].dotted != SM2_WITH_SM3:
        raise Malformed(_CODE, "expected the signature algorithm SM2 with SM3, inside and outside")
    if inner["parameters"].native is not None:
        raise Malformed(_CODE, "SM2 with SM3 has no parameters")


def _public_key(info: Any) -> PublicKey:
    algorithm = info["algorithm"]
    point: bytes = info["public_key"].native
    curve = algorithm["parameters"]
    if algorithm["algorithm"].dotted != EC_POINT or curve.name != "named" or curve.chosen.dotted != SM2_CURVE:
        raise Malformed(_CODE, "expected a key on sm2p256v1")
    if len(point) != _POINT_BYTES or point[0] != 4:
        raise Malformed(_CODE, "expected a point 04 || x || y")
    return load_public_key("SM2", point[1:33], point[33:])


def _extensions(listed: Any) -> Mapping[str, bytes]:
    """Give OID -> DER of the extensions that are understood; refuse one that stands twice, and a critical stranger."""
    found: dict[str, bytes] = {}
    for each in listed:
        oid: str = each["extn_id"].dotted
        if oid in found:
            raise Malformed(_CODE, f"the extension {oid} stands twice")
        if each["critical"].native and oid not in {_BASIC_CONSTRAINTS, _KEY_USAGE}:
            raise Malformed(_CODE, f"critical extension {oid}: it is not known here")
        found[oid] = each["extn_value"].contents
    return found


def _understood(spec: Any, data: bytes) -> Any:
    if len(data) > _MAX_EXTENSION:
        raise Malformed("too_large", f"an extension has more than {_MAX_EXTENSION} bytes")
    return load_der(spec, data)


def _basic_constraints(data: bytes | None) -> tuple[bool, int | None]:
    if data is None:
        return False, None
    value = _understood(X509.basic_constraints, data)
    length: int | None = value["path_len_constraint"].native
    if length is not None and (length < 0 or not value["ca"].native):
        raise Malformed(_CODE, "a path length is 0 or more, and stands for a CA only")
    return bool(value["ca"].native), length


def _uses(data: bytes | None) -> frozenset[str] | None:
    return None if data is None else frozenset(_understood(X509.key_usage, data).native)


def _octets(data: bytes | None) -> bytes | None:
    return None if data is None else bytes(_understood(X509.octets, data).native)


def _authority_key(data: bytes | None) -> bytes | None:
    return None if data is None else _understood(X509.authority_key, data)["key_identifier"].native


_LABELS: Final = {
    _ORGANIZATION_IDENTIFIER: "organizationIdentifier",
    "2.5.4.3": "CN",
    "2.5.4.6": "C",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
}


def name_text(name: Any) -> str:
    """Write a name for people: `CN=…, O=…`, the most telling part first (RFC 4514, a comma in a value escaped)."""
    parts = [
        f"{_LABELS.get(part['type'].dotted, part['type'].dotted)}=" + str(part["value"].native).replace(",", r"\,")
        for level in reversed(list(name.chosen))
        for part in level
    ]
    return ", ".join(parts)


def _organization(name: Any) -> str | None:
    found = [
        str(part["value"].native)
        for level in name.chosen
        for part in level
        if part["type"].dotted == _ORGANIZATION_IDENTIFIER
    ]
    if len(found) > 1:
        raise Malformed(_CODE, "a subject has one organizationIdentifier")
    return found[0] if found else None


_BLOCK: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]{1,40})-----\r?\n([A-Za-z0-9+/=\r\n]*)-----END \1-----")


def pem_blocks(data: bytes, label: str) -> list[bytes]:
    """Give the DER of all blocks of that label in a PEM file of at most 1 MiB; text around blocks is passed over.

    A file that is DER itself is one block. Raises Malformed too_large, bad_file (more than 256 blocks, bad base64).
    """
    if len(data) > MAX_PEM_BYTES:
        raise Malformed("too_large", f"expected at most {MAX_PEM_BYTES} bytes of certificates")
    if data[:1] == b"\x30":
        return [data]
    texts = [found[2] for found in _BLOCK.finditer(data) if found[1] == label.encode("ascii")]
    if len(texts) > _MAX_BLOCKS:
        raise Malformed("bad_file", f"expected at most {_MAX_BLOCKS} blocks of {label}")
    try:
        return [binascii.a2b_base64(b"".join(text.split()), strict_mode=True) for text in texts]
    except binascii.Error as error:
        raise Malformed("bad_file", f"a block of {label} is no base64") from error


def read_certificates(data: bytes) -> tuple[Certificate, ...]:
    """Read all certificates of a PEM file, or the one of a DER file. Raises as pem_blocks and Certificate.parse."""
    return tuple(Certificate.parse(der) for der in pem_blocks(data, "CERTIFICATE"))
