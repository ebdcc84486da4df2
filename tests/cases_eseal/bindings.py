"""Seals on other documents, and seals that do not belong to the attestation they come with: steps 8 and 10 to 12."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, Final

from ledger.attestation import issue
from ledger.eseal.documents import eseal_hash
from ledger.sm2 import sm3
from tests.cases.case import edited
from tests.cases.seals import receipt_of
from tests.cases_eseal.case import Case
from tests.cases_eseal.signers import z_of_key
from tests.eseals import DOCUMENT, LICENSE, certificate, resigned, seal, signed
from tests.small_log import CLAIMS, COUNTIES, T0, VCT, vector_random

__all__ = ["cases", "receipt_with"]

GOOD: Final = signed()
OTHER_LICENSE: Final = "1.2.156.3005.2.11100000MB0143028R001.11370214MB2000004E.202604010000000002.001.L"


@cache
def receipt_with(*, county: str = "370214", hide: tuple[str, ...] = (), **claims: str) -> bytes:
    """Let a county seal the sample license with more claims, and give the receipt that shows all but those of `hide`."""
    sealed = issue({**CLAIMS, **claims}, kid=f"{county}#1", vct=VCT, iss=county, iat=T0 + 60,
                   signer=COUNTIES[county], random=vector_random())  # fmt: skip
    jwt, *disclosures, _ = sealed.split("~")
    shown = [text for name, text in zip({**CLAIMS, **claims}, disclosures, strict=True) if name not in hide]
    return receipt_of(jwt.encode(), shown="".join(f"{text}~" for text in shown))


def cases() -> Iterator[Case]:
    """Make the cases of steps 8 and 10 to 12."""
    yield from _documents()
    yield from _attestations()


def _documents() -> Iterator[Case]:
    yield Case(name="another_document", why="The seal of one license on another file.", eseal=GOOD, step=8,
               code="eseal_digest", document=DOCUMENT + b"\n")  # fmt: skip
    digest = sm3(z_of_key("signer") + DOCUMENT)
    data = resigned(GOOD, lambda to_sign: to_sign.__setitem__("dataHash", digest))
    yield Case(name="digest_with_z", why="dataHash is SM3(Z || document), as some makers write.", eseal=data, step=8,
               code="eseal_z_digest")  # fmt: skip
    data = resigned(GOOD, lambda to_sign: to_sign.__setitem__("propertyInfo", "/Doc_0/Signs/Sign_0/SignedValue.dat"))
    yield Case(name="property_of_another_kind", why="A range of the document that is not known here.", eseal=data,
               step=8, code="eseal_license")  # fmt: skip
    wrong = LICENSE[:-1] + "Y"
    data = resigned(GOOD, lambda to_sign: to_sign.__setitem__("propertyInfo", wrong))
    yield Case(name="property_with_a_wrong_check", why="An identifier with a wrong check character.", eseal=data, step=8,
               code="eseal_license")  # fmt: skip
    yield Case(name="another_license_expected", why="A good seal, on another license than is asked for.", eseal=GOOD,
               step=8, code="eseal_license", license_id=OTHER_LICENSE)  # fmt: skip


def _bound(name: str, why: str, step: int, code: str, *, eseal: bytes = GOOD, **given: Any) -> Case:
    return Case(name=name, why=why, eseal=eseal, step=step, code=code, **given)


def _attestations() -> Iterator[Case]:
    bound = receipt_with(eSealHash=eseal_hash(GOOD))
    yield _bound("attestation_without_hash", "The county's attestation knows of no seal.", 10, "eseal_unbound",
                 receipt=receipt_with())  # fmt: skip
    yield _bound("attestation_hides_the_hash", "Hidden, the hash could be any.", 10, "eseal_unbound",
                 receipt=receipt_with(eSealHash=eseal_hash(GOOD), hide=("eSealHash",)))  # fmt: skip
    again = signed(time=T0 + 31)
    yield _bound("attestation_of_another_seal", "A later seal on the same file.", 10, "eseal_unbound", eseal=again,
                 receipt=bound)  # fmt: skip
    forged = edited(lambda document: document.update(proof=document["proof"].replace("index 1", "index 2")), bound)
    yield _bound(
        "attestation_forged", "A receipt that does not verify binds nothing.", 10, "eseal_unbound", receipt=forged
    )
    jwt = receipt_with()
    yield _bound("jwt_of_another_attestation", "A seal on the bytes of another attestation.", 8, "eseal_digest",
                 eseal=signed(b"e30.e30.AAAA"), document=None, receipt=jwt)  # fmt: skip
    other = certificate("signer of 320583")
    data = signed(on=seal(signers=(other,)), by=other)
    yield _bound("seal_of_another_county", "A county seals another county's license.", 11, "eseal_county", eseal=data,
                 receipt=receipt_with(eSealHash=eseal_hash(data)))  # fmt: skip
    yield _bound("attestation_of_another_county", "A county attests what another county sealed.", 11, "eseal_county",
                 receipt=receipt_with(county="320583", eSealHash=eseal_hash(GOOD)))  # fmt: skip
    for name, why, organization in (
        ("signer_without_uscc", "A certificate that names no body.", None),
        ("signer_with_a_wrong_uscc", "A USCC with a wrong check character.", "11370214MB2000004F"),
    ):
        signer = certificate("signer", organization=organization)
        data = signed(on=seal(signers=(signer,)), by=signer)
        yield _bound(name, why, 11, "eseal_county", eseal=data, receipt=receipt_with(eSealHash=eseal_hash(data)))
    data = signed(license_id=OTHER_LICENSE)
    yield _bound("attestation_of_another_license", "The seal of one license bound to another.", 12, "eseal_license",
                 eseal=data, receipt=receipt_with(eSealHash=eseal_hash(data)))  # fmt: skip
    yield _bound("attestation_hides_its_license", "Hidden, the identifier could be any.", 12, "eseal_license",
                 receipt=receipt_with(eSealHash=eseal_hash(GOOD), hide=("certificateIdentifier",)))  # fmt: skip
