"""Targets of e-seals: seals and seal signatures in DER, certificates, revocation lists, PEM files."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from functools import cache

from ledger.eseal.asn1 import ESEAL_SIGNATURE
from ledger.eseal.certificates import Certificate, pem_blocks, read_certificates
from ledger.eseal.documents import DocumentBytes
from ledger.eseal.inspection import inspect_eseal
from ledger.eseal.revocation import RevocationList
from ledger.eseal.structures import ESeal, ESealSignature
from ledger.eseal.verification import verify_eseal
from ledger.pkcs8 import element
from ledger.sm2 import der_from_raw
from ledger.sm2_keys import Sm2PrivateKey
from ledger.verdict import Outcome, StepState
from tests.eseals import DOCUMENT, LICENSE, NOW, ROOT, STORE, authority, certificate, key, list_of, seal, signed
from tests.fuzz.campaign import Target
from tests.fuzz.targets.texts import same
from tests.small_log import T0

__all__ = ["targets"]


def _seal(data: bytes) -> None:
    same(ESeal.parse(data).der, data)


def _signature(data: bytes) -> None:
    same(ESealSignature.parse(data).der, data)


def _verdict_on(data: bytes) -> str:
    verdict = verify_eseal(data, DocumentBytes(DOCUMENT), trust=STORE, now=NOW, license_id=LICENSE)
    failed = [step for step in verdict.steps if step.state is StepState.FAILED]
    assert (verdict.outcome is Outcome.VALID) == (not failed)
    return f"{verdict.outcome} {failed[0].number if failed else ''} {verdict.code}"


def _verdict(data: bytes) -> str:
    """A seal over a document: a verdict, and VALID for nothing but what was signed."""
    found = _verdict_on(data)
    if found.startswith("VALID"):
        assert ESealSignature.parse(data).to_sign == ESealSignature.parse(signed()).to_sign
    return found


@cache
def _fast_signer() -> Sm2PrivateKey:
    """The signer's key in GmSSL: the textbook is right and slow."""
    return Sm2PrivateKey(key("signer")._scalar.to_bytes(32, "big"))


def _signed_anew(data: bytes) -> str:
    """What the signer signed over mutated bytes: the checks behind the signatures."""
    whole = ESEAL_SIGNATURE.load(signed())
    signer, algorithm = whole["cert"].dump(), whole["signatureAlgID"].dump()
    data = data[:60_000]  # what an element is written for
    bits = element(0x03, b"\x00", der_from_raw(_fast_signer().sign(data)))
    return _verdict_on(element(0x30, data, signer, algorithm, bits))


def _inspected(data: bytes) -> None:
    inspect_eseal(data)


def _certificate(data: bytes) -> None:
    same(Certificate.parse(data).der, data)


def _revocations(data: bytes) -> None:
    RevocationList.parse(data)


def _pem(data: bytes) -> None:
    for der in pem_blocks(data, "CERTIFICATE"):
        assert isinstance(der, bytes)
    read_certificates(data)


def _pems() -> list[bytes]:
    blocks = [
        b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(each.der) + b"-----END CERTIFICATE-----\n"
        for each in (ROOT, certificate("signer"))
    ]
    return [b"text around blocks\n".join(blocks), blocks[0]]


def targets() -> Iterator[Target]:
    """Give the targets of this module."""
    yield Target(name="e-seal", seeds=lambda: [seal()], run=_seal)
    yield Target(name="e-seal signature", seeds=lambda: [signed()], run=_signature)
    yield Target(name="e-seal verdict", seeds=lambda: [signed()], run=_verdict, share=0.2)
    yield Target(name="e-seal signed anew", seeds=lambda: [ESealSignature.parse(signed()).to_sign], run=_signed_anew,
                 share=0.1)  # fmt: skip
    yield Target(name="e-seal inspection", seeds=lambda: [signed(), seal()], run=_inspected, share=0.1)
    yield Target(name="certificate", seeds=lambda: [ROOT.der, certificate("signer").der, authority("middle").der],
                 run=_certificate)  # fmt: skip
    yield Target(name="revocation list", seeds=lambda: [list_of(certificate("signer"), date=T0)], run=_revocations,
                 share=0.2)  # fmt: skip
    yield Target(name="PEM certificates", seeds=_pems, run=_pem)
