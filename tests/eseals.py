"""A small world of e-seals: a root, a maker, signers of two counties; every byte follows from the labels.

Keys sign as the standard says it word for word (tests/textbook_sm2.py), each message with one nonce: so seals can be
made again, and what the product verifies was made by other code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from hashlib import sha256
from typing import Any, Final

from ledger.eseal.asn1 import ESEAL, ESEAL_SIGNATURE
from ledger.eseal.certificates import Certificate
from ledger.eseal.chains import TrustStore
from ledger.eseal.documents import DocumentBytes
from ledger.eseal.making import SealDraft, make_seal, sign_document
from ledger.eseal.revocation import Revoked
from ledger.eseal.structures import Picture
from ledger.eseal.testca import CA_USES, CertificateDraft, issue_certificate, issue_revocations
from ledger.identifiers import Uscc
from ledger.sm2 import der_from_raw, sm3
from ledger.suites import PublicKey, load_public_key
from tests import textbook_sm2
from tests.small_log import CLAIMS, T0

__all__ = [
    "DAY",
    "DOCUMENT",
    "LICENSE",
    "MADE_AT",
    "NOW",
    "PUT_ON_AT",
    "ROOT",
    "STORE",
    "USCC",
    "TextbookSigner",
    "authority",
    "certificate",
    "draft",
    "key",
    "list_of",
    "resealed",
    "resigned",
    "root",
    "seal",
    "signed",
]

DAY: Final = 86_400
MADE_AT: Final = T0 - DAY
PUT_ON_AT: Final = T0 + 30
NOW: Final = T0 + 150
LICENSE: Final = CLAIMS["certificateIdentifier"]
DOCUMENT: Final = b"%PDF-1.7\n% a license file\n"
USCC: Final = {county: str(Uscc.make(f"11{county}", "MB200000")) for county in ("370214", "320583")}
_COUNTIES: Final = {"signer": "370214", "signer of 320583": "320583"}


class TextbookSigner:
    """An SM2 key whose scalar and nonces are hashes of labels and messages."""

    def __init__(self, label: str, *, signer_id: bytes = textbook_sm2.ID) -> None:
        self._scalar = self._number(b"key " + label.encode())
        point = textbook_sm2.multiply(self._scalar, textbook_sm2.G)
        assert point is not None
        self._point, self._id = point, signer_id
        x, y = (number.to_bytes(32, "big") for number in point)
        self.public_key: PublicKey = load_public_key("SM2", x, y)

    def sign(self, message: bytes) -> bytes:
        """Sign e = SM3(Z || message)."""
        return self.sign_digest(sm3(textbook_sm2.z_of(*self._point, self._id) + message))

    def sign_digest(self, digest: bytes) -> bytes:
        """Sign a digest as it is: 64 bytes."""
        r, s = textbook_sm2.sign_digest(self._scalar, self._number(b"nonce " + digest), digest)
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    @staticmethod
    def _number(data: bytes) -> int:
        return int.from_bytes(sha256(b"tongban test vector: e-seal " + data).digest(), "big") % (textbook_sm2.N - 2) + 1


@cache
def key(label: str) -> TextbookSigner:
    """Give the key of that label."""
    return TextbookSigner(label)


@cache
def certificate(name: str, issuer: Certificate | None = None, *, by: str | None = None, **changes: Any) -> Certificate:
    """Give the certificate of that name, whose key has the name's label, by the root or another issuer.

    by: the label of the issuer's key, where it is not the issuer's name.
    """
    members: dict[str, Any] = {"organization": USCC.get(_COUNTIES.get(name, "")), **_members(name), **changes}
    above = issuer or ROOT
    return issue_certificate(CertificateDraft(**members), key(by or _key_of(above)), above)


def _members(name: str) -> dict[str, Any]:
    serial = int.from_bytes(sha256(name.encode()).digest()[:8], "big")
    validity = {"not_before": T0 - 30 * DAY, "not_after": T0 + 365 * DAY}
    return {"name": name, "serial": serial, "public_key": key(name).public_key, **validity}


def root(name: str, *, by: str | None = None, **changes: Any) -> Certificate:
    """Give a self-signed CA of that name. by: the label of its key, where it is not the name."""
    members = {**_members(name), "is_ca": True, "uses": CA_USES, "public_key": key(by or name).public_key, **changes}
    return issue_certificate(CertificateDraft(**members), key(by or name))


def authority(name: str, issuer: Certificate | None = None, **changes: Any) -> Certificate:
    """Give a CA that is no root."""
    return certificate(name, issuer, **{"is_ca": True, "uses": CA_USES, **changes})


def _key_of(holder: Certificate) -> str:
    return holder.subject.partition("TEST 测试 ")[2].partition(", C=")[0]


ROOT: Final = root("root")
STORE: Final = TrustStore(roots=(ROOT,))


def draft(*signers: Certificate, **changes: Any) -> SealDraft:
    """Give what the small world's seal says, with changes."""
    members: dict[str, Any] = {
        "esid": "37021400000001",
        "name": "城阳区行政审批专用章",
        "picture": Picture(kind="PNG", data=b"\x89PNG\r\n\x1a\n", width=42, height=42),
        "signers": signers or (certificate("signer"),),
        "created": MADE_AT,
        "valid_from": MADE_AT,
        "valid_to": T0 + 100 * DAY,
        **changes,
    }
    return SealDraft(**members)


@cache
def seal(**changes: Any) -> bytes:
    """Make the seal, with changes to its draft, by `maker` (its certificate)."""
    maker = changes.pop("maker", None) or certificate("maker")
    return make_seal(draft(*changes.pop("signers", ()), **changes), maker, key(_key_of(maker)))


def signed(
    data: bytes = DOCUMENT,
    *,
    on: bytes | None = None,
    by: Certificate | None = None,
    time: int = PUT_ON_AT,
    license_id: str = LICENSE,
) -> bytes:
    """Put a seal on a document."""
    signer = by or certificate("signer")
    return sign_document(seal() if on is None else on, DocumentBytes(data), license_id=license_id, time=time,
                         certificate=signer, signer=key(_key_of(signer)))  # fmt: skip


def resigned(
    data: bytes, edit: Callable[[Any], object], *, by: str = "signer", sign: Callable[[bytes], bytes] | None = None
) -> bytes:
    """Change toSign (an asn1crypto value) of a seal signature in place, and sign it again."""
    value = ESEAL_SIGNATURE.load(data)
    edit(value["toSign"])
    value["signature"] = der_from_raw((sign or key(by).sign)(value["toSign"].dump(force=True)))
    return bytes(value.dump(force=True))


def resealed(data: bytes, edit: Callable[[Any], object], *, by: str = "maker") -> bytes:
    """Change a SESeal (an asn1crypto value) in place, and let the maker sign its eSealInfo again."""
    value = ESEAL.load(data)
    edit(value)
    value["signedValue"] = der_from_raw(key(by).sign(value["eSealInfo"].dump(force=True)))
    return bytes(value.dump(force=True))


def list_of(
    *revoked: Certificate, date: int, reason: str = "unspecified", by: str = "root", this_update: int = NOW
) -> bytes:
    """List certificates as revoked from `date` on: DER. by: the key that signs the list in the root's name."""
    lines = {each.serial: Revoked(date=date, reason=reason) for each in revoked}
    issuer = ROOT if by == "root" else replace(ROOT, public_key=key(by).public_key)
    return issue_revocations(issuer, key(by), lines, this_update=this_update)
