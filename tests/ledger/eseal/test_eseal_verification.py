"""Seals that hold, and that nothing else does: V4, V5, certificates revoked later, attestations, every byte flipped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.eseal.asn1 import ESEAL_SIGNATURE
from ledger.eseal.certificates import Certificate
from ledger.eseal.chains import TrustStore
from ledger.eseal.documents import DocumentBytes, eseal_hash
from ledger.eseal.revocation import RevocationList
from ledger.eseal.verdict import ESealVerdict
from ledger.eseal.verification import Attestation, verify_eseal, verify_with_attestation
from ledger.receipt import parse_receipt
from ledger.transparency.policy import Policy
from ledger.verdict import Outcome
from ledger.verifier import Verifier
from tests.cases_eseal.bindings import receipt_with
from tests.eseals import (
    DAY,
    DOCUMENT,
    LICENSE,
    MADE_AT,
    NOW,
    PUT_ON_AT,
    ROOT,
    STORE,
    USCC,
    authority,
    certificate,
    list_of,
    resealed,
    resigned,
    seal,
    signed,
)
from tests.ledger.eseal.test_eseal_cases import check_shape
from tests.small_log import GENESIS, POLICY, T0

EXTENSION: Final = [{"extnID": "1.2.156.1", "extnValue": b"x"}]
SMALL: Final = signed(on=seal(by_digest=True))
VERIFIER: Final = Verifier(Policy.parse(POLICY), GENESIS)


def verdict_of(data: bytes, document: bytes = DOCUMENT, *, trust: TrustStore = STORE, now: int = NOW) -> ESealVerdict:
    verdict = verify_eseal(data, DocumentBytes(document), trust=trust, now=now)
    check_shape(verdict)
    return verdict


def store_with(*lists: bytes, intermediates: Sequence[Certificate] = ()) -> TrustStore:
    parsed = tuple(map(RevocationList.parse, lists))
    return TrustStore(roots=(ROOT,), intermediates=tuple(intermediates), revocations=parsed)


def test_a_seal_holds_in_nine_steps_and_says_what_it_says() -> None:
    verdict = verdict_of(signed())
    assert (verdict.outcome, verdict.clerk, verdict.code) == (Outcome.VALID, "有效", "valid")
    assert verdict.notes == ("revocation_unknown",)
    assert verdict.facts == {
        "version": 4,
        "esid": "37021400000001",
        "name": "城阳区行政审批专用章",
        "maker": "CN=TEST 测试 maker, C=CN",
        "signer": f"organizationIdentifier={USCC['370214']}, CN=TEST 测试 signer, C=CN",
        "organization": USCC["370214"],
        "time": PUT_ON_AT,
        "certificateIdentifier": LICENSE,
    }
    assert verdict.steps[3].detail == "stands in certList"
    assert verdict.steps[8].detail == "none"
    assert verdict_of(SMALL).steps[3].detail == "stands in certList by its SM3"


def with_extensions(name: str) -> bytes:
    inner = resealed(seal(), lambda value: value["eSealInfo"].__setitem__(name, EXTENSION))
    return resigned(signed(on=inner), lambda to_sign: to_sign.__setitem__(name, EXTENSION))


@pytest.mark.parametrize("name", ["extDatas", "untagged"])
def test_extensions_are_read_with_their_tag_and_without(name: str) -> None:
    assert verdict_of(with_extensions(name)).outcome is Outcome.VALID


def v5() -> bytes:
    """A seal and a signature of V5, both with a timestamp."""

    def as_v5(value: Any) -> None:
        value["eSealInfo"]["header"]["version"] = 5
        value["timeStamp"] = b"token"

    value = ESEAL_SIGNATURE.load(signed(on=resealed(seal(), as_v5)))
    value["timeStamp"] = b"another token"
    return bytes(value.dump(force=True))


def test_v5_is_read_and_its_timestamps_are_not_judged() -> None:
    verdict = verdict_of(v5())
    assert (verdict.outcome, verdict.facts["version"]) == (Outcome.VALID, 5)
    assert verdict.steps[8].detail == "the seal's and the signature's present, not judged"
    assert verdict.notes == ("revocation_unknown", "timestamp_not_judged")


def test_the_document_is_read_once_where_it_is_the_right_one() -> None:
    class Counting:
        reads = 0

        def sm3(self, before: bytes = b"") -> bytes:
            self.reads += 1
            return DocumentBytes(DOCUMENT).sm3(before)

    document = Counting()
    assert verify_eseal(signed(), document, trust=STORE, now=NOW).outcome is Outcome.VALID
    assert document.reads == 1


def test_a_list_as_new_as_the_seal_leaves_no_note() -> None:
    assert verdict_of(signed(), trust=store_with(list_of(date=NOW))).notes == ()
    old = list_of(date=NOW, this_update=PUT_ON_AT - 1)
    assert verdict_of(signed(), trust=store_with(old)).notes == ("revocation_unknown",)


def test_a_certificate_revoked_later_does_not_void_earlier_seals() -> None:
    later = list_of(certificate("signer"), certificate("maker"), date=PUT_ON_AT + 1)
    verdict = verdict_of(signed(), trust=store_with(later))
    assert (verdict.outcome, verdict.notes) == (Outcome.VALID, ("revoked_since",))
    assert verdict_of(signed(time=PUT_ON_AT + 1), trust=store_with(later)).outcome is Outcome.REVOKED


def test_a_seal_that_the_ledger_proves_older_than_the_revocation_has_no_note_of_it() -> None:
    """The attestation has iat = T0 + 60."""
    receipt = receipt_with(eSealHash=eseal_hash(signed()))
    for date, notes in ((T0 + 61, ()), (T0 + 60, ("revoked_since",))):
        verdict = attested(signed(), receipt, trust=store_with(list_of(certificate("signer"), date=date)))
        assert (verdict.outcome, verdict.notes) == (Outcome.VALID, notes)


def test_what_came_back_from_hold_is_not_revoked() -> None:
    back = list_of(certificate("signer"), date=MADE_AT, reason="remove_from_crl")
    verdict = verdict_of(signed(), trust=store_with(back))
    assert (verdict.outcome, verdict.notes) == (Outcome.VALID, ())


@pytest.mark.parametrize("time", [MADE_AT, T0 + 100 * DAY])
def test_the_ends_of_the_period_belong_to_it(time: int) -> None:
    assert verdict_of(signed(time=time), now=time).outcome is Outcome.VALID
    assert verdict_of(signed(time=time), now=time - 300).outcome is Outcome.VALID
    assert verdict_of(signed(time=time), now=time - 301).code == "eseal_period"


def attested(data: bytes, receipt: bytes, document: bytes | None = DOCUMENT, **given: Any) -> ESealVerdict:
    verdict = VERIFIER.verify(receipt, now=NOW, max_age=60)
    assert verdict.outcome is Outcome.VALID
    authorities = frozenset(given.pop("authorities", ()))
    entry = parse_receipt(receipt).entry
    attestation = Attestation(entry=entry, claims=verdict.claims, authorities=authorities)
    under = None if document is None else DocumentBytes(document)
    result = verify_with_attestation(data, under, now=NOW, attestation=attestation, **{"trust": STORE, **given})
    check_shape(result)
    return result


def test_an_attestation_binds_the_seal_on_the_file() -> None:
    verdict = attested(signed(), receipt_with(eSealHash=eseal_hash(signed())))
    assert (verdict.outcome, len(verdict.steps)) == (Outcome.VALID, 12)
    assert [step.detail for step in verdict.steps[9:]] == [
        "binds this seal",
        f"{USCC['370214']} is of county 370214",
        f"both name {LICENSE}",
    ]


def test_without_a_file_the_attestation_itself_is_sealed() -> None:
    receipt = receipt_with()
    over_jwt = signed(parse_receipt(receipt).entry)
    assert attested(over_jwt, receipt, None).outcome is Outcome.VALID
    assert attested(over_jwt, receipt, DOCUMENT).code == "eseal_digest"
    assert attested(signed(), receipt, None).code == "eseal_digest"


def test_an_authority_that_the_county_registered_may_seal() -> None:
    other = certificate("signer of 320583")
    data = signed(on=seal(signers=(other,)), by=other)
    receipt = receipt_with(eSealHash=eseal_hash(data))
    assert attested(data, receipt, authorities=[USCC["320583"]]).outcome is Outcome.VALID
    assert attested(data, receipt, authorities=[USCC["370214"]]).code == "eseal_county"


def test_after_a_leak_only_the_ledgers_time_counts() -> None:
    """The attestation has iat = T0 + 60: what it binds was there then, whatever the signer's clock says."""
    receipt = receipt_with(eSealHash=eseal_hash(signed()))
    for date, outcome in ((T0 + 61, Outcome.VALID), (T0 + 60, Outcome.REVOKED)):
        trust = store_with(list_of(certificate("signer"), date=date, reason="key_compromise"))
        assert attested(signed(), receipt, trust=trust).outcome is outcome
        assert verdict_of(signed(), trust=trust).code == "certificate_revoked"
    over_jwt = signed(parse_receipt(receipt).entry)  # nothing says when this one was made
    late = store_with(list_of(certificate("signer"), date=T0 + 100, reason="key_compromise"))
    assert attested(over_jwt, receipt, None, trust=late).code == "certificate_revoked"


