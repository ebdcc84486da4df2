"""Signatures by those who may not use the seal, or not then: steps 4 to 7."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from ledger.eseal.asn1 import ESEAL_SIGNATURE
from ledger.eseal.der import asn1_time
from ledger.sm2 import sm3
from ledger.verdict import Outcome
from tests.cases_eseal.case import Case
from tests.cases_eseal.forms import with_seal
from tests.eseals import (
    DAY,
    MADE_AT,
    NOW,
    PUT_ON_AT,
    TextbookSigner,
    authority,
    certificate,
    key,
    list_of,
    resealed,
    resigned,
    root,
    seal,
    signed,
)
from tests.small_log import T0
from tests.textbook_sm2 import z_of

__all__ = ["cases", "z_of_key"]

GOOD: Final = signed()
OTHER: Final = certificate("signer of 320583")


def _case(name: str, why: str, step: int, code: str, data: bytes, **given: Any) -> Case:
    return Case(name=name, why=why, step=step, code=code, eseal=data, **given)


def cases() -> Iterator[Case]:
    """Make the cases of steps 4 to 7."""
    yield from _listed()
    yield from _signatures()
    yield from _certificates()
    yield from _times()


def z_of_key(label: str) -> bytes:
    """Give Z of a key."""
    public = key(label).public_key
    return z_of(int.from_bytes(public.x, "big"), int.from_bytes(public.y or b"", "big"))


def _by_another(on: bytes) -> bytes:
    """Let the signer of another county put the seal on, which its own listing would not allow."""
    value = ESEAL_SIGNATURE.load(with_seal(on))
    value["cert"] = OTHER.der
    return resigned(value.dump(force=True), lambda signed: None, by="signer of 320583")


def _digest(kind: str, value: bytes) -> bytes:
    def edit(seal: Any) -> None:
        seal["eSealInfo"]["property"]["certList"] = [{"type": kind, "value": value}]

    return with_seal(resealed(seal(by_digest=True), edit))


def _listed() -> Iterator[Case]:
    der = certificate("signer").der
    yield _case(
        "signer_not_listed", "A county puts another county's seal on.", 4, "eseal_not_listed", _by_another(seal())
    )
    yield _case("signer_not_listed_by_digest", "The same, where digests are listed.", 4, "eseal_not_listed",
                _by_another(seal(by_digest=True)))  # fmt: skip
    yield _case("listed_by_z_digest", "A list of SM3(Z || certificate).", 4, "eseal_z_digest",
                _digest("SM3", sm3(z_of_key("signer") + der)))  # fmt: skip
    yield _case("listed_by_another_digest", "The right bytes under the name of another digest.", 4, "eseal_not_listed",
                _digest("SHA1", sm3(der)))  # fmt: skip
    renewed = certificate("signer", serial=7)
    data = with_seal(seal(signers=(renewed,)))
    yield _case("signer_renewed", "The seal lists another certificate of the same key.", 4, "eseal_not_listed", data)


def _unsigned(name: str, member: object) -> bytes:
    value = ESEAL_SIGNATURE.load(GOOD)
    value["toSign"][name] = member
    return bytes(value.dump(force=True))


def _signatures() -> Iterator[Case]:
    other_license = "1.2.156.3005.2.11100000MB0143028R001.11370214MB2000004E.202604010000000002.001.L"
    for name, why, data in (
        ("property_changed", "The seal moved to another license.", _unsigned("propertyInfo", other_license)),
        ("digest_changed", "The seal moved to another document.", _unsigned("dataHash", sm3(b"another"))),
        ("time_changed", "The seal moved to another day.", _unsigned("timeInfo", asn1_time(PUT_ON_AT + DAY))),
        ("seal_exchanged", "The same signature under another seal of the county.", _exchanged()),
        ("signed_by_the_maker", "The maker puts the county's seal on.", resigned(GOOD, _nothing, by="maker")),
        ("signed_without_z", "A signature over SM3(message): Z left out.",
         resigned(GOOD, _nothing, sign=lambda message: key("signer").sign_digest(sm3(message)))),
        ("signed_with_another_id", "Z with another signer ID.",
         resigned(GOOD, _nothing, sign=TextbookSigner("signer", signer_id=b"ALICE123@YAHOO.COM").sign)),
    ):  # fmt: skip
        yield _case(name, why, 5, "bad_signature", data)
    value = ESEAL_SIGNATURE.load(GOOD)
    value["signature"] = bytes.fromhex("3006020100020100")
    yield _case("signature_of_zeros", "r = s = 0.", 5, "bad_signature", value.dump())
    value["signature"] = value["signature"].native + b"\x00"
    yield _case("signature_with_a_tail", "Bytes after the inner DER.", 5, "bad_signature", value.dump(force=True))


def _nothing(_signed: Any) -> None:
    """Change nothing: only the signature is made again."""


def _exchanged() -> bytes:
    value, other = ESEAL_SIGNATURE.load(GOOD), ESEAL_SIGNATURE.load(signed(on=seal(name="另一枚章")))
    value["toSign"]["eseal"] = other["toSign"]["eseal"]
    return bytes(value.dump(force=True))


def _certificates() -> Iterator[Case]:
    strangers = certificate("signer", root("strangers"))
    for name, why, code, signer, given in (
        ("of_strangers", "A listed signer without a way to a root.", "bad_chain", strangers, {}),
        ("without_its_ca", "The CA between is not there.", "bad_chain", certificate("signer", authority("CA east")), {}),
        ("ended", "A certificate that had ended.", "certificate_expired",
         certificate("signer", not_after=PUT_ON_AT - 1), {"outcome": Outcome.EXPIRED}),
        ("is_a_ca", "A CA puts seals on.", "certificate_use", authority("signer"), {}),
        ("for_encryption", "The certificate of the pair that is for encryption.", "certificate_use",
         certificate("signer", uses=frozenset({"key_agreement"})), {}),
    ):  # fmt: skip
        data = signed(on=seal(signers=(signer,)), by=signer)
        yield _case(f"signer_{name}", why, 6, code, data, **given)
    listed = certificate("signer")
    for name, why, date, reason in (
        ("revoked_before", "Revoked when it sealed.", PUT_ON_AT, "unspecified"),
        ("on_hold", "Suspended when it sealed.", PUT_ON_AT - DAY, "certificate_hold"),
        (
            "key_leaked",
            "Whoever has the key writes any date: only the ledger's time would help.",
            NOW,
            "key_compromise",
        ),
    ):
        crl = list_of(listed, date=date, reason=reason)
        yield _case(f"signer_{name}", why, 6, "certificate_revoked", GOOD, crl=crl, outcome=Outcome.REVOKED)


def _times() -> Iterator[Case]:
    def put_on(time: int, **changes: Any) -> bytes:
        return resigned(with_seal(seal(**changes)), lambda to_sign: to_sign.__setitem__("timeInfo", asn1_time(time)))

    for name, why, data in (
        ("put_on_before", "Before the seal's period.", put_on(PUT_ON_AT, valid_from=PUT_ON_AT + 1)),
        ("put_on_after", "After the seal's period.", put_on(PUT_ON_AT, valid_to=PUT_ON_AT - 1)),
        ("put_on_before_it_was_made", "Earlier than the seal itself.", put_on(MADE_AT - 1, valid_from=MADE_AT - DAY)),
        ("put_on_in_the_future", "A time that has not come.", signed(time=NOW + 301)),
        ("period_turned_round", "A period that ends before it begins.",
         put_on(PUT_ON_AT, valid_from=T0 + DAY, valid_to=T0 - DAY)),
    ):  # fmt: skip
        yield _case(name, why, 7, "eseal_period", data, outcome=Outcome.EXPIRED)
