"""Seals of makers that may not make them, and chains that lead nowhere: steps 2 and 3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ledger.eseal.asn1 import ESEAL
from ledger.eseal.certificates import Certificate
from ledger.verdict import Outcome
from tests.cases_eseal.case import Case
from tests.eseals import MADE_AT, authority, certificate, list_of, resealed, root, seal, signed
from tests.small_log import T0

__all__ = ["cases"]

STRANGERS = root("strangers")


def _case(name: str, why: str, step: int, code: str, data: bytes, **given: Any) -> Case:
    return Case(name=name, why=why, step=step, code=code, eseal=data, **given)


def cases() -> Iterator[Case]:
    """Make the cases of steps 2 and 3."""
    yield from _seals()
    for name, why, code, outcome, maker, trusted in _MAKERS:
        yield _case(f"maker_{name}", why, 3, code, _made_by(maker), outcome=outcome, trusted=trusted)
    yield from _lists()


def _made_by(maker: Certificate) -> bytes:
    return signed(on=seal(maker=maker))


def _seals() -> Iterator[Case]:
    other = ESEAL.load(seal(name="另一枚章"))

    def name_changed(value: Any) -> None:
        value["eSealInfo"]["property"]["name"] = "省政府专用章"

    value = ESEAL.load(seal())
    name_changed(value)
    yield _case(
        "seal_renamed", "A name that the maker did not sign.", 2, "bad_signature", signed(on=value.dump(force=True))
    )
    value = ESEAL.load(seal())
    value["signedValue"] = other["signedValue"].native
    yield _case("seal_signature_of_another", "The maker's signature over another seal.", 2, "bad_signature",
                signed(on=value.dump(force=True)))  # fmt: skip
    yield _case("seal_signed_by_the_signer", "The county made itself a seal in the maker's name.", 2, "bad_signature",
                signed(on=resealed(seal(), name_changed, by="signer")))  # fmt: skip


FORGED, EXPIRED, REVOKED = Outcome.FORGED, Outcome.EXPIRED, Outcome.REVOKED
NOT_CA = certificate("no CA")
ENCRYPTING = authority("CA without usage", uses=frozenset({"digital_signature"}))
OVER, UNDER = authority("CA over", path_length=0), authority("CA under", authority("CA over", path_length=0))
TWIN = root("root", by="strangers")
OLD = authority("CA old", not_after=MADE_AT - 1)
_MAKERS = (
    ("of_strangers", "A chain that holds, to a root that nobody trusts.", "bad_chain", FORGED,
     certificate("maker", STRANGERS), ()),
    ("of_a_twin_root", "A root of the same name with another key.", "bad_chain", FORGED, certificate("maker", TWIN, by="strangers"), ()),
    ("self_signed", "A certificate that vouches for itself.", "bad_chain", FORGED,
     root("maker", is_ca=False, uses=frozenset({"digital_signature"})), ()),
    ("without_its_ca", "The CA between is not there.", "bad_chain", FORGED, certificate("maker", authority("CA east")), ()),
    ("of_no_ca", "An end entity issues certificates.", "certificate_use", FORGED, certificate("maker", NOT_CA), (NOT_CA,)),
    ("of_a_ca_for_signing", "A CA that may not sign certificates.", "certificate_use", FORGED,
     certificate("maker", ENCRYPTING), (ENCRYPTING,)),
    ("beyond_the_path_length", "A CA below one that may have none below.", "certificate_use", FORGED,
     certificate("maker", UNDER), (OVER, UNDER)),
    ("of_an_ended_ca", "The CA between had ended.", "certificate_expired", EXPIRED, certificate("maker", OLD), (OLD,)),
    ("is_a_ca", "A CA makes seals.", "certificate_use", FORGED, authority("maker"), ()),
    ("for_encryption", "The certificate of the pair that is for encryption.", "certificate_use", FORGED,
     certificate("maker", uses=frozenset({"key_encipherment", "data_encipherment"})), ()),
    ("without_key_usage", "A certificate that does not say what for.", "certificate_use", FORGED,
     certificate("maker", uses=None), ()),
    ("ended", "It had ended when the seal was made.", "certificate_expired", EXPIRED,
     certificate("maker", not_after=MADE_AT - 1), ()),
    ("not_begun", "It had not begun when the seal was made.", "certificate_expired", EXPIRED,
     certificate("maker", not_before=MADE_AT + 1), ()),
)  # fmt: skip


def _lists() -> Iterator[Case]:
    maker = certificate("maker")
    yield _case("maker_revoked_before", "Revoked when the seal was made.", 3, "certificate_revoked", signed(),
                crl=list_of(maker, date=MADE_AT), outcome=REVOKED)  # fmt: skip
    yield _case("maker_key_leaked", "A key that leaked makes seals of any date.", 3, "certificate_revoked", signed(),
                crl=list_of(maker, date=T0 + 100, reason="key_compromise"), outcome=REVOKED)  # fmt: skip
    yield _case("list_of_strangers", "A list in the root's name, signed by another key.", 3, "bad_signature", signed(),
                crl=list_of(date=T0, by="strangers"))  # fmt: skip
