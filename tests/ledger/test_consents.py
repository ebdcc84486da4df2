"""Consents: what they cover, against a slow reference; what a holder's key signs, and nothing else."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.consents import (
    CONSENT_ID,
    MAX_FIELDS,
    TERMS,
    Consent,
    Purpose,
    SignedGrant,
    check_withdrawal,
    covers,
    parse_consent,
    parse_signed_grant,
    sign_grant,
    sign_withdrawal,
)
from ledger.encoding import JsonValue
from ledger.errors import Malformed, NotVerified, TongbanError
from ledger.holder_binding import bind_holder
from tests.consents import HOLDER_SIGNER, SEAL, consent, consent_id, signed_text, withdrawn
from tests.entropy import signer_of
from tests.small_log import SEALED
from tests.statements import NOW

FIELDS = ("certificateHolderName", "certificateHolderCode", "KZ_ADDRESS")
COUNTIES = ("320583", "370214")
MATTERS = (None, "000101002000", "000707003000")


def slow(
    terms: dict[str, Any], *, county: str, matter: str | None, fields: Collection[str], at: int
) -> bool:  # fmt: skip
    """Say the rule word by word: every field, every second, one by one."""
    if terms["county"] != county:
        return False
    if all(second != at for second in range(NOW - 5, terms["expires"])):
        return False
    for asked in fields:
        if terms["fields"] is not None and not any(asked == each for each in terms["fields"]):
            return False
    return terms["matter"] is None or (matter is not None and terms["matter"] == matter)


@given(
    st.builds(
        consent,
        county=st.sampled_from(COUNTIES),
        matter=st.sampled_from(MATTERS),
        fields=st.none() | st.frozensets(st.sampled_from(FIELDS)),
        expires=st.integers(NOW - 3, NOW + 3),
    ),
    st.sampled_from(COUNTIES),
    st.sampled_from(MATTERS),
    st.lists(st.sampled_from(FIELDS), max_size=3),
    st.integers(NOW - 5, NOW + 5),
)
def test_what_a_consent_covers_is_what_the_slow_rule_says(
    terms: Consent, county: str, matter: str | None, fields: list[str], at: int
) -> None:
    expected = slow(terms.terms(), county=county, matter=matter, fields=fields, at=at)
    assert covers(terms, county=county, matter=matter, fields=fields, at=at) is expected


def test_a_consent_ends_with_its_second() -> None:
    terms = consent(expires=NOW)
    asked = {"county": terms.county, "matter": None, "fields": ()}
    assert [covers(terms, at=at, **asked) for at in (NOW - 1, NOW, NOW + 1)] == [True, False, False]  # type: ignore[arg-type]


def test_the_terms_are_written_and_read_back() -> None:
    terms = consent(matter="000101002000", fields=frozenset(FIELDS), purpose=Purpose.ADVICE)
    assert terms.terms() == {
        "id": consent_id(1), "county": "320583", "matter": "000101002000",
        "fields": ["KZ_ADDRESS", "certificateHolderCode", "certificateHolderName"],
        "purpose": "ADVICE", "expires": NOW + 3600,
    }  # fmt: skip
    assert tuple(terms.terms()) == TERMS
    assert parse_consent(terms.terms()) == terms
    assert parse_consent(consent(fields=None).terms()).fields is None
    assert parse_consent(consent(fields=frozenset()).terms()).fields == frozenset()


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"id": "x"}, "bad_payload"),
        ({"id": "A" * 21 + "B"}, "bad_payload"),
        ({"county": "32058"}, "bad_payload"),
        ({"matter": "1"}, "bad_payload"),
        ({"matter": 1}, "bad_payload"),
        ({"fields": ["b" * 4, "a" * 4]}, "bad_payload"),
        ({"fields": ["certificateName", "certificateName"]}, "bad_payload"),
        ({"fields": ["张三"]}, "bad_payload"),
        ({"fields": [None]}, "bad_payload"),
        ({"fields": "certificateName"}, "bad_payload"),
        ({"fields": [f"KZ_{number:02}" for number in range(MAX_FIELDS + 1)]}, "bad_payload"),
        ({"purpose": "SELLING"}, "bad_payload"),
        ({"purpose": ["HANDLING"]}, "bad_payload"),
        ({"expires": 1.5}, "bad_number"),
        ({"expires": -1}, "bad_number"),
    ],
)
def test_terms_that_break_their_form_are_refused(changed: dict[str, JsonValue], code: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_consent(consent().terms() | changed)
    assert caught.value.code == code


def test_an_id_is_the_one_text_of_16_bytes() -> None:
    assert CONSENT_ID.fullmatch(consent_id(2**128 - 1))
    assert not CONSENT_ID.fullmatch("A" * 22 + "\n")


def test_a_holder_signs_exactly_these_terms() -> None:
    grant = parse_signed_grant(signed_text(consent()))
    assert grant.seal.raw == SEAL
    grant.check(consent())
    for other in (consent(2), consent(county="370214"), consent(fields=None), consent(expires=NOW + 3601)):
        assert _code(grant, other) == "holder_binding"


def _code(grant: SignedGrant, terms: Consent) -> str:
    with pytest.raises(TongbanError) as caught:
        grant.check(terms)
    return caught.value.code


def test_another_key_and_another_kind_of_signature_do_not_pass() -> None:
    terms, text = consent(), signed_text(consent())
    forged = text[:-2] + ("AA" if not text.endswith("AA") else "BA")
    assert _code(parse_signed_grant(forged), terms) == "holder_binding"
    bound = bind_holder(f"{SEAL.decode()}~", aud="a", nonce="n", iat=NOW, signer=HOLDER_SIGNER)
    assert _code(parse_signed_grant(bound), terms) == "bad_header"
    taken_back = f"{SEAL.decode()}~{withdrawn(terms.id)}"
    assert _code(parse_signed_grant(taken_back), terms) == "bad_header"
    with pytest.raises(NotVerified, match="does not confirm this key"):
        sign_grant(SEAL, terms, iat=NOW, signer=signer_of("somebody else"))


def test_a_seal_without_a_holders_key_grants_nothing() -> None:
    jwt = signed_text(consent()).partition("~")[2]
    grant = parse_signed_grant(f"{SEALED.partition('~')[0]}~{jwt}")
    assert _code(grant, consent()) == "holder_binding"
    with pytest.raises(NotVerified, match="holder_binding"):
        check_withdrawal(withdrawn(consent().id), grant, consent().id)


def test_a_signature_for_another_seal_does_not_pass() -> None:
    grant = parse_signed_grant(signed_text(consent()))
    moved = replace(grant, seal=replace(grant.seal, jws=replace(grant.seal.jws, leaf=bytes(32))))
    assert _code(moved, consent()) == "holder_binding"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "bad_disclosure_form"),
        ("a.b.c~", "bad_disclosure_form"),
        ("a.b.c~d.e.f~", "bad_disclosure_form"),
        ("a.b~d.e.f", "bad_encoding"),
        ("~d.e.f", "bad_disclosure_form"),
        ("x" * 30_000, "too_large"),
    ],
)
def test_a_signed_grant_that_breaks_its_form_is_refused(text: str, code: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_signed_grant(text)
    assert caught.value.code == code


def test_a_holder_takes_back_this_consent_and_no_other() -> None:
    grant, name = parse_signed_grant(signed_text(consent())), consent().id
    check_withdrawal(withdrawn(name), grant, name)
    for jwt in (withdrawn(consent_id(2)), withdrawn(name)[:-2] + "AA"):
        with pytest.raises(NotVerified, match=r"^holder_binding"):
            check_withdrawal(jwt, grant, name)
    with pytest.raises(NotVerified, match="does not confirm this key"):
        sign_withdrawal(SEAL, name, iat=NOW, signer=signer_of("somebody else"))