def test_a_chain_with_a_ca_between_holds() -> None:
    east = authority("CA east", path_length=0)
    maker = certificate("maker", east)
    data = signed(on=seal(maker=maker))
    assert verdict_of(data).code == "bad_chain"
    verdict = verdict_of(data, trust=store_with(intermediates=[east]))
    assert verdict.outcome is Outcome.VALID
    assert verdict.steps[2].detail.startswith("3 certificates up to CN=TEST 测试 root")


@pytest.mark.parametrize("mask", [0x01, 0x80])
def test_no_seal_with_a_flipped_byte_is_valid(mask: int) -> None:
    """Every byte of a seal signature, one at a time."""
    damaged = bytearray(SMALL)
    for place in range(len(SMALL)):
        damaged[place] ^= mask
        verdict = verify_eseal(bytes(damaged), DocumentBytes(DOCUMENT), trust=STORE, now=NOW)
        assert verdict.outcome is not Outcome.VALID, place
        damaged[place] ^= mask


@given(st.binary(max_size=2000))
def test_random_bytes_give_a_verdict(data: bytes) -> None:
    assert verdict_of(data).failed is not None


@given(
    st.lists(
        st.tuples(st.integers(0, len(SMALL) - 1), st.integers(1, 255)), min_size=1, max_size=4, unique_by=lambda e: e[0]
    )
)
def test_a_damaged_seal_gives_a_verdict_and_never_valid(changes: list[tuple[int, int]]) -> None:
    damaged = bytearray(SMALL)
    for place, mask in changes:
        damaged[place] ^= mask
    assert verdict_of(bytes(damaged)).outcome is not Outcome.VALID


@given(st.integers(0, len(SMALL)), st.binary(max_size=40), st.integers(0, 40))
def test_a_seal_with_bytes_put_in_or_cut_out_gives_a_verdict(place: int, added: bytes, cut: int) -> None:
    changed = SMALL[:place] + added + SMALL[place + cut :]
    assert (verdict_of(changed).outcome is Outcome.VALID) == (changed == SMALL)


def test_a_timestamp_put_in_by_anyone_changes_no_verdict_but_unbinds_the_seal() -> None:
    value = ESEAL_SIGNATURE.load(signed())
    value["timeStamp"] = b"anyone's"
    stamped = bytes(value.dump(force=True))
    assert verdict_of(stamped).notes == ("revocation_unknown", "timestamp_not_judged")
    assert attested(stamped, receipt_with(eSealHash=eseal_hash(signed()))).code == "eseal_unbound"
